"""The given files as they were released, and which of them differ now. Needs only Python's standard library.

Their digests are in the snapshot and come with each release, so a correction that was pulled is no edit.
"""

import hashlib
import json
from pathlib import Path

from hw1 import exercises

SNAPSHOT = Path("tests/autograder/probes/expected.safetensors")
GIVEN = ("hw1/**/*.py", "hw1/*.toml", "tests/autograder/probes/*.py")


def edited(root: Path, released: dict[str, str]) -> list[str]:
    """The given files in `root` that were changed, added or removed since these digests were taken."""
    now = given(root)
    return sorted(file for file in now.keys() | released.keys() if now.get(file) != released.get(file))


def released(root: Path) -> dict[str, str]:
    """The digests of the given files, by path, that came with the snapshot. Raises OSError, ValueError or KeyError.

    A snapshot begins with the length of a JSON header, which holds all that is not an array.
    """
    with (root / SNAPSHOT).open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return json.loads(header["__metadata__"]["index"])["given"]


def given(root: Path) -> dict[str, str]:
    """Digests of the files that students do not edit, by path. Line ends do not matter."""
    files = {path for pattern in GIVEN for path in root.glob(pattern)}
    names = sorted({file.relative_to(root).as_posix() for file in files} - set(exercises.files()))
    return {name: digest((root / name).read_bytes()) for name in names}


def digest(text: bytes) -> str:
    return hashlib.sha256(text.replace(b"\r\n", b"\n")).hexdigest()
