"""The folder of grades: nothing that a student earned vanishes, and no two kinds of grades are mixed in silence."""

import csv
import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder.staff import keys, private
from tests.autograder.staff.folder import Grades
from tests.staff.fake_grader import SEED, install, log, make, page

FULL = str(exercises.totals()["code"])
OTHER_SEED = "quite another secret"


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def main(monkeypatch, out):
    """The command with `fake_grade` as its grader, into the folder `out`."""
    command = install(monkeypatch)
    return lambda *arguments: command("--out", out, *arguments)


def rows(out: Path) -> dict[str, dict[str, str]]:
    text = (out / "grades.csv").read_text(encoding="utf-8-sig")
    return {row["name"]: row for row in csv.DictReader(text.splitlines())}


def states(out: Path) -> dict[str, str]:
    return {name: row["state"] for name, row in rows(out).items()}


def graded(out: Path) -> list[str]:
    """The names in the log, one for each grade or failure."""
    return [event["name"] for event in log(out) if "pruned" not in event]


# --- what is graded ---------------------------------------------------------------------------------------------------
def test_only_what_changed_is_graded_again(main, out, tmp_path):
    todo = make(tmp_path, a="1", b="2")
    assert main(*todo.values()) == 0
    todo["b"].write_text("3")
    assert main(*todo.values()) == 0
    assert graded(out) == ["a", "b", "b"]
    (out / "a" / "results.json").write_text('{"score": 80')  # damaged
    assert main(*todo.values()) == 0
    assert graded(out)[3:] == ["a"]
    assert main(*todo.values(), "--force") == 0
    assert graded(out)[4:] == ["a", "b"]


def test_what_is_no_submission_is_skipped_and_named(main, out, tmp_path, capsys):
    make(tmp_path / "in", alice="1")
    (tmp_path / "in" / "__MACOSX").mkdir()
    (tmp_path / "in" / "roster.csv").touch()
    assert main(*(tmp_path / "in").iterdir()) == 0
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("skipped")]
    assert "__MACOSX" in line
    assert "roster.csv" in line
    assert states(out) == {"alice": "current"}
    assert main(tmp_path / "in" / "roster.csv") == 1
    assert capsys.readouterr().err == "error: there is no submission to grade\n"


def test_a_folder_from_moodle_is_graded_by_its_zip_under_its_own_name(main, out, tmp_path):
    for number, file in enumerate(["submission.zip", "submission (1).zip", "mine.zip"]):
        (tmp_path / "moodle" / f"Student {number}_1_assignsubmission_file").mkdir(parents=True)
        (tmp_path / "moodle" / f"Student {number}_1_assignsubmission_file" / file).write_text(f"{number}")
    assert main(*(tmp_path / "moodle").iterdir()) == 0
    assert list(rows(out)) == [f"Student {number}_1" for number in range(3)]
    keys = {row["key"] for row in rows(out).values()}
    assert {key.split()[0] for key in keys} == {"0", "1", "2"}, "graded by the contents of the zips"
    files = [*(tmp_path / "moodle").glob("*/sub*.zip")]
    assert main(*files) == 0
    assert len(rows(out)) == len(graded(out)) == 3, "the zips themselves are the same submissions"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["nowhere"], 'nowhere" does not exist'),
        ([], "there is no submission"),
        (["--all"], "there is no submission"),
        (["PATH", "--jobs", "-1"], "--jobs is -1"),
        (["PATH", "--probe-timeout", "0"], "--probe-timeout is 0"),
        (["PATH", "--timeout", "nan"], "--timeout is nan"),
        (["PATH", "--out", "/dev/null/x"], "/dev/null/x cannot be created"),
        (["PATH", "--seed", "fall-2026"], "the seed can be guessed"),
        (["PATH", "--seed", "ab" * 20], "the seed can be guessed"),
        (["PATH", "--seed", f"{SEED}\n{SEED}"], "cannot be printed"),
        (["PATH", "--seed", SEED + "\udcff"], "cannot be printed"),
    ],
)
def test_a_mistake_on_the_command_line_gets_an_error_of_one_sentence(main, tmp_path, capsys, options, says):
    path = make(tmp_path, a="1")["a"]
    assert main(*[path if option == "PATH" else option for option in options]) == 1
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_two_batches_cannot_grade_into_the_same_folder(main, out, tmp_path, capsys):
    path = make(tmp_path, a="1")["a"]
    with Grades(out).locked():
        assert main(path) == 1
        assert main(path, "--out", tmp_path / "another") == 0
    assert "another batch is grading into" in capsys.readouterr().err
    assert main(path) == 0


