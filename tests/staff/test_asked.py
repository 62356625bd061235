"""Nothing is checked that is not asked: each probe rests on a sentence that the student has read."""

import ast
import re
from functools import cache

import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder.probes import PROBES
from tests.autograder.staff.markers import strip

# Given files that an exercise's text refers to: what a head, a rollout, a gate and a dataset are, and what helpers do.
REFERRED = {
    "hw1/losses.py": (),
    "hw1/heads.py": ("hw1/given_heads.py", "hw1/sampling.py"),
    "hw1/compounding.py": ("hw1/rollout.py",),
    "hw1/dagger.py": ("hw1/rollout.py", "hw1/gates.py", "hw1/dataset.py", "hw1/learners.py"),
}


@cache
def statement(exercise: str) -> str:
    """What a student reads about an exercise: the text of its functions, of given ones in that file, of other files."""
    table = exercises.load()[exercise]
    source = strip((ROOT / table.file).read_text(encoding="utf-8"))
    tree = ast.parse(source)
    others = {name for each in exercises.load().values() if each is not table for name in each.names}
    named = [node for node in tree.body if getattr(node, "name", "") not in {"", *others}]
    own = [ast.get_source_segment(source, node) for node in named]
    given = [(ROOT / file).read_text(encoding="utf-8") for file in REFERRED[table.file]]
    return squeezed("\n".join([ast.get_docstring(tree), *own, *given]))


def squeezed(text: str) -> str:
    """Without the signs of comments and without the line ends."""
    return " ".join(re.sub(r"^\s*#", "", text, flags=re.MULTILINE).split())


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_the_statement_of_the_exercise_says_what_the_probe_checks(probe):
    assert len(probe.asked) > 15, "it names no sentence"
    assert squeezed(probe.asked) in statement(probe.exercise)
