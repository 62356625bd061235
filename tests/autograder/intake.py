"""Takes the student's files out of a submission: the four that students edit, as plain text, and nothing else.

Everything else in a folder or a zip is ignored. It is read only to tell the student that it does not count.
Nothing is unpacked: the four files are read as streams, with limits on their size, and written to a new folder.
"""

import hashlib
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from hw1 import exercises
from hw1.exercises import ROOT

MAX_FILE = 1 << 20  # bytes of one file
MAX_ZIP = 32 << 20  # bytes; this also limits the zip's table of contents
MAX_ENTRIES = 20_000
MAX_RATIO = 200  # unpacked size divided by packed size; 3 to 10 for Python source
MAX_DEPTH = 6  # levels of folders that are searched
MAX_AROUND = 2  # folders around hw1/ that are accepted
MAX_NAMED = 8  # files that one note lists
IGNORED = {"__MACOSX", "__pycache__", "site-packages", "node_modules"}
# Files that Python or pytest run without an import.
RUN_AUTOMATICALLY = {"conftest.py", "pytest.ini", "tox.ini", "setup.cfg", "sitecustomize.py", "usercustomize.py"}
PACK = "pack it with `python -m scripts.submit`"


class IntakeError(Exception):
    """The submission cannot be graded. Its text tells the student why, and what to do."""


@dataclass(frozen=True)
class Intake:
    """What was taken from a submission."""

    digest: str
    """sha256 of the files that were taken, with normalised line ends."""
    missing: list[str]
    """Student files that are missing, such as "hw1/heads.py"."""
    notes: list[str]
    """Sentences for the student."""


@dataclass(frozen=True)
class Entry:
    """A file or folder in the submission."""

    path: PurePosixPath
    """Relative to the submission."""
    kind: str
    """file, folder, link, device."""
    open: Callable[[], BinaryIO]


def take(submission: Path, into: Path) -> Intake:
    """Write the student's files to `into`/hw1, which must not exist yet.

    Args:
        submission: a folder or a zip that contains hw1/, at the top or up to two folders below.

    Raises IntakeError, with a sentence for the student, if nothing can be graded.
    """
    with _entries(Path(submission)) as entries:
        hw1 = _hw1_folder(entries)
        found = {file: _pick(entries, hw1, PurePosixPath(file).name) for file in exercises.files()}
        raw = {file: _read(entry) for file, entry in found.items() if entry}
        notes = _place(hw1) + _elsewhere(entries, hw1)
    texts = {file: _text(file, data) for file, data in raw.items()}
    notes += _normalised(raw) + _untouched(texts)
    _write(texts, into)
    return Intake(_digest(texts), [file for file in found if file not in raw], notes)


def _digest(texts: dict[str, str]) -> str:
    digest = hashlib.sha256()
    for file, text in texts.items():
        data = text.encode()
        digest.update(f"{file} {len(data)}\n".encode() + data)
    return digest.hexdigest()


def _write(texts: dict[str, str], into: Path) -> None:
    """Write files that every user can read: the student's code may run as another user."""
    folder = into / "hw1"
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    for file, text in texts.items():
        (into / file).write_text(text, encoding="utf-8", newline="\n")
        (into / file).chmod(0o644)


# --- what is in a folder or a zip -------------------------------------------------------------------------------------
@contextmanager
def _entries(submission: Path) -> Iterator[list[Entry]]:
    name = shown(submission.name)
    if submission.is_dir():
        with _any_error_as(f"{name} cannot be read: {PACK}"):
            yield _counted(_in_folder(submission))
    elif not submission.exists():
        raise IntakeError(f"{name} does not exist")
    else:
        with _any_error_as(f"{name} is a damaged zip: {PACK} again"):
            if not submission.is_file() or not zipfile.is_zipfile(submission):
                raise IntakeError(f"{name} is neither a folder nor a complete zip: {PACK}")
            if (size := submission.stat().st_size) > MAX_ZIP:
                sizes = f"{size >> 20} MiB, the limit is {MAX_ZIP >> 20} MiB"
                raise IntakeError(f"{name} is too large ({sizes}): hand in only hw1/, or {PACK}")
            with zipfile.ZipFile(submission) as archive:
                yield _counted(_in_zip(archive))


