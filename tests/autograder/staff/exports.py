"""A platform's export that is given as the zip in which it was downloaded: unpacked once, beside the grades."""

import hashlib
import shutil
import stat
import zipfile
from collections.abc import Iterable
from itertools import islice
from pathlib import Path, PurePosixPath

from tests.autograder.containers import MAX_RATIO, MAX_ZIP
from tests.autograder.intake import NAMES
from tests.autograder.staff import layouts
from tests.autograder.staff.batch import BatchError
from tests.autograder.staff.names import is_zip, quoted

FEW = 3  # paths of a command line, up to which a zip may be a whole class
CHUNK = 1 << 20  # bytes


def opened(paths: Iterable[Path], place: Path) -> list[Path]:
    """The paths, with the folder of its contents, in `place`, instead of each export that is a zip."""
    paths = list(paths)
    if len(paths) > FEW:
        return paths
    return [_unpacked(path, place) if _is_export(path, alone=len(paths) == 1) else path for path in paths]


def _is_export(path: Path, alone: bool) -> bool:
    """Whether a zip holds submissions of several students.

    Args:
        alone: whether it is the only path; then a zip of zips is a class, too.
    """
    if not (path.is_file() and is_zip(path.name)):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            files = [parts for info in archive.infolist() if (parts := _parts(info.filename))]
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return False  # grading it gives the reason
    around = {parts[0] for parts in files}
    inside = [parts[1:] for parts in files if len(parts) > 1] if len(around) == 1 else []
    return any(_is_class(each, alone) for each in (files, inside))


def _is_class(files: list[tuple[str, ...]], alone: bool) -> bool:
    top = list(dict.fromkeys(parts[0] for parts in files))
    if layouts.marked(top, any(_is_work(name) for parts in files for name in parts[:2])):
        return True
    students = {parts[0] for parts in files if is_zip(parts[-1]) or any(map(_is_work, parts))}
    return alone and not any(map(_is_work, top)) and len(students) >= layouts.CLASS_ONLY


def _is_work(name: str) -> bool:
    return name.casefold() in (*NAMES, "hw1")


def _parts(name: str) -> tuple[str, ...]:
    """A name in a zip, without what macOS adds; empty if it would lie outside."""
    path = PurePosixPath(name.replace("\\", "/"))
    unsafe = path.is_absolute() or ".." in path.parts or "\0" in name or "__MACOSX" in path.parts
    return () if unsafe else path.parts


def _unpacked(path: Path, place: Path) -> Path:
    """The folder of an export's contents: the one in it, if it holds nothing else. Raises BatchError if damaged."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    folder = place / f"{path.stem[:60]}-{digest[:12]}"
    if not folder.exists():
        part = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True, mode=0o700)
        try:
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    _extract(archive, info, part)
        except (
            ValueError,
            NotImplementedError,
            EOFError,
            RuntimeError,
            zipfile.BadZipFile,
            zipfile.zlib.error,
        ) as error:
            raise BatchError(f"{quoted(path)} is damaged: download the export again") from error
        part.rename(folder)
    inside = list(islice(folder.iterdir(), 2))
    return inside[0] if len(inside) == 1 and inside[0].is_dir() and not _names_a_student(inside[0]) else folder


def _names_a_student(folder: Path) -> bool:
    """Whether it is already a submission, of which the export has only one."""
    return bool(layouts.MOODLE.fullmatch(folder.name))


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, into: Path) -> None:
    """Write a regular file; links, and what no student may hand in, are left out."""
    parts = _parts(info.filename)
    is_link = stat.S_ISLNK(info.external_attr >> 16)
    if not parts or info.is_dir() or is_link or info.file_size > MAX_ZIP + 1:
        return
    if info.file_size > MAX_RATIO * max(info.compress_size, 1) and info.file_size > CHUNK:
        return
    target = into.joinpath(*parts)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with archive.open(info) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file, CHUNK)
