"""`python -m scripts.staff.grade`: the grading of a class."""

import csv
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder.staff.batch import BatchError, Grades, Judges, Outcome, name_of, submissions
from tests.autograder.staff.summary import Grade, by_exercise, cell, most_common, table

UNPROTECTED = {"level": "none", "allow_none": True}


# --- names ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("in/alice", "alice"),
        ("in/alice.zip", "alice"),
        ("in/alice.ZIP", "alice"),
        ("in/alice/submission.zip", "alice"),
        ("in/alice/hw1", "alice"),
        ("in/.hidden.zip", "_hidden"),
        ("in/a\x1b[31mb\n.zip", "a_[31mb_"),
        ("in/v1.2", "v1.2"),
        ("in/Jürgen.zip", "Jürgen"),
        ("/submission.zip", "_"),
    ],
)
def test_a_submission_has_the_name_of_its_file_or_its_folder(path, name):
    assert name_of(Path(path)) == name


def test_no_name_is_too_long_for_a_folder(tmp_path):
    name = name_of(Path("." + "ä" * 127))
    (tmp_path / name).mkdir()


def test_two_submissions_with_the_same_name_are_refused_with_both_paths(tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder / "alice").mkdir(parents=True)
    with pytest.raises(BatchError, match=r"a/alice and .*b/alice would both be called alice; rename one"):
        submissions([tmp_path / "a" / "alice", tmp_path / "b" / "alice"])


def test_a_repeated_path_counts_once_and_the_platforms_metadata_is_skipped(tmp_path):
    (tmp_path / "alice").mkdir()
    (tmp_path / "submission_metadata.yml").touch()
    assert list(submissions([*tmp_path.iterdir(), tmp_path / "alice", tmp_path / "x" / ".." / "alice"])) == ["alice"]


def test_a_submission_cannot_replace_the_table(tmp_path):
    (tmp_path / "grades.csv.zip").touch()
    with pytest.raises(BatchError, match=r"cannot be called grades\.csv"):
        submissions([tmp_path / "grades.csv.zip"])


# --- the table and the class report -----------------------------------------------------------------------------------
def page(status: str, says: str = "", key: str = "k", mistakes: tuple[str, ...] = ()) -> dict:
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
    return {"score": 0.0, "tests": tests, "extra_data": {"key": key, "isolation": "full", "notes": []}}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(text):
    assert cell(text) == "'" + text


def test_numbers_stay_numbers():
    assert [cell(x) for x in (80.0, 3.25, 0)] == ["80", "3.25", "0"]


def test_the_table_has_a_row_for_each_submission_by_name():
    rows = list(
        csv.DictReader(table([Grade("b", page("timed out")), Grade("=a", page("passed"))], {"c": "boom"}).splitlines())
    )
    assert [row["name"] for row in rows] == ["'=a", "b", "c"]
    totals, table_ = exercises.totals(), exercises.load()
    assert (rows[0]["points"], rows[0]["extra credit"]) == (str(totals["code"]), str(totals["extra"]))
    assert (rows[0]["1.4"], rows[0]["E.1"]) == (str(table_["1.4"].points), str(table_["E.1"].points))
    assert rows[1]["notes"].endswith("timed out")
    assert rows[1]["points"] == "0"
    assert "boom" in rows[2]["notes"]
    assert rows[2]["points"] == "", "a submission that is not graded has no points, not 0"


def test_the_report_counts_the_results_of_each_exercise():
    statuses = ["passed", "passed", "failed", "not attempted", "timed out"]
    row = by_exercise([Grade(str(i), page(status)) for i, status in enumerate(statuses)]).splitlines()[2]
    assert re.split(r" *\| *", row.strip("| ")) == ["1.1", "Squared error", "4", "1.6", "2", "", "2", "1", "1"]


def test_the_report_names_the_most_common_mistake_first():
    says = "your loss equals the one that treats log_std as the logarithm of the variance"
    grades = [Grade(f"{i}", page("failed", f"loss: got {i}.0, expected 9.0", mistakes=(says,))) for i in range(2)]
    rows = most_common([*grades, Grade("other", page("failed", "loss: got 1, expected 2"))]).splitlines()
    mine = [re.split(r" *\| *", row.strip("| ")) for row in rows if row.startswith("| 1.3")]
    assert mine == [["1.3", "2", says], ["1.3", "1", "another mistake: the value"]]


# --- judges that fail -------------------------------------------------------------------------------------------------
def fake_key(submission: Path, settings: object = None) -> str:
    return submission.read_text()


def fake_grade(submission: Path, sandbox: object) -> dict:
    """A grade, or a failure of the grader itself, depending on the text of the file."""
    text = submission.read_text()
    if "raise" in text:
        raise ZeroDivisionError("boom")
    if "exit" in text:
        os._exit(3)
    if "hang" in text:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(60)
    return page("passed", key=text)


@pytest.fixture
def fake_class(tmp_path):
    """A function that makes files for `fake_grade`, by name and text."""

    def make(**texts: str) -> dict[str, Path]:
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
        return {name: tmp_path / name for name in texts}

    return make