# --- nothing vanishes -------------------------------------------------------------------------------------------------
def test_a_failure_of_the_grader_keeps_the_old_grade_and_is_tried_again(main, out, tmp_path, capsys):
    todo = make(tmp_path, a="1", b="2", c="raise")
    assert main(*todo.values()) == 1
    before = (out / "b" / "results.json").read_bytes()
    submission = json.loads(before)["extra_data"]["submission"]
    todo["b"].write_text("raise")
    assert main(*todo.values()) == 1
    assert "error: the grader failed on b: ZeroDivisionError: boom" in capsys.readouterr().err
    assert (out / "b" / "results.json").read_bytes() == before
    assert "Traceback" in (out / "b" / "error.txt").read_text()
    row = rows(out)["b"]
    assert (row["points"], row["state"]) == (FULL, "regrade failed, stale")
    assert row["notes"].startswith("the regrade failed: ZeroDivisionError: boom; it failed on 2")
    assert f"the points are those of 2{row['notes'].partition('those of 2')[2][:18]}, " in row["notes"]
    assert f"submission {submission[:12]}" in row["notes"]
    assert (rows(out)["c"]["points"], rows(out)["c"]["state"]) == ("", "not graded")
    report = (out / "summary.md").read_text()
    assert "which keep their earlier points:\n\n- `b`: " in report
    assert "which have no points yet:\n\n- `c`: " in report
    todo["b"].write_text("2")  # the version that the grade is of
    assert main(*todo.values()) == 1
    assert graded(out) == ["a", "b", "c", "b", "c", "b", "c"]
    assert states(out) == {"a": "current", "b": "current", "c": "not graded"}
    assert "boom" not in rows(out)["b"]["notes"]


@pytest.mark.parametrize("mode", ["gone", "unreadable"])
def test_a_file_that_cannot_be_read_at_all_costs_nobody_the_old_grade(main, out, tmp_path, monkeypatch, mode):
    todo = make(tmp_path, a="1", b="2")
    assert main(*todo.values()) == 0

    def drive_fails(submission, **_):
        todo["a"].unlink()
        if mode == "unreadable":
            todo["a"].symlink_to(todo["a"])  # a loop: even root cannot open it
        return page("passed", unusable="a.zip is a damaged zip") | {"tests": []}

    monkeypatch.setattr("tests.staff.fake_grader.fake_grade", drive_fails)
    todo["a"].write_text("3")
    assert main(todo["a"]) == 1
    assert rows(out)["a"]["points"] == FULL
    assert "the regrade failed: the submission cannot be read: " in rows(out)["a"]["notes"]


@pytest.mark.parametrize("file", ["results.json", "error.txt", "grades.csv", "summary.md", ".seed", ".seeds", ".names"])
@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_on_a_full_disk_every_file_is_complete_or_unchanged(main, out, tmp_path, capsys, monkeypatch, file, step):
    todo = make(tmp_path, a="1", b="1")
    assert main(*todo.values(), "--seed", SEED) == 0
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    todo["a"].write_text("2")
    todo["b"].write_text("raise")
    new = make(tmp_path, new="3")["new"]
    opened, real_open, real = {}, os.open, getattr(os, step)

    def remember(path, *rest):
        opened[number := real_open(path, *rest)] = str(path)
        return number

    def full(what, *rest):
        if opened.get(what, str(what)).endswith(f".{file}.part"):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(what, *rest)

    monkeypatch.setattr(os, "open", remember)
    monkeypatch.setattr(os, step, full)
    assert main(*todo.values(), new, "--seed", OTHER_SEED) == 1
    monkeypatch.undo()
    error = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert len(error) == 1
    assert f'{file}" cannot be read or written: No space left on device; all grades so far are kept' in error[0]
    assert list(out.rglob("*.part")) == []
    unchanged = {path for path in before if path.name == file}
    assert {path: path.read_bytes() for path in unchanged} == {path: before[path] for path in unchanged}
    json.loads((out / "a" / "results.json").read_text())


