"""A regrade tells each student what changed and why, and loses no earlier result; nobody alone gets another version."""

import csv
import json
from pathlib import Path

import pytest

from tests.autograder.staff import history, keys
from tests.staff import fake_grader
from tests.staff.fake_grader import SEED, install, log, make

NEW = "h" * 64
ONE = {"number": "1.1.1", "name": "the value", "output": "", "mistakes": []}
TWO = {"number": "1.1.2", "name": "the gradient", "output": "", "mistakes": []}


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def main(monkeypatch, out):
    """The command with a grader whose verdict on exercise 1.1 is `grade.probes`, by the text of a submission."""
    command = install(monkeypatch)
    real = fake_grader.fake_grade

    def graded(submission, **options):
        page = real(submission, **options)
        probes = call.probes(fake_grader.text(submission))
        page["tests"][0]["extra_data"]["probes"] = probes
        page["tests"][0]["score"] = sum(probe["score"] for probe in probes)
        page["score"] = sum(test["score"] for test in page["tests"])
        return page

    def call(*arguments):
        return command("--out", out, *arguments)

    call.probes = old_probes
    monkeypatch.setattr(fake_grader, "fake_grade", graded)
    return call


def probe(about: dict, status: str, points: float, most: float) -> dict:
    return about | {"status": status, "score": points, "max_score": most}


def old_probes(text: str) -> list[dict]:
    return [probe(ONE, "failed", 0.0, 2.0) if text == "unfair" else probe(ONE, "passed", 2.0, 2.0),
            probe(TWO, "passed", 2.0, 2.0)]  # fmt: skip


def corrected(text: str) -> list[dict]:
    return [probe(ONE, "passed", 2.0, 2.0), probe(TWO, "passed", 2.0, 2.0)]


def other_points(text: str) -> list[dict]:
    return [probe(ONE, "passed", 1.0, 1.0), probe(TWO, "passed", 2.0, 2.0)]


def fewer(text: str) -> list[dict]:
    return [probe(TWO, "passed", 2.0, 2.0)]


def regraded(out: Path) -> tuple[dict[str, list[dict]], Path]:
    """The rows of the newest report by name, and its folder."""
    place = max((out / "regrades").iterdir())
    rows: dict[str, list[dict]] = {}
    for row in csv.DictReader((place / "changes.csv").read_text().splitlines()):
        rows.setdefault(row["name"], []).append(row)
    return rows, place


@pytest.mark.parametrize(
    ("probes", "who", "check", "before", "after", "reason"),
    [
        (corrected, {"b"}, "1.1.1", ("failed", "0"), ("passed", "2"), "another verdict; the grader changed"),
        (other_points, {"a", "b"}, "1.1.1", ("passed", "2"), ("passed", "1"), "other points for the check"),
        (fewer, {"a", "b"}, "1.1.1", ("passed", "2"), ("no such check", "0"), "a check that no longer counts"),
    ],
)
def test_each_changed_grade_is_reported_with_its_reason(
    main, out, tmp_path, monkeypatch, capsys, probes, who, check, before, after, reason
):
    todo = make(tmp_path, a="1", b="unfair")
    assert main(*todo.values()) == 0
    old = {name: (out / name / "results.json").read_bytes() for name in todo}
    main.probes = probes
    monkeypatch.setattr(keys, "grader", lambda: NEW)
    assert main("--regrade") == 0
    rows, place = regraded(out)
    assert set(rows) == who
    (row,) = rows[min(who)]
    assert (row["check"], row["title"]) == (check, "the value")
    assert ((row["before"], row["points before"]), (row["after"], row["points after"])) == (before, after)
    assert reason in row["reason"]
    assert {path.name for path in place.iterdir()} == {"changes.csv", "changes.md", *(f"{name}.md" for name in who)}
    text = (place / f"{min(who)}.md").read_text()
    assert "Your submission was graded again. Your points for the code " in text
    assert f"| 1.1      | {check} the value" in text
    for name in todo:
        (kept,) = (out / name / "history").iterdir()
        assert kept.read_bytes() == old[name]
    changed = 2 if probes is other_points else 1
    assert f"regraded: {changed} of 2 grades changed" in capsys.readouterr().out