@contextmanager
def _any_error_as(sentence: str) -> Iterator[None]:
    """Turn every error of an unreadable folder, or of a damaged or forged zip, into an IntakeError with `sentence`."""
    try:
        yield
    except IntakeError:
        raise
    except Exception as error:  # a submission that raised anything else would end a whole batch
        raise IntakeError(sentence) from error


def _counted(entries: Iterator[Entry]) -> list[Entry]:
    """The entries that may matter, unless there are too many."""
    kept = []
    for count, entry in enumerate(entries):
        if count >= MAX_ENTRIES:
            raise IntakeError(f"there are more than {MAX_ENTRIES} files: hand in only hw1/, or {PACK}")
        if not any(part in IGNORED or part.startswith(".") for part in entry.path.parts):
            kept.append(entry)
    return kept


def _in_folder(root: Path) -> Iterator[Entry]:
    """Does not follow links, and skips virtual environments and hidden folders."""
    for folder, below, files in os.walk(root):
        here = PurePosixPath(Path(folder).relative_to(root).as_posix())
        for name in sorted(below + files):
            path = root / here / name
            yield Entry(here / name, _kind(path.lstat().st_mode), lambda path=path: _open(path))
        deep = len(here.parts) >= MAX_DEPTH or "pyvenv.cfg" in files
        below[:] = [] if deep else sorted(n for n in below if n not in IGNORED and not n.startswith("."))


def _open(path: Path) -> BinaryIO:
    """Open a file for reading, but not through a link, and without waiting for the writer of a pipe."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags), "rb")


def _in_zip(archive: zipfile.ZipFile) -> Iterator[Entry]:
    for info in archive.infolist():
        path = _safe(info.orig_filename)
        if path.parts:
            kind = "folder" if info.orig_filename.endswith(("/", "\\")) else _kind(info.external_attr >> 16)
            yield Entry(path, kind, lambda info=info: _stream(archive, info))


def _safe(name: str) -> PurePosixPath:
    """A name in a zip as a relative path. Some Windows programs write `\\` instead of `/`."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", name) or "\0" in name:
        raise IntakeError(f"the zip contains a path outside its own folder, {shown(name)}: {PACK}")
    return path


