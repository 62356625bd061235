"""What students are told after a beginner's first mistakes: what to change, in words, and nothing misleading.

`first_mistakes/*.toml` has what a new student might write:

[[mistake]]
exercise = "1.1"
does = "float by .item()"
edit = [[".mean()", ".mean().item()"]]     # in the exercise's solution, as in the bug bank
told = "differentiable tensor.*item"       # what the report on the exercise must say; case does not matter
not_told = "times the right value"         # what it must not say

Instead of `edit`, `solution` is the code of the exercise's first TODO.
"""

import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder import judge
from tests.autograder.oracle import Stored
from tests.autograder.probes import of
from tests.autograder.report import Result, row
from tests.autograder.runner import InProcess
from tests.autograder.staff.bank import Variant, homework
from tests.staff.conftest import solved

FOLDER = Path(__file__).with_name("first_mistakes")


@dataclass(frozen=True, kw_only=True)
class Mistake:
    exercise: str
    does: str
    told: str
    not_told: str = ""
    edit: tuple[tuple[str, str], ...] = ()
    solution: str = ""

    def source(self) -> str:
        if self.solution:
            return solved(exercises.load()[self.exercise].file, {self.exercise: self.solution})
        return Variant(id=self.does, exercise=self.exercise, edit=self.edit).source()


MISTAKES = [
    Mistake(**row)
    for file in sorted(FOLDER.glob("*.toml"))
    for row in tomllib.loads(file.read_text(encoding="utf-8"))["mistake"]
]


@cache
def stored() -> Stored:
    return Stored(ROOT)


def report(mistake: Mistake) -> str:
    """What `python -m scripts.check` prints for the exercise."""
    student = InProcess(homework(exercises.load()[mistake.exercise].file, mistake.source()), ROOT)
    (verdicts,) = judge.judge(student, stored(), of(mistake.exercise), reveal=True, known=stored())
    assert sum(v.points for v in verdicts) < exercises.load()[mistake.exercise].points
    return " ".join(row(Result.of(verdicts)).split())


@pytest.mark.parametrize("mistake", [pytest.param(m, id=f"{m.exercise}-{m.does}") for m in MISTAKES])
def test_a_first_mistake_is_told_in_words_that_say_what_to_change(mistake):
    text = report(mistake)
    assert re.search(mistake.told, text, re.IGNORECASE), text
    assert not (mistake.not_told and re.search(mistake.not_told, text, re.IGNORECASE)), text


def test_there_are_enough_first_mistakes_for_every_exercise():
    count = Counter(mistake.exercise for mistake in MISTAKES)
    assert {id for id in exercises.load() if count[id] < 2} == set()
    assert len(MISTAKES) >= 150
