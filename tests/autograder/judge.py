"""The verdict on each probe and the reason for it: how the values differ, or why there are none."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.autograder import compare, discreet, forms, unanswered
from tests.autograder.diagnosis import Known, diagnose
from tests.autograder.oracle import Oracle, draw
from tests.autograder.probes.base import Probe
from tests.autograder.runner import Runner
from tests.autograder.text import clean
from tests.autograder.verdict import Verdict

UNTOUCHED = ("not attempted", "waiting")  # statuses of an exercise that nobody has begun
SHOWN = 3  # differences of one probe


def judge(
    runner: Runner,
    oracle: Oracle,
    probes: Iterable[Probe],
    reveal: bool,
    known: Known | None = None,
    student: Path | None = None,
) -> Iterator[list[Verdict]]:
    """Run all probes; yields the verdicts of one exercise after the other.

    Args:
        reveal: show numbers and exceptions. Only for public inputs; for hidden ones see `discreet`.
        known: the known mistakes; without them none is named.
        student: the folder with the submission; without it hidden inputs get texts that name no line.
    """
    by_exercise: dict[str, list[Probe]] = {}
    for probe in probes:
        by_exercise.setdefault(probe.exercise, []).append(probe)
    lines = discreet.lines_with_code(student) if student and not reveal else {}
    with ThreadPoolExecutor(1) as pool:
        for own in by_exercise.values():
            verdicts = _verdicts(runner, oracle, own, pool, reveal, lines)
            again = {} if known is None else _again(runner, oracle, verdicts, known, pool)
            if not reveal:
                discreet.tell(verdicts, again)
            _require_another_pass(verdicts)
            yield verdicts


def _verdicts(
    runner: Runner, oracle: Oracle, probes: list[Probe], pool: ThreadPoolExecutor, reveal: bool, lines: dict
) -> list[Verdict]:
    """On the probes of one exercise. As long as it is not attempted, the reference does not run either."""
    verdicts: list[Verdict] = []
    for probe in probes:
        begun = not verdicts or any(verdict.status not in UNTOUCHED for verdict in verdicts)
        verdicts.append(_judge(runner, oracle, probe, pool, reveal, lines, ahead=begun))
    if any(verdict.status not in UNTOUCHED for verdict in verdicts):
        for verdict in verdicts:
            verdict.expected = verdict.expected or oracle.expected(verdict.probe, verdict.inputs)
    return verdicts


def _judge(
    runner: Runner,
    oracle: Oracle,
    probe: Probe,
    pool: ThreadPoolExecutor,
    reveal: bool,
    lines: dict,
    ahead: bool = True,
) -> Verdict:
    """`ahead`: let the reference run while the student's code does, even though its answer may not be needed."""
    inputs = draw(probe, oracle.seed)
    pending = pool.submit(oracle.expected, probe, inputs) if ahead else None
    answer = runner.ask(probe, inputs)
    verdict = Verdict(probe, "failed", inputs=inputs)
    if pending or answer.status == "ok":
        verdict.expected = pending.result() if pending else oracle.expected(probe, inputs)
    if answer.status != "ok":
        verdict.status, verdict.text = unanswered.why(probe, answer, reveal)
        verdict.imported, verdict.staff = not answer.importing, str(answer.detail.get("staff", ""))
        if verdict.status == "failed":
            verdict.place = unanswered.place(answer.detail, lines)
        return verdict
    try:
        verdict.got = probe.judged(inputs, answer.arrays)
    except Exception as error:  # an answer may contain anything
        message = clean(error) if isinstance(error, ValueError) else forms.UNKNOWN
        verdict.text = message if reveal else discreet.objection(message)
        return verdict
    wrong = compare.differences(probe, verdict.got, verdict.expected, probe.lengths(inputs), reveal, inputs)
    verdict.status = "failed" if wrong else "passed"
    verdict.text = (_first if reveal else discreet.difference)(list(wrong.values()))
    return verdict


def _first(sentences: list[str]) -> str:
    """The first of them, and how many more there are."""
    more = f"; and {len(sentences) - SHOWN} more" if len(sentences) > SHOWN else ""
    return "; ".join(sentences[:SHOWN]) + more


def _again(
    runner: Runner, oracle: Oracle, verdicts: list[Verdict], known: Known, pool: ThreadPoolExecutor
) -> dict[str, Verdict]:
    """The verdicts with the inputs of `known`, by the check's id, if a check failed; names the known mistakes.

    Known mistakes have answered the inputs of one seed only: if it is another one, the student's code answers them,
    too. It does not after a crash or a timeout, which could happen again.
    """
    failed = [verdict for verdict in verdicts if verdict.status == "failed"]
    if known.seed != oracle.seed and {"timed out", "crashed"} & {verdict.status for verdict in verdicts}:
        return {}
    answered, again = [verdict for verdict in failed if verdict.got], verdicts
    if known.seed != oracle.seed:
        asked = verdicts if answered else [verdict for verdict in failed if verdict.imported]
        again = [_judge(runner, known, verdict.probe, pool, False, {}) for verdict in asked if failed]
    found = {verdict.probe.id: verdict for verdict in again}
    if answered:
        diagnose(again, known)
    for verdict in answered:
        verdict.mistakes = found[verdict.probe.id].mistakes
    return found


def _require_another_pass(verdicts: list[Verdict]) -> None:
    """A probe whose answer can be guessed counts only if another one passes whose answer cannot be guessed."""
    if any(v.status == "passed" and not v.probe.guessable for v in verdicts):
        return
    for verdict in verdicts:
        if verdict.status == "passed":
            verdict.status = "failed"
            verdict.text = discreet.withheld(verdict.probe.exercise)
