"""Grades go home: every student has a row, the policy is what the file says, and a platform's table changes in one
column only."""

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hw1 import exercises
from scripts.staff import gradebook
from scripts.staff.final import DEFAULT, Policy, moment, read_policy
from tests.autograder.staff import sheets
from tests.staff.fake_grader import install
from tests.staff.test_layouts import tree

FULL = sum(exercises.totals()[kind] for kind in ("code", "extra"))
ROSTER = """\
id,name,email,section,extension,group
s1,Alice Liddell,alice@x.edu,A,,
s2,"Hatter, Bob",bob@x.edu,A,2,
s3,Łukasz O'Hara,luk@x.edu,B,,
s4,Zoë Quartz,zoe@x.edu,B,,Pair
s5,Carl Pair,carl@x.edu,B,,Pair
"""
# As Canvas exports it: a line of maxima, numbers behind titles, sums of its own.
CANVAS = (
    "Student,ID,SIS User ID,SIS Login ID,Section,HW0 (777),HW1: Imitation (778),Current Score,Final Score\r\n"
    ",,,,,,Manual Posting,,\r\n"
    "    Points Possible,,,,,10.00,100.00,(read only),(read only)\r\n"
    '"Liddell, Alice",101,s1,alice,"A, morning",9.50,,95.0,47.5\r\n'
    '"Hatter, Bob",102,s2,bob,A,,3.00,"","0"\r\n'
    '"Nobody, Nora",199,s99,nora,A,1.00,5.00,50.0,50.0\r\n'
    '"O\'Hara, Łukasz",103,s3,luk,B,7,,,\r\n'
    '"Student, Test",200,,x,A,,,,\r\n'
)
MOODLE = (
    'Identifier,"Full name","Email address",Status,Grade,"Maximum Grade","Grade can be changed",'
    '"Last modified (submission)","Last modified (grade)","Feedback comments"\n'
    '"Participant 55","Alice Liddell",alice@x.edu,"Submitted for grading",,100.00,Yes,'
    '"Monday, 12 October 2026, 11:30 PM",-,"Well ""done"",\nAlice"\n'
    '"Participant 56","Bob Hatter",bob@x.edu,"No submission",,100.00,Yes,-,-,\n'
)
GRADESCOPE = (
    "\ufeffName,SID,Email,Total Score,Max Points,Status,Submission ID,Submission Time,Lateness (H:M:S)\n"
    "Alice Liddell,s1,alice@x.edu,0.0,80.0,Graded,11,2026-10-12 16:00:00 -0700,00:00:00\n"
    "Zoë Quartz,,zoe@x.edu,,80.0,Missing,,,\n"
)


@pytest.fixture
def course(tmp_path, monkeypatch) -> Path:
    """A folder of grades: s1 right, s2 wrong, a pair; nobody from s3, and one whom nobody knows."""
    tree(tmp_path, {"roster.csv": ROSTER})
    files = {"Alice Liddell_55_assignsubmission_file/a.zip": "1", "bob.zip": "wrong", "eve.zip": "2", "pair.zip": "3"}
    command = install(monkeypatch)
    monkeypatch.chdir(tmp_path)
    folder = tree(tmp_path / "in", files)
    assert command("--out", "grades", "--roster", "roster.csv", *sorted(folder.iterdir())) == 0
    return tmp_path


def run(*arguments: object) -> int:
    return gradebook.main(["--grades", "grades", "--out", "home", *map(str, arguments)])


def totals() -> dict[str, dict[str, str]]:
    text = Path("home/totals.csv").read_text(encoding="utf-8-sig")
    return {row["id"]: row for row in csv.DictReader(text.splitlines())}