def test_a_line_of_a_log_is_complete_or_missing(tmp_path, monkeypatch):
    file, real = tmp_path / ".log", os.write
    private.append(file, "one")
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda number, data: real(number, data[:2]))  # the disk is full
        with pytest.raises(OSError, match=r"No space left on device: .*\.log"):
            private.append(file, "two")
    assert file.read_text() == "one\n"
    file.write_text("one\nhal")  # killed
    private.append(file, "three")
    assert file.read_text() == "one\nhal\nthree\n"


def test_what_a_killed_write_left_is_harmless(main, out, tmp_path):
    todo = make(tmp_path, a="1")
    assert main(*todo.values()) == 0
    (out / "b").mkdir()
    for place in (out / "a" / ".results.json.part", out / "b" / ".results.json.part", out / ".grades.csv.part"):
        place.write_text("{")
    todo["a"].write_text("2")
    assert main(*todo.values()) == 0
    assert states(out) == {"a": "current"}
    assert not (out / "a" / ".results.json.part").exists()


@pytest.mark.parametrize("text", ['{"score": 80', "[]", '{"tests": [{}], "extra_data": {"key": "k"}}', "\xff"])
def test_a_damaged_grade_is_told_and_disturbs_nobody(main, out, tmp_path, text):
    todo = make(tmp_path, a="1", b="2")
    assert main(*todo.values()) == 0
    (out / "a" / "results.json").write_text(text, encoding="latin-1")
    assert main(todo["b"]) == 0
    assert states(out) == {"a": "not graded", "b": "current"}
    assert "results.json is damaged" in rows(out)["a"]["notes"]


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1}'])
def test_damaged_names_stop_the_batch_before_anybody_gets_the_row_of_another(main, out, tmp_path, capsys, text):
    todo = make(tmp_path, a="1")
    assert main(*todo.values()) == 0
    (out / ".names").write_text(text)
    assert main(*todo.values()) == 1
    assert ".names is damaged: take it from a backup" in capsys.readouterr().err


# --- seeds and graders are not mixed in silence -----------------------------------------------------------------------
def test_a_seed_is_drawn_once_and_kept_where_nobody_else_can_read_it(main, out, tmp_path):
    path = make(tmp_path, a="1")["a"]
    assert main(path) == 0
    seed = (out / ".seed").read_text()
    assert len(seed.strip()) == 32
    assert main(path) == 0
    assert (out / ".seed").read_text() == seed
    assert main(path, "--seed", f" {SEED} ") == 0
    assert (out / ".seed").read_text() == f"{SEED}\n"
    files = [out, out / ".seed", out / ".seeds", out / ".names", out / ".log", out / "grades.csv"]
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)


def test_every_seed_is_kept_so_that_old_grades_can_be_given_again(main, out, tmp_path):
    path = make(tmp_path, a="1")["a"]
    for seed in (SEED, OTHER_SEED, SEED):
        assert main(path, "--seed", seed) == 0
    assert (out / ".seeds").read_text() == "".join(f"{keys.fingerprint(s)} {s}\n" for s in (SEED, OTHER_SEED))


@pytest.mark.parametrize("kept", [b"fall-2026\n", b"\xff\xfe\n", b"\x00"])
def test_a_kept_seed_that_can_be_guessed_or_is_damaged_is_an_error(main, out, tmp_path, capsys, kept):
    out.mkdir()
    (out / ".seed").write_bytes(kept)
    assert main(make(tmp_path, a="1")["a"]) == 1
    error = capsys.readouterr().err
    assert ".seed" in error
    assert error.count("\n") == 1
    assert (out / ".seed").read_bytes() == kept


