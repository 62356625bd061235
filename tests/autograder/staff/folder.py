"""The folder of grades. It keeps the grade of everything that was ever graded into it:

NAME/results.json   what a submission earned; complete or missing
NAME/error.txt      why the grader itself failed on it the last time, for the course staff
grades.csv          one row for each submission
summary.md          the class report
NAME/history/       its earlier results, by the time at which they were replaced
NAME/submitted/     what was handed in, listed in attempts.json (`received`)
.names .people      the path of each submission, and by what its owner is recognised
.seed .seeds        the seed, and all seeds that were ever used, each after its fingerprint
.log .lock          one line for each event, and the lock
.pruned/TIME/NAME   what was taken out of the tables because its file no longer exists
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tests.autograder.staff import history, keys, pages, private
from tests.autograder.staff.batch import BatchError
from tests.autograder.staff.names import gone, quoted
from tests.autograder.staff.summary import Grade, Version, readable
from tests.autograder.text import clean

DIGITS = 12  # of a hash, enough to tell versions of a submission apart
ATTEMPTS = ".attempts"  # a folder of grades within one: of all attempts, NAME@HASH, where the best one counts


class Grades:
    """The folder of grades. Only its owner may read it, because it contains all grades and the seed."""

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise BatchError(f"the folder {folder} cannot be created: {error.strerror}") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder. Raises BatchError if another process is grading into it."""
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BatchError(
                    f"another batch is grading into {self.folder}: wait until it has finished, or choose another --out"
                ) from error
            yield

    # --- grades ---
    def names(self) -> list[str]:
        """The names of all submissions that were ever graded into this folder."""
        with os.scandir(self.folder) as entries:
            folders = [entry.name for entry in entries if entry.is_dir() and not entry.name.startswith(".")]
        return sorted(name for name in folders if self._results(name).exists() or self._error(name).exists())

    def _results(self, name: str) -> Path:
        return self.folder / name / "results.json"

    def _error(self, name: str) -> Path:
        return self.folder / name / "error.txt"

    def read(self, name: str) -> dict | None:
        """The results of a submission; None if it is not graded, or if the file is damaged."""
        try:
            page = json.loads(self._results(name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return page if readable(page) else None

    def error(self, name: str) -> str:
        """How the grader failed on a submission the last time; "" if it did not."""
        path = self._error(name)
        return path.read_text(encoding="utf-8", errors="replace").strip() if path.exists() else ""

    def has(self, name: str, key: str) -> bool:
        """Whether the present version of the submission has been graded by this grader with this seed, and no later
        attempt has failed."""
        page = self.read(name)
        return page is not None and page["extra_data"]["key"] == key and not self._error(name).exists()

    def is_older(self, name: str, submission: Path) -> bool:
        """Whether a submission that still exists has been touched since it was graded."""
        try:
            return self._results(name).stat().st_mtime < touched(submission)
        except OSError:
            return False

    def keep(self, name: str, page: dict) -> None:
        """Write the results of a submission, completely or not at all, and a line to the log. Other results that it had
        until now go into its history."""
        (self.folder / name).mkdir(exist_ok=True, mode=0o700)
        if (before := self.read(name)) is not None and _earned(before) != _earned(page):
            history.keep(self.folder / name, self._results(name))
        pages.write(self._results(name), page)
        self._error(name).unlink(missing_ok=True)
        self._log({"name": name, "key": page["extra_data"]["key"], "score": page["score"]})

    def keep_error(self, name: str, error: str) -> None:
        """Write how the grader failed. The grade that the submission had until now stays."""
        (self.folder / name).mkdir(exist_ok=True, mode=0o700)
        private.write(self._error(name), f"{error}\n".encode(errors="backslashreplace"))
        self._log({"name": name, "error": last_line(error)})

    def grade(self, name: str, path: str, key: str | None, present: Version, stranger: bool = False) -> Grade:
        """A row of the table.

        Args:
            path: of the submission; "" if it is not known.
            key: that the grade of the submission would have now; None if that is not known.
            present: the seed and the grader of this call.
            stranger: whether the roster does not know whose it is.
        """
        page, remarks = self.read(name), {}
        if page is None:
            why = last_line(self.error(name)) or "its results.json is damaged; grade it again"
            remarks["not graded"] = f"not graded: {why}"
        elif error := self.error(name):
            remarks["regrade failed"] = f"the regrade failed: {last_line(error)}; {self._age(name, page)}"
        if path and gone(path):
            remarks["withdrawn"] = f"withdrawn: {quoted(path)} no longer exists"
        elif page is not None and Version.of(page) != present:
            remarks["stale"] = f"stale: not graded with the present {Version.of(page).difference(present)}"
        elif page is not None and key not in (None, page["extra_data"]["key"]):
            remarks["stale"] = "stale: the submission has changed since it was graded"
        if stranger:
            remarks["not in the roster"] = "the roster does not know whose it is"
        return Grade(name, page, path, remarks)

    def _age(self, name: str, page: dict) -> str:
        """Of when, and of which version of the submission, the points are."""
        about = page["extra_data"]
        graded, failed = (
            datetime.fromtimestamp(path.stat().st_mtime).isoformat(" ", "seconds")
            for path in (self._results(name), self._error(name))
        )
        version = f"submission {about['submission'][:DIGITS]}" if "submission" in about else "nothing could be graded"
        return f"it failed on {failed}, and the points are those of {graded}, {version}"

    # --- names ---
    def paths(self) -> dict[str, str]:
        """The path of each name, "" where it is not known. Raises BatchError if the file is damaged: guessed names
        could give a student the row of another."""
        return dict.fromkeys(self.names(), "") | self._table(".names", str)

    def people(self) -> dict[str, dict]:
        """By what the owners of names are recognised (`students.remembered`). Raises BatchError likewise."""
        return self._table(".people", dict)

    def _table(self, file: str, kind: type) -> dict:
        try:
            table = json.loads(self._text(file) or "{}")
        except ValueError as error:
            raise self._damaged(file) from error
        if not (isinstance(table, dict) and all(isinstance(value, kind) for value in table.values())):
            raise self._damaged(file)
        return table

    def remember(self, paths: dict[str, str], people: dict[str, dict]) -> None:
        for file, table in ((".names", paths), (".people", people)):
            if table or self._text(file):
                private.write(self.folder / file, json.dumps(table, indent=1, sort_keys=True).encode())

    def prune(self, paths: dict[str, str], people: dict[str, dict]) -> dict[str, Path]:
        """Move the grades of submissions that no longer exist out of the tables; returns where they are, by name."""
        withdrawn = [name for name in self.names() if paths.get(name) and gone(paths[name])]
        place = self.folder / ".pruned" / datetime.now().strftime("%Y-%m-%dT%H-%M-%S.%f")
        moved = {}
        for name in withdrawn:
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self.folder / name).rename(place / name)
            moved[name] = place / name
            self._log({"name": name, "pruned": str(place / name), "path": paths[name]})
        if moved:
            kept = ({name: about for name, about in each.items() if name not in moved} for each in (paths, people))
            self.remember(*kept)
        return moved

    # --- seeds ---
    def seed(self) -> str:
        """The seed of the last call; "" in a new folder."""
        return self._text(".seed").strip()

    def keep_seed(self, seed: str) -> None:
        """Keep the seed for the next call, and all earlier ones, with which old grades can be given again."""
        lines = self._text(".seeds").splitlines()
        used = [*lines, *(f"{keys.fingerprint(s)} {s}" for s in (self.seed(), seed) if s)]
        if (unique := list(dict.fromkeys(used))) != lines:
            private.write(self.folder / ".seeds", "".join(f"{line}\n" for line in unique).encode())
        if seed != self.seed():
            private.write(self.folder / ".seed", f"{seed}\n".encode())

    def _text(self, name: str) -> str:
        file = self.folder / name
        try:
            return file.read_text(encoding="utf-8") if file.exists() else ""
        except UnicodeDecodeError as error:
            raise self._damaged(name) from error

    def _damaged(self, name: str) -> BatchError:
        return BatchError(f"{self.folder / name} is damaged: take it from a backup, or move it away")

    def _log(self, event: dict) -> None:
        private.append(self.folder / ".log", json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **event}))


def touched(path: Path) -> float:
    """When a file, or anything in a folder, was last changed or replaced; copies keep other times than this one."""
    inside = (os.path.join(place, name) for place, below, files in os.walk(path) for name in (*below, *files))
    return max(os.lstat(each).st_ctime for each in (path, *inside))


def _earned(page: dict) -> tuple:
    """What makes two results different: of what they are, and what they say."""
    return page["extra_data"]["key"], page["score"], page["tests"]


def last_line(error: str) -> str:
    """The last line of a traceback: the exception."""
    return clean(error.strip().rpartition("\n")[2])