# --- totals -----------------------------------------------------------------------------------------------------------
def test_everybody_has_a_row_and_nobody_is_lost(course, capsys):
    assert run("--roster", "roster.csv") == 0
    found = totals()
    assert {id: row["total"] for id, row in found.items()} == {
        "s1": f"{FULL}", "s2": "0", "s3": "0", "s4": f"{FULL}", "s5": f"{FULL}",
    }  # fmt: skip
    assert [row["submission"] for row in found.values()] == ["s1", "s2", "", "Pair", "Pair"]
    assert "handed in nothing" in found["s3"]["notes"]
    kept = Path("grades/s1/submitted", found["s1"]["sha256 of the graded file"], "a.zip")
    assert kept.read_text() == "1"
    said = capsys.readouterr().out
    assert "5 students, 1 of them handed in nothing" in said
    assert 'the submission "eve" is of nobody in the roster' in said


def test_grades_that_were_made_without_a_roster_find_their_students(course, monkeypatch):
    command = install(monkeypatch)
    assert command("--out", "again", *sorted((course / "in").iterdir())) == 0
    assert gradebook.main(["--grades", "again", "--out", "home", "--roster", "roster.csv"]) == 0
    assert [row["submission"] for row in totals().values()] == ["Alice Liddell_55", "bob", "", "pair", "pair"]


def test_written_points_of_several_markers_are_added(course, capsys):
    tree(
        course,
        {"a.csv": "\ufeffEmail;5.1;5.2\nALICE@x.edu;4,5;5\nnora@x.edu;1;1\n", "b.csv": "name,5.3,5.4\nPair,1,2\n"},
    )
    assert run("--roster", "roster.csv", "--written", "a.csv", "b.csv") == 0
    found = totals()
    assert (found["s1"]["5.1"], found["s1"]["5.2"], found["s1"]["5.3"]) == ("4.5", "5", "")
    assert (found["s4"]["total"], found["s5"]["5.4"]) == (f"{FULL + 3}", "2")
    assert "no points for 5.3, 5.4" in found["s1"]["notes"]
    assert "a.csv\", line 3: 'nora@x.edu 1 1' is nobody in the roster" in capsys.readouterr().out


def test_the_form_for_the_written_questions_is_filled_in_and_given_back(course):
    assert run("--roster", "roster.csv") == 0
    form = Path("home/written.csv")
    header, first, *rest = form.read_text(encoding="utf-8-sig").splitlines()
    assert header == '"id","name","section","5.1","5.2","5.3","5.4"'
    form.write_text("\n".join([header, first.replace('"",', '"4",', 1), *rest]), encoding="utf-8-sig")
    marked = form.read_bytes()
    assert run("--roster", "roster.csv", "--written", form) == 0
    assert totals()["s1"]["5.1"] == "4"
    assert form.read_bytes() == marked


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("id,5.1\ns1,6\n", "line 2: 5.1 is '6'; it must be a number from 0 to 5"),
        ("id,5.1\ns1,good\n", "line 2: 5.1 is 'good'"),
        ("id,5.1\ns1,nan\n", "line 2: 5.1 is 'nan'"),
        ("id,points\ns1,5\n", "none of the columns 5.1, 5.2, 5.3, 5.4"),
        ("id,5.1\ns1,4\ns1,5\n", "line 3: s1 has 5 points for 5.1, but 4 elsewhere"),
    ],
)
def test_written_points_that_cannot_be_right_are_refused(course, capsys, text, says):
    tree(course, {"a.csv": text})
    assert run("--roster", "roster.csv", "--written", "a.csv") == 2
    assert says in capsys.readouterr().err
    assert not Path("home").exists()


# --- lateness ---------------------------------------------------------------------------------------------------------
POLICY = Policy("2026-10-12T23:59", "America/Los_Angeles", 15, 1, 0.1, 0.5, 7)
DUE = datetime(2026, 10, 13, 6, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("late", "extension", "days", "penalty"),
    [
        (timedelta(minutes=-1), 0, 0, 0),
        (timedelta(minutes=15), 0, 0, 0),
        (timedelta(minutes=16), 0, 1, 0),  # a free day
        (timedelta(days=1, minutes=1), 0, 2, 0.1),
        (timedelta(days=2), 0.5, 2, 0.1),
        (timedelta(days=3), 3, 0, 0),
        (timedelta(days=7), 0, 7, 0.5),
        (timedelta(days=7, seconds=1), 0, 8, 1),
    ],
)
def test_late_days_and_penalty_follow_the_policy(late, extension, days, penalty):
    assert POLICY.days_late(DUE + late, extension) == days
    assert POLICY.penalty(days) == pytest.approx(penalty)