def test_a_regrade_that_changes_nothing_says_so(main, out, tmp_path):
    assert main(*make(tmp_path, a="1").values()) == 0
    assert main("--regrade") == 0
    rows, place = regraded(out)
    assert rows == {}
    assert "No grade changed." in (place / "changes.md").read_text()
    assert history.pages(out / "a") == []


def test_what_no_longer_exists_is_regraded_as_it_was_kept(main, out, tmp_path, monkeypatch):
    todo = make(tmp_path, a="unfair", b="2")
    assert main(*todo.values()) == 0
    todo["a"].unlink()
    main.probes = corrected
    monkeypatch.setattr(keys, "grader", lambda: NEW)
    assert main("--regrade") == 0
    assert set(regraded(out)[0]) == {"a"}
    assert [event["name"] for event in log(out)] == ["a", "b", "a", "b"]


def test_an_interrupted_regrade_reports_everything_in_the_end(main, out, tmp_path, monkeypatch):
    todo = make(tmp_path, a="unfair", b="unfair")
    assert main(*todo.values()) == 0
    main.probes = corrected
    monkeypatch.setattr(keys, "grader", lambda: NEW)
    real = fake_grader.fake_grade

    def interrupted(submission, **options):
        if submission.name == "b.zip":
            raise KeyboardInterrupt
        return real(submission, **options)

    with monkeypatch.context() as patch:
        patch.setattr(fake_grader, "fake_grade", interrupted)
        assert main("--regrade") == 130
    assert not (out / "regrades").exists()
    assert main("--regrade") == 0
    assert set(regraded(out)[0]) == {"a", "b"}
    assert main("--regrade") == 0
    assert regraded(out)[0] == {}, "the next report starts anew"


def test_a_newer_attempt_is_no_fault_of_the_grader(main, out, tmp_path):
    todo = make(tmp_path, a="unfair")
    assert main(*todo.values()) == 0
    todo["a"].write_text("2")
    assert main(todo["a"], "--regrade") == 0
    assert "another attempt was graded" in regraded(out)[0]["a"][0]["reason"]


# --- one student ------------------------------------------------------------------------------------------------------
def test_one_student_is_regraded_as_the_class_was(main, out, tmp_path):
    todo = make(tmp_path, a="1", b="2", c="3")
    assert main(*todo.values()) == 0
    assert main("--regrade", "--student", "b") == 0
    assert [event["name"] for event in log(out)] == ["a", "b", "c", "b"]
    assert main("--regrade", "--student", "b", "dave") == 1


@pytest.mark.parametrize("what", ["seed", "grader"])
def test_one_student_is_not_regraded_with_another_version_and_told_why(main, out, tmp_path, monkeypatch, capsys, what):
    assert main(*make(tmp_path, a="1", b="2").values()) == 0
    seed = (out / ".seed").read_text()
    before = (out / "a" / "results.json").read_bytes()
    options = ["--seed", SEED] if what == "seed" else []
    if what == "grader":
        monkeypatch.setattr(keys, "grader", lambda: NEW)
    assert main("--regrade", "--student", "a", *options) == 1
    error = capsys.readouterr().err
    assert f"`a` cannot be graded as the class was, which has another {what}" in error
    assert {"seed": ".seeds after", "grader": "check out the version that graded the class (gggg"}[what] in error
    assert (out / "a" / "results.json").read_bytes() == before
    assert (out / ".seed").read_text() == seed


def test_every_earlier_result_is_kept_whatever_replaced_it(main, out, tmp_path):
    todo = make(tmp_path, a="1")
    for text in ("1", "unfair", "unfair", "3"):
        todo["a"].write_text(text)
        assert main(*todo.values()) == 0
    scores = [page["tests"][0]["score"] for page in history.pages(out / "a")]
    assert scores == [4.0, 2.0]
    assert json.loads((out / "a" / "results.json").read_text())["tests"][0]["score"] == 4.0
