"""Reads what was handed in, a folder or a zip, as a list of entries. Nothing is unpacked; everything has a limit."""

import copy
import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO

MAX_ZIP = 32 << 20  # bytes
MAX_TABLE = 2 << 20  # bytes of a zip's table of contents, which zipfile reads and parses as a whole
MAX_ENTRIES = 20_000
MAX_RATIO = 200  # unpacked size divided by packed size; 3 to 10 for Python source
MAX_DEPTH = 6  # levels of folders that are searched
MAX_NAMED = 8  # files that one note lists
CHUNK = 1 << 16  # bytes that are read at once
IGNORED = {"__MACOSX", "__pycache__", "site-packages", "node_modules"}
PACK = "pack it with `python -m scripts.submit`"


class IntakeError(Exception):
    """The submission cannot be graded. Its text tells the student why, and what to do."""


class FileError(Exception):
    """One file cannot be taken. Its text tells the student why, and what to do."""


@dataclass(frozen=True)
class Entry:
    """A file or folder in the submission."""

    path: PurePosixPath
    """Relative to the submission."""
    kind: str
    """file, folder, link, device."""
    open: Callable[[int], BinaryIO]
    """Opens it to read at most so many bytes."""
    packed: int = 0
    """Bytes that it takes in a zip."""

    def read(self, limit: int) -> bytes:
        """Its contents, at most `limit` bytes. Raises FileError if it is larger, or cannot be read."""
        name = shown(self.path)
        too_large = FileError(f"{name} is larger than {limit >> 20} MiB: hand in source code only")
        if self.kind != "file":
            raise FileError(f"{name} is a {self.kind}, not a file: hand in the file itself")
        if self.packed > limit + limit // 8:  # packing adds a few percent at most
            raise too_large
        try:
            with self.open(limit) as file:
                data = _read(file, limit + 1)
        except FileError:
            raise
        except OSError as error:
            raise FileError(f"{name} cannot be read ({error.strerror or 'damaged'}): {PACK}") from error
        except Exception as error:  # zipfile raises many kinds for damaged data
            raise FileError(f"{name} is damaged: {PACK} again") from error
        if len(data) > limit:
            raise too_large
        return data


