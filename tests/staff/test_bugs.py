"""The bug bank: every realistic mistake is caught, costs its own exercise and no other, and is named."""

from collections import Counter
from functools import cache

import numpy as np
import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder import compare, judge, oracle
from tests.autograder.oracle import Stored
from tests.autograder.probes import PROBES, Homework, Probe, of
from tests.autograder.probes.base import Arrays
from tests.autograder.report import Result
from tests.autograder.runner import InProcess
from tests.autograder.staff.bank import Bug, bugs, mutant
from tests.autograder.staff.live import facts

SEEDS = ["one", "two", "three"]
TABLE = exercises.load()
# The files whose exercises call each other: the heads call the losses, DAgger calls its parts.
CALLERS = {"hw1/losses.py": ("hw1/losses.py", "hw1/heads.py"), "hw1/dagger.py": ("hw1/dagger.py",)}


@cache
def stored() -> Stored:
    return Stored(ROOT)


@cache
def reference(probe: str, seed: str) -> Arrays:
    return facts(Homework(), PROBES[probe], oracle.draw(PROBES[probe], seed))


def passes(bug: Bug, probe: Probe, seed: str) -> bool:
    inputs = oracle.draw(probe, seed)
    try:
        return compare.same(probe, facts(mutant(bug), probe, inputs), reference(probe.id, seed))
    except Exception:
        return False


@pytest.mark.parametrize("bug", [pytest.param(b, id=f"{b.exercise}-{b.id}") for b in bugs().values()])
def test_a_bug_costs_its_exercise_and_no_other_and_is_named(bug):
    student = InProcess(mutant(bug), ROOT)
    (verdicts,) = judge.judge(student, stored(), of(bug.exercise), reveal=True, known=stored())
    if any(v.got for v in verdicts if v.status != "passed"):  # otherwise an exception is shown
        assert Result.of(verdicts).mistakes == [bug.says]
    likely = {verdict.probe.id for verdict in verdicts if verdict.status != "passed"}
    for exercise in (bug.exercise, *bug.also):
        # One probe that fails is enough, and those that just failed are likely to fail again.
        probes = sorted(of(exercise), key=lambda probe: probe.id not in likely)
        for seed in SEEDS:
            assert not all(passes(bug, probe, seed) for probe in probes), f"{exercise}, seed {seed}"


@pytest.mark.parametrize("exercise", [id for id, exercise in TABLE.items() if exercise.file in CALLERS])
def test_a_bug_costs_no_points_in_the_exercises_that_build_on_it(exercise):
    """Where another exercise calls it, a stand-in replaces it. So a few bugs of each exercise are enough."""
    own = [bug for bug in bugs().values() if bug.exercise == exercise][::12]
    for bug in own:
        others = [probe for probe in PROBES.values() if TABLE[probe.exercise].file in CALLERS[bug.file]]
        lost = {p.exercise for p in others if p.exercise != exercise and not passes(bug, p, SEEDS[0])}
        assert lost == set(bug.also), bug.id


def test_there_are_enough_bugs_for_every_exercise():
    count = Counter(bug.exercise for bug in bugs().values())
    assert {id: count[id] for id in TABLE if count[id] < 4} == {}
    assert sum(count.values()) >= 400


def test_no_two_bugs_of_an_exercise_have_the_same_sentence():
    assert [says for says, n in Counter((b.exercise, b.says) for b in bugs().values()).items() if n > 1] == []


def test_inputs_depend_only_on_the_seed_and_the_probe():
    probe = next(iter(PROBES.values()))
    first, again, other = (oracle.draw(probe, seed) for seed in ("a", "a", "b"))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not all(np.array_equal(first[name], other[name]) for name in first)


def test_code_that_changes_its_inputs_does_not_change_them_for_others():
    class Careless:
        @property
        def compounding(self):
            return self

        def cost_by_horizon(self, costs, horizons):
            costs[:], horizons[:] = 0, 1
            return np.zeros(len(horizons))

    inputs = oracle.draw(PROBES["3.2.1"], "a")
    before = {name: array.copy() for name, array in inputs.items()}
    facts(Careless(), PROBES["3.2.1"], inputs)
    assert all(np.array_equal(inputs[name], before[name]) for name in before)
