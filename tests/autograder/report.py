"""One result for each exercise, from the verdicts on its probes, and the table that a student sees."""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from hw1 import exercises
from hw1.exercises import Exercise
from tests.autograder import compare, markdown
from tests.autograder.verdict import Verdict

GREEN, YELLOW, RED, GREY = "\033[32m", "\033[33m", "\033[31m", "\033[90m"
COLOURS = {"passed": GREEN, "partly": YELLOW, "failed": RED, "timed out": RED, "crashed": RED}
RESET = "\033[0m"
HANDOUT = "writeup/handout.html"
COMMON = "|".join(
    map(re.escape, (compare.SIGN, compare.INFINITE, compare.NOT_A_NUMBER, compare.OFFSET.format(offset="")))
)
EXPLANATION = re.compile(rf" \((?:[^()]*right value|{COMMON})[^()]*\)")


@dataclass(frozen=True)
class Result:
    """What one exercise earned."""

    exercise: Exercise
    verdicts: list[Verdict]

    @classmethod
    def of(cls, verdicts: list[Verdict]) -> "Result":
        """From the verdicts of one exercise."""
        return cls(exercises.load()[verdicts[0].probe.exercise], verdicts)

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

    @property
    def attempted(self) -> bool:
        return self.status != "not attempted"

    @property
    def waits(self) -> bool:
        """Whether another exercise must be done first."""
        return self.status.startswith("waiting for")

    @property
    def unreadable(self) -> str:
        """Why the student's file could not be imported; empty if it could."""
        return "" if any(verdict.imported for verdict in self.verdicts) else self.verdicts[0].text

    @property
    def mistakes(self) -> list[str]:
        """The known mistakes that explain the failures, each once."""
        return list(dict.fromkeys(says for verdict in self.verdicts for says in verdict.mistakes))

    def lines(self) -> list[str]:
        """The known mistakes, then one line for each reason, with the checks that did not pass because of it; none if
        the status says it."""
        if not self.attempted or self.waits:
            return []
        missed = [v for v in self.verdicts if v.status != "passed"]
        reasons = dict.fromkeys((v.text or v.status, v.text) for v in missed)
        if len(missed) > 1 and len(reasons) == 1 and len(missed) == len(self.verdicts):
            ((_, text),) = reasons
            return [*map(sentence, self.mistakes), *([f"all {len(missed)} checks: {text}"] if text else [])]
        rows = [_because(reason, [v for v in missed if (v.text or v.status) == reason]) for reason, _ in reasons]
        return [*map(sentence, self.mistakes), *_explained_once(rows)]


def _explained_once(rows: list[str]) -> list[str]:
    """Without what numbers have in common, such as "twice the right value", where that has been said before."""
    said: set[str] = set()

    def first(found: re.Match[str]) -> str:
        kind = re.sub(r"[\d./= ]+", " ", found[0])  # of whatever size
        again = kind in said
        said.add(kind)
        return "" if again else found[0]

    return [EXPLANATION.sub(first, row) for row in rows]


def sentence(text: str) -> str:
    """With a capital letter, and with a full stop if it has no end."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?')) else '.'}"


def _because(reason: str, verdicts: list[Verdict]) -> str:
    """The checks that share a reason, with their points."""
    points = sum(verdict.probe.points for verdict in verdicts)
    quote = '"' if verdicts[1:] else ""  # titles have commas of their own
    checks = ", ".join(f"{verdict.probe.id} {quote}{verdict.probe.title}{quote}" for verdict in verdicts)
    return f"{checks} ({points:g} point{'s' * (points != 1)}): {reason}"


def total(results: list[Result]) -> tuple[float, float]:
    """Points and extra credit."""
    parts = {extra: sum(r.points for r in results if r.exercise.extra == extra) for extra in (False, True)}
    return parts[False], parts[True]


def places(root: Path) -> dict[str, str]:
    """The place of each exercise in the student's files: "hw1/losses.py:31", or only the file if it is not found."""
    return {exercise.id: _place(root, exercise) for exercise in exercises.load().values()}


def _place(root: Path, exercise: Exercise) -> str:
    try:
        text = (root / exercise.file).read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return exercise.file
    names = "|".join(exercise.names)
    for mark in (rf"# *TODO {re.escape(exercise.id)}\b", rf"^(?:def|class) (?:{names})\b"):
        if found := re.search(mark, text, re.MULTILINE):
            return f"{exercise.file}:{text.count(chr(10), 0, found.start()) + 1}"
    return exercise.file


def table(results: list[Result], places: dict[str, str]) -> str:
    """Exercise, points and status, the reasons below each exercise that did not pass, and the sum."""
    rows = [row(result, places, like=like(results[:number])) for number, result in enumerate(results, 1)]
    return "\n".join([*rows, footer(results)])


def like(results: list[Result]) -> str:
    """The first exercise that could not be read for the same reason as the last one; empty if that is the last one."""
    *before, last = results
    return next((r.exercise.id for r in before if last.unreadable and r.unreadable == last.unreadable), "")


def row(
    result: Result,
    places: dict[str, str] | None = None,
    width: int = 100,
    colour: bool = False,
    like: str = "",
    handout: bool = False,
) -> str:
    """The line of one exercise, and the reasons below it.

    Args:
        places: from the function of that name.
        like: an exercise whose row gives the reasons already.
        handout: name the place of the exercise's statement in the handout, below the reasons.
    """
    exercise, status = result.exercise, f"{result.status:16}"
    place = "" if result.status == "passed" else (places or {}).get(exercise.id, exercise.file)
    score = f"{result.points:g}/{exercise.points}"
    shown = COLOURS.get(result.status, GREY) + status + RESET if colour else status
    lines = [f"{exercise.id:4} {exercise.title:42} {score:>7}  {shown} {place}".rstrip()]
    about = [f"statement: {HANDOUT}#ex-{exercise.id}"] if handout and result.attempted and place else []
    for line in [*([f"the same as in {like}"] if like else result.lines()), *about]:
        lines += textwrap.wrap(line, width, initial_indent=" " * 5, subsequent_indent=" " * 9)
    return "\n".join(lines)


def footer(results: list[Result]) -> str:
    """The sums of points and of extra credit over the exercises in the table."""
    lines = []
    for name, extra in (("points", False), ("extra credit", True)):
        own = [result for result in results if result.exercise.extra == extra]
        if own:
            score = f"{sum(r.points for r in own):g}/{sum(r.exercise.points for r in own)}"
            lines.append(f"{'':4} {name:42} {score:>7}")
    return "\n".join(lines)


def summary(results: list[Result]) -> str:
    """The table in Markdown, for the page of a job on GitHub."""
    code_points, extra = total(results)
    possible = sum(result.exercise.points for result in results if not result.exercise.extra)
    rows = [["", "exercise", "points", "result", "what is wrong"]]
    for each in results:
        exercise, wrong = each.exercise, "<br>".join(markdown.code(line) for line in each.lines())
        rows.append([exercise.id, exercise.title, f"{each.points:g} of {exercise.points}", each.status, wrong])
    credit = f", and {extra:g} of extra credit" if extra else ""
    return f"## {code_points:g} of {possible} points{credit}\n\n{markdown.table(rows)}\n"
