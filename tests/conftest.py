"""A marker for each exercise (`pytest -m ex1_3`), the verdicts for `tests/test_probes.py`, and the table at the end."""

import pytest
import torch

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder import report
from tests.autograder.judge import judge
from tests.autograder.oracle import SnapshotError, Stored
from tests.autograder.probes import PROBES, of
from tests.autograder.report import Result
from tests.autograder.runner import Runner, Spawned

torch.set_num_threads(1)
VERDICTS = pytest.StashKey["Verdicts"]()


def pytest_configure(config):
    for exercise in exercises.load().values():
        config.addinivalue_line("markers", f"{exercise.marker}: {exercise.title} ({exercise.points} points)")


class Verdicts:
    """Judges a whole exercise when its first probe is requested: all its probes together show which mistake it is."""

    def __init__(self, runner: Runner, oracle: Stored):
        self.runner, self.oracle = runner, oracle
        self.results: dict[str, Result] = {}
        self.places = report.places(ROOT)

    def __call__(self, probe):
        if probe.exercise not in self.results:
            (verdicts,) = judge(self.runner, self.oracle, of(probe.exercise), reveal=True, known=self.oracle)
            self.results[probe.exercise] = Result.of(verdicts)
        return next(v for v in self.results[probe.exercise].verdicts if v.probe is probe)


@pytest.fixture(scope="session")
def verdict(request):
    """A function that gives the verdict on a probe. All probes share one worker."""
    try:
        oracle = Stored(ROOT, PROBES.values())
    except SnapshotError as error:
        pytest.fail(str(error), pytrace=False)
    with Runner(lambda: Spawned(ROOT)) as runner:
        request.config.stash[VERDICTS] = verdicts = Verdicts(runner, oracle)
        yield verdicts


def pytest_terminal_summary(terminalreporter, config):
    if verdicts := config.stash.get(VERDICTS, None):
        results = [verdicts.results[id] for id in exercises.load() if id in verdicts.results]
        terminalreporter.section("exercises")
        terminalreporter.line(report.table(results, verdicts.places))
