"""The structure of the repository: imports point one way, files stay short, and things are written down once."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hw1.exercises import ROOT, totals

# From the bottom to the top: a file may import from its own level and from those below it.
LEVELS = ("hw1", "tests/autograder", "scripts", "tests/staff")
# At the autograder's level: pytest's way to run the probes, which students have too.
OF_THE_AUTOGRADER = ("tests/conftest.py", "tests/test_probes.py")
MOST_LINES = 350
DATA = ("tests/autograder/probes/", "tests/autograder/staff/probes/")  # probes are data
OVERLAYS = ("tests/staff/alternatives/", "tests/staff/hostile/")  # appended to a student's file, not modules


def modules() -> list[str]:
    files = (
        path.relative_to(ROOT).as_posix() for top in ("hw1", "scripts", "tests") for path in (ROOT / top).rglob("*.py")
    )
    return sorted(file for file in files if not file.startswith(OVERLAYS))


def level(file: str) -> int:
    if file in OF_THE_AUTOGRADER:
        return LEVELS.index("tests/autograder")
    return next(i for i, folder in enumerate(LEVELS) if file.startswith(f"{folder}/"))


def imported(source: str) -> Iterator[str]:
    """Files of the repository that a module imports, wherever in the module."""
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            path = name.replace(".", "/")
            yield from (place for place in (f"{path}.py", f"{path}/__init__.py") if (ROOT / place).is_file())


@pytest.mark.parametrize("file", modules())
def test_no_import_points_up(file):
    above = [other for other in imported((ROOT / file).read_text(encoding="utf-8")) if level(other) > level(file)]
    assert above == [], f"{file} imports from a level above its own; the order is {' <- '.join(LEVELS)}"


def test_an_import_that_points_up_is_found():
    assert (
        level("scripts/check.py")
        > level("tests/conftest.py")
        == level("tests/autograder/judge.py")
        > level("hw1/bc.py")
    )
    inside = "def f():\n    from scripts import check\n    import tests.autograder.judge"
    assert set(imported(inside)) >= {"scripts/check.py", "tests/autograder/judge.py"}


def test_imports_are_absolute():
    """The other tests follow only these."""
    for file in modules():
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert not [n.lineno for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.level], file


def test_what_ships_imports_nothing_that_does_not():
    for file in modules():
        if "staff" not in Path(file).parts:
            own = set(imported((ROOT / file).read_text(encoding="utf-8")))
            assert not [other for other in own if "staff" in Path(other).parts], file


def test_no_two_modules_of_one_folder_import_each_other():
    """Over any number of steps, below the tests of tools: that code is read from the bottom up."""
    arrows = {file: set(imported((ROOT / file).read_text(encoding="utf-8"))) - {file} for file in modules()}

    def reached(file: str, seen: set[str]) -> set[str]:
        for other in arrows.get(file, set()) - seen:
            seen.add(other)
            reached(other, seen)
        return seen

    for file in arrows:
        if file.startswith(LEVELS[:3]) and not file.endswith("__init__.py"):
            assert file not in reached(file, set()), f"{file} imports itself by a detour"


@pytest.mark.parametrize("file", [f for f in modules() if level(f) < LEVELS.index("tests/staff")])
def test_no_file_is_too_long_to_be_read(file):
    if not file.startswith(DATA):
        lines = len((ROOT / file).read_text(encoding="utf-8").splitlines())
        assert lines <= MOST_LINES, f"{file} has {lines} lines"


def strings(file: str) -> Iterator[tuple[int, str]]:
    """The strings of a module that are no docstrings, with their lines."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    said = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.lineno, node.value


def test_markers_are_parsed_in_one_module():
    for file in modules():
        if level(file) < LEVELS.index("tests/staff") and file != "tests/autograder/staff/markers.py":
            assert [line for line, text in strings(file) if re.search(r"SOLUTION|(BEGIN|END).*STAFF", text)] == [], file


def test_the_totals_of_points_stand_in_the_table_alone():
    for total in totals().values():
        for file in modules():
            found = [line for line, text in strings(file) if re.search(rf"(/|\bof ){total}\b(?! bytes|\.)", text)]
            assert found == [], f"{file}: the total {total} is in hw1/exercises.toml"


def test_nothing_that_is_made_is_tracked():
    """An environment in the history, even as a link, would replace the one of whoever checks it out."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    made = [name for name in tracked.splitlines() if name.split("/")[0] in (".venv", "out", ".pytest_cache")]
    assert made == []
