"""What was handed in is kept beside the grade, with its hash: NAME/submitted/SHA256/FILE, listed in NAME/attempts.json
in the order of arrival. What is graded is this copy."""

import hashlib
import io
import json
import stat
import zipfile
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.autograder.cells import MAX_NOTEBOOK
from tests.autograder.containers import MAX_ZIP, Entry, FileError, IntakeError, entries
from tests.autograder.intake import MAX_FILE, is_module
from tests.autograder.staff import private
from tests.autograder.staff.layouts import Attempt, original_name
from tests.autograder.staff.names import printable, target

LIST, FOLDER = "attempts.json", "submitted"
KEPT = {".py", ".toml", ".txt", ".cfg", ".ini", ".pth", ".ipynb", ".zip"}  # what intake looks at in a folder
MODULES = {".py", ".ipynb"}
LIMITS = {".ipynb": MAX_NOTEBOOK, ".zip": MAX_ZIP}
MODES = {"file": stat.S_IFREG | 0o644, "folder": stat.S_IFDIR | 0o755, "link": stat.S_IFLNK, "device": stat.S_IFIFO}
EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Received:
    """An attempt in the list of a student."""

    sha256: str
    """Of the file that is kept."""
    file: str
    """Its place in the student's folder."""
    source: str
    """Where it was found."""
    seen: str
    """When the grader first saw it, in ISO format."""
    modified: str
    """When it was last changed before that."""
    layout: str = "plain"
    number: int = 0
    submitted: str = ""
    late: bool | None = None

    def is_before(self, other: "Received") -> bool:
        """Whether the platform itself says that this one was handed in earlier."""
        same = self.layout == other.layout and (self.submitted == "") == (other.submitted == "")
        return same and (self.submitted, self.number) < (other.submitted, other.number)


def attempts(folder: Path) -> list[Received]:
    """The attempts of a student, the last one at the end. `folder`: NAME in the folder of grades."""
    try:
        return [Received(**each) for each in json.loads((folder / LIST).read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def receive(folder: Path, new: list[Attempt]) -> list[Received]:
    """Keep what a student handed in; returns all attempts, the one that counts at the end; none if nothing of it could
    be kept, for example because it cannot be read: grading it where it lies gives the reason.

    An attempt that is already kept is not listed again, unless it was given alone as the newest.
    """
    before = attempts(folder)
    kept = [each for attempt in new if (each := _kept(folder, attempt))]
    if not kept:
        return []
    kept.sort(key=lambda each: (each.submitted, each.number, each.modified))
    after = list(before)
    for each in kept:
        if each.sha256 not in {other.sha256 for other in after}:
            at = next((at for at, other in enumerate(after) if each.is_before(other)), len(after))
            after.insert(at, each)
    if after[-1].sha256 != kept[-1].sha256 and not kept[-1].is_before(after[-1]):
        after.append(kept[-1])
    if after != before:
        private.write(folder / LIST, json.dumps([asdict(each) for each in after], indent=1).encode())
    return after


def is_packed(attempt: Received) -> bool:
    """Whether it was put together of files that lay apart."""
    return Path(attempt.source).suffix.casefold() in MODULES


def described(file: Path) -> dict[str, str]:
    """The name and the hash of a file that was graded; of a folder that could not be kept only the name."""
    return {"name": printable(file.name), "sha256": file.parent.name if file.parent.parent.name == FOLDER else ""}


def _kept(folder: Path, attempt: Attempt) -> Received | None:
    try:
        name, data, modified = _packed(attempt.files)
    except (OSError, IntakeError, FileError, ValueError):
        return None
    digest = hashlib.sha256(data).hexdigest()
    place = Path(FOLDER, digest, name)
    if not (folder / place).exists():
        for parent in (folder, folder / FOLDER, folder / FOLDER / digest):
            parent.mkdir(exist_ok=True, mode=0o700)
        private.write(folder / place, data)
    about = (attempt.layout, attempt.number, attempt.submitted, attempt.late)
    return Received(
        digest, place.as_posix(), str(attempt.files[0]), _iso(datetime.now(UTC).timestamp()), modified, *about
    )


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


# --- one file for each attempt ----------------------------------------------------------------------------------------
def _packed(files: tuple[Path, ...]) -> tuple[str, bytes, str]:
    """Name, contents, and time of the last change. Raises an error if it cannot be read, or is too large to be kept."""
    path = target(files[0])
    modified = _iso(max(file.stat().st_mtime for file in files))
    if len(files) > 1:
        return "submission.zip", _zip_of_files(files), modified
    if path.is_dir():
        with entries(path) as found:
            return f"{_short(path.name)}.zip", _zip(found), modified
    if path.stat().st_size > MAX_ZIP or not stat.S_ISREG(path.stat().st_mode):
        raise FileError("not kept")
    if path.suffix.casefold() in MODULES:  # a single module, as Canvas and Moodle deliver it
        return "submission.zip", _zip_of_files(files), modified
    return _short(path.name), path.read_bytes(), modified


def _short(name: str) -> str:
    return printable(name).encode()[-200:].decode(errors="ignore")


def _zip(found: list[Entry]) -> bytes:
    """What intake looks at in a folder, as a zip from which it takes the same."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for entry in found:
            if entry.kind == "file" and entry.path.suffix.casefold() in KEPT:
                data = entry.read(LIMITS.get(entry.path.suffix.casefold(), MAX_FILE))
            elif entry.kind != "file" and (is_module(entry.path.name) or entry.path.name.casefold() == "hw1"):
                data = b""
            else:
                continue
            _add(archive, entry.path.as_posix() + "/" * (entry.kind == "folder"), data, MODES[entry.kind])
    if buffer.tell() > MAX_ZIP:
        raise FileError("not kept")
    return buffer.getvalue()


def _zip_of_files(files: tuple[Path, ...]) -> bytes:
    """Single files, under the names that they had before the platform changed them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in files:
            if file.is_file() and file.suffix.casefold() in KEPT and file.stat().st_size <= MAX_ZIP:
                _add(archive, original_name(file.name), file.read_bytes(), MODES["file"])
    return buffer.getvalue()


def _add(archive: zipfile.ZipFile, name: str, data: bytes, mode: int) -> None:
    info = zipfile.ZipInfo(name, EPOCH)
    info.create_system, info.external_attr = 3, mode << 16
    archive.writestr(info, data)
