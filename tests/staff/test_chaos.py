"""A batch in which everything goes wrong: processes are killed, disks are full, two batches run side by side.

In the end every submission is graded exactly once, no grade is lost, and none differs from those of a calm batch.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder.staff.bank import bugs
from tests.autograder.staff.markers import strip

pytestmark = pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="needs root on Linux")

SEED = "a seed of the chaos"
KILLS = 4
DONE = [exercise for exercise in exercises.load() if exercise.startswith("1.")]  # the others are unfinished: less to do
LINES = {
    "right": "",
    "writes": "open('log', 'w').write('x' * 1000); import tempfile; tempfile.mkdtemp()",
    "random": "import random; NOISE = random.random()\ndef mse_loss(pred, action): return pred.sum() + random.random()",
    "exits": "import os; os._exit(3)",
}


@pytest.fixture(scope="module")
def students(tmp_path_factory) -> list[Path]:
    """Right, wrong, hostile and unusable submissions of part 1."""
    folder = tmp_path_factory.mktemp("submissions")
    texts = {file: strip((ROOT / file).read_text(), keep=DONE) for file in exercises.files()}
    wrong = strip(bugs()["gaussian-variance"].source(), keep=DONE)
    losses = {name: f"{texts['hw1/losses.py']}\n{line}\n" for name, line in LINES.items()} | {"wrong": wrong}
    for name, text in losses.items():
        for file in exercises.files():
            target = folder / name / file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text if file == "hw1/losses.py" else texts[file])
    shutil.make_archive(str(folder / "zipped"), "zip", folder / "right")
    (folder / "damaged.zip").write_bytes((folder / "zipped.zip").read_bytes()[:900])
    return sorted(folder.iterdir())


def command(students: list[Path], out: Path) -> list[str]:
    options = ["--out", str(out), "--seed", SEED, "--jobs", "2", "--probe-timeout", "5"]
    return [sys.executable, "-m", "scripts.staff.grade", *map(str, students), *options]


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess:
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | threads | environment, capture_output=True, text=True, timeout=300
    )


def grades(out: Path) -> dict[str, dict]:
    """The results without what depends on time, and without the sandbox's user."""
    found = {path.parent.name: json.loads(path.read_text()) for path in out.glob("*/results.json")}
    return {
        name: page | {"execution_time": 0, "extra_data": page["extra_data"] | {"sandbox": {}}}
        for name, page in found.items()
    }


