"""The verdict on each probe and the reason for it: how the values differ, or why there are none."""

import builtins
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from hw1 import exercises
from tests.autograder import advice, compare, forms, given
from tests.autograder.diagnosis import Known, diagnose
from tests.autograder.oracle import Oracle, draw
from tests.autograder.probes.base import Probe
from tests.autograder.runner import Answer, Runner
from tests.autograder.verdict import Verdict

# Students see only these names of exceptions. A worker could reveal hidden inputs in any other name.
EXCEPTIONS = {
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
}
EXCEPTIONS |= {"AxisError", "LinAlgError", "OutOfMemoryError", "FrozenInstanceError"}  # from libraries

SPECIAL = {
    "BdbQuit": "breakpoint() stops only with `python -m scripts.check {exercise} --debug`; remove it before you submit",
    "conflict": "the file contains a merge conflict: keep one version of the lines between <<<<<<< and >>>>>>>, and "
    "delete the lines with the markers",
    "EOFError": "the code reads from the keyboard (input), but nobody is there to type; remove it",
}
SHOWN = 3  # differences of one probe
LATE = "no answer in time; is there an endless loop, or are two arguments swapped, such as horizon and seed?"


def judge(
    runner: Runner, oracle: Oracle, probes: Iterable[Probe], reveal: bool, known: Known | None = None
) -> Iterator[list[Verdict]]:
    """Run all probes; yields the verdicts of one exercise after the other.

    Args:
        reveal: show exceptions in full. Only for public inputs, because a message can contain them.
        known: the known mistakes; without them none is named.
    """
    by_exercise: dict[str, list[Probe]] = {}
    for probe in probes:
        by_exercise.setdefault(probe.exercise, []).append(probe)
    with ThreadPoolExecutor(1) as pool:
        for own in by_exercise.values():
            verdicts = [_judge(runner, oracle, probe, pool, reveal) for probe in own]
            if known is not None:
                _diagnose(runner, oracle, verdicts, known, pool)
            _require_another_pass(verdicts)
            yield verdicts


def _judge(runner: Runner, oracle: Oracle, probe: Probe, pool: ThreadPoolExecutor, reveal: bool) -> Verdict:
    inputs = draw(probe, oracle.seed)
    pending = pool.submit(oracle.expected, probe, inputs)  # the reference runs while the student's code does
    answer = runner.ask(probe, inputs)
    expected = pending.result()
    if answer.status != "ok":
        return Verdict(probe, *_no_answer(probe, answer, reveal), inputs=inputs, expected=expected)
    try:
        got = probe.judged(inputs, answer.arrays)
    except Exception as error:  # an answer may contain anything
        reason = str(error) if isinstance(error, ValueError) else "the answer does not have the required form"
        return Verdict(probe, "failed", clean(reason), inputs=inputs, expected=expected)
    wrong = compare.differences(probe, got, expected, probe.lengths(inputs))
    status = "failed" if wrong else "passed"
    return Verdict(probe, status, _first(list(wrong.values())), inputs=inputs, got=got, expected=expected)


def _first(sentences: list[str]) -> str:
    """The first of them, and how many more there are."""
    more = f"; and {len(sentences) - SHOWN} more" if len(sentences) > SHOWN else ""
    return "; ".join(sentences[:SHOWN]) + more


def _diagnose(runner: Runner, oracle: Oracle, verdicts: list[Verdict], known: Known, pool: ThreadPoolExecutor) -> None:
    """Known mistakes have answered the inputs of one seed only: if it is another one, the student's code answers them,
    too."""
    if not any(verdict.status == "failed" and verdict.got for verdict in verdicts):
        return
    if {"timed out", "crashed"} & {verdict.status for verdict in verdicts}:
        return
    again = verdicts
    if known.seed != oracle.seed:
        again = [_judge(runner, known, verdict.probe, pool, reveal=False) for verdict in verdicts]
    diagnose(again, known)
    for verdict, diagnosed in zip(verdicts, again, strict=True):
        if verdict.status == "failed" and verdict.got:
            verdict.mistakes = diagnosed.mistakes


def _no_answer(probe: Probe, answer: Answer, reveal: bool) -> tuple[str, str]:
    """Status and reason if there is no answer. The worker's own description of the error is not trusted."""
    detail, importing = answer.detail, answer.importing
    if answer.status == "missing":
        return "failed", f"{importing} is missing"
    if answer.status == "todo":
        other = detail.get("exercise")
        if other == probe.exercise or other not in exercises.load():
            return "not attempted", ""
        return "waiting", f"waiting for {other}"
    if answer.status == "form":
        return "failed", forms.sentence(detail)
    prefix = f"{importing} cannot be imported: " if importing else ""
    if answer.status == "timed out":
        return answer.status, f"importing {importing} does not finish" if importing else LATE
    if answer.status == "crashed":
        return answer.status, prefix + (clean(detail.get("message", "")) or "the process ended unexpectedly")
    where, kind = _where(detail), detail.get("kind")
    if special := SPECIAL.get(kind if isinstance(kind, str) else ""):
        return "failed", f"{prefix}{special.format(exercise=probe.exercise)}{where}"
    kind = kind if isinstance(kind, str) and kind in EXCEPTIONS else "an exception"
    if reveal or importing:  # during an import there are no inputs yet
        message = clean(detail.get("message", ""))
        return "failed", f"{prefix}{kind}: {message}{where}{advice.on(message)}"
    return "failed", f"{kind}{where}; `python -m scripts.check {probe.exercise}` shows the message"


def _require_another_pass(verdicts: list[Verdict]) -> None:
    """A probe whose answer can be guessed counts only if another one passes whose answer cannot be guessed."""
    if any(v.status == "passed" and not v.probe.guessable for v in verdicts):
        return
    for verdict in verdicts:
        if verdict.status == "passed":
            verdict.status = "failed"
            verdict.text = "right, but it counts only if another check of this exercise passes too"


def _where(detail: dict) -> str:
    """The student's line, and the given function that it calls if the exception came from there."""
    file, line = detail.get("file"), detail.get("line")
    if not (file in exercises.files() and isinstance(line, int) and 0 < line < 10_000):
        return ""
    call = (given.functions() | given.METHODS).get(str(detail.get("given", "")), "")
    return f" ({file}, line {line}" + (f", in the call of {call}" if call else "") + ")"


def clean(text: object, limit: int = 300) -> str:
    """One line of printable characters."""
    return "".join(c if c.isprintable() else " " for c in str(text))[:limit].strip()
