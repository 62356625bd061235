"""What the server tells a student about a check: only sentences that can be counted.

On the server a student's code sees hidden inputs, and it can put them into whatever it answers. So no number, shape,
message or name that it chose is shown, and no expected value either. What is left are the `reasons`, the `tails`, and
one line of the student's own files for each exercise. The student's own check, whose inputs are public, shows the rest.
"""

import ast
import re
from collections.abc import Collection, Iterator, Mapping, Set
from functools import cache
from pathlib import Path

from hw1 import exercises
from tests.autograder import compare, forms, unanswered
from tests.autograder.probes import base, of
from tests.autograder.probes.base import Close, Probe
from tests.autograder.verdict import Verdict

OTHERS = "; so are other parts of the answer"  # are wrong
SAME_LINE = " (the line that is named above)"
BLANK = "..."  # replaces what a sentence of a check contains

NOT_TRIED = "; `python -m scripts.check {exercise}` may say more"
FAILS_TOO = "; this check also fails in `python -m scripts.check {exercise}`, which says more"
PASSES = (
    "; it passes with the inputs of `python -m scripts.check {exercise}`, but not with others: does your code depend "
    "on a size, a seed or a value that it has there?"
)


# --- reasons ---------------------------------------------------------------------------------------------------------
def reasons(probe: Probe, names: Collection[str]) -> Iterator[tuple[str, str]]:
    """Every status of a check with every reason for it. `names`: of the arrays that are compared."""
    yield "passed", ""
    yield "failed", withheld(probe.exercise)
    yield from unanswered.sentences(probe.exercise)
    yield from (("failed", text) for text in _raised())
    for name in names:
        rule = probe.rules.get(name, Close())
        letters = sorted({letter for axes in probe.axes.values() for letter in axes.split()})
        title = compare.titled(name)
        for text in (f"{title} is missing", *(f"{title}: {text}" for text in compare.sentences(rule, letters))):
            yield from (("failed", text + more) for more in ("", OTHERS))


def withheld(exercise: str) -> str:
    """What is said about a right answer that could be guessed, as long as all others are wrong."""
    *others, last = [probe.id for probe in of(exercise) if not probe.guessable]
    names = f"one of {', '.join(others)} and {last}" if others else last
    return f"right, but it could be guessed: it counts as soon as {names} passes, too"


def difference(wrong: list[str]) -> str:
    """The reason, from a sentence for each array that is wrong: only the first, because each could carry a few bits."""
    return "".join(wrong[:1]) + (OTHERS if wrong[1:] else "")


def objection(message: str) -> str:
    """The sentence with which a check refused an answer, without the numbers in it."""
    return next((shown for shown, pattern in _raised().items() if pattern.fullmatch(message)), forms.UNKNOWN)


@cache
def _raised() -> dict[str, re.Pattern]:
    """The sentences in the checks' own source, `raise ValueError(f"... {number} ...")`, with `BLANK` for what is put
    into them, and the patterns of the messages that they make."""
    found = {}
    for file in sorted(Path(base.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Raise(exc=ast.Call(func=ast.Name(id="ValueError"), args=[message])):
                    pieces = message.values if isinstance(message, ast.JoinedStr) else [message]
                    texts = [piece.value if isinstance(piece, ast.Constant) else None for piece in pieces]
                    shown = "".join(BLANK if text is None else text for text in texts)
                    pattern = "".join(".*" if text is None else re.escape(text) for text in texts)
                    found[shown] = re.compile(pattern, re.DOTALL)
    return found


# --- tails -----------------------------------------------------------------------------------------------------------
def tails(exercise: str) -> list[str]:
    """Everything that can follow a reason."""
    return ["", *(text.format(exercise=exercise) for text in (NOT_TRIED, FAILS_TOO, PASSES))]


def _tail(verdict: Verdict, again: Verdict | None) -> str:
    """`again`: the verdict with public inputs, if the check was repeated with them."""
    if verdict.status != "failed" or verdict.text in {f"{file} is missing" for file in exercises.files()}:
        return ""
    text = {"failed": FAILS_TOO, "passed": PASSES}.get(again.status if again else "", NOT_TRIED)
    return text.format(exercise=verdict.probe.exercise)


# --- places ----------------------------------------------------------------------------------------------------------
def lines_with_code(student: Path) -> dict[str, Set[int]]:
    """The numbers of the lines of a student's files that are neither empty nor a comment."""
    found = {}
    for file in exercises.files():
        if (student / file).is_file():
            text = (student / file).read_text(encoding="utf-8", errors="replace").split("\n")[: unanswered.LINES - 1]
            found[file] = {n for n, line in enumerate(text, 1) if line.strip() and not line.lstrip().startswith("#")}
    return found


# --- the text --------------------------------------------------------------------------------------------------------
def tell(verdicts: list[Verdict], again: Mapping[str, Verdict]) -> None:
    """Complete the texts of one exercise, which are reasons so far. Only one line of the student's files is named.

    Args:
        again: the verdicts on some of these checks with public inputs, by the check's id.
    """
    named = None
    for verdict in verdicts:
        if (verdict.status, verdict.text) not in reasons(verdict.probe, verdict.expected):
            verdict.text = forms.UNKNOWN
        where = ""
        if verdict.place:
            where = SAME_LINE if verdict.place == named else "" if named else str(verdict.place)
            named = named or verdict.place
        verdict.text += where + _tail(verdict, again.get(verdict.probe.id))
