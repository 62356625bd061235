"""`--dask`: each submission is graded exactly once, whatever ends: a worker, the scheduler, or the batch."""

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from hw1.exercises import ROOT
from scripts.staff.bench.peers.machines import Machines
from tests.autograder.staff.batch import BatchError, Judges
from tests.autograder.staff.cluster import Cluster
from tests.staff.fake_grader import fake_grade, make

FAKE = f"{fake_grade.__module__}:fake_grade"
JUDGES = Judges(FAKE, 1, 20.0, {"level": "none", "allow_none": True})
SLOW = {f"s{number}": f"slow {number}" for number in range(12)}


@pytest.fixture(scope="module")
def machines(tmp_path_factory) -> Iterator[Machines]:
    """For all tests of this file, in their order: the last ones end parts of it."""
    made = Machines(tmp_path_factory.mktemp("machines"))
    try:
        yield made
    finally:
        assert made.stop() == [], "helpers and judges end with their worker"


def test_each_is_graded_once_by_workers_that_say_their_isolation(machines, tmp_path, capsys):
    todo = make(tmp_path / "in", a="1", b="raise", **SLOW)
    outcomes = list(Cluster(machines.address, JUDGES).grade(todo))
    assert Counter(outcome.name for outcome in outcomes) == dict.fromkeys(todo, 1)
    found = {outcome.name: outcome for outcome in outcomes}
    assert found["b"].error.endswith("ZeroDivisionError: boom\n")
    assert {name for name in found if found[name].error} == {"b"}
    assert found["a"].page["extra_data"]["submission"] != found["s1"].page["extra_data"]["submission"]
    said = capsys.readouterr().out.splitlines()
    assert sorted(line.rpartition(": ")[2] for line in said) == ["isolation full"] * 2, "what the fake grader says"


def test_a_worker_of_another_version_grades_nothing(machines, tmp_path, monkeypatch):
    monkeypatch.setattr("tests.autograder.staff.keys.grader", lambda: "another")
    with pytest.raises(BatchError, match="has another version of the grader"):
        list(Cluster(machines.address, JUDGES).grade(make(tmp_path / "in", a="1")))


COMMAND = """
import sys
from tests.staff import test_cluster
from tests.staff.fake_grader import fake_key
from tests.autograder.staff import keys
from tests.autograder.staff.cluster import Cluster
from scripts.staff import grade
keys.key = lambda submission, settings: fake_key(submission)
grade.judges = lambda options, settings, todo: Cluster(options.dask, test_cluster.JUDGES)
sys.exit(grade.main(sys.argv[1:]))
"""


def test_a_batch_that_is_killed_continues_with_the_same_command(machines, tmp_path):
    out = tmp_path / "out"
    paths = list(map(str, make(tmp_path / "in", **SLOW).values()))
    command = [sys.executable, "-c", COMMAND, *paths, "--out", str(out), "--dask", machines.address]
    batch = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    while len(list(out.glob("*/results.json"))) < 2:
        assert batch.poll() is None
        time.sleep(0.05)
    batch.send_signal(signal.SIGKILL)
    batch.wait()
    before = {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/results.json")}
    assert len(before) < len(SLOW)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert f"{len(SLOW)} submissions, {len(before)} of them already graded" in done.stdout
    after = {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/results.json")}
    assert after.keys() == SLOW.keys()
    assert before.items() <= after.items()


def test_a_worker_that_is_killed_loses_nothing(machines, tmp_path):
    todo = make(tmp_path / "in", **SLOW)
    names = []
    for outcome in Cluster(machines.address, JUDGES).grade(todo):
        assert not outcome.error
        names.append(outcome.name)
        if len(names) == 2:
            machines.workers[0].kill()
    assert Counter(names) == dict.fromkeys(todo, 1)


def test_a_scheduler_that_is_killed_ends_the_batch_with_a_sentence(machines, tmp_path):
    names = []

    def grade() -> None:
        for outcome in Cluster(machines.address, JUDGES).grade(make(tmp_path / "in", **SLOW)):
            names.append(outcome.name)
            if len(names) == 2:
                machines.scheduler.kill()

    with pytest.raises(BatchError, match="the scheduler has ended; the grades so far are kept"):
        grade()
    assert 2 <= len(set(names)) == len(names) < len(SLOW)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "x://y"])
def test_no_scheduler_is_told_in_a_sentence(tmp_path, address, monkeypatch):
    monkeypatch.setattr("tests.autograder.staff.cluster.CONNECT_SECONDS", 1)
    with pytest.raises(BatchError, match="no Dask scheduler answers there"):
        list(Cluster(address, JUDGES).grade(make(tmp_path, a="1")))


def test_what_could_not_be_packed_into_a_file_is_graded_here(tmp_path, monkeypatch):
    monkeypatch.setattr(Judges, "grade", lambda judges, todo: iter([(judges.jobs, todo)]))
    assert list(Cluster("tcp://nowhere", JUDGES).grade({"a": tmp_path})) == [(1, {"a": tmp_path})]
