"""results.json: what Gradescope shows to the student, and what staff need to understand a grade later.

One test for each exercise, with the exercise's id as its number. How each probe went is in the test's `output`, for the
student, and in its `extra_data`, for programs; the platform stores `extra_data` and shows it to nobody.

Extra credit has `max_score` 0. The maxima then add up to the points of the assignment, nobody seems to have lost points
by leaving extra credit out, and what it earned is added to the total: the platform lets a score exceed its maximum.

Everything is plain text, in so many words: a student's file names and messages are in it, and must not become HTML.
"""

import json
import os
from pathlib import Path

from hw1.exercises import Exercise
from tests.autograder.judge import Verdict, clean
from tests.autograder.report import Result, total

LIMIT = 90_000  # characters of one output; the platform cuts at 100,000
CUT = "\n... (cut)"
LINE = 2_000  # characters about one probe
FORMATS = {"output_format": "text", "test_output_format": "text", "test_name_format": "text"}


def graded(results: list[Result], notes: list[str], seconds: float, about: dict, success: float | None) -> dict:
    """The contents of results.json.

    Args:
        notes: sentences for the student.
        seconds: that grading took.
        about: goes to `extra_data`.
        success: of the student's DAgger policy, for the leaderboard; None leaves the leaderboard out.
    """
    output = "\n".join([*notes, "", _totals(results)]).strip()
    page = _page(sum(r.points for r in results), output, seconds, about | {"notes": notes}) | {
        "tests": [_test(result) for result in results]
    }
    if success is not None:
        page["leaderboard"] = [{"name": "Success of DAgger", "value": round(success, 4), "order": "desc"}]
    return page


def unusable(sentence: str, seconds: float, about: dict) -> dict:
    """The contents of results.json where nothing could be graded; `sentence` says why."""
    output = f"Nothing could be graded: {sentence}."
    return _page(0.0, output, seconds, about | {"unusable": sentence, "notes": []}) | {"tests": []}


def write(path: Path, page: dict) -> None:
    """At once or not at all, readable by its owner only."""
    unfinished = path.with_name(f".{path.name}.part")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(page, file, indent=2, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _page(score: float, output: str, seconds: float, about: dict) -> dict:
    return {
        "score": round(score, 4),
        "execution_time": round(seconds, 1),
        "output": plain(output),
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": about,
    } | FORMATS


def _totals(results: list[Result]) -> str:
    code, extra = total(results)
    possible = sum(r.exercise.points for r in results if not r.exercise.extra)
    return f"{code:g} of {possible} points" + (f", and {extra:g} of extra credit" if extra else "") + "."


def _test(result: Result) -> dict:
    exercise = result.exercise
    return {
        "number": exercise.id,
        "name": _name(exercise, result.status),
        "name_format": "text",
        "score": round(result.points, 4),
        "max_score": 0.0 if exercise.extra else float(exercise.points),
        "status": "passed" if result.status == "passed" else "failed",
        "output": plain("\n".join(_line(v) for v in result.verdicts)),
        "output_format": "text",
        "visibility": "visible",
        "extra_data": {"status": result.status, "probes": [_probe(v) for v in result.verdicts]},
    }


def _name(exercise: Exercise, status: str) -> str:
    extra = f", extra credit of up to {exercise.points:g}" if exercise.extra else ""
    return f"{exercise.title} ({exercise.file}{extra})" + ("" if status == "passed" else f": {status}")


def _line(verdict: Verdict) -> str:
    probe = verdict.probe
    says = verdict.status if verdict.status in ("passed", "not attempted") or not verdict.text else verdict.text
    return f"{probe.id} {probe.title} ({verdict.points:g}/{probe.points:g}): {clean(says, LINE)}"


def _probe(verdict: Verdict) -> dict:
    """For programs, in the words of a test."""
    probe = verdict.probe
    return {
        "number": probe.id,
        "name": probe.title,
        "score": verdict.points,
        "max_score": probe.points,
        "status": verdict.status,
        "output": clean(verdict.text, LINE),
    }


def plain(text: str) -> str:
    """Printable characters and line ends, and not too many of them."""
    text = "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
    return text if len(text) <= LIMIT else text[: LIMIT - len(CUT)] + CUT
