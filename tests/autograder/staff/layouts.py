"""Exports of learning platforms: which files in them are whose.

Canvas        liddellalice_LATE_123_456_submission-1.zip     a file of a student; 123 is the student's number
Moodle        Alice Liddell_123_assignsubmission_file/       a folder of a student, or a file that begins like this
Gradescope    submission_metadata.yml, submission_123/       the metadata name the students of each folder
GitHub        hw1-alice/.git                                 clones of Classroom; what all names share is left out
plain         alice.zip, alice/                              anything else

An export may be given as its folder, as its zip, or as all that is in it (`folder/*`).
"""

import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, takewhile
from pathlib import Path

import yaml

from tests.autograder.containers import IGNORED
from tests.autograder.intake import is_module
from tests.autograder.staff.batch import BatchError
from tests.autograder.staff.names import holds_work, is_zip, quoted

CANVAS = re.compile(r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_(?P<number>\d+)_(?P<file>.+)", re.IGNORECASE)
AGAIN = re.compile(r"-\d+(?=\.[^.]*$)")  # Canvas numbers what is handed in again: losses-1.py
MOODLE = re.compile(r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?P<kind>file|onlinetext)_?(?P<file>.*)", re.DOTALL)
METADATA = "submission_metadata.yml"
CLASS_ONLY = 2  # submissions in a folder, from which on it is a class and not one student's


@dataclass(frozen=True)
class Attempt:
    """Something that one student, or a group, handed in once."""

    files: tuple[Path, ...]
    """A folder, a zip, or single files that belong together."""
    layout: str = "plain"
    name: str = ""
    """Of the student, as the platform writes it; "" for a plain file, whose name says it."""
    ids: tuple[str, ...] = ()
    """By which the platform knows the student."""
    number: int = 0
    """Grows from attempt to attempt, if the platform numbers them."""
    submitted: str = ""
    """When, in ISO format, if the export says so."""
    late: bool | None = None
    """Whether the platform calls it late; None if the export does not say so."""
    members: tuple["Attempt", ...] = field(default=(), repr=False)
    """For a group that the export lists: its students, without files."""

    @property
    def key(self) -> tuple:
        """Equal for attempts of the same student in one layout; unique for a plain file."""
        return (self.layout, self.name, *(self.ids or self.files))

    @property
    def label(self) -> str:
        """What the student is called without a roster; "" for a plain file."""
        return f"{self.name}_{self.ids[0]}" if self.layout in ("Canvas", "Moodle") else self.name


def found(paths: Iterable[Path], out: Path) -> tuple[list[Attempt], list[Path]]:
    """The attempts among the paths of a command line, and what is no submission and is skipped, as the folder `out` is.

    Raises BatchError if a path does not exist, or an export's metadata are damaged.
    """
    paths = list(dict.fromkeys(Path(os.path.abspath(path)) for path in paths))
    for path in paths:
        if not path.exists():
            raise BatchError(f"{quoted(path)} does not exist")
    if len(paths) == 1:
        paths = children(folder) if is_class(folder := innermost(paths[0])) else [folder]
    out = Path(os.path.abspath(out))
    inside = [each for path in paths for each in (children(path) if is_export(path) else [path])]
    metadata = {folder: read_metadata(folder / METADATA) for folder in {path.parent for path in inside}}
    single, loose, skipped = [], defaultdict(list), []
    clones = shared_prefix([path.name for path in inside if is_clone(path)])
    canvas = is_of_canvas([path.name for path in inside])
    for path in inside:
        attempt = None if path == out else recognised(path, metadata[path.parent], clones, canvas)
        if attempt is None:
            skipped.append(path)
        elif path.is_file() and attempt.layout in ("Canvas", "Moodle"):
            loose[(path.parent, attempt.key)].append(attempt)
        else:
            single.append(attempt)
    return [*single, *chain.from_iterable(map(joined, loose.values()))], skipped


def joined(parts: list[Attempt]) -> list[Attempt]:
    """The files of a student that a platform delivers one by one, as attempts: each zip, or else all files together, of
    each name the newest."""
    if zips := [part for part in parts if is_zip(part.files[0].name)]:
        return zips
    parts = sorted(parts, key=lambda part: part.number)
    newest = {original_name(part.files[0].name): part.files[0] for part in parts}
    return [replace(parts[-1], files=tuple(newest.values()), late=parts[-1].late and any(part.late for part in parts))]


def original_name(name: str) -> str:
    """What a file was called before the platform put the student in front of its name."""
    match = CANVAS.fullmatch(name) or MOODLE.fullmatch(name)
    name = match["file"] if match else name
    again = AGAIN.sub("", name)
    return again if is_module(again) else name


# --- what a path is ---------------------------------------------------------------------------------------------------
def children(folder: Path) -> list[Path]:
    """What is in a folder; nothing if it cannot be read, which grading it will tell."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def is_export(path: Path) -> bool:
    """Whether a folder is a platform's export of a class."""
    if not path.is_dir() or is_clone(path) or MOODLE.fullmatch(path.name):
        return False
    inside = [each for each in children(path) if not is_ignored(each.name)]
    return marked([each.name for each in inside], holds_work(path, depth=1)) or sum(map(is_clone, inside)) >= CLASS_ONLY


def marked(names: list[str], holds_work: bool) -> bool:
    """Whether files of these names are a platform's export; if the folder also `holds_work`, a student may have chosen
    names that look as if Canvas had."""
    if METADATA in names or any(map(MOODLE.fullmatch, names)):
        return True
    return not holds_work and 2 * sum(bool(CANVAS.fullmatch(name)) for name in names) >= len(names) > 0


def innermost(path: Path) -> Path:
    """The folder of submissions in folders that hold nothing else, as archive programs make them."""
    below = [each for each in children(path) if not is_ignored(each.name)] if path.is_dir() else []
    if len(below) == 1 and not is_clone(path) and not MOODLE.fullmatch(path.name):
        inside = innermost(below[0])
        if is_clone(inside) or is_export(inside) or is_class(inside):
            return inside
    return path


def is_of_canvas(names: list[str]) -> bool:
    """Whether names that look as if Canvas made them are not somebody's own scheme, such as `hw1_2026_11_alice.zip`:
    each upload has its own number, and what one student hands in again is called as before."""
    found = [match for name in names if (match := CANVAS.fullmatch(name))]
    students = {(match["name"], match["id"]) for match in found}
    zips = {AGAIN.sub("", match["file"]) for match in found if is_zip(match["file"])}
    return len({match["number"] for match in found}) == len(found) and (len(students) > 1 or len(zips) <= 1)


def is_class(path: Path) -> bool:
    """Whether the only path of a command line is a folder of submissions without any platform's marks."""
    if not path.is_dir() or is_export(path) or (path / ".git").exists() or holds_work(path, depth=0):
        return False
    kept = [each for each in children(path) if not is_ignored(each.name)]
    students = [each for each in kept if is_zip(each.name) or (each.is_dir() and holds_work_or_zip(each))]
    beside = any(each.name.casefold() in ("index.html", "roster.csv") for each in kept)
    return len(students) >= CLASS_ONLY or (beside and bool(students))


def holds_work_or_zip(folder: Path) -> bool:
    return holds_work(folder) or any(is_zip(each.name) for each in folder.iterdir())


def is_clone(path: Path) -> bool:
    return path.is_dir() and (path / ".git").exists()


def is_ignored(name: str) -> bool:
    return name in IGNORED or name.startswith((".", "~$"))


def recognised(path: Path, metadata: dict[str, Attempt], clones: str, canvas: bool) -> Attempt | None:
    """Whose submission a path is; None if it is none.

    Args:
        metadata: of Gradescope, by folder, if the path lies in such an export.
        clones: what the names of all clones have in common.
        canvas: whether names that look as if Canvas made them are its own.
    """
    if is_ignored(path.name):
        return None
    if path.name in metadata:
        return replace(metadata[path.name], files=(path,))
    for name in (path.name, path.parent.name):
        if match := MOODLE.fullmatch(name):
            return Attempt((path,), "Moodle", match["name"], (match["id"],)) if match["kind"] == "file" else None
    if canvas and (match := CANVAS.fullmatch(path.name)) and path.is_file():
        number, late = int(match["number"]), bool(match["late"])  # of the upload: it grows
        return Attempt((path,), "Canvas", match["name"], (match["id"],), number, late=late)
    if is_clone(path):
        login = path.name.removeprefix(clones)
        return Attempt((path,), "GitHub", login, (login, *suffixes(path.name)))
    if path.is_dir() or is_zip(path.name):
        return Attempt((path,))
    return None


def shared_prefix(names: list[str]) -> str:
    """What comes before the students' logins in the names of clones, such as "hw1-"; "" if that is not clear."""
    if len(names) < CLASS_ONLY:
        return "hw1-"
    columns = zip(*(name.split("-")[:-1] for name in names), strict=False)
    return "".join(f"{parts[0]}-" for parts in takewhile(lambda parts: len(set(parts)) == 1, columns))


def suffixes(name: str) -> list[str]:
    """What may be the login in the name of a clone, the longest first; a roster knows it."""
    parts = name.split("-")
    return ["-".join(parts[at:]) for at in range(1, len(parts))]


# --- Gradescope's metadata --------------------------------------------------------------------------------------------
class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Reads what Ruby writes; objects of Ruby are left out."""


Loader.add_multi_constructor("!ruby", lambda loader, suffix, node: None)


def read_metadata(file: Path) -> dict[str, Attempt]:
    """Who handed in each folder of an export, and when; empty if there is no such file."""
    if not file.is_file():
        return {}
    try:
        entries = yaml.load(file.read_text(encoding="utf-8-sig"), Loader).items()
        return {str(name): _of_metadata(plainly(about)) for name, about in entries}
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError, TypeError, KeyError) as error:
        raise BatchError(f"{quoted(file)} cannot be read: download the export again") from error


def plainly(value):
    """The value with keys as they are meant: Ruby writes `:name` for name."""
    if isinstance(value, dict):
        return {str(key).removeprefix(":"): plainly(item) for key, item in value.items()}
    return [plainly(item) for item in value] if isinstance(value, list) else value


def _of_metadata(about: dict) -> Attempt:
    when = about.get("created_at")
    moment = when.isoformat() if isinstance(when, datetime) else str(when or "")
    members = tuple(_member(each) for each in about["submitters"])
    if not members:
        return Attempt((), "Gradescope", "nobody", (), submitted=moment)
    ids = tuple(id for member in members for id in member.ids)
    first = members[0]
    return Attempt((), "Gradescope", first.name, ids, submitted=moment, members=members)


def _member(about: dict) -> Attempt:
    ids = tuple(str(about[key]) for key in ("sid", "email") if about.get(key))
    name = str(about.get("name") or (ids[0] if ids else "nobody"))
    return Attempt((), "Gradescope", name, ids or (name,))
