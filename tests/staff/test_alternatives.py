"""Any right implementation gets full marks, however it is written, whatever the seed."""

import re
from collections import Counter

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


def redefined(name: str) -> list[str]:
    """Exercises of which the overlay defines a function or class anew."""
    file, source = ALTERNATIVES[name]
    defined = Counter(re.findall(r"^(?:def|class) (\w+)", source, re.MULTILINE))
    return [e.id for e in TABLE.values() if e.file == file and any(defined[n] > 1 for n in e.names)]


@pytest.mark.parametrize("name", ALTERNATIVES)
def test_a_right_implementation_gets_full_marks_on_every_seed(name):
    assert redefined(name), "defines no exercise"
    other = homework(*ALTERNATIVES[name])
    for probe in PROBES.values():
        if probe.exercise in redefined(name):
            for seed in SEEDS:
                got = facts(other, probe, oracle.draw(probe, seed))
                assert compare.differences(probe, got, reference(probe, seed)) == {}, f"{probe.id}, seed {seed}"


def test_there_are_enough_alternatives_and_every_exercise_has_one():
    assert len(ALTERNATIVES) >= 25
    assert {id for name in ALTERNATIVES for id in redefined(name)} == set(TABLE)
