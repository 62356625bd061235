"""Which known mistake did a student make? From the answers to all checks of an exercise.

A known mistake is named only if it explains every answer: each check that failed gets the same answer from it, and
each check that passed passes with it as well. If no single mistake does, several are tried: mistakes in different parts
of an answer, such as `sample` and `mode`, which together explain each array that is wrong; then two mistakes in the
same number. A check without an answer (an exception, no answer in time) has a reason of its own: it decides between
mistakes that explain the answers of the others, but it hides none if only one does.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from tests.autograder import compare
from tests.autograder.probes.base import Arrays, Close, Probe
from tests.autograder.verdict import Verdict

MOST = 3  # mistakes that are named together


class Known(Protocol):
    """What known mistakes answer to the inputs of one seed."""

    seed: str

    def mistakes(self, probe: Probe) -> dict[str, Arrays]:
        """The wrong answers by the sentence for the student, "your loss equals the one that ...", in the order of the
        bank. There are no arrays where a mistake ends in an exception. A mistake that is left out passes the probe."""

    def pairs(self, probe: Probe, expected: Arrays) -> Iterable[tuple[str, str, Arrays]]:
        """The answers of two mistakes at once, with their sentences; none if they are not known for this probe."""


def diagnose(verdicts: Sequence[Verdict], known: Known) -> None:
    """Name the known mistakes that explain the verdicts on one exercise: sets `mistakes` of those that failed.

    Answers that differ in their last digits, as on another processor, count only if no mistake has the very answers.
    """
    for loosely in (False, True):
        _diagnose(verdicts, known, loosely)
        if any(verdict.mistakes for verdict in verdicts):
            return


def _diagnose(verdicts: Sequence[Verdict], known: Known, loosely: bool) -> None:
    failed = [verdict for verdict in verdicts if verdict.status in ("failed", "timed out", "crashed")]
    answered = [verdict for verdict in failed if verdict.got]
    if not answered:
        return
    elsewhere = {verdict.probe.id: known.mistakes(verdict.probe) for verdict in verdicts if verdict not in answered}
    passed = [verdict.probe.id for verdict in verdicts if verdict.status == "passed"]
    silent = [verdict for verdict in failed if not verdict.got]
    possible = list(dict.fromkeys(says for verdict in answered for says in known.mistakes(verdict.probe)))
    possible = [says for says in possible if not any(says in elsewhere[id] for id in passed)]
    whole = possible
    for verdict in answered:
        whole = _explanations(verdict, known, whole, loosely)
    whole.sort(key=lambda says: sum(_unknown(known.mistakes(verdict.probe)[says]) for verdict in answered))
    if whole:
        return _name(answered, [_likeliest(whole, silent, elsewhere)] * len(answered))
    possible = [says for says in possible if all(_compatible(verdict, known, says, loosely) for verdict in answered)]
    parts = [_parts(verdict, known, possible, loosely) for verdict in answered]
    explained = [found for own in parts for found in own]
    chosen = _cover(possible, explained)
    fails_there = all(any(says in elsewhere[verdict.probe.id] for says in chosen) for verdict in silent)
    if chosen and (fails_there or all([says] in explained for says in chosen)):
        return _name(answered, [[says for says in chosen if any(says in found for found in own)] for own in parts])
    pair = _pair(answered[0], known, loosely)
    alone = [(known.mistakes(verdict.probe).get(says, {}), verdict.expected) for says in pair for verdict in answered]
    if pair and _wrong_bools((verdict.got, verdict.expected) for verdict in answered) <= _wrong_bools(alone):
        return _name(answered, [pair] * len(answered))


def _name(verdicts: Sequence[Verdict], mistakes: list[list[str]]) -> None:
    for verdict, own in zip(verdicts, mistakes, strict=True):
        verdict.mistakes = tuple(own)


def _likeliest(whole: list[str], silent: list[Verdict], elsewhere: dict[str, dict[str, Arrays]]) -> list[str]:
    """Which of the mistakes that explain every answer is named, in view of the checks that got none.

    Those that fail there as well come first, with an exception if possible. None is named if it is open which was made.
    """
    there = [says for says in whole if all(says in elsewhere[verdict.probe.id] for verdict in silent)]
    raising = [says for says in there if not any(elsewhere[verdict.probe.id][says] for verdict in silent)]
    if raising or (there and _alike(there, silent, elsewhere)):
        return (raising or there)[:1]
    return whole if len(whole) == 1 else []


def _unknown(answer: Arrays) -> int:
    """How many arrays of a mistake's answer would be equal to any other: the more, the less the mistake explains."""
    return sum(array is compare.ANY for array in answer.values())


def _alike(mistakes: list[str], silent: list[Verdict], elsewhere: dict[str, dict[str, Arrays]]) -> bool:
    """Whether the mistakes agree on checks to which the student gave no answer: otherwise it is open which was made."""
    first, *others = mistakes
    known = [(verdict.probe, elsewhere[verdict.probe.id]) for verdict in silent]
    return all(compare.same(probe, answers[says], answers[first]) for probe, answers in known for says in others)


def _explanations(verdict: Verdict, known: Known, possible: list[str], loosely: bool) -> list[str]:
    """Those of the mistakes that give the same answer."""
    answers = known.mistakes(verdict.probe)
    return [
        says
        for says in possible
        if answers.get(says) and compare.same(verdict.probe, verdict.got, answers[says], loosely)
    ]


def _compatible(verdict: Verdict, known: Known, says: str, loosely: bool) -> bool:
    """Whether each array that the mistake changes has been changed just so."""
    answer = known.mistakes(verdict.probe).get(says, verdict.expected)
    changed = compare.differences(verdict.probe, answer, verdict.expected)
    return all(_gives(verdict, answer, name, loosely) for name in changed)


def _gives(verdict: Verdict, answer: Arrays, name: str, loosely: bool) -> bool:
    """Whether an array is the same in `answer`, that of a mistake."""
    rule = verdict.probe.rules.get(name, Close())
    return name in verdict.got and name in answer and compare.equal(rule, verdict.got[name], answer[name], loosely)


def _parts(verdict: Verdict, known: Known, possible: list[str], loosely: bool) -> list[list[str]]:
    """For each array that is wrong: those of the mistakes that give it."""
    answers = known.mistakes(verdict.probe)
    wrong = compare.differences(verdict.probe, verdict.got, verdict.expected)
    return [
        [says for says in possible if says in answers and _gives(verdict, answers[says], name, loosely)]
        for name in wrong
    ]


def _cover(possible: list[str], explained: list[list[str]]) -> list[str]:
    """As few mistakes as possible that together explain every wrong array; empty if there are none."""
    chosen: list[str] = []
    left = explained
    while left and len(chosen) < MOST:
        best = max(possible, key=lambda says: sum(says in found for found in left), default=None)
        if not any(best in found for found in left):
            return []
        chosen.append(best)
        left = [found for found in left if best not in found]
    return [] if left else chosen


def _pair(verdict: Verdict, known: Known, loosely: bool) -> list[str]:
    """Two mistakes that together give the answer to this check."""
    for first, second, facts in known.pairs(verdict.probe, verdict.expected):
        if compare.same(verdict.probe, verdict.got, facts, loosely):
            return [first, second]
    return []


def _wrong_bools(answers: Iterable[tuple[Arrays, Arrays]]) -> set[bool]:
    """What answers say, True or False, where they should say the opposite. Each comes with the right one."""
    return {
        bool(value)
        for got, expected in answers
        for name, right in expected.items()
        if right.dtype.kind == "b" and name in got and got[name].shape == right.shape
        for value in got[name][got[name] != right]
    }