def test_a_judge_that_raises_ends_or_hangs_fails_only_its_own_submission(fake_class, monkeypatch):
    monkeypatch.setattr("tests.autograder.staff.batch.STOP_SECONDS", 1.0)
    todo = fake_class(a="1", b="raise", c="exit", d="2", e="hang", f="3")
    before = set(psutil.Process().children())
    found = {outcome.name: outcome for outcome in Judges(fake_grade, 2, 2.0, UNPROTECTED).grade(todo)}
    assert {name for name in found if not found[name].error} == {"a", "d", "f"}
    assert found["b"].error.endswith("ZeroDivisionError: boom\n")
    assert found["c"].error == "the grader's process ended with exit status 3"
    assert found["e"].error == "the grader took more than 2 s and was stopped"
    left = set(psutil.Process().children()) - before
    assert not [child for child in left if "spawn_main" in " ".join(child.cmdline())]


def test_if_no_judge_can_start_the_batch_ends_with_a_sentence(fake_class):
    with pytest.raises(BatchError, match="no judge can be started: there is no isolation level 'perfect'"):
        list(Judges(fake_grade, 1, 2.0, {"level": "perfect"}).grade(fake_class(a="1", b="2")))


@pytest.fixture
def main(monkeypatch):
    """The command with `fake_grade` as its grader, completely in this process."""
    from scripts.staff import grade

    class Fake:
        def grade(self, todo):
            for name, path in todo.items():
                try:
                    yield Outcome(name, fake_grade(path, None))
                except ZeroDivisionError:
                    yield Outcome(name, error=traceback.format_exc())

    monkeypatch.setattr(grade, "judges", lambda *_: Fake())
    monkeypatch.setattr(grade.one, "key", fake_key)
    return lambda *arguments: grade.main([*map(str, arguments)])


def log(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / ".log").read_text().splitlines()]


def test_only_what_changed_is_graded_again(main, fake_class, tmp_path):
    todo, out = fake_class(a="1", b="2"), tmp_path / "out"
    assert main(*todo.values(), "--out", out) == 0
    todo["b"].write_text("3")
    assert main(*todo.values(), "--out", out) == 0
    assert [event["name"] for event in log(out)] == ["a", "b", "b"]
    (out / "a" / "results.json").write_text('{"score": 80')  # damaged
    assert main(*todo.values(), "--out", out) == 0
    assert [event["name"] for event in log(out)][3:] == ["a"]
    assert main(*todo.values(), "--out", out, "--force") == 0
    assert [event["name"] for event in log(out)][4:] == ["a", "b"]


def test_a_failure_of_the_grader_is_reported_and_tried_again(main, fake_class, tmp_path, capsys):
    todo, out = fake_class(a="1", b="2"), tmp_path / "out"
    assert main(*todo.values(), "--out", out) == 0
    todo["b"].write_text("raise")
    assert main(*todo.values(), "--out", out) == 1
    assert "error: the grader failed on b: ZeroDivisionError: boom" in capsys.readouterr().err
    assert not (out / "b" / "results.json").exists(), "the grade of an earlier version is still there"
    assert "boom" in (out / "grades.csv").read_text()
    todo["b"].write_text("4")
    assert main(*todo.values(), "--out", out) == 0
    assert "boom" not in (out / "grades.csv").read_text() + (out / "summary.md").read_text()


def test_two_batches_cannot_grade_into_the_same_folder(main, fake_class, tmp_path, capsys):
    out = tmp_path / "out"
    with Grades(out).locked():
        assert main(*fake_class(a="1").values(), "--out", out) == 1
    assert "another batch is grading into" in capsys.readouterr().err
    assert main(tmp_path / "a", "--out", out) == 0


def test_a_seed_is_drawn_once_and_kept_where_nobody_else_can_read_it(main, fake_class, tmp_path):
    out = tmp_path / "out"
    assert main(*fake_class(a="1").values(), "--out", out) == 0
    seed = (out / ".seed").read_text()
    assert len(seed.strip()) == 32
    assert main(tmp_path / "a", "--out", out) == 0
    assert (out / ".seed").read_text() == seed
    assert main(tmp_path / "a", "--out", out, "--seed", "mine") == 0
    assert (out / ".seed").read_text() == "mine\n"
    assert (out.stat().st_mode | (out / ".seed").stat().st_mode) & 0o077 == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["nowhere"], "nowhere does not exist"),
        ([], "there is no submission"),
        (["PATH", "--jobs", "-1"], "--jobs is -1"),
        (["PATH", "--probe-timeout", "0"], "--probe-timeout is 0"),
        (["PATH", "--timeout", "nan"], "--timeout is nan"),
        (["PATH", "--out", "/dev/null/x"], "/dev/null/x cannot be created"),
    ],
)
def test_a_mistake_on_the_command_line_gets_an_error_of_one_sentence(main, fake_class, tmp_path, capsys, options, says):
    path = fake_class(a="1")["a"]
    assert main("--out", tmp_path / "out", *[path if option == "PATH" else option for option in options]) == 1
    assert says in capsys.readouterr().err


# --- a real class -----------------------------------------------------------------------------------------------------
SEED = "a secret"
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
    assert "- damaged: damaged.zip is" in report


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
