"""results.json: what Gradescope shows to the student, and what the course staff need to understand a grade later.

Nothing in it comes from hidden inputs or was written by a student's code (`discreet`), so it may be passed on. What the
code's exceptions say is in exceptions.txt beside it, for the course staff only.

It contains one test for each exercise, numbered by the exercise's id. The known mistakes and the result of each probe
are in the test's `output`, for the student, and in its `extra_data`, for programs; the platform stores that but shows
it to nobody.

Extra credit has `max_score` 0. The maxima then add up to the points of the assignment, leaving it out does not look
like a loss of points, and its points are added to the total: the platform permits a score above the maximum.

Every format is declared as plain text: file names and messages from students must not become HTML.
"""

from hw1.exercises import Exercise
from tests.autograder.report import Result, sentence, total
from tests.autograder.text import clean
from tests.autograder.verdict import Verdict

LIMIT = 90_000  # characters of one output; the platform cuts at 100,000
CUT = "\n... (cut)"
LINE = 2_000  # characters about one probe
DIGITS = 1  # of the seconds, which a student's code can choose
STAFF = 100_000  # characters of exceptions
FORMATS = {"output_format": "text", "test_output_format": "text", "test_name_format": "text"}


def graded(results: list[Result], notes: list[str], seconds: float, about: dict, success: float | None) -> dict:
    """The contents of results.json, and under "staff" a text for the course staff (`write`).

    Args:
        notes: sentences for the student.
        seconds: the duration of grading.
        about: stored in `extra_data`.
        success: of the student's DAgger policy, for the leaderboard; with None there is no leaderboard.
    """
    output = "\n".join([*notes, "", _totals(results)]).strip()
    page = _page(sum(r.points for r in results), output, seconds, about | {"notes": notes}) | {
        "tests": [_test(result) for result in results],
        "staff": _exceptions(results),
    }
    if success is not None:
        page["leaderboard"] = [{"name": "Success of DAgger", "value": round(success, 4), "order": "desc"}]
    return page


def unusable(sentence: str, seconds: float, about: dict) -> dict:
    """The contents of results.json if nothing could be graded; `sentence` is the reason."""
    output = f"Nothing could be graded: {sentence}."
    return _page(0.0, output, seconds, about | {"unusable": sentence, "notes": []}) | {"tests": []}


def _page(score: float, output: str, seconds: float, about: dict) -> dict:
    return {
        "score": round(score, 4),
        "execution_time": round(seconds, DIGITS),
        "output": plain(output),
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "extra_data": about,
    } | FORMATS


def _totals(results: list[Result]) -> str:
    code, extra = total(results)
    possible = sum(r.exercise.points for r in results if not r.exercise.extra)
    return f"{code:g} of {possible} points" + (f" and {extra:g} points of extra credit" if extra else "") + "."


def _test(result: Result) -> dict:
    exercise = result.exercise
    return {
        "number": exercise.id,
        "name": _name(exercise, result.status),
        "name_format": "text",
        "score": round(result.points, 4),
        "max_score": 0.0 if exercise.extra else float(exercise.points),
        "status": "passed" if result.status == "passed" else "failed",
        "output": plain("\n".join([*map(sentence, result.mistakes), *(_line(v) for v in result.verdicts)])),
        "output_format": "text",
        "visibility": "visible",
        "extra_data": {
            "status": result.status,
            "mistakes": result.mistakes,
            "probes": [_probe(v) for v in result.verdicts],
        },
    }


def _name(exercise: Exercise, status: str) -> str:
    extra = f", up to {exercise.points:g} points of extra credit" if exercise.extra else ""
    return f"{exercise.title} ({exercise.file}{extra})" + ("" if status == "passed" else f": {status}")


def _line(verdict: Verdict) -> str:
    probe = verdict.probe
    says = verdict.status if verdict.status in ("passed", "not attempted") or not verdict.text else verdict.text
    return f"{probe.id} {probe.title} ({verdict.points:g}/{probe.points:g}): {clean(says, LINE)}"


def _probe(verdict: Verdict) -> dict:
    """The result of a probe for programs, with the keys of a test and the mistakes that explain it."""
    probe = verdict.probe
    return {
        "number": probe.id,
        "name": probe.title,
        "score": verdict.points,
        "max_score": probe.points,
        "status": verdict.status,
        "output": clean(verdict.text, LINE),
        "mistakes": list(verdict.mistakes),
    }


def _exceptions(results: list[Result]) -> str:
    """What the student's code says about its exceptions, by check; empty if there were none."""
    found = [(v.probe.id, v.staff) for result in results for v in result.verdicts if v.staff]
    return plain("\n\n".join(f"{id}\n{text}" for id, text in found), STAFF)


def plain(text: str, limit: int = LIMIT) -> str:
    """Only printable characters and line ends, cut to a length; at first the one that the platform shows."""
    text = "".join(c if c.isprintable() or c == "\n" else "?" for c in text[: limit + 1])
    return text if len(text) <= limit else text[: limit - len(CUT)] + CUT
