"""The banks of known wrong and known right implementations.

The bug bank is the reference with one realistic mistake each (tests/staff/bugs/*.toml):

[[bug]]
id = "gaussian-variance"          # unique
exercise = "1.3"                  # loses points
also = []                         # other exercises that must lose points too; all others must not
says = "your loss equals the one that takes log_std for the logarithm of the variance"
edit = [["torch.exp(-log_std)", "torch.exp(-0.5 * log_std)"]]   # in the exercise's solution: text, replacement
"""

import ast
import importlib
import re
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder.probes.base import Homework
from tests.autograder.staff import markers

BUGS = ROOT / "tests" / "staff" / "bugs"
ALTERNATIVES = BUGS.parent / "alternatives"


@dataclass(frozen=True)
class Bug:
    """One realistic mistake."""

    id: str
    exercise: str
    says: str
    """What a student who made it is told."""
    edit: tuple[tuple[str, str], ...]
    """Text in the exercise's solution, and what replaces it."""
    also: tuple[str, ...] = ()
    """Other exercises that lose points by it."""

    @property
    def file(self) -> str:
        return exercises.load()[self.exercise].file

    def source(self) -> str:
        """The student's file with this mistake. Raises ValueError unless every text occurs once in the solution."""
        source = (ROOT / self.file).read_text()
        for old, new in self.edit:
            places = [
                begin + hit.start()
                for begin, end in markers.solutions(source, self.exercise)
                for hit in re.finditer(re.escape(old), source[begin:end])
            ]
            if len(places) != 1:
                raise ValueError(
                    f"bug {self.id}: {old!r} occurs {len(places)} times in the solution of {self.exercise}"
                )
            source = source[: places[0]] + new + source[places[0] + len(old) :]
        ast.parse(source)
        return source


@cache
def bugs() -> dict[str, Bug]:
    """All bugs by id."""
    found: dict[str, Bug] = {}
    for file in sorted(BUGS.glob("*.toml")):
        for row in tomllib.loads(file.read_text())["bug"]:
            bug = Bug(**row | {"edit": tuple(map(tuple, row["edit"])), "also": tuple(row.get("also", ()))})
            if bug.id in found:
                raise ValueError(f"{file}: the bug id {bug.id} is used twice")
            found[bug.id] = bug
    return found


@cache
def mutant(bug: Bug) -> Homework:
    """The reference with `bug`, as what probes run on."""
    return homework(bug.file, bug.source())


def alternatives() -> dict[str, tuple[str, str]]:
    """Other right implementations by name: the file that each is for, and its whole text.

    Each is an overlay (tests/staff/alternatives/losses_einsum.py, say): appended to the reference's file, it defines
    some exercises anew.
    """
    return {path.stem: overlaid(path) for path in sorted(ALTERNATIVES.glob("*.py"))}


def overlaid(path: Path) -> tuple[str, str]:
    """The file that an overlay is for, by the first word of its name, and the reference's text with it appended."""
    file = f"hw1/{path.stem.partition('_')[0]}.py"
    if file not in exercises.files():
        raise ValueError(f"{path}: the name must begin with the file it is for, such as losses_")
    return file, f"{(ROOT / file).read_text()}\n\n{path.read_text()}"


def homework(file: str, source: str) -> Homework:
    """The reference with another text for one of its files, and the heads on top of it if that is the losses."""
    modules = {_name(file): _load(file, source)}
    if file == "hw1/losses.py":
        before = importlib.import_module("hw1.losses")
        sys.modules["hw1.losses"] = modules["losses"]
        try:
            modules["heads"] = _load("hw1/heads.py", (ROOT / "hw1/heads.py").read_text())
        finally:
            sys.modules["hw1.losses"] = before
    return Homework(**modules)


def _name(file: str) -> str:
    return file.removesuffix(".py").rpartition("/")[2]


def _load(file: str, source: str) -> ModuleType:
    module = ModuleType(f"hw1.{_name(file)}")
    exec(compile(source, str(ROOT / file), "exec"), vars(module))
    return module