def test_the_default_policy_calls_nobody_late():
    assert read_policy(DEFAULT).due == ""


def test_lateness_costs_points_with_extensions_and_times_from_the_platform(course, capsys):
    policy = 'due = "2026-10-12T12:00"\npenalty_per_day = 0.25\ncap = 0.5\nmissing = ""\n'
    times = "id,submitted\ns1,2026-10-13T11:00\ns2,2026-10-14T11:00Z\ns4,2027-01-01\ns5,soon\n"
    tree(course, {"late.toml": policy, "times.csv": times})
    assert run("--roster", "roster.csv", "--policy", "late.toml", "--submitted", "times.csv") == 0
    found = totals()
    assert (found["s1"]["days late"], found["s1"]["total"]) == ("1", f"{0.75 * FULL:g}")
    assert (found["s2"]["days late"], found["s2"]["penalty"]) == ("0", "0"), "two days of extension"
    assert found["s4"]["total"] == f"{0.5 * FULL:g}"
    assert found["s3"]["total"] == ""
    assert "the time of submission is not known" in found["s5"]["notes"]
    said = capsys.readouterr().out
    assert "'soon' is no time" in said
    assert "when they handed in is not known, so they cost nothing: s5" in said


def test_gradescope_tells_the_time(course, monkeypatch):
    metadata = "submission_1:\n  :submitters:\n  - :sid: s1\n    :name: A\n  :created_at: 2026-10-14 01:00:00 -08:00\n"
    folder = tree(course / "gs", {"submission_metadata.yml": metadata, "submission_1/hw1/losses.py": "x"})
    tree(course, {"late.toml": 'due = "2026-10-13T00:00"\npenalty_per_day = 0.1\n'})
    assert install(monkeypatch)("--out", "gs-out", folder) == 0
    assert (
        gradebook.main(["--grades", "gs-out", "--out", "home", "--roster", "roster.csv", "--policy", "late.toml"]) == 0
    )
    assert totals()["s1"]["days late"] == "2"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("due = 1", "due is 1"),
        ('due = "tomorrow"', "'tomorrow' is no time"),
        ('due = "2026-10-12"\ntimezone = "Mars"', "timezone like Europe/Berlin"),
        ("penalty_per_day = 10", "penalty_per_day is 10; write a share, from 0 to 1"),
        ("cap = -1", "cap is -1"),
        ("free_late_days = 0.5", "free_late_days is 0.5; write whole days"),
        ("late_penalty = 1", "there is no late_penalty; the keys are due"),
        ("due = ", "is no TOML"),
        ("missing = nan", "missing is nan"),
        ("written_too = 1", "write true or false"),
    ],
)
def test_a_policy_that_cannot_be_right_is_refused_with_its_key(course, capsys, text, says):
    tree(course, {"late.toml": text})
    assert run("--roster", "roster.csv", "--policy", "late.toml") == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("Monday, 12 October 2026, 11:30 PM", 23),
        ("2026-10-12 16:30:00 -0700", 23),
        ("2026-10-12T23:30:00Z", 23),
        ("2026-10-12 23:30:00 UTC", 23),
        ("2026-10-12 23:30", 23),
    ],
)
def test_times_are_read_as_platforms_write_them(text, hour):
    assert moment(text) == datetime(2026, 10, 12, hour, 30, tzinfo=UTC)


