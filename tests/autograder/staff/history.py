"""The earlier results of a submission: NAME/history/TIME.json, in the order in which they were replaced."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from tests.autograder.staff import private
from tests.autograder.staff.summary import readable

FOLDER = "history"


def stamp() -> str:
    """The present time as a file name; later ones are larger."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")


def keep(folder: Path, results: Path) -> None:
    """Copy the results of a submission into its history, with the time at which they were written.

    Args:
        folder: of the submission, in the folder of grades.
    """
    (folder / FOLDER).mkdir(exist_ok=True, mode=0o700)
    copy = folder / FOLDER / f"{stamp()}.json"
    private.write(copy, results.read_bytes())
    graded = results.stat().st_mtime_ns
    os.utime(copy, ns=(graded, graded))


def pages(folder: Path, since: str = "") -> list[dict]:
    """Earlier results, the oldest first, that were replaced at that time (`stamp`) or later."""
    found = (each for each in sorted((folder / FOLDER).glob("*.json")) if each.stem >= since)
    return [page for each in found if (page := _read(each)) is not None]


def _read(path: Path) -> dict | None:
    try:
        page = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return page if readable(page) else None
