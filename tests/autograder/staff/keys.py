"""What a grade depends on: the submission, the seed, the grader. From these, its key and the seed of its inputs.

This is apart from grading because the command for a class needs it, and should start at once: nothing here imports
torch.
"""

import hashlib
import platform
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from hw1.exercises import ROOT
from tests.autograder import intake
from tests.autograder.intake import Intake, IntakeError

# What a grade depends on, besides the submission and the seed.
GRADER = ("hw1", "tests/autograder")
LIBRARIES = ("torch", "numpy", "gymnasium", "jaxtyping", "safetensors")
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


def key(submission: Path, settings: Settings) -> str:
    """The key of a grade. It changes whenever the grade could change; while it stays, nothing is graded again.

    It depends on the student's files, the notes on other files, the grader, its libraries and the seed.
    """
    with TemporaryDirectory(prefix="grade-") as folder:
        try:
            return digest(intake.take(submission, Path(folder) / "submission"), settings)
        except IntakeError as error:
            return digest(refused(error), settings)


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


def refused(error: IntakeError) -> Intake:
    """Represents a submission from which nothing could be taken: its grade depends only on the reason."""
    return Intake("", [], [str(error)])


def digest(taken: Intake, settings: Settings) -> str:
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
