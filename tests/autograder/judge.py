"""The verdict on each probe and the reason for it: how the values differ, and which known mistake gives them."""

import builtins
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from hw1 import exercises
from tests.autograder import compare
from tests.autograder.oracle import Oracle, draw
from tests.autograder.probes.base import Arrays, Probe
from tests.autograder.runner import Answer, Runner

# Students see only these names of exceptions. A worker could reveal hidden inputs in any other name.
EXCEPTIONS = {
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, BaseException)
}
EXCEPTIONS |= {"AxisError", "LinAlgError", "OutOfMemoryError"}  # from numpy and torch

LATE = "no answer in time; is there an endless loop?"


@dataclass
class Verdict:
    """The result of one probe."""

    probe: Probe
    status: str
    """passed, failed, not attempted, waiting, timed out, crashed."""
    text: str = ""
    """The reason, for the student."""
    inputs: Arrays = field(default_factory=dict, repr=False)
    got: Arrays = field(default_factory=dict, repr=False)
    expected: Arrays = field(default_factory=dict, repr=False)

    @property
    def points(self) -> float:
        return self.probe.points if self.status == "passed" else 0.0


def judge(runner: Runner, oracle: Oracle, probes: Iterable[Probe], reveal: bool) -> Iterator[list[Verdict]]:
    """Run all probes; yields the verdicts of one exercise after the other.

    `reveal`: show exceptions in full. Only for public inputs, because a message can contain them.
    """
    by_exercise: dict[str, list[Probe]] = {}
    for probe in probes:
        by_exercise.setdefault(probe.exercise, []).append(probe)
    with ThreadPoolExecutor(1) as pool:
        for own in by_exercise.values():
            verdicts = [_judge(runner, oracle, probe, pool, reveal) for probe in own]
            _require_another_pass(verdicts)
            _diagnose(verdicts, oracle)
            yield verdicts


def _judge(runner: Runner, oracle: Oracle, probe: Probe, pool: ThreadPoolExecutor, reveal: bool) -> Verdict:
    inputs = draw(probe, oracle.seed)
    pending = pool.submit(oracle.expected, probe, inputs)  # the reference runs while the student's code does
    answer = runner.ask(probe, inputs)
    expected = pending.result()
    if answer.status != "ok":
        return Verdict(probe, *_no_answer(probe, answer, reveal))
    try:
        got = probe.judged(inputs, answer.arrays)
    except Exception as error:  # an answer may contain anything
        reason = str(error) if isinstance(error, ValueError) else "the answer does not have the required form"
        return Verdict(probe, "failed", clean(reason))
    wrong = compare.differences(probe, got, expected)
    status = "failed" if wrong else "passed"
    return Verdict(probe, status, "; ".join(wrong.values()), inputs, got, expected)


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
    prefix = f"{importing} cannot be imported: " if importing else ""
    if answer.status == "timed out":
        return answer.status, f"importing {importing} does not finish" if importing else LATE
    if answer.status == "crashed":
        return answer.status, prefix + (clean(detail.get("message", "")) or "the process ended unexpectedly")
    where, kind = _where(detail), detail.get("kind")
    kind = kind if isinstance(kind, str) and kind in EXCEPTIONS else "an exception"
    if reveal or importing:  # during an import there are no inputs yet
        return "failed", f"{prefix}{kind}: {clean(detail.get('message', ''))}{where}"
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
    file, line = detail.get("file"), detail.get("line")
    known = file in exercises.files() and isinstance(line, int) and 0 < line < 10_000
    return f" ({file}, line {line})" if known else ""


def clean(text: object, limit: int = 300) -> str:
    """One line of printable characters."""
    return "".join(c if c.isprintable() else " " for c in str(text))[:limit].strip()


def _diagnose(verdicts: list[Verdict], oracle: Oracle) -> None:
    """Name the known mistake that gives the same answer as a failed probe, if there is one.

    Several mistakes may explain a probe. The one that explains most of the exercise's failures is named; among equals,
    the one that also passes where the student's code passes.
    """
    explains = {v.probe.id: _explanations(v, oracle) for v in verdicts if v.status == "failed" and v.got}
    votes = Counter(says for found in explains.values() for says in found)
    if any(len(_best(found, votes)) > 1 for found in explains.values()):
        for verdict in verdicts:
            if verdict.status == "passed":
                votes.update({says: 0.01 for says in _explanations(verdict, oracle)})  # enough to break a tie
    for verdict in verdicts:
        if best := _best(explains.get(verdict.probe.id, []), votes):
            verdict.text = f"{best[0]}; {verdict.text}"


def _explanations(verdict: Verdict, oracle: Oracle) -> list[str]:
    known = oracle.mistakes(verdict.probe, verdict.inputs)
    return [says for says, facts in known.items() if compare.same(verdict.probe, verdict.got, facts)]


def _best(found: list[str], votes: Counter[str]) -> list[str]:
    return [says for says in found if votes[says] == max(votes[each] for each in found)]
