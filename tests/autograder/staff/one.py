"""Grades one submission: takes its files, runs every probe in the sandbox, compares the answers, adds up the points."""

import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hw1.exercises import ROOT
from tests.autograder import intake
from tests.autograder.intake import IntakeError
from tests.autograder.judge import judge
from tests.autograder.oracle import Oracle, Stored
from tests.autograder.probes import PROBES
from tests.autograder.report import Result
from tests.autograder.runner import Runner
from tests.autograder.staff import keys, results
from tests.autograder.staff.keys import Settings
from tests.autograder.staff.live import Live
from tests.autograder.staff.probes import leaderboard
from tests.autograder.verdict import Verdict

if TYPE_CHECKING:  # the sandbox needs Linux; this module does not
    from tests.autograder.staff.sandbox import Sandbox

LEADERBOARD = "4.3"  # the exercise that the leaderboard is about


def grade(
    submission: Path, sandbox: "Sandbox", settings: Settings, oracle_factory: Callable[[str], Oracle] = Live
) -> dict:
    """The contents of results.json for a folder or a zip.

    A submission that cannot be graded gets 0 points and a sentence with the reason; only failures of the grader raise.
    """
    began = time.monotonic()
    about = {
        "seed": keys.fingerprint(settings.seed),
        "grader": keys.grader()[:16],
        "isolation": sandbox.level,
        "sandbox": sandbox.describe(),
        "versions": keys.versions(),
    }
    with TemporaryDirectory(prefix="grade-") as folder:
        student = Path(folder) / "submission"
        try:
            taken = intake.take(submission, student)
        except IntakeError as error:
            about["key"] = keys.digest(keys.refused(error), settings)
            return results.unusable(str(error), time.monotonic() - began, about)
        about |= {"key": keys.digest(taken, settings), "submission": taken.digest}
        with Runner(sandbox.launcher(student), settings.seconds, settings.probe_seconds) as runner:
            seed = keys.inputs_seed(settings.seed, taken)
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
