"""Every right implementation gets full marks, however it is written and whatever the seed is."""

import pytest

from hw1 import exercises
from tests.autograder import compare, oracle
from tests.autograder.probes import PROBES, Homework, Probe
from tests.autograder.staff.bank import alternatives, homework
from tests.autograder.staff.live import facts

SEEDS = [f"grade {i}" for i in range(20)]
TABLE = exercises.load()
ALTERNATIVES = alternatives()
expected: dict[tuple[str, str], dict] = {}


def reference(probe: Probe, seed: str) -> dict:
    key = (probe.id, seed)
    if key not in expected:
        expected[key] = facts(Homework(), probe, oracle.draw(probe, seed))
    return expected[key]


@pytest.mark.parametrize("name", ALTERNATIVES)
def test_a_right_implementation_gets_full_marks_on_every_seed(name):
    alternative = ALTERNATIVES[name]
    assert alternative.exercises, "it defines no exercise"
    other = homework(alternative.file, alternative.source)
    for probe in PROBES.values():
        if probe.exercise in alternative.exercises:
            for seed in SEEDS:
                got = facts(other, probe, oracle.draw(probe, seed))
                assert compare.differences(probe, got, reference(probe, seed)) == {}, f"{probe.id}, seed {seed}"


def test_there_are_enough_alternatives_and_every_exercise_has_one():
    assert len(ALTERNATIVES) >= 60
    assert {id for alternative in ALTERNATIVES.values() for id in alternative.exercises} == set(TABLE)
