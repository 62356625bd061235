"""Results on disk: results.json, and beside it what only the course staff may see."""

import json
from pathlib import Path

from tests.autograder.staff import private

EXCEPTIONS = "exceptions.txt"
WARNING = "Written by the submission's own code: it may contain hidden inputs, and anything else. Do not pass it on."


def write(path: Path, page: dict) -> None:
    """Write results.json completely or not at all, and exceptions.txt if there is a text for it; only their owner may
    read them. Takes that text out of `page`.
    """
    staff = page.pop("staff", "")
    data = json.dumps(page, indent=2, allow_nan=False).encode()
    discard(path)
    if staff:
        private.write(path.with_name(EXCEPTIONS), f"{WARNING}\n\n{staff}\n".encode())
    private.write(path, data)


def discard(path: Path) -> None:
    """Remove the exceptions of an earlier grade, which are beside results.json."""
    path.with_name(EXCEPTIONS).unlink(missing_ok=True)
