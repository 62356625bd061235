"""Takes the student's files out of a submission: the four that students edit, as plain text, and nothing else.

Everything else in a folder or a zip is ignored. It is read only to tell the student that it does not count.
A file that cannot be taken costs its own exercises only. What can be meant in one way only is taken, with a note.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder import cells, source
from tests.autograder.containers import PACK, Entry, FileError, IntakeError, entries, inside, listed, shown

MAX_FILE = 1 << 20  # bytes of one file
MAX_AROUND = 2  # folders around hw1/ that are accepted
NAMES = {PurePosixPath(file).name: file for file in exercises.files()}
# Files that Python or pytest run without an import.
RUN_AUTOMATICALLY = {"conftest.py", "pytest.ini", "tox.ini", "setup.cfg", "sitecustomize.py", "usercustomize.py"}


@dataclass(frozen=True)
class Intake:
    """What was taken from a submission."""

    digest: str
    """sha256 of the files that were taken, with normalised line ends."""
    missing: list[str]
    """Student files that are missing, or that could not be taken, such as "hw1/heads.py"."""
    notes: list[str]
    """Sentences for the student."""


@dataclass
class Taken:
    """The student's files in a submission."""

    files: dict[str, bytes] = field(default_factory=dict)
    """Their contents, such as of "hw1/heads.py"."""
    changes: dict[str, set[str]] = field(default_factory=dict)
    """What was changed about their encoding, of `source.CHANGES`."""
    refused: list[str] = field(default_factory=list)
    """For each file that is there but cannot be taken, the reason and the remedy."""
    notes: list[str] = field(default_factory=list)
    """On files that have nearly the right name, or that cannot be taken."""


def take(submission: Path, into: Path) -> Intake:
    """Write the student's files to `into`/hw1, which must not exist yet.

    Args:
        submission: a folder or a zip that contains hw1/, at the top or up to two folders below.

    Raises IntakeError, with a sentence for the student, if nothing can be graded.
    """
    with _unwrapped(Path(submission)) as (found, notes):
        folder = _folder(found)
        taken = _take(found, folder)
        notes += _place(folder) + taken.notes + _elsewhere(found, folder)
    notes += _changed(taken.changes) + _untouched(taken.files)
    _write(taken.files, into)
    return Intake(_digest(taken.files), [file for file in exercises.files() if file not in taken.files], notes)


def _digest(files: dict[str, bytes]) -> str:
    digest = hashlib.sha256()
    for file, data in files.items():
        digest.update(f"{file} {len(data)}\n".encode() + data)
    return digest.hexdigest()


def _write(files: dict[str, bytes], into: Path) -> None:
    """Write files that every user can read: the student's code may run as another user."""
    folder = into / "hw1"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    for file, data in files.items():
        (into / file).write_bytes(data)
        (into / file).chmod(0o644)


# --- which files are taken --------------------------------------------------------------------------------------------
def _meant(name: str) -> str:
    """The name that was probably meant by one such as "Losses.py", "losses.py.txt", "losses (1).py", "losses.ipynb"."""
    return re.sub(r"( ?\(\d+\))?\.(py|ipynb)( ?\(\d+\))?(\.txt)?$", ".py", name.casefold())


def is_module(name: str) -> bool:
    """Whether a file of this name may be one of the student's."""
    return _meant(name) in NAMES


def _is_notebook(entry: Entry) -> bool:
    return ".ipynb" in entry.path.name.casefold()


@contextmanager
def _unwrapped(submission: Path) -> Iterator[tuple[list[Entry], list[str]]]:
    """What was handed in, or what is in the zip that was handed in within it; and notes on that."""
    with entries(submission) as found:
        zips = _zips(found)
        if len(zips) != 1 or any(is_module(e.path.name) for e in found):
            yield found, []
        else:
            with inside(zips[0]) as within:
                yield within, [f"Your files were found in a zip inside your submission, {shown(zips[0].path)}."]


def _zips(found: list[Entry]) -> list[Entry]:
    return [e for e in found if e.kind == "file" and e.path.suffix.casefold() == ".zip"]


def _folder(found: list[Entry]) -> PurePosixPath:
    """The folder of the student's files: hw1, the one closest to the top, or the only one that contains any."""
    exact = {e.path.parent for e in found if e.path.name.casefold() in NAMES}
    if named := [folder for folder in exact if folder.name.casefold() == "hw1"]:
        depth = min(len(folder.parts) for folder in named)
        folders = sorted(folder for folder in named if len(folder.parts) == depth)
    else:
        folders = sorted({e.path.parent for e in found if is_module(e.path.name)})
    if not folders or len(folders[0].parts) > 1 + MAX_AROUND:
        raise IntakeError(_no_files(found))
    if len(folders) > 1:
        what = "called hw1" if named else f"that contain {' or '.join(sorted(NAMES))}"
        raise IntakeError(f"there are several folders {what} ({listed(folders)}): hand in only one, or {PACK}")
    around = {folders[0], *folders[0].parents}
    if links := [e.path for e in found if e.kind == "link" and e.path in around]:
        raise IntakeError(f"{listed(links)} is a link: hand in the folder itself")
    return folders[0]


def _no_files(found: list[Entry]) -> str:
    """Why there are no files, and what to do."""
    for entry in found:
        if entry.path.name == "hw1" and entry.kind == "link":
            return f"{shown(entry.path)} is a link: hand in the folder itself"
        if is_module(entry.path.name):
            return f"{shown(entry.path)} was found, but it must be in a folder called hw1 at the top: {PACK}"
    if zips := _zips(found):
        return f"there is no folder called hw1, but {listed([e.path for e in zips])}: hand in the contents of one zip"
    return f"there is no folder called hw1 that contains {' or '.join(sorted(NAMES))}: {PACK}"


