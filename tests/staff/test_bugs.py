"""The bug bank: every realistic mistake is caught, costs its own exercise and no other, and is named."""

from collections import Counter
from functools import cache

import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder import judge, oracle
from tests.autograder.probes import PROBES
from tests.autograder.report import Result
from tests.autograder.runner import InProcess
from tests.autograder.staff.bank import Bug, bugs, mutant
from tests.autograder.staff.live import Live

SEEDS = ["one", "two", "three"]
TABLE = exercises.load()
# The files whose exercises a mistake could affect: the heads use the losses; no other file uses another.
AFFECTED = {file: {file} for file in exercises.files()} | {"hw1/losses.py": {"hw1/losses.py", "hw1/heads.py"}}


class Remembering(Live):
    """Computes the answers of the reference and of the bugs only once: they are the same for every submission."""

    def __init__(self, seed):
        super().__init__(seed)
        self.expected = cache_by_probe(super().expected)
        self.mistakes = cache_by_probe(super().mistakes)


def cache_by_probe(function):
    known = {}

    def cached(probe, inputs):
        if probe.id not in known:
            known[probe.id] = function(probe, inputs)
        return known[probe.id]

    return cached


@cache
def live(seed: str) -> Remembering:
    return Remembering(seed)


def graded(bug: Bug, seed: str) -> dict[str, Result]:
    probes = [p for p in PROBES.values() if TABLE[p.exercise].file in AFFECTED[bug.file]]
    verdicts = judge.judge(InProcess(mutant(bug), ROOT), live(seed), probes, reveal=True)
    return {result.exercise.id: result for result in map(Result.of, verdicts)}


@pytest.mark.parametrize("bug", [pytest.param(b, id=f"{b.exercise}-{b.id}") for b in bugs().values()])
def test_a_bug_costs_its_exercise_and_no_other_and_is_named(bug):
    for seed in SEEDS:
        results = graded(bug, seed)
        lost = {id for id, result in results.items() if result.points < TABLE[id].points}
        assert lost == {bug.exercise, *bug.also}, f"seed {seed}"
        failed = [v for v in results[bug.exercise].verdicts if v.status != "passed"]
        if any(v.got for v in failed):  # otherwise it raised an exception, which is shown instead
            assert any(v.text.startswith(bug.says) for v in failed), f"seed {seed}: {[v.text for v in failed]}"


def test_there_are_enough_bugs_for_every_exercise():
    count = Counter(bug.exercise for bug in bugs().values())
    assert {id: count[id] for id in TABLE if count[id] < 4} == {}
    assert sum(count.values()) >= 80


def test_no_two_bugs_of_an_exercise_have_the_same_sentence():
    assert [says for says, n in Counter((b.exercise, b.says) for b in bugs().values()).items() if n > 1] == []


def test_inputs_depend_only_on_the_seed_and_the_probe():
    probe = next(iter(PROBES.values()))
    first, again, other = (oracle.draw(probe, seed) for seed in ("a", "a", "b"))
    assert all((first[name] == again[name]).all() for name in first)
    assert any((first[name] != other[name]).any() for name in first)
