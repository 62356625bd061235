"""Grades one submission: takes its files, runs every probe in the sandbox, compares the answers, adds up the points."""

import hashlib
import platform
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hw1.exercises import ROOT
from tests.autograder import intake
from tests.autograder.intake import Intake, IntakeError
from tests.autograder.judge import judge
from tests.autograder.oracle import Oracle, Stored
from tests.autograder.probes import PROBES
from tests.autograder.report import Result
from tests.autograder.runner import Runner
from tests.autograder.staff import results
from tests.autograder.staff.live import Live
from tests.autograder.staff.probes import leaderboard
from tests.autograder.verdict import Verdict

if TYPE_CHECKING:  # the sandbox needs Linux; this module does not
    from tests.autograder.staff.sandbox import Sandbox

# What a grade depends on, besides the submission and the seed.
GRADER = ("hw1", "tests/autograder")
LIBRARIES = ("torch", "numpy", "gymnasium", "jaxtyping", "safetensors")
LEADERBOARD = "4.3"  # the exercise that the leaderboard is about
SEED_LENGTH, SEED_VARIETY = 16, 8  # characters, and different ones, without which a seed can be guessed


@dataclass(frozen=True)
class Settings:
    """How to grade."""

    seed: str
    """Secret; the hidden inputs are drawn from it."""
    probe_seconds: float | None = None
    """The limit for one probe, instead of each probe's own."""
    seconds: float = 600.0
    """The limit for the whole submission."""

    def __post_init__(self):
        if problem := seed_problem(self.seed):
            raise ValueError(problem)


def grade(
    submission: Path, sandbox: "Sandbox", settings: Settings, oracle_factory: Callable[[str], Oracle] = Live
) -> dict:
    """The contents of results.json for a folder or a zip.

    A submission that cannot be graded gets 0 points and a sentence with the reason; only failures of the grader raise.
    """
    began = time.monotonic()
    about = {
        "seed": fingerprint(settings.seed),
        "grader": grader()[:16],
        "isolation": sandbox.level,
        "sandbox": sandbox.describe(),
        "versions": versions(),
    }
    with TemporaryDirectory(prefix="grade-") as folder:
        student = Path(folder) / "submission"
        try:
            taken = intake.take(submission, student)
        except IntakeError as error:
            about["key"] = _key(_refused(error), settings)
            return results.unusable(str(error), time.monotonic() - began, about)
        about |= {"key": _key(taken, settings), "submission": taken.digest}
        with Runner(sandbox.launcher(student), settings.seconds, settings.probe_seconds) as runner:
            seed = inputs_seed(settings.seed, taken)
            verdicts = judge(
                runner, oracle_factory(seed), PROBES.values(), reveal=False, known=known(), student=student
            )
            graded = [_summed_up(own) for own in verdicts]
            success = _success(runner, settings.seed, graded)
    notes = [*(f"{file} is missing." for file in taken.missing), *taken.notes]
    return results.graded(graded, notes, time.monotonic() - began, about, success)


@cache
def known() -> Stored:
    """The known mistakes, which have answered the public inputs."""
    return Stored(ROOT)


def key(submission: Path, settings: Settings) -> str:
    """The key of a grade. It changes whenever the grade could change; while it stays, nothing is graded again.

    It depends on the student's files, the notes on other files, the grader, its libraries and the seed.
    """
    with TemporaryDirectory(prefix="grade-") as folder:
        try:
            return _key(intake.take(submission, Path(folder) / "submission"), settings)
        except IntakeError as error:
            return _key(_refused(error), settings)


def inputs_seed(secret: str, taken: Intake) -> str:
    """The seed of a submission's inputs, which is different for each submission.

    The feedback shows no values (`discreet`). Should a student learn some of them all the same and write them into the
    code, then the inputs are others, because the code has changed.
    """
    return hashlib.sha256(f"{secret}/{taken.digest}".encode()).hexdigest()


def seed_problem(seed: str) -> str:
    """What is wrong with a secret seed, in a sentence; empty if nothing is.

    A fingerprint of the seed is in each student's results, so a short seed could be found by trying.
    """
    if len(seed) >= SEED_LENGTH and len(set(seed)) >= SEED_VARIETY:
        return ""
    return (
        f"the seed can be guessed: it needs at least {SEED_LENGTH} characters, {SEED_VARIETY} of them different. "
        "Leave --seed out: then one is drawn"
    )


def fingerprint(secret: str) -> str:
    """Shows whether two grades had the same seed, but not the seed itself."""
    return hashlib.sha256(f"fingerprint/{secret}".encode()).hexdigest()[:16]


def _refused(error: IntakeError) -> Intake:
    """Represents a submission from which nothing could be taken: its grade depends only on the reason."""
    return Intake("", [], [str(error)])


def _key(taken: Intake, settings: Settings) -> str:
    parts = [taken.digest, *taken.notes, grader(), settings.seed]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@cache
def grader() -> str:
    """Hash of the grader's own code and of the versions of its libraries."""
    digest = hashlib.sha256(repr(sorted(versions().items())).encode())
    for folder in GRADER:
        for file in sorted((ROOT / folder).rglob("*")):
            if file.suffix in (".py", ".toml", ".safetensors"):
                digest.update(f"{file.relative_to(ROOT).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def versions() -> dict[str, str]:
    return {"python": platform.python_version()} | {name: version(name) for name in LIBRARIES}


def _summed_up(verdicts: list[Verdict]) -> Result:
    """A result without the arrays: the largest answers to all probes would take hundreds of megabytes."""
    return Result.of([replace(verdict, inputs={}, got={}, expected={}) for verdict in verdicts])


def _success(runner: Runner, seed: str, graded: list[Result]) -> float | None:
    """The success of the student's DAgger, for the leaderboard. No points depend on it, so a failure must cost none."""
    if not any(result.exercise.id == LEADERBOARD and result.points for result in graded):
        return None
    try:
        return leaderboard.score(runner, seed)
    except Exception:
        print("the leaderboard failed:", traceback.format_exc(), sep="\n", file=sys.stderr)
        return None
