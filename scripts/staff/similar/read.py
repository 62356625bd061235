"""The submissions of a folder, each as the code of its exercises."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from hw1 import exercises
from scripts.command import UserError
from scripts.staff.similar import normal
from scripts.staff.similar.normal import Piece, Unreadable, pieces
from tests.autograder import intake
from tests.autograder.containers import IGNORED
from tests.autograder.intake import IntakeError
from tests.autograder.staff import private
from tests.autograder.staff.names import assign, quoted, target

LIST = "attempts.json"  # of what a student handed in, in a folder of grades; the last one counts


@dataclass(frozen=True)
class Work:
    """A submission."""

    name: str
    path: Path
    pieces: dict[str, Piece] = field(default_factory=dict)
    """By exercise."""
    problems: tuple[str, ...] = ()
    """Why something could not be compared, in sentences."""


def submissions(folder: Path) -> dict[str, Path]:
    """By name: what a folder of grades has kept of each student, or whatever lies in a folder of submissions.

    Raises UserError if there are not two of them.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; name the folder of all submissions, or the folder of grades")
    inside = sorted(each for each in folder.iterdir() if not each.name.startswith(".") and each.name not in IGNORED)
    found = {each.name: copy for each in inside if (copy := _kept(each))}
    if not found:
        found = assign((each.absolute() for each in inside if each.is_dir() or each.suffix.lower() == ".zip"), {})
    if len(found) < 2:
        raise UserError(f"{folder} holds {len(found)} submissions (folders or zips); at least two can be compared")
    return {name: target(found[name]) for name in sorted(found)}


def _kept(student: Path) -> Path | None:
    try:
        last = json.loads((student / LIST).read_text(encoding="utf-8"))[-1]["file"]
        return student / last if (student / last).exists() else None
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def read(found: dict[str, Path], cache: Path) -> Iterator[Work]:
    """All submissions in order. What was read before is taken from the folder `cache`, unless it has changed."""
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, path in found.items():
        file = cache / f"{_key(path)}.json"
        if (work := _stored(file, name, path)) is None:
            work = _read(name, path)
            made = {id: [piece.tokens, piece.lines] for id, piece in work.pieces.items()}
            private.write(file, json.dumps({"pieces": made, "problems": work.problems}).encode())
        yield work


def _key(path: Path) -> str:
    """Changes with the submission and with how it is read."""
    state = [normal.VERSION, str(path)]
    for place, below, names in os.walk(path):
        state += [f"{name} {_state(Path(place, name))}" for name in sorted((*below, *names))]
    return hashlib.sha256("\n".join([*state, _state(path)]).encode(errors="surrogateescape")).hexdigest()


def _state(path: Path) -> str:
    try:
        about = path.lstat()
    except OSError as error:
        return str(error.strerror)
    return f"{about.st_size} {about.st_mtime_ns} {about.st_ctime_ns}"


def _stored(file: Path, name: str, path: Path) -> Work | None:
    try:
        stored = json.loads(file.read_bytes())
        found = {id: Piece(tuple(tokens), tuple(lines)) for id, (tokens, lines) in stored["pieces"].items()}
        return Work(name, path, found, tuple(stored["problems"]))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def _read(name: str, path: Path) -> Work:
    found: dict[str, Piece] = {}
    problems = []
    for file, text in texts(path, problems).items():
        try:
            found |= pieces(text, file)
        except Unreadable as error:
            problems.append(str(error))
    return Work(name, path, found, tuple(problems))


def texts(path: Path, problems: list[str]) -> dict[str, str]:
    """The student's files of a submission, as the grader takes them."""
    with TemporaryDirectory(prefix="similar-") as folder:
        student = Path(folder) / "submission"
        try:
            taken = intake.take(path, student)
        except (IntakeError, OSError) as error:
            problems.append(f"{quoted(path)}: {error}")
            return {}
        files = [file for file in exercises.files() if file not in taken.missing]
        return {file: (student / file).read_text(encoding="utf-8-sig", errors="replace") for file in files}
