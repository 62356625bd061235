"""What must hold of a release before it is made. Everything is tried on the released files, in a separate folder.

ids          table, stubs, probes and handout have the same exercises
version      pyproject.toml has the newest version of the changelog
unused       no definition is left that only the solutions used
points       an exercise filled in from the solutions moves its own points and no others; all together give full marks
stubs        the check of the untouched stubs runs, and reports every exercise as "not attempted"
unfinished   commands that need an unfinished exercise name it, and go on with the rest
"""

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from hw1 import exercises
from hw1.exercises import Exercise
from scripts.staff import changelog
from tests.autograder.staff.markers import strip

POINTS_OF = Path(__file__).with_name("points_of.py")
TABLE = exercises.load()

Files = dict[str, bytes]


class ProofError(Exception):
    """What does not hold."""


def hold(main: Files, student: Files, quick: bool = False) -> None:
    """Raises ProofError for the first proof that fails. `quick` skips those that run the students' commands."""
    ids(student)
    version(student)
    unused(main, student)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "student"
        write(folder, student)
        points(main, folder)
        if not quick:
            stubs(folder)
            unfinished(main, folder)


def write(folder: Path, files: Files) -> None:
    """`files` as a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


# --- ids and version -------------------------------------------------------------------------------------------------
def ids(student: Files) -> None:
    """Stubs and handout have the exercises of the table."""
    text = "".join(student[file].decode() for file in exercises.files())
    _same("the stubs", exercises.STUB.findall(text))
    if handout := student.get("writeup/handout.html"):
        _same("the handout", re.findall(r'<section [^>]*id="ex-(\S+?)"', handout.decode()))


def _same(place: str, found: Iterable[str]) -> None:
    if differing := set(found) ^ set(TABLE):
        raise ProofError(f"{place} and the table differ in the exercises {', '.join(sorted(differing))}")


def version(student: Files) -> None:
    """The version in pyproject.toml is the newest one of the changelog."""
    stated = tomllib.loads(student["pyproject.toml"].decode())["project"]["version"]
    newest = str(changelog.newest(student["CHANGELOG.md"].decode()))
    if stated != newest:
        raise ProofError(f"pyproject.toml has the version {stated}, but the newest one in CHANGELOG.md is {newest}")


def names(text: str, exercise: str) -> bool:
    """Whether `text` names an exercise."""
    return re.search(rf"(?<![\w.]){re.escape(exercise)}(?![\d])", text) is not None


def stub(source: bytes, exercise: Exercise) -> str:
    """The functions and classes of an exercise, cut out of its file."""
    text = source.decode()
    found = [node for node in ast.parse(text).body if getattr(node, "name", None) in exercise.names]
    return "\n".join(ast.get_source_segment(text, node) or "" for node in found)


# --- unused definitions ----------------------------------------------------------------------------------------------
def unused(main: Files, student: Files) -> None:
    """Every function, class and constant that the solutions used is used or mentioned without them, too."""
    before, after = _words(main), _words(student)
    for file in exercises.files():
        for name in sorted(_defined(student[file])):
            if after[name] == 1 and before[name] > 1:
                raise ProofError(
                    f"{file}: only solutions use {name}; mention it in the TODO, or put it between STAFF markers"
                )


def _words(files: Files) -> Counter[str]:
    text = [data.decode() for name, data in files.items() if name.endswith((".py", ".ipynb", ".md", ".tex"))]
    return Counter(re.findall(r"\w+", "\n".join(text)))


def _defined(source: bytes) -> set[str]:
    defined = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            defined.add(node.name)
        elif isinstance(node, ast.Assign):
            defined |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return defined


# --- points ----------------------------------------------------------------------------------------------------------
def points(main: Files, folder: Path) -> None:
    """Each exercise alone moves its own points only; all together give full marks, and none gives none."""
    fills = {"none": (), "all": tuple(TABLE), **{id: (id,) for id in TABLE}}
    with tempfile.TemporaryDirectory() as name:
        for fill, kept in fills.items():
            for file in exercises.files():
                write(Path(name) / fill, {file: strip(main[file].decode(), file, kept).encode()})
        earned = json.loads(run(folder, str(POINTS_OF), name, *fills))
    _same("the probes", earned["none"])
    for fill, kept in fills.items():
        for id, exercise in TABLE.items():
            wanted = [float(exercise.points), "passed"] if id in kept else [0.0, "not attempted"]
            if earned[fill][id] != wanted:
                raise ProofError(
                    f"with {fill} filled in, {id} has {earned[fill][id][0]:g} points and is {earned[fill][id][1]}; "
                    f"it should have {wanted[0]:g} and be {wanted[1]}"
                )


# --- the students' commands ------------------------------------------------------------------------------------------
def stubs(folder: Path) -> None:
    """`scripts.check` reports every stub as not attempted, and no file as changed."""
    printed = run(folder, "-m", "scripts.check")
    rows = {line.split()[0]: line for line in printed.splitlines() if line[:3].strip() in TABLE}
    for id in TABLE:
        if "not attempted" not in rows.get(id, ""):
            raise ProofError(f"scripts.check on the stubs reports for {id}: {rows.get(id, 'nothing')}")
    if printed.startswith("note:"):
        raise ProofError(f"scripts.check mistakes released files for edited ones: {printed.splitlines()[0]}")


def unfinished(main: Files, folder: Path) -> None:
    """`scripts.figures` names what it leaves out, first on the stubs, then with only extra credit missing."""
    printed = run(folder, "-m", "scripts.figures", "--quick", "--seeds", "1", "--out", "out")
    if "left out" not in printed:
        raise ProofError("scripts.figures on the stubs does not report what it left out")
    required = [id for id, exercise in TABLE.items() if not exercise.extra]
    for file in exercises.files():
        write(folder, {file: strip(main[file].decode(), file, required).encode()})
    printed = run(folder, "-m", "scripts.figures", "--quick", "--seeds", "1", "--only", "bimodal", "--out", "out")
    for id, exercise in TABLE.items():
        if exercise.extra and exercise.file == "hw1/heads.py" and not names(printed, id):  # bimodal uses every head
            raise ProofError(f"scripts.figures does not report that it leaves out what needs {id}")
    if not list((folder / "out/figures").glob("*.png")):
        raise ProofError("scripts.figures draws nothing when extra credit is left out")


def run(folder: Path, *arguments: str) -> str:
    """Run a Python command in the released folder, where it finds no other code; returns what it printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {"PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-B", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    if done.returncode or "Traceback" in done.stderr:
        raise ProofError(f"python {' '.join(arguments)} fails on the release:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
