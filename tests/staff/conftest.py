"""What the staff tests share: tiny data, and a world simple enough to predict by hand."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

from hw1 import exercises
from hw1.demos import Dataset
from hw1.exercises import ROOT
from tests.autograder.probes.world import Plane
from tests.autograder.staff import markers

# The same examples every time, on slow machines too, and no files left behind.
settings.register_profile("hw1", deadline=None, derandomize=True, database=None)
settings.load_profile("hw1")

# A shell that starts the tests in the background ignores Ctrl-C, and so would every process that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A statistic more than so many standard errors off: a false alarm in 3e-8 of the draws, and the draws are seeded.
FAR = 5.5


@pytest.fixture
def plane():
    """The class, to be made with any number of environments."""
    return Plane


@pytest.fixture
def tiny_dataset():
    """Makes a Dataset of a few random episodes; the actions are a smooth function of the observations."""

    def make(episodes=6, steps=20, learners=1, obs_dim=3, action_dim=2, discrete=False, seed=0) -> Dataset:
        rng = np.random.default_rng(seed)
        count = episodes * learners * steps
        obs = rng.standard_normal((count, obs_dim)).astype(np.float32)
        action = np.tanh(obs @ rng.standard_normal((obs_dim, action_dim))).astype(np.float32)
        return Dataset(
            obs=obs,
            action=(action[:, 0] > 0).astype(np.int64) if discrete else action,
            episode=np.repeat(np.arange(episodes * learners), steps),
            learner=np.repeat(np.arange(learners), episodes * steps),
            driver=np.zeros(count, dtype=np.int64),
        )

    return make


@pytest.fixture
def near():
    """Asserts that the mean of independent `samples` is what is expected, to within its own standard error."""

    def check(samples, expected: float):
        samples = torch.as_tensor(samples, dtype=torch.float64).flatten()
        error = samples.std() / len(samples) ** 0.5
        assert abs(samples.mean() - expected) <= FAR * error + 1e-7, f"{samples.mean():.5f} is not {expected:.5f}"

    return check


@pytest.fixture(scope="module")
def browser():
    """A real browser."""
    from playwright.sync_api import sync_playwright  # takes long, and few tests need it

    from scripts.staff.drive_picture import CHROMIUM

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def solved(file: str, edits: dict[str, str | None]) -> str:
    """A student's file with the reference's solutions, but for the exercises in `edits`: unfinished (None), or with
    that code at the first place that is to be filled in."""
    filled: set[str] = set()

    def choose(block, content: list[str]) -> list[str]:
        code = edits.get(block.id, "")
        if code is None:
            return [f"{block.indent}{exercises.stub(block.id)}"]
        first = block.id in edits and block.id not in filled
        filled.add(block.id)
        return [block.indent + code] if first else content

    return markers.replaced((ROOT / file).read_text(encoding="utf-8"), choose)


class Student:
    """A student's copy of the homework, without anything of the staff's."""

    def __init__(self, folder: Path, edits: dict[str, str | None]):
        self.folder = folder
        for part in ("hw1", "scripts", "tests"):
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("staff", "__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        for file in exercises.files():
            own = {id: code for id, code in edits.items() if exercises.load()[id].file == file}
            (folder / file).write_text(solved(file, own), encoding="utf-8")

    def start(self, module: str, *arguments: str, **options) -> subprocess.Popen:
        """`python -m module` in that folder, as if typed there."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
        command = [sys.executable, "-m", module, *arguments]
        pipes = {name: subprocess.PIPE for name in ("stdin", "stdout", "stderr")}
        return subprocess.Popen(command, cwd=self.folder, env=environment, text=True, **pipes | options)

    def run(self, module: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess:
        """The same, to its end."""
        process = self.start(module, *arguments)
        out, err = process.communicate(stdin, timeout=240)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture(scope="session")
def student(tmp_path_factory):
    """Makes a Student who has solved everything but for some exercises: {"1.2": None, "1.3": "return 0.0"}."""
    return lambda edits: Student(tmp_path_factory.mktemp("student"), edits)
