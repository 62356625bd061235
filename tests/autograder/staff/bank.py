"""The banks of known wrong and known right implementations.

Each entry of the bug bank is the reference with one realistic mistake (tests/staff/bugs/*.toml):

[[bug]]
id = "gaussian-variance"          # unique
exercise = "1.3"                  # this exercise loses points
also = []                         # other exercises that must lose points too; no others may
says = "your loss equals the one that treats log_std as the logarithm of the variance"
edit = [["torch.exp(-log_std)", "torch.exp(-0.5 * log_std)"]]   # in the exercise's solution: text, replacement

The order of the entries matters: if several mistakes explain a failure equally well, the first one is named. So a
mistake that fails fewer probes comes before one that fails more.

A right implementation is an entry of the same files, if a few edits make it out of the reference. Otherwise it is an
overlay (such as tests/staff/alternatives/losses_einsum.py), which is appended to the reference's file and defines some
exercises again:

[[right]]
id = "gaussian-divided"
exercise = "1.3"
edit = [["(action - mean) * torch.exp(-log_std)", "(action - mean) / log_std.exp()"]]
"""

import ast
import importlib
import re
import sys
import tomllib
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder.probes.base import Homework
from tests.autograder.staff import markers, merge

BUGS = ROOT / "tests" / "staff" / "bugs"
ALTERNATIVES = BUGS.parent / "alternatives"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The reference with one exercise written differently."""

    id: str
    exercise: str
    edit: tuple[tuple[str, str], ...]
    """Texts in the exercise's solution, and their replacements."""

    @property
    def file(self) -> str:
        return exercises.load()[self.exercise].file

    def source(self) -> str:
        """The student's file, written so. Raises ValueError unless every text occurs once in the solution."""
        source = (ROOT / self.file).read_text()
        for old, new in self.edit:
            places = [
                begin + hit.start()
                for begin, end in markers.solutions(source, self.exercise)
                for hit in re.finditer(re.escape(old), source[begin:end])
            ]
            if len(places) != 1:
                raise ValueError(f"{self.id}: {old!r} occurs {len(places)} times in the solution of {self.exercise}")
            source = source[: places[0]] + new + source[places[0] + len(old) :]
        ast.parse(source)
        return source


@dataclass(frozen=True, kw_only=True)
class Bug(Variant):
    """One realistic mistake."""

    says: str
    """What the student is told."""
    also: tuple[str, ...] = ()
    """Other exercises that lose points because of it."""


class Alternative(NamedTuple):
    """A right implementation of some exercises."""

    file: str
    """The student's file that it replaces."""
    source: str
    exercises: tuple[str, ...]


@cache
def bugs() -> dict[str, Bug]:
    """All bugs by id."""
    return {row["id"]: Bug(**row | {"also": tuple(row.get("also", ()))}) for row in _rows("bug")}


def _rows(kind: str) -> list[dict]:
    """The entries of one kind in all files. Raises ValueError if two have the same id."""
    files = {file: tomllib.loads(file.read_text(encoding="utf-8")) for file in sorted(BUGS.glob("*.toml"))}
    rows = [row | {"edit": tuple(map(tuple, row["edit"]))} for table in files.values() for row in table.get(kind, [])]
    if twice := [id for id, count in Counter(row["id"] for row in rows).items() if count > 1]:
        raise ValueError(f"{BUGS}: an id is used twice: {', '.join(twice)}")
    return rows


@cache
def mutant(bug: Bug) -> Homework:
    """The reference with `bug`, for probes to run on."""
    return homework(bug.file, bug.source())


@cache
def pairs(exercise: str) -> list[tuple[Bug, Bug, Homework]]:
    """Every two bugs of an exercise that can be made at once, with the reference that has both.

    Only for an exercise that is one function: with several functions two mistakes are usually in different ones, and
    each of them can be recognised by itself.
    """
    table = exercises.load()[exercise]
    original = importlib.import_module(f"hw1.{_name(table.file)}")
    source = (ROOT / table.file).read_text(encoding="utf-8")
    if len(markers.solutions(source, exercise)) > 1:
        return []
    name = table.names[0]
    text = _function(source, name)
    own = [bug for bug in bugs().values() if bug.exercise == exercise]
    changes = [(bug, merge.changes(text, _function(bug.source(), name))) for bug in own]
    found = []
    for (first, one), (second, other) in combinations(changes, 2):
        with suppress(SyntaxError, ValueError):
            code = f"from __future__ import annotations\n{merge.both(text, one, other)}"
            module = ModuleType(original.__name__)
            vars(module).update(vars(original))
            exec(compile(code, str(ROOT / table.file), "exec"), vars(module))
            found.append((first, second, Homework(**{_name(table.file): module})))
    return found


def _function(source: str, name: str) -> str:
    """The text of a function at the top of a file, up to the next line that is not indented."""
    return re.search(rf"^def {name}\(.*?^\)?.*?(?=^\w|^#|^@|\Z)", source, re.MULTILINE | re.DOTALL)[0]


def alternatives() -> dict[str, Alternative]:
    """Other right implementations by name."""
    edited = [Variant(**row) for row in _rows("right")]
    found = {each.id: Alternative(each.file, each.source(), (each.exercise,)) for each in edited}
    return found | {path.stem: overlaid(path) for path in sorted(ALTERNATIVES.glob("*.py"))}


def overlaid(path: Path) -> Alternative:
    """The reference's text with an overlay appended. The first word of its name is that of the file."""
    file = f"hw1/{path.stem.partition('_')[0]}.py"
    if file not in exercises.files():
        raise ValueError(f"{path}: the name must begin with the name of a student's file, such as losses_")
    overlay = path.read_text(encoding="utf-8")
    defined = set(re.findall(r"^(?:def|class) (\w+)", overlay, re.MULTILINE))
    again = tuple(e.id for e in exercises.load().values() if e.file == file and defined & set(e.names))
    return Alternative(file, f"{(ROOT / file).read_text(encoding='utf-8')}\n\n{overlay}", again)


def homework(file: str, source: str) -> Homework:
    """The reference with a different text for one file. The heads are loaded again if that file is the losses."""
    modules = {_name(file): _load(file, source)}
    if file == "hw1/losses.py":
        importlib.import_module("hw1.heads")  # first: what it imports must keep the reference's losses
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
