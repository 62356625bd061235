"""Why a student's code gave no answer to a check: an exception, a wrong form, a file that is missing, the time is over.

A worker wrote what is known about it, so nothing of it is trusted. With `reveal` the message of an exception is shown.
Without it there are only the `sentences` of a check and a `Place`.
"""

import builtins
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache

from hw1 import exercises
from tests.autograder import advice, forms, given
from tests.autograder.probes.base import Probe
from tests.autograder.runner import Answer
from tests.autograder.text import clean

# Students see only these names of exceptions. A worker could reveal hidden inputs in any other name.
EXCEPTIONS = {
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
}
EXCEPTIONS |= {"AxisError", "LinAlgError", "OutOfMemoryError", "FrozenInstanceError"}  # from libraries
OTHER = "an exception"

SPECIAL = {
    "BdbQuit": "breakpoint() stops only with `python -m scripts.check {exercise} --debug`; remove it before you submit",
    "conflict": "the file contains a merge conflict: keep one version of the lines between <<<<<<< and >>>>>>>, and "
    "delete the lines with the markers",
    "EOFError": "the code reads from the keyboard (input), but nobody is there to type; remove it",
}
LATE = (
    "no answer in time; is there an endless loop, is it right but far too slow, or are two arguments swapped, such as "
    "horizon and seed?"
)
BUSY = " If this computer is busy, give it more time: --timeout 60"
ENDED = "the process ended unexpectedly"
INSTALLED = "ModuleNotFoundError: on the server there are only the packages of requirements.txt"
LINES = 10_000  # in a file of a student


@dataclass(frozen=True)
class Place:
    """A line of the student's files, and the given function that it calls, if an exception came from there."""

    file: str
    line: int
    call: str = ""

    def __str__(self) -> str:
        return f" ({self.file}, line {self.line}" + (f", in the call of {self.call}" if self.call else "") + ")"


def why(probe: Probe, answer: Answer, reveal: bool) -> tuple[str, str]:
    """Status and reason."""
    detail, importing = answer.detail, answer.importing if answer.importing in exercises.files() else ""
    if answer.status == "missing":
        return "failed", f"{importing} is missing" if importing else forms.UNKNOWN
    if answer.status == "todo":
        other = detail.get("exercise")
        if other == probe.exercise or other not in exercises.load():
            return "not attempted", ""
        return "waiting", f"waiting for {other}"
    if answer.status == "form":
        return "failed", forms.sentence(detail) if reveal else forms.in_words(
            detail, exercises.load()[probe.exercise].names
        )
    prefix = _prefix(importing)
    if answer.status == "timed out":
        text = f"importing {importing} does not finish" if importing else LATE
        return answer.status, text + BUSY * (reveal and not importing)
    if answer.status == "crashed":
        return answer.status, prefix + ((clean(detail.get("message", "")) if reveal else "") or ENDED)
    kind = detail.get("kind") if isinstance(detail.get("kind"), str) else ""
    where = place(detail) if reveal else None
    if special := SPECIAL.get(kind):
        return "failed", f"{prefix}{special.format(exercise=probe.exercise)}{where or ''}"
    kind = kind if kind in EXCEPTIONS else OTHER
    if not reveal:
        return "failed", prefix + (INSTALLED if importing and kind == "ModuleNotFoundError" else kind)
    message = clean(detail.get("message", ""))
    return "failed", f"{prefix}{kind}: {message}{where or ''}{advice.on(message, probe.exercise)}"


@cache
def sentences(exercise: str) -> frozenset[tuple[str, str]]:
    """Every status and reason without `reveal`, for the checks of an exercise."""
    return frozenset(_sentences(exercise))


def _sentences(exercise: str) -> Iterator[tuple[str, str]]:
    yield "not attempted", ""
    yield from (("waiting", f"waiting for {other}") for other in exercises.load() if other != exercise)
    yield from (("failed", text) for text in forms.all_in_words(exercises.load()[exercise].names))
    yield from (("failed", f"{file} is missing") for file in exercises.files())
    yield from (("timed out", f"importing {file} does not finish") for file in exercises.files())
    yield "timed out", LATE
    for prefix in map(_prefix, ("", *exercises.files())):
        yield "crashed", f"{prefix}{ENDED}"
        specials = [text.format(exercise=exercise) for text in SPECIAL.values()]
        yield from (("failed", prefix + text) for text in (*specials, *EXCEPTIONS, OTHER, INSTALLED))


def _prefix(importing: str) -> str:
    return f"{importing} cannot be imported: " if importing else ""


def place(detail: Mapping, lines: Mapping[str, Set[int]] | None = None) -> Place | None:
    """The student's line, if it is known, and if it is one of these `lines` of the file."""
    file, line = detail.get("file"), detail.get("line")
    if not (file in exercises.files() and isinstance(line, int) and 0 < line < LINES):
        return None
    if lines is not None and line not in lines.get(file, ()):
        return None
    return Place(file, int(line), calls().get(str(detail.get("given", "")), ""))


def calls() -> dict[str, str]:
    """The given functions from which an exception can come, by their names in a worker's answer."""
    return given.functions() | given.METHODS
