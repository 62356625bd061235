"""The mutation test, on a sample; `python -m scripts.staff.mutation` judges all mutants."""

import ast
import subprocess
import sys
from dataclasses import replace

import pytest
from cosmic_ray.mutating import mutate_code

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder.staff import mutation
from tests.autograder.staff.mutation import Court, Mutant, Outcome, equivalents, mutants, places, reason
from tests.autograder.staff.mutation_operators import OPERATORS

SEEDS = ["one", "two"]
SAMPLE = 60


@pytest.fixture(scope="module")
def every() -> list[Mutant]:
    return [mutant for exercise in exercises.load() for mutant in mutants(exercise)]


@pytest.fixture(scope="module")
def court() -> Court:
    return Court(SEEDS)


@pytest.mark.parametrize("kind", OPERATORS)
def test_an_operator_does_what_its_example_shows(kind):
    for operator in OPERATORS[kind](False):
        for example in operator.examples():
            if "**" not in (example.pre_mutation_code, example.post_mutation_code):
                made = mutate_code(example.pre_mutation_code, operator, example.occurrence)
                assert made.split() == example.post_mutation_code.split()


def test_every_operator_is_used(every):
    assert {mutant.operator for mutant in every} == set(OPERATORS)


def test_a_mutant_changes_only_its_block(every):
    for mutant in every[::20]:
        place = mutant.place
        assert mutant.code != place.code
        assert mutant.source.startswith(place.before)
        assert mutant.source.endswith(place.after)
        ast.parse(mutant.source)


def test_every_solution_has_mutants_with_different_ids(every):
    assert len({mutant.id for mutant in every}) == len(every)
    changed = {(mutant.exercise, mutant.place.function) for mutant in every}
    assert changed == {(id, place.function) for id in exercises.load() for place in places(id)}


def test_every_equivalent_exists(every):
    unused = [each for each in equivalents() if not any(each.covers(mutant) for mutant in every)]
    assert unused == []


def test_an_unchanged_solution_survives(court):
    for exercise in exercises.load():
        place = next(places(exercise))
        assert court.passes(Mutant("unchanged", place, "", place.code)) == SEEDS


def test_a_mutant_of_the_losses_does_not_reach_the_given_heads():
    """In a new process, where nothing has imported them yet."""
    code = """
from tests.autograder.staff.mutation import Court, mutants
Court(["one"]).passes(mutants("1.1")[0])
from hw1 import given_heads, losses
assert given_heads.mse_loss is losses.mse_loss
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_an_endless_loop_is_killed(court, monkeypatch):
    monkeypatch.setattr(mutation, "SECONDS", 0.1)
    place = next(places("1.1"))
    assert court.passes(Mutant("endless", place, "", "    while True:\n        pass\n")) == []


def test_a_sample_is_killed(every, court):
    """A fixed stride over all exercises."""
    sample = every[7 :: len(every) // SAMPLE]
    outcomes = [Outcome(mutant, tuple(court.passes(mutant))) for mutant in sample]
    survived = [each.mutant.id for each in outcomes if each.status == "survived"]
    assert mutation.score(outcomes) >= mutation.TARGET, f"no points lost by {survived}"
    assert [each.mutant.id for each in outcomes if each.status == "contradictory"] == []


def test_status_and_score(every):
    listed = next(mutant for mutant in every if reason(mutant))
    other = next(mutant for mutant in every if not reason(mutant))
    outcomes = [Outcome(m, passes) for m in (listed, other) for passes in ((), ("one",))]
    assert [each.status for each in outcomes] == ["contradictory", "equivalent", "killed", "survived"]
    assert mutation.score(outcomes) == 0.5
    assert mutation.score([replace(outcomes[3], passes=())]) == 1.0