# --- platforms --------------------------------------------------------------------------------------------------------
def test_canvas_gets_its_own_table_back_with_one_column_filled(course, capsys):
    (course / "canvas.csv").write_bytes(CANVAS.encode("utf-8-sig"))
    assert run("--tables", "canvas.csv", "--column", "HW1: Imitation", "--roster", "roster.csv") == 0
    expected = (
        CANVAS.replace(",9.50,,95", f",9.50,{FULL},95").replace(",A,,3.00,", ",A,,0,").replace(",B,7,,", ",B,7,0,")
    )
    assert Path("home/canvas.csv").read_bytes() == expected.encode("utf-8-sig")
    said = capsys.readouterr().out
    assert "Canvas canvas.csv: filled" in said
    assert 'not in the roster, left as they were: "canvas.csv", line 6: Nobody, Nora 199' in said
    assert "have no row there: s4, s5" in said
    assert run("--tables", "home/canvas.csv", "--column", "HW1: Imitation (778)", "--out", "home2") == 0, (
        "its own roster"
    )
    assert Path("home2/canvas.csv").read_bytes() == expected.replace(",1.00,5.00,", ",1.00,0,").encode("utf-8-sig")


def test_moodle_gets_its_worksheet_back(course, capsys):
    (course / "moodle.csv").write_text(MOODLE)
    tree(course, {"late.toml": 'due = "2026-10-12T12:00"\npenalty_per_day = 0.5\n'})
    options = ("--roster", "roster.csv", "--policy", "late.toml", "--submitted", "moodle.csv")
    assert run("--tables", "moodle.csv", *options) == 0
    expected = MOODLE.replace('grading",,100', f'grading",{FULL / 2:g},100').replace(
        'submission",,100', 'submission",0,100'
    )
    assert Path("home/moodle.csv").read_text() == expected
    assert "late" in capsys.readouterr().out


def test_gradescope_gets_its_table_back(course, capsys):
    (course / "gs.csv").write_text(GRADESCOPE)
    assert run("--tables", "gs.csv", "--roster", "roster.csv") == 0
    expected = GRADESCOPE.replace(",0.0,80", f",{FULL},80").replace("edu,,80", f"edu,{FULL},80")
    assert Path("home/gs.csv").read_text() == expected
    assert "above the maximum there, which the platform may refuse: s1, s4" in capsys.readouterr().out


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize(
    "text", [CANVAS.replace("Ł", "L"), MOODLE, "sep=;\r\na;b\r\n\r\n1\r\n;;;\r\n", 'a,b\n"x"y,"z', "a\tb\r1\t2\r"]
)
def test_a_table_without_changes_is_written_as_it_was(tmp_path, encoding, text):
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode(encoding))
    sheet = sheets.read(path)
    assert sheets.written(sheet, {}) == path.read_bytes()
    wide = replace(sheet, encoding="utf-8")
    changed = sheets.parse(path, sheets.written(wide, {(0, 1): 'Ж";,\n'}).decode())
    assert [row[:2] for row in changed.rows] == [[sheet.rows[0][0], 'Ж";,\n'], *(row[:2] for row in sheet.rows[1:])]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--roster is missing"),
        (["--roster", "nowhere.csv"], "nowhere.csv"),
        (["--tables", "canvas.csv"], "--column must name the column"),
        (["--tables", "canvas.csv", "--column", "HW9"], "has no column 'HW9'; it has 'Student'"),
        (["--roster", "roster.csv", "--tables", "canvas.csv", "in/../canvas.csv", "--column", "HW0"], "two files"),
        (["--roster", "roster.csv", "--tables", "canvas.csv", "--column", "HW0", "--out", "."], "would be overwritten"),
        (["--roster", "roster.csv", "--grades", "nowhere"], "--grades nowhere"),
        (["--roster", "roster.csv", "--submitted", "roster.csv"], "has no column 'submitted'"),
    ],
)
def test_a_mistake_gets_a_sentence_and_writes_nothing(course, capsys, arguments, says):
    (course / "canvas.csv").write_text(CANVAS)
    before = {path for path in course.rglob("*")}
    assert run(*arguments) == 2
    assert says in capsys.readouterr().err
    assert {path for path in course.rglob("*")} == before


def test_no_cell_is_a_formula(course, monkeypatch):
    tree(course, {"odd.csv": 'id,name\n=1+2,"=HYPERLINK(""x"")"\n'})
    assert run("--roster", "odd.csv") == 0
    assert "'=1+2" in totals()
    assert json.loads(Path("grades/.people").read_text())
