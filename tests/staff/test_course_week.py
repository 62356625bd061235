"""A week of a course: three attempts by each of 60 students, a correction, a regrade, and the grades go home."""

import csv
import json
from pathlib import Path

import pytest

from scripts.staff import gradebook
from tests.autograder.staff import keys
from tests.staff import fake_grader
from tests.staff.fake_grader import install

STUDENTS, ABSENT, NEW = 60, 3, "h" * 64
ATTEMPTS = (1, 2, 3)
PEOPLE = {f"s{i:03}": f"Given{i:03} Family{i:03}" for i in range(STUDENTS)}


def answer(i: int, attempt: int) -> str:
    """A third is right at once, a third in the last attempt, and the others are wrong until the check is corrected."""
    return f"right {i} {attempt}" if i % 3 == 0 or (i % 3 == 1 and attempt == 3) else "wrong"


def export(folder: Path, attempt: int) -> Path:
    """What Moodle exports after an attempt; the last students never hand in anything."""
    for i, name in enumerate(list(PEOPLE.values())[:-ABSENT]):
        place = folder / f"{name}_{1000 + i}_assignsubmission_file"
        place.mkdir(parents=True)
        (place / "submission.zip").write_text(answer(i, attempt))
    return folder


@pytest.fixture
def week(tmp_path, monkeypatch):
    """`grade` in the folder of the course, with a roster and the platform's table; `week.corrected` mends the check."""
    rows = "".join(f"{id},{name},{id}@x.edu,{'AB'[int(id[1:]) % 2]}\n" for id, name in PEOPLE.items())
    (tmp_path / "roster.csv").write_text(f"id,name,email,section\n{rows}")
    table = "".join(f'"Participant {i}","{name}",{id}@x.edu,-,100.00\n' for i, (id, name) in enumerate(PEOPLE.items()))
    (tmp_path / "moodle.csv").write_text(f'Identifier,"Full name","Email address",Grade,"Maximum Grade"\n{table}')
    monkeypatch.chdir(tmp_path)
    command, real = install(monkeypatch), fake_grader.fake_grade

    def graded(submission, **options):
        """The check of exercise 1.1 refuses what it should take, until it is corrected."""
        page = real(submission, **options)
        right = call.corrected or fake_grader.text(submission) != "wrong"
        about = {"number": "1.1.1", "name": "the value", "output": "", "mistakes": [], "max_score": 4.0}
        about |= {"status": "passed" if right else "failed", "score": 4.0 * right}
        page["tests"][0] |= {"score": about["score"], "extra_data": {"status": about["status"], "probes": [about]}}
        page["score"] = sum(test["score"] for test in page["tests"])
        return page

    def call(*arguments):
        return command("--out", "out", *arguments)

    call.corrected = False
    monkeypatch.setattr(fake_grader, "fake_grade", graded)
    return call


def test_a_week(week, monkeypatch, capsys):
    for attempt in ATTEMPTS:
        assert week("--roster", "roster.csv", export(Path(f"export-{attempt}"), attempt)) == 0
    assert f"{STUDENTS - ABSENT} submissions" in capsys.readouterr().out
    names = {path.parent.name for path in Path("out").glob("*/results.json")}
    assert len(names) == STUDENTS - ABSENT
    assert Path("out/class.html").stat().st_size < 2_000_000
    before = {name: (Path("out") / name / "results.json").read_bytes() for name in names}
    attempts = [len(json.loads((Path("out") / name / "attempts.json").read_text())) for name in names]
    assert sorted(set(attempts)) == [1, 2, 3]  # the same file again is no attempt

    week.corrected = True
    monkeypatch.setattr(keys, "grader", lambda: NEW)
    assert week("--regrade") == 0
    (report,) = Path("out/regrades").iterdir()
    told = {path.stem for path in report.glob("*.md")} - {"changes"}
    assert len(told) == sum(answer(i, 3) == "wrong" for i in range(STUDENTS - ABSENT)) == 19
    for name in names:
        assert before[name] in [path.read_bytes() for path in (Path("out") / name / "history").glob("*")]

    assert gradebook.main(["--grades", "out", "--roster", "roster.csv", "--out", "home", "--tables", "moodle.csv"]) == 0
    with Path("home/totals.csv").open(encoding="utf-8-sig") as file:
        assert {row["id"] for row in csv.DictReader(file)} == PEOPLE.keys()
    with Path("home/moodle.csv").open(encoding="utf-8-sig") as file:
        filled = [row["Grade"] for row in csv.DictReader(file)]
    assert len(filled) == STUDENTS
    assert "-" not in filled[:-ABSENT]
