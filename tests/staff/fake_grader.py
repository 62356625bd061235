"""A grader that needs no time, for tests of `scripts.staff.grade`: the text of a submission says what it does."""

import hashlib
import json
import os
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from hw1 import exercises
from scripts.staff import grade
from tests.autograder.staff import keys
from tests.autograder.staff.batch import Outcome

GRADER = "g" * 64
SEED = "a secret of the tests"


def page(status: str, says: str = "", key: str = "k", mistakes: tuple[str, ...] = (), **about) -> dict:
    """A results.json in which every exercise has the same status."""
    probes = [{"name": "the value", "status": status, "output": says, "mistakes": list(mistakes)}]
    tests = [
        {
            "number": exercise.id,
            "score": float(exercise.points) if status == "passed" else 0.0,
            "extra_data": {"status": status, "probes": probes},
        }
        for exercise in exercises.load().values()
    ]
    extra = {"key": key, "isolation": "full", "notes": [], "seed": "s", "grader": "g"}
    return {"score": 0.0, "tests": tests, "extra_data": extra | about}


def fake_key(submission: Path, settings: keys.Settings | None = None) -> str:
    seed = settings.seed if settings else ""
    return f"{text(submission)} {seed} {keys.grader()}"


def text(submission: Path) -> str:
    return submission.read_text(errors="replace") if submission.is_file() else submission.name


def fake_grade(submission: Path, sandbox: object, settings: keys.Settings | None = None) -> dict:
    """A grade, or a failure of the grader itself. The text of the file may be a status; other texts pass."""
    says = text(submission)
    if says == "raise":
        raise ZeroDivisionError("boom")
    if says == "exit":
        os._exit(3)
    if says.startswith("slow"):
        time.sleep(0.5)
    if says == "hang":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    about = {"submission": hashlib.sha256(says.encode()).hexdigest(), "grader": keys.grader()[:16]}
    if settings:
        about["seed"] = keys.fingerprint(settings.seed)
    return page("failed" if says == "wrong" else "passed", key=fake_key(submission, settings), **about)


class InProcess:
    """Replaces the judges, without any process."""

    def __init__(self, settings: keys.Settings):
        self.work = lambda path: fake_grade(path, sandbox=None, settings=settings)

    def grade(self, todo: dict[str, Path]):
        for name, path in todo.items():
            try:
                yield Outcome(name, self.work(path))
            except ZeroDivisionError:
                yield Outcome(name, error=traceback.format_exc())


def install(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command with `fake_grade` as its grader, completely in this process."""
    monkeypatch.setattr(grade, "judges", lambda options, settings, todo: InProcess(settings))
    monkeypatch.setattr(keys, "key", fake_key)
    monkeypatch.setattr(keys, "grader", lambda: GRADER)
    return lambda *arguments: grade.main([*map(str, arguments)])


def make(folder: Path, **texts: str) -> dict[str, Path]:
    """Zips for `fake_grade`, by name and text."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, says in texts.items():
        (folder / f"{name}.zip").write_text(says)
    return {name: folder / f"{name}.zip" for name in texts}


def log(out: Path) -> list[dict]:
    """What happened in a folder of grades."""
    return [json.loads(line) for line in (out / ".log").read_text().splitlines()]
