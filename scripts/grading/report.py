"""Verdicts summed up: one result for each exercise, and the table that a student sees."""

import textwrap
from dataclasses import dataclass

from hw1 import exercises
from hw1.exercises import Exercise
from scripts.grading.judge import Verdict


@dataclass(frozen=True)
class Result:
    """What one exercise earned."""

    exercise: Exercise
    verdicts: list[Verdict]

    @property
    def points(self) -> float:
        return sum(verdict.points for verdict in self.verdicts)

    @property
    def status(self) -> str:
        """passed, partly, not attempted, waiting for 2.1, timed out, crashed, failed."""
        states = {verdict.status for verdict in self.verdicts}
        if states == {"passed"}:
            return "passed"
        if "passed" in states:
            return "partly"
        if states == {"waiting"}:
            return self.verdicts[0].text
        first = ("timed out", "crashed", "failed", "not attempted", "waiting")
        return next(state for state in first if state in states)

    def lines(self) -> list[str]:
        """One line for each probe that did not pass."""
        return [
            f"{v.probe.id} {v.probe.title} ({v.probe.points:g} points): {v.text or v.status}"
            for v in self.verdicts
            if v.status != "passed"
        ]


def total(results: list[Result]) -> tuple[float, float]:
    """Points and extra credit."""
    parts = {extra: sum(r.points for r in results if r.exercise.extra == extra) for extra in (False, True)}
    return parts[False], parts[True]


def table(results: list[Result], places: dict[str, str] | None = None, width: int = 100) -> str:
    """Exercise, points and status, with the reasons below each that has not passed.

    `places`: by exercise, where in the student's files it is ("hw1/losses.py:31").
    """
    lines = []
    for result in results:
        exercise = result.exercise
        place = (places or {}).get(exercise.id, exercise.file)
        score = f"{result.points:g}/{exercise.points}"
        lines.append(f"{exercise.id:4} {exercise.title:42} {score:>7}  {result.status:16} {place}")
        if result.status not in ("passed", "not attempted"):
            for line in result.lines():
                lines += textwrap.wrap(line, width, initial_indent=" " * 5, subsequent_indent=" " * 9)
    code, extra = total(results)
    possible = exercises.POINTS["code"]
    lines.append(f"{'':4} {'points':42} {f'{code:g}/{possible}':>7}" + (f"  extra credit {extra:g}" if extra else ""))
    return "\n".join(lines)