def test_a_new_seed_for_some_tells_which_grades_stay_of_the_old_one(main, out, tmp_path, capsys):
    todo = make(tmp_path, a="1", b="2", c="3")
    assert main(*todo.values(), "--seed", SEED) == 0
    capsys.readouterr()
    assert main(todo["a"], "--seed", OTHER_SEED) == 0
    said = capsys.readouterr().out
    assert "2 submissions not given here will keep grades of another seed: `b`, `c`; --all grades all" in said
    old, new = keys.fingerprint(SEED), keys.fingerprint(OTHER_SEED)
    assert {name: row["seed"] for name, row in rows(out).items()} == {"a": new, "b": old, "c": old}
    assert states(out) == {"a": "current", "b": "stale", "c": "stale"}
    assert rows(out)["b"]["notes"] == "stale: not graded with the present seed"
    assert f"- seed `{old}`, grader `{'g' * 16}`: 2 submissions: `b`, `c`" in said
    assert f"- seed `{new}`, grader `{'g' * 16}` (present): 1 submission: `a`" in (out / "summary.md").read_text()
    assert main("--all") == 0
    assert graded(out) == ["a", "b", "c", "a", "b", "c"]
    assert states(out) == dict.fromkeys("abc", "current")
    assert "--all" not in capsys.readouterr().out


def test_a_new_grader_is_told_and_all_grades_everything_again(main, out, tmp_path, capsys, monkeypatch):
    todo = make(tmp_path, a="1", b="2")
    assert main(*todo.values()) == 0
    monkeypatch.setattr(keys, "grader", lambda: "h" * 64)
    assert main(todo["a"]) == 0
    assert f"grader `{'g' * 16}`: 1 submission: `b`" in capsys.readouterr().out
    assert [row["grader"] for row in rows(out).values()] == ["h" * 16, "g" * 16]
    assert rows(out)["b"]["notes"] == "stale: not graded with the present grader"
    assert main(todo["a"], "--all") == 0
    assert graded(out) == ["a", "b", "a", "b"]


def test_all_does_not_bring_an_earlier_download_back(main, out, tmp_path):
    week1, week2 = make(tmp_path / "1", a="1", b="1"), make(tmp_path / "2", a="2")
    assert main(*week1.values()) == 0
    assert main(week2["a"], "--all") == 0
    assert graded(out) == ["a", "b", "a"]
    assert rows(out)["a"]["path"] == str(week2["a"])


def test_of_a_folder_that_does_not_remember_paths_all_names_what_it_cannot_grade(main, out, tmp_path, capsys):
    todo = make(tmp_path, a="1", b="2")
    assert main(*todo.values()) == 0
    (out / ".names").unlink()
    assert main(todo["a"], "--all") == 0
    assert "the path of their submission is not known: `b`" in capsys.readouterr().out
    assert states(out) == {"a": "current", "b": "current"}


# --- stale and withdrawn ----------------------------------------------------------------------------------------------
def test_a_submission_that_has_changed_since_is_stale_until_it_is_graded_again(main, out, tmp_path):
    todo = make(tmp_path, a="1", b="2", c="3")
    assert main(*todo.values()) == 0
    os.utime(out / "b" / "results.json", (0, 0))  # touched later, but not changed
    todo["c"].write_text("4")
    os.utime(out / "c" / "results.json", (0, 0))
    assert main(todo["a"]) == 0
    assert states(out) == {"a": "current", "b": "current", "c": "stale"}
    assert rows(out)["c"]["notes"] == "stale: the submission has changed since it was graded"
    assert "grades them again): 1 submission: `c`" in (out / "summary.md").read_text()
    assert main("--all") == 0
    assert states(out)["c"] == "current"