def _candidates(found: list[Entry], folder: PurePosixPath, name: str) -> list[Entry]:
    """The entries that may be the student's file of this name; other names count only if it is not there, notebooks
    only if nothing else is."""
    here = [e for e in found if e.path.parent == folder and _meant(e.path.name) == name]
    return [e for e in here if e.path.name.casefold() == name] or [e for e in here if not _is_notebook(e)] or here


def _take(found: list[Entry], folder: PurePosixPath) -> Taken:
    """Read the student's files. Raises IntakeError if none can be taken."""
    taken = Taken()
    for name, file in NAMES.items():
        candidates = _candidates(found, folder, name)
        try:
            if candidates:
                entry = _only(candidates, name)
                taken.files[file], taken.changes[file] = source.plain(file, _text(entry))
                if _is_notebook(entry):
                    what = f"{shown(entry.path)} is a notebook: the code of its cells was graded"
                    taken.notes.append(f"{what} as {name}. Hand in {name}.")
                elif entry.path.name != name:
                    taken.notes.append(f"{shown(entry.path)} was graded as {name}. Give it exactly this name.")
        except FileError as error:
            taken.refused.append(str(error))
            taken.notes.append(f"{error}. This file counts as missing.")
    if not taken.files:
        more = f" (none of your {len(taken.refused)} files can be taken)" if len(taken.refused) > 1 else ""
        raise IntakeError(taken.refused[0] + more)
    return taken


def _text(entry: Entry) -> bytes:
    if _is_notebook(entry):
        return cells.code(shown(entry.path), entry.read(cells.MAX_NOTEBOOK))
    return entry.read(MAX_FILE)


def _only(candidates: list[Entry], name: str) -> Entry:
    """The one file among the candidates for this name. Raises FileError if it could be several."""
    if len(names := sorted({e.path.name for e in candidates})) > 1:
        raise FileError(f"{listed(names)} could all be {name}: hand in only {name}")
    if len(candidates) > 1:
        raise FileError(f"the zip contains {shown(candidates[0].path)} {len(candidates)} times: {PACK}")
    return candidates[0]


# --- notes for the student --------------------------------------------------------------------------------------------
def _place(folder: PurePosixPath) -> list[str]:
    """Notes on a folder that is not hw1 at the top."""
    if folder.name.casefold() != "hw1":
        where = f"in {shown(folder)}" if folder.parts else "at the top"
        return [f"Your files were found {where}, but they should be in a folder called hw1. They were graded anyway."]
    notes = []
    if len(folder.parts) > 1:
        notes.append(f"hw1 was found in {shown(folder.parent)}, but it should be at the top. It was graded anyway.")
    if folder.name != "hw1":
        notes.append(f"The folder {shown(folder.name)} must be called hw1, in lower case. It was graded anyway.")
    return notes


def _changed(changes: dict[str, set[str]]) -> list[str]:
    by_change = {change: [file for file in changes if change in changes[file]] for change in source.CHANGES}
    return [f"{listed(files)}: {change}" for change, files in by_change.items() if files]


def _untouched(files: dict[str, bytes]) -> list[str]:
    """A note if every exercise still has its stub, which names the exercise."""
    stubs = {file: exercises.STUB.findall(data.decode("latin-1")) for file, data in files.items()}
    asked = [exercise for exercise in exercises.load().values() if exercise.file in files]
    if all(exercise.id in stubs[exercise.file] for exercise in asked):
        return ["Every exercise still raises its TODO, as in the template. Is this the folder in which you worked?"]
    return []


def _elsewhere(found: list[Entry], folder: PurePosixPath) -> list[str]:
    """Notes on files that do not count."""
    changed, added, ignored = [], [], []
    seen = {PurePosixPath("."), *map(PurePosixPath, exercises.files())}
    seen |= {_in_homework(e.path, folder) for name in NAMES for e in _candidates(found, folder, name)}
    for entry in found:
        path = _in_homework(entry.path, folder)
        given = ROOT / path
        if entry.kind != "file" or path in seen:  # a zip can contain the same name thousands of times
            continue
        seen.add(path)
        other = path.parent.name == "hw1" and path.parts[0] != "hw1" and path.suffix == ".py"
        if path.name in RUN_AUTOMATICALLY or path.suffix == ".pth" or other:
            ignored += [] if given.is_file() else [path]
        elif path.parts[0] == "hw1" and path.suffix in (".py", ".toml"):
            if not given.is_file():
                added.append(path)
            elif not _same(entry, given):
                changed.append(path)
    notes = []
    if changed:
        notes.append(f"You changed given files ({listed(changed)}). Your changes are ignored: the originals are used.")
    if added:
        files = ", ".join(exercises.files())
        notes.append(f"Only {files} are graded. Do not import other files of your own: {listed(added)}.")
    if ignored:
        notes.append(f"Ignored: {listed(ignored)}.")
    return notes


def _in_homework(path: PurePosixPath, folder: PurePosixPath) -> PurePosixPath:
    """Where a file of the submission would be in the homework, if the student's files are in `folder`."""
    if folder.name.casefold() != "hw1":
        return "hw1" / PurePosixPath(path.name) if path.parent == folder else path
    if path.is_relative_to(folder):
        return "hw1" / path.relative_to(folder)
    return path.relative_to(folder.parent) if path.is_relative_to(folder.parent) else path


def _same(entry: Entry, given: Path) -> bool:
    """Whether a given file is unchanged, except for line ends."""
    try:
        return source.normal(entry.read(MAX_FILE)) == source.normal(given.read_bytes())
    except FileError:
        return False