def leaves(value, path: str = "") -> dict[str, object]:
    """The values of a nested page by their places: what differs between two of them is then short to read."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if items is None:
        return {path: value}
    return {place: leaf for key, part in items for place, leaf in leaves(part, f"{path}/{key}").items()}


def differences(found: dict, expected: dict) -> dict[str, tuple]:
    found, expected = leaves(found), leaves(expected)
    places = sorted(found.keys() | expected.keys())
    pairs = {place: (found.get(place), expected.get(place)) for place in places}
    return {place: pair for place, pair in pairs.items() if pair[0] != pair[1]}


def times_graded(out: Path) -> dict[str, int]:
    events = [json.loads(line) for line in (out / ".log").read_text().splitlines()]
    names = [event["name"] for event in events if "score" in event]
    return {name: names.count(name) for name in names}


@pytest.fixture(scope="module")
def calm_folder(students, tmp_path_factory) -> Path:
    """The folder of grades of a batch that nobody disturbs."""
    out = tmp_path_factory.mktemp("calm") / "out"
    done = run(command(students, out))
    assert done.returncode == 0, done.stderr
    assert "leaked" not in done.stderr, "each judge takes away what it made"
    return out


@pytest.fixture(scope="module")
def calm(students, calm_folder) -> dict[str, dict]:
    found = grades(calm_folder)
    assert len(found) == len(students)
    points = {name: page["score"] for name, page in found.items()}
    full = sum(exercises.load()[id].points for id in DONE)
    assert {name for name in points if points[name] == full} == {"right", "zipped", "writes"}
    assert points["exits"] == points["damaged"] == 0
    assert 0 < points["random"] < full > points["wrong"] > 0
    return found


def kill_something(batch: psutil.Process, rng: random.Random) -> None:
    """kill -9 of the batch, a judge, a zygote or a worker."""
    with suppress(psutil.Error):
        family = [p for p in batch.children(recursive=True) if "resource_tracker" not in " ".join(p.cmdline())]
        judges = [p for p in family if p.ppid() == batch.pid]
        kind = rng.choice([[batch], judges, [p for p in family if p not in judges]])
        rng.choice(kind or [batch]).kill()


def test_processes_that_are_killed_change_no_grade(students, calm, tmp_path):
    rng, out = random.Random(), tmp_path / "out"
    kills, runs = KILLS, 0
    while True:
        runs += 1
        with subprocess.Popen(
            command(students, out), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        ) as batch:
            while kills and batch.poll() is None:
                time.sleep(rng.uniform(0.3, 4.0))
                kill_something(psutil.Process(batch.pid), rng)
                kills -= 1
            errors = batch.communicate(timeout=300)[1]
        assert "Traceback" not in errors
        if not kills and batch.returncode == 0:
            break
        assert runs <= KILLS + 3, errors
    assert differences(grades(out), calm) == {}
    # A grade whose line in the log was prevented by the kill counts as well: its file has not been written again.
    assert all(times <= 1 for times in times_graded(out).values())


def space(files: Iterable[Path]) -> int:
    """KiB that the files take on a disk with blocks of 4 KiB."""
    return sum(4 * -(-file.stat().st_size // 4096) for file in files)


def test_a_full_disk_loses_no_grade(students, calm, calm_folder, tmp_path):
    """The folder of grades has no space left in the middle of a batch; when there is space again, it continues."""
    out, kept = tmp_path / "out", tmp_path / "kept"
    out.mkdir()
    results = list(calm_folder.glob("*/results.json"))
    received = (file for file in calm_folder.glob("*/**/*") if file.is_file() and file not in results)
    size = space(received) + space(results) // 2  # all that was handed in, and half of the grades
    grade = " ".join(f"'{word}'" for word in command(students, out))
    script = f"""
        mount -t tmpfs -o size={size}k,mode=700 tmpfs {out} && {grade} ; echo "first: $?"; ls {out}/*/results.json
        mount -o remount,size=50m {out} && {grade} >&2; echo "second: $?"; cp -a {out} {kept}
    """
    done = run(["unshare", "--mount", "bash", "-c", script])
    assert "first: 1" in done.stdout, done.stdout + done.stderr
    assert "second: 0" in done.stdout, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "No space left on device; all grades so far are kept" in done.stderr
    assert 1 <= done.stdout.count("/results.json") < len(students)
    assert differences(grades(kept), calm) == {}
    assert set(times_graded(kept).values()) == {1}


def test_no_space_for_the_sandbox_is_told(students, tmp_path):
    out, small = tmp_path / "out", tmp_path / "small"
    small.mkdir()
    grade = " ".join(f"'{word}'" for word in command(students, out))
    script = f"mount -t tmpfs -o size=200k tmpfs {small} && TMPDIR={small} {grade}"
    done = run(["unshare", "--mount", "bash", "-c", script])
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "No space left on device" in done.stderr
    assert grades(out) == {}


def test_two_batches_in_two_networks_do_not_disturb_each_other(students, calm, tmp_path):
    outs = [tmp_path / "a", tmp_path / "b"]
    batches = [
        subprocess.Popen(["unshare", "--net", *command(students, out)], cwd=ROOT, stdout=subprocess.DEVNULL)
        for out in outs
    ]
    assert [batch.wait(timeout=300) for batch in batches] == [0, 0]
    assert [differences(grades(out), calm) for out in outs] == [{}, {}]
    users = [
        {json.loads(path.read_text())["extra_data"]["sandbox"]["user"] for path in out.glob("*/results.json")}
        for out in outs
    ]
    assert not users[0] & users[1]