def _stream(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    name = shown(info.filename)
    if info.flag_bits & 0x1:
        raise IntakeError(f"{name} is encrypted: {PACK}, without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise IntakeError(f"the compression method of {name} is not supported: {PACK}")
    if info.file_size > MAX_RATIO * info.compress_size:
        raise IntakeError(f"{name} is compressed more than {MAX_RATIO} times, which source code never is: {PACK}")
    return archive.open(info)


def _kind(mode: int) -> str:
    """The kind of a file by its `mode`, which is 0 in a zip from a system without modes."""
    kinds = {0: "file", stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
    return kinds.get(stat.S_IFMT(mode), "device")


# --- which files are taken --------------------------------------------------------------------------------------------
def _hw1_folder(entries: list[Entry]) -> PurePosixPath:
    """The folder hw1 of the submission: the one closest to the top."""
    names = {PurePosixPath(file).name for file in exercises.files()}
    folders = {
        entry.path.parent
        for entry in entries
        if entry.path.name.casefold() in names and entry.path.parent.name.casefold() == "hw1"
    }
    depth = min((len(folder.parts) for folder in folders), default=0)
    highest = sorted(folder for folder in folders if len(folder.parts) == depth)
    if not highest or depth > 1 + MAX_AROUND:
        raise IntakeError(_no_hw1(entries))
    if len(highest) > 1:
        raise IntakeError(f"there are several folders called hw1 ({_list(highest)}): hand in only one, or {PACK}")
    hw1 = highest[0]
    if hw1.name != "hw1":
        raise IntakeError(f"the folder {shown(hw1)} must be called hw1, in lower case")
    if links := [e.path for e in entries if e.kind == "link" and (e.path == hw1 or e.path in hw1.parents)]:
        raise IntakeError(f"{_list(links)} is a link: hand in the folder itself")
    return hw1


def _no_hw1(entries: list[Entry]) -> str:
    """Why there is no folder hw1, and what to do."""
    names = {PurePosixPath(file).name for file in exercises.files()}
    for entry in entries:
        if entry.path.name == "hw1" and entry.kind == "link":
            return f"{shown(entry.path)} is a link: hand in the folder itself"
        if entry.path.name in names:
            return f"{shown(entry.path)} was found, but it must be in a folder called hw1 at the top: {PACK}"
        if entry.path.suffix == ".zip":
            return f"there is no folder called hw1, but a zip, {shown(entry.path)}: hand in its contents"
    return f"there is no folder called hw1 that contains {' or '.join(sorted(names))}: {PACK}"


def _pick(entries: list[Entry], hw1: PurePosixPath, name: str) -> Entry | None:
    """The one plain file of this name; None if it is missing."""
    found = [e for e in entries if e.path.parent == hw1 and e.path.name.casefold() == name]
    if not found:
        return None
    if wrong := [e.path.name for e in found if e.path.name != name]:
        raise IntakeError(f"{_list(wrong)} in hw1 must be called {name}: capital letters matter")
    if len(found) > 1:
        raise IntakeError(f"the zip contains hw1/{name} {len(found)} times: {PACK}")
    if found[0].kind != "file":
        raise IntakeError(f"hw1/{name} is a {found[0].kind}, not a file: hand in the file itself")
    return found[0]


def _read(entry: Entry) -> bytes:
    try:
        with entry.open() as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise IntakeError(f"{shown(entry.path)} cannot be read ({error.strerror or 'damaged'})") from error
    if len(data) > MAX_FILE:
        raise IntakeError(f"{shown(entry.path)} is larger than {MAX_FILE >> 20} MiB: hand in source code only")
    return data


def _text(file: str, data: bytes) -> str:
    """The text with Unix line ends, without the byte order mark that some Windows editors write."""
    try:
        return re.sub("\r\n?", "\n", data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise IntakeError(f"{file}, line {line}: not UTF-8 text; save the file as UTF-8") from error


# --- notes for the student --------------------------------------------------------------------------------------------
def _place(hw1: PurePosixPath) -> list[str]:
    if len(hw1.parts) == 1:
        return []
    return [f"hw1 was found in {shown(hw1.parent)}, but it should be at the top. It was graded anyway."]


def _normalised(raw: dict[str, bytes]) -> list[str]:
    notes = []
    if files := [file for file, data in raw.items() if b"\r" in data]:
        notes.append(f"{_list(files)}: Windows line ends were changed to Unix line ends.")
    if files := [file for file, data in raw.items() if data.startswith(b"\xef\xbb\xbf")]:
        notes.append(f"{_list(files)}: the byte order mark at the start was removed.")
    return notes


def _untouched(texts: dict[str, str]) -> list[str]:
    """A note if every exercise still has its stub, which names the exercise."""
    asked = [exercise for exercise in exercises.load().values() if exercise.file in texts]
    if all(exercise.id in exercises.STUB.findall(texts[exercise.file]) for exercise in asked):
        return ["Every exercise still raises its TODO, as in the template. Is this the folder in which you worked?"]
    return []


def _elsewhere(entries: list[Entry], hw1: PurePosixPath) -> list[str]:
    """Notes on files that do not count."""
    changed, added, ignored = [], [], []
    seen = {PurePosixPath("."), *map(PurePosixPath, exercises.files())}
    for entry in entries:
        path = entry.path.relative_to(hw1.parent) if entry.path.is_relative_to(hw1.parent) else entry.path
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
        notes.append(f"You changed given files ({_list(changed)}). Your changes are ignored: the originals are used.")
    if added:
        files = ", ".join(exercises.files())
        notes.append(f"Only {files} are graded. Do not import other files of your own: {_list(added)}.")
    if ignored:
        notes.append(f"Ignored: {_list(ignored)}.")
    return notes


def _same(entry: Entry, given: Path) -> bool:
    """Whether a given file is unchanged, except for line ends."""
    try:
        return _text("", _read(entry)) == _text("", given.read_bytes())
    except IntakeError:
        return False


def _list(paths: list) -> str:
    more = len(paths) - MAX_NAMED
    return ", ".join(shown(path) for path in paths[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def shown(name: object, limit: int = 80) -> str:
    """A name from a submission as one short line of printable characters."""
    text = "".join(c if c.isprintable() else "?" for c in str(name))
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