def _read(file: BinaryIO, most: int) -> bytes:
    """The first bytes of a file, `most` at most."""
    chunks = islice(iter(lambda: file.read(CHUNK), b""), most // CHUNK + 1)
    return b"".join(chunks)[:most]


@contextmanager
def entries(submission: Path) -> Iterator[list[Entry]]:
    """The entries of a folder or zip that may matter. Raises IntakeError if it is neither, or too large or damaged."""
    name = shown(submission.name)
    if submission.is_dir():
        with _any_error_as(f"{name} cannot be read: {PACK}"):
            yield _counted(_in_folder(submission))
    elif not submission.exists():
        raise IntakeError(f"{name} does not exist")
    elif not submission.is_file():
        raise IntakeError(f"{name} is neither a folder nor a zip: {PACK}")
    else:
        if (size := submission.stat().st_size) > MAX_ZIP:
            sizes = f"{size >> 20} MiB, the limit is {MAX_ZIP >> 20} MiB"
            raise IntakeError(f"{name} is too large ({sizes}): hand in only hw1/, or {PACK}")
        with _any_error_as(f"{name} cannot be read: {PACK}"), submission.open("rb") as file, _zip(file, name) as found:
            yield found


@contextmanager
def inside(entry: Entry) -> Iterator[list[Entry]]:
    """The entries of a zip that is itself in the submission."""
    try:
        file = io.BytesIO(entry.read(MAX_ZIP))
    except FileError as error:
        raise IntakeError(str(error)) from error
    with _zip(file, shown(entry.path)) as found:
        yield found


@contextmanager
def _any_error_as(sentence: str) -> Iterator[None]:
    """Turn every error of an unreadable folder, or of a damaged or forged zip, into an IntakeError with `sentence`."""
    try:
        yield
    except IntakeError:
        raise
    except Exception as error:  # a submission that raised anything else would end a whole batch
        raise IntakeError(sentence) from error


def _counted(found: Iterator[Entry]) -> list[Entry]:
    """The entries that may matter, unless there are too many."""
    kept = []
    for count, entry in enumerate(found):
        if count >= MAX_ENTRIES:
            raise IntakeError(f"there are more than {MAX_ENTRIES} files: hand in only hw1/, or {PACK}")
        if not any(part in IGNORED or part.startswith(".") for part in entry.path.parts):
            kept.append(entry)
    return kept


# --- a folder ---------------------------------------------------------------------------------------------------------
def _in_folder(root: Path) -> Iterator[Entry]:
    """Does not follow links, and skips virtual environments and hidden folders."""
    waiting = [PurePosixPath()]
    while waiting:
        here = waiting.pop()
        found = _listed(root / here, required=not here.parts)
        kinds = {each.name: _kind(each) for each in found}
        for name, kind in kinds.items():
            path = here / name
            yield Entry(path, kind, lambda limit, path=path: _open(root / path))
        if len(here.parts) < MAX_DEPTH and not (here.parts and "pyvenv.cfg" in kinds):
            below = [name for name in kinds if kinds[name] == "folder" and name not in IGNORED and name[0] != "."]
            waiting += [here / name for name in reversed(below)]


def _listed(folder: Path, required: bool) -> list[os.DirEntry]:
    """What is in a folder, by name: no more than is needed to see that there is too much."""
    try:
        with os.scandir(folder) as found:
            return sorted(islice(found, MAX_ENTRIES + 1), key=lambda each: each.name)
    except PermissionError:
        if required:
            raise
        return []


def _kind(each: os.DirEntry) -> str:
    if each.is_symlink():
        return "link"
    if each.is_dir(follow_symlinks=False):
        return "folder"
    return "file" if each.is_file(follow_symlinks=False) else "device"


def _open(path: Path) -> BinaryIO:
    """Open a file for reading, but not through a link, and without waiting for the writer of a pipe."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    return os.fdopen(os.open(path, flags), "rb")


# --- a zip ------------------------------------------------------------------------------------------------------------
class _Limited:
    """A file for zipfile, in which no read may be larger than MAX_TABLE.

    Only the table of contents is read in one piece. zipfile would make an object of each of its lines, however many
    there are, before anybody could count them.
    """

    def __init__(self, file: BinaryIO):
        self.file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(size if 0 <= size <= MAX_TABLE else MAX_TABLE + 1)
        if len(data) > MAX_TABLE:
            raise IntakeError(f"the zip contains too many files: hand in only hw1/, or {PACK}")
        return data


@contextmanager
def _zip(file: BinaryIO, name: str) -> Iterator[list[Entry]]:
    with _any_error_as(f"{name} is a damaged zip: {PACK} again"):
        limited = _Limited(file)
        if not zipfile.is_zipfile(limited):
            raise IntakeError(f"{name} is neither a folder nor a complete zip: {PACK}")
        with zipfile.ZipFile(limited) as archive:
            yield _counted(_in_zip(archive))


def _in_zip(archive: zipfile.ZipFile) -> Iterator[Entry]:
    for info in archive.infolist():
        path = _safe(info.orig_filename)
        if path.parts:
            kind = "folder" if info.orig_filename.endswith(("/", "\\")) else _kind_by_mode(info.external_attr >> 16)
            yield Entry(path, kind, lambda limit, info=info: _stream(archive, info, limit), info.compress_size)


def _safe(name: str) -> PurePosixPath:
    """A name in a zip as a relative path. Some Windows programs write `\\` instead of `/`."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or re.match("[A-Za-z]:", name) or "\0" in name:
        raise IntakeError(f"the zip contains a path outside its own folder, {shown(name)}: {PACK}")
    return path


def _kind_by_mode(mode: int) -> str:
    """The kind of a file by its `mode`, which is 0 in a zip from a system without modes."""
    kinds = {0: "file", stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
    return kinds.get(stat.S_IFMT(mode), "device")


def _stream(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> BinaryIO:
    name = shown(info.filename)
    if info.flag_bits & 0x1:
        raise FileError(f"{name} is encrypted: {PACK}, without a password")
    if info.file_size > MAX_RATIO * info.compress_size:
        raise FileError(f"{name} is compressed more than {MAX_RATIO} times, which source code never is: {PACK}")
    if info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return archive.open(info)
    if info.compress_type in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        return io.BytesIO(_decompressed(archive, info, limit))
    raise FileError(f"the compression method of {name} is not supported: {PACK}")


def _decompressed(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    """The contents of a file in bzip2 or LZMA, up to `limit` + 1 bytes.

    zipfile itself puts no limit on what it unpacks at once with these: 4 KiB of bzip2 can be gigabytes.
    """
    as_stored = copy.copy(info)  # with which zipfile returns the packed bytes
    as_stored.compress_type, as_stored.file_size = zipfile.ZIP_STORED, info.compress_size
    del as_stored.CRC  # that of the unpacked bytes
    with archive.open(as_stored) as file:
        packed = _read(file, info.compress_size)
    unpack = _bzip2 if info.compress_type == zipfile.ZIP_BZIP2 else _lzma
    data = unpack(packed, limit + 1)
    if len(data) <= limit and (len(data), zlib.crc32(data)) != (info.file_size, info.CRC):
        raise zipfile.BadZipFile
    return data


# Python can be built without these two modules, and a student who packs a zip does not need them.
def _bzip2(packed: bytes, most: int) -> bytes:
    import bz2

    return bz2.BZ2Decompressor().decompress(packed, max_length=most)


def _lzma(packed: bytes, most: int) -> bytes:
    """In a zip: version (2 bytes), length of the properties (2), properties (1), size of the dictionary (4), data."""
    import lzma

    _, length, properties, dictionary = struct.unpack_from("<HHBI", packed)
    if length != 5:
        raise zipfile.BadZipFile
    # The dictionary is allocated at once. It need not be larger than what is unpacked. The size at the end is unknown.
    header = struct.pack("<BIQ", properties, min(dictionary, max(most, 4096)), (1 << 64) - 1)
    return lzma.LZMADecompressor(lzma.FORMAT_ALONE).decompress(header + packed[9:], max_length=most)


# --- names in sentences -----------------------------------------------------------------------------------------------
def listed(paths: list) -> str:
    more = len(paths) - MAX_NAMED
    return ", ".join(shown(path) for path in paths[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def shown(name: object, limit: int = 80) -> str:
    """A name from a submission as one short line of printable characters."""
    text = "".join(c if c.isprintable() else "?" for c in str(name))
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
