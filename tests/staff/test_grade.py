"""`python -m scripts.staff.grade`: the judges of a class, and the grading of a real one."""

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder.staff.batch import BatchError, Judges
from tests.staff.fake_grader import SEED, fake_grade, log, make

UNPROTECTED = {"level": "none", "allow_none": True}


# --- judges that fail -------------------------------------------------------------------------------------------------
def test_a_judge_that_raises_ends_or_hangs_fails_only_its_own_submission(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.autograder.staff.batch.STOP_SECONDS", 1.0)
    todo = make(tmp_path, a="1", b="raise", c="exit", d="2", e="hang", f="3")
    before = set(psutil.Process().children())
    found = {outcome.name: outcome for outcome in Judges(fake_grade, 2, 2.0, UNPROTECTED).grade(todo)}
    assert {name for name in found if not found[name].error} == {"a", "d", "f"}
    assert found["b"].error.endswith("ZeroDivisionError: boom\n")
    assert found["c"].error == "the grader's process ended with exit status 3"
    assert found["e"].error == "the grader took more than 2 s and was stopped"
    left = set(psutil.Process().children()) - before
    assert not [child for child in left if "spawn_main" in " ".join(child.cmdline())]


def test_if_no_judge_can_start_the_batch_ends_with_a_sentence(tmp_path):
    with pytest.raises(BatchError, match="no judge can be started: there is no isolation level 'perfect'"):
        list(Judges(fake_grade, 1, 2.0, {"level": "perfect"}).grade(make(tmp_path, a="1", b="2")))


# --- a real class -----------------------------------------------------------------------------------------------------
HANGS = "\n\ndef mse_loss(pred, action):\n    while True:\n        pass\n"
EXITS = "import os\nos._exit(0)\n"


@dataclass
class Killed:
    """A batch that was killed, what it had done by then, and a second run of the same command to the end."""

    out: Path
    before: dict[str, int]
    """Finished submissions, and the times when their results were written."""
    left: list[psutil.Process]
    """Processes that were still alive some time after the batch."""
    files: list[str]
    """Files that remained outside of the folder for the grades."""
    again: subprocess.CompletedProcess


def start(paths: list[Path], out: Path, temporary: Path, *options: str) -> subprocess.Popen:
    command = [
        sys.executable,
        "-m",
        "scripts.staff.grade",
        *map(str, paths),
        "--out",
        str(out),
        "--seed",
        SEED,
        *options,
    ]
    environment = os.environ | {"TMPDIR": str(temporary), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def finish(batch: subprocess.Popen) -> subprocess.CompletedProcess:
    stdout, stderr = batch.communicate(timeout=300)
    return subprocess.CompletedProcess(batch.args, batch.returncode, stdout, stderr)


def finished(out: Path) -> dict[str, int]:
    return {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/results.json")}


def stop_after_one(batch: subprocess.Popen, out: Path, how: int, moment: float) -> list[psutil.Process]:
    """Send a signal `moment` seconds after the first grade; returns the processes that are still alive."""
    while batch.poll() is None and not finished(out):
        time.sleep(0.02)
    time.sleep(moment)
    family = psutil.Process(batch.pid).children(recursive=True)
    os.kill(batch.pid, how)
    batch.wait(timeout=60)
    psutil.wait_procs(family, timeout=20)
    return [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def students(tmp_path_factory) -> dict[str, Path]:
    """Eight submissions: right, wrong, unusable, hostile."""
    folder = tmp_path_factory.mktemp("submissions")
    from tests.autograder.staff.bank import bugs

    def submit(name: str, **changed: str) -> None:
        for file in exercises.files():
            target = folder / name / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(changed.get(target.stem) or (ROOT / file).read_text())

    losses = (ROOT / "hw1" / "losses.py").read_text()
    submit("right")
    submit("=right")
    shutil.make_archive(str(folder / "zipped"), "zip", folder / "right")
    submit("wrong", losses=bugs()["gaussian-variance"].source())
    submit("hangs", losses=losses + HANGS)
    submit("exits", heads=EXITS)
    (folder / "empty").mkdir()
    (folder / "damaged.zip").write_bytes((folder / "zipped.zip").read_bytes()[:500])
    return {path.name: path for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def killed(students, tmp_path_factory) -> Killed:
    out, temporary = tmp_path_factory.mktemp("grades") / "out", tmp_path_factory.mktemp("temporary")
    begin = partial(start, list(students.values()), out, temporary, "--jobs", "2", "--probe-timeout", "2")
    batch = begin()
    left = stop_after_one(batch, out, signal.SIGKILL, random.uniform(0.0, 1.0))
    assert finish(batch).returncode == -signal.SIGKILL
    # torch makes its own cache folder, which all processes of a user share
    files = [path.name for path in temporary.iterdir() if not path.name.startswith("torchinductor")]
    return Killed(out, finished(out), left, files, finish(begin()))


def test_a_killed_batch_leaves_nothing_behind(killed):
    assert killed.left == []
    assert killed.files == []


def test_a_killed_batch_continues_and_grades_nothing_twice(killed, students):
    assert killed.again.returncode == 0, killed.again.stderr
    assert f"{len(students)} submissions, {len(killed.before)} of them already graded" in killed.again.stdout
    after = finished(killed.out)
    assert len(after) == len(students)
    assert {name: after[name] for name in killed.before} == killed.before
    names = [event["name"] for event in log(killed.out)]
    assert len(names) == len(set(names))


def test_everyone_gets_what_they_earned(killed):
    earned = {path.parent.name: json.loads(path.read_text())["tests"] for path in killed.out.glob("*/results.json")}
    full = {test["number"]: test["score"] for test in earned["right"]}
    assert sum(full.values()) > 0

    def lost(name: str) -> set[str]:
        return {test["number"] for test in earned[name] if test["score"] < full[test["number"]]}

    assert lost("=right") == lost("zipped") == set()
    assert lost("wrong") == {"1.3"}
    assert lost("hangs") == {"1.1"}
    assert lost("exits") == {
        number for number in full if exercises.load()[number].file == "hw1/heads.py" and full[number]
    }
    assert earned["empty"] == earned["damaged"] == []


def test_the_table_and_the_report_contain_all_results(killed):
    rows = {row["name"]: row for row in csv.DictReader((killed.out / "grades.csv").read_text().splitlines())}
    assert rows.keys() == {"'=right", "damaged", "empty", "exits", "hangs", "right", "wrong", "zipped"}
    assert rows["right"]["points"] == rows["zipped"]["points"] > rows["wrong"]["points"] > "0"
    assert rows["hangs"]["1.1"] == "0"
    assert rows["hangs"]["notes"] == "1.1 timed out"
    assert "no folder called hw1" in rows["empty"]["notes"]
    assert rows["right"]["key"] != rows["wrong"]["key"]
    assert {row["isolation"] for row in rows.values()} <= {"full", "partial"}
    report = (killed.out / "summary.md").read_text()
    assert report in killed.again.stdout
    assert "treats log_std as the logarithm of the variance" in report
    assert "- `damaged`: `` damaged.zip is" in report


def test_ctrl_c_stops_cleanly_and_the_same_seed_gives_the_same_grades(killed, students, tmp_path):
    out, temporary = tmp_path / "out", tmp_path / "tmp"
    temporary.mkdir()
    paths = [students[name] for name in ("empty", "wrong")]
    begin = partial(start, paths, out, temporary, "--jobs", "1", "--probe-timeout", "2")
    batch = begin()
    assert stop_after_one(batch, out, signal.SIGINT, 0.0) == []
    stopped = finish(batch)
    assert stopped.returncode == 130
    assert "run the same command to continue" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert list(temporary.iterdir()) == []
    before = finished(out)
    assert 1 <= len(before) < len(paths)
    assert finish(begin()).returncode == 0
    assert before.items() <= finished(out).items()
    assert {name: comparable(out, name) for name in finished(out)} == {
        name: comparable(killed.out, name) for name in ("empty", "wrong")
    }


def comparable(out: Path, name: str) -> dict:
    """Results without what depends on time: the duration of grading, and the description of the sandbox."""
    found = json.loads((out / name / "results.json").read_text())
    return found | {"execution_time": 0, "extra_data": found["extra_data"] | {"sandbox": {}}}
