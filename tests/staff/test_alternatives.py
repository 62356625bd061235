"""Every right implementation gets full marks, however it is written and whatever the seed is."""

import pytest

from hw1 import exercises
from tests.autograder import compare, oracle
from tests.autograder.probes import PROBES, Homework, Probe
from tests.autograder.staff.bank import alternatives, homework
from tests.autograder.staff.live import facts

SEEDS = [f"grade {i}" for i in range(20)]
FEWEST = 6  # seeds of one alternative
TABLE = exercises.load()
ALTERNATIVES = alternatives()
expected: dict[tuple[str, str], dict] = {}


def seeds(exercise: str, name: str) -> list[str]:
    """Some seeds for an alternative: those of an exercise share them out, so that every exercise meets all seeds."""
    own = [name for name, alternative in ALTERNATIVES.items() if exercise in alternative.exercises]
    each = max(FEWEST, -(-len(SEEDS) // len(own)))
    return [SEEDS[(each * own.index(name) + i) % len(SEEDS)] for i in range(each)]


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
            for seed in seeds(probe.exercise, name):
                got = facts(other, probe, oracle.draw(probe, seed))
                assert compare.differences(probe, got, reference(probe, seed)) == {}, f"{probe.id}, seed {seed}"


def test_there_are_enough_alternatives_and_every_exercise_has_one():
    assert len(ALTERNATIVES) >= 60
    assert {id for alternative in ALTERNATIVES.values() for id in alternative.exercises} == set(TABLE)


@pytest.mark.parametrize("exercise", TABLE)
def test_the_alternatives_of_every_exercise_meet_all_seeds(exercise):
    own = [name for name, alternative in ALTERNATIVES.items() if exercise in alternative.exercises]
    assert {seed for name in own for seed in seeds(exercise, name)} == set(SEEDS)
