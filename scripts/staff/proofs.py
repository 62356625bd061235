"""What must hold of a release before it is made. Everything is tried on the released files, in a folder of their own.

ids        table, stubs, probes, markers of the tests and handout speak of the same exercises
orphans    nothing is left that only the solutions used
stubs      the student's commands run, and every exercise is "not attempted", nowhere anything else
points     an exercise filled in from staff's files moves its own points and no others; all of them give full marks
polite     what needs an unfinished exercise says which, and goes on with the rest
"""

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from hw1 import exercises
from hw1.exercises import Exercise
from tests.autograder.staff.markers import strip

POINTS_OF = Path(__file__).with_name("points_of.py")
TABLE = exercises.load()

Files = dict[str, bytes]


class ProofError(Exception):
    """What does not hold."""


def hold(main: Files, student: Files, quick: bool = False) -> None:
    """Raises ProofError for the first proof that fails. `quick` leaves out those that run the student's commands."""
    ids(student)
    orphans(main, student)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "student"
        write(folder, student)
        points(main, folder)
        if not quick:
            stubs(folder)
            polite(main, folder)


def write(folder: Path, files: Files) -> None:
    """`files` as a folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


# --- ids -------------------------------------------------------------------------------------------------------------
def ids(student: Files) -> None:
    """Every place names the same exercises."""
    stubs = {id for file in exercises.files() for id in exercises.STUB.findall(student[file].decode())}
    places = {"the stubs": stubs, "the probes": _probes(student)}
    if handout := student.get("writeup/handout.tex"):
        places["the handout"] = set(re.findall(r"\\begin\{exercise\}\{(\S+?)\}", handout.decode()))
    for place, found in places.items():
        if found != set(TABLE):
            raise ProofError(f"{place} and the table differ in the exercises {', '.join(sorted(found ^ set(TABLE)))}")


def _probes(student: Files) -> set[str]:
    """The exercises that have probes."""
    text = "".join(
        d.decode()
        for name, d in student.items()
        if name.startswith("tests/autograder/probes/") and name.endswith(".py")
    )
    return set(re.findall(r'Probe\(\s*"(\w\.\d)\.\d+"', text))


def names(text: str, exercise: str) -> bool:
    """Whether `text` names an exercise."""
    return re.search(rf"(?<![\w.]){re.escape(exercise)}(?![\d])", text) is not None


def stub(source: bytes, exercise: Exercise) -> str:
    """What of a file belongs to an exercise: its functions and classes."""
    text = source.decode()
    found = [node for node in ast.parse(text).body if getattr(node, "name", None) in exercise.names]
    return "\n".join(ast.get_source_segment(text, node) or "" for node in found)


# --- orphans ---------------------------------------------------------------------------------------------------------
def orphans(main: Files, student: Files) -> None:
    """No function, class or constant of `hw1` is left that only solutions used and nothing mentions."""
    before, after = _words(main), _words(student)
    for file in exercises.files():
        for name in sorted(_defined(student[file])):
            if after[name] == 1 and before[name] > 1:
                raise ProofError(
                    f"{file}: only solutions use {name}; mention it in the TODO, or give it to staff alone"
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
    """Each exercise alone moves its own points only; all together give full marks, none nothing."""
    fills = {"none": (), "all": tuple(TABLE), **{id: (id,) for id in TABLE}}
    with tempfile.TemporaryDirectory() as name:
        for fill, kept in fills.items():
            for file in exercises.files():
                write(Path(name) / fill, {file: strip(main[file].decode(), file, kept).encode()})
        earned = json.loads(run(folder, str(POINTS_OF), name, *fills))
    for fill, kept in fills.items():
        for id, exercise in TABLE.items():
            wanted = [float(exercise.points), "passed"] if id in kept else [0.0, "not attempted"]
            if earned[fill][id] != wanted:
                raise ProofError(
                    f"with {fill} filled in, {id} has {earned[fill][id][0]:g} points and is {earned[fill][id][1]}; "
                    f"it should have {wanted[0]:g} and be {wanted[1]}"
                )


# --- the student's commands ------------------------------------------------------------------------------------------
def stubs(folder: Path) -> None:
    """The check on untouched stubs."""
    said = run(folder, "-m", "scripts.check")
    rows = {line.split()[0]: line for line in said.splitlines() if line[:3].strip() in TABLE}
    for id in TABLE:
        if "not attempted" not in rows.get(id, ""):
            raise ProofError(f"scripts.check on the stubs says of {id}: {rows.get(id, 'nothing')}")
    if "not as given" in said:
        raise ProofError(f"scripts.check takes released files for edited ones: {said.splitlines()[0]}")


def polite(main: Files, folder: Path) -> None:
    """Commands that need what is not done yet."""
    said = run(folder, "-m", "scripts.figures", "--quick", "--seeds", "1", "--out", "out")
    if "left out" not in said:
        raise ProofError("scripts.figures on the stubs does not say what it left out")
    required = [id for id, exercise in TABLE.items() if not exercise.extra]
    for file in exercises.files():
        write(folder, {file: strip(main[file].decode(), file, required).encode()})
    said = run(folder, "-m", "scripts.figures", "--quick", "--seeds", "1", "--only", "bimodal", "--out", "out")
    for extra in TABLE.keys() - set(required):
        if not names(said, extra) and extra != "E.4":
            raise ProofError(f"scripts.figures does not say that it leaves out what needs {extra}")
    if not list((folder / "out/figures").glob("*.png")):
        raise ProofError("scripts.figures draws nothing when extra credit is left out")


def run(folder: Path, *arguments: str) -> str:
    """A Python command in the released folder, which sees no other code; what it printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {"PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-B", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    if done.returncode or "Traceback" in done.stderr:
        raise ProofError(f"python {' '.join(arguments)} fails on the release:\n{(done.stdout + done.stderr)[-2000:]}")
    return done.stdout