def test_withdrawn_grades_are_told_and_moved_but_never_deleted(main, out, tmp_path, capsys):
    todo = make(tmp_path, a="1", b="2")
    assert main(*todo.values()) == 0
    todo["b"].unlink()
    assert main(todo["a"]) == 0
    assert states(out) == {"a": "current", "b": "withdrawn"}
    assert rows(out)["b"]["points"] == FULL
    assert "`--prune` moves these grades out of the tables): 1 submission: `b`." in capsys.readouterr().out
    grade = (out / "b" / "results.json").read_bytes()
    for _ in range(2):
        assert main("--prune") == 0
        (moved,) = out.glob(".pruned/2*/b/results.json")
        assert moved.read_bytes() == grade
        assert states(out) == {"a": "current"}
    said = capsys.readouterr().out
    assert f'pruned: "{todo["b"]}" no longer exists; the grade of "b" is now in {moved.parent}' in said
    assert "0 withdrawn grades were moved" in said
    make(tmp_path, b="3")
    assert main(todo["b"]) == 0
    assert states(out) == {"a": "current", "b": "current"}


def test_what_cannot_be_reached_is_not_withdrawn(main, out, tmp_path, monkeypatch):
    todo = make(tmp_path / "in", a="1", b="2")
    assert main(*todo.values()) == 0
    real = os.stat

    def refused(path, *rest, **options):
        if str(path) == str(todo["b"]):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *rest, **options)

    monkeypatch.setattr(os, "stat", refused)
    assert main(todo["a"], "--prune") == 0
    assert states(out) == {"a": "current", "b": "current"}


# --- names, and where they are shown ----------------------------------------------------------------------------------
ODD = ["Łukasz", "student\x07x", "student\x85x", "=1+2", "-3", "[x](javascript:0)", "\u0436" * 110 + "a"]
ODD += [
    "\u0436" * 110 + "b",
    "Alice",
    "alice",
    "J\u00fcrgen",
    "Ju\u0308rgen",
    "grades.csv",
    "a\udcffb",
    "a\u202eb",
    "`|`",
]


def odd_class(folder: Path) -> list[Path]:
    folder.mkdir()
    for name in ODD:
        (folder / f"{name}.zip").write_text(repr(name))
    return sorted(folder.iterdir())


def test_a_class_with_odd_names_is_graded_and_each_keeps_its_name(main, out, tmp_path, capsys):
    paths = odd_class(tmp_path / "in")
    assert main(*paths, "--bom") == 0
    said = capsys.readouterr().out
    assert (out / "grades.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert len(rows(out)) == len(ODD)
    assert {"'=1+2", "'-3", "student_x", "student_x-2", "Alice", "alice-2", "grades.csv-2", "a_b", "a_b-2"} <= set(
        rows(out)
    )
    assert '"student_x-2" is' in said
    assert "student\\x85x.zip" in said
    assert all(c.isprintable() for c in said.replace("\n", ""))
    names = json.loads((out / ".names").read_text())
    for path in paths:
        assert main(path) == 0
    assert len(graded(out)) == len(ODD), "nobody is graded twice"
    assert json.loads((out / ".names").read_text()) == names


def test_a_new_download_is_told(main, out, tmp_path, capsys):
    assert main(*make(tmp_path / "1", a="1").values()) == 0
    assert main(*make(tmp_path / "2", a="2", b="3").values()) == 0
    assert "at another place than before: 1 submission: `a`" in capsys.readouterr().out
    assert len(rows(out)) == 2


COMMAND = """
import sys
import pytest
from tests.staff.fake_grader import install
sys.exit(install(pytest.MonkeyPatch())(*sys.argv[1:]))
"""


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_every_terminal_can_show_every_name(tmp_path, encoding):
    paths = odd_class(tmp_path / "in")
    command = [sys.executable, "-c", COMMAND, *paths, "--out", tmp_path / "out"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert b"Traceback" not in done.stderr
    assert len(rows(tmp_path / "out")) == len(ODD)


def test_names_are_the_same_in_every_locale(main, out, tmp_path):
    folder = tmp_path / "Łódź"
    paths = make(folder, Łukasz="1", b="2")
    assert main(*paths.values()) == 0
    paths["Łukasz"].unlink()
    # In this locale, Python reads file names as ASCII.
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-m", "scripts.staff.grade", "--prune", "--out", out]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    assert list(out.glob(".pruned/*/Łukasz/results.json"))
    assert set(rows(out)) == {"b"}
    assert b"ukasz" in done.stdout
