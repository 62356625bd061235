"""What the class found hard: the numbers on classes with known answers, and the page in a real browser."""

import html
import json
import os
import re
import time
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from hw1 import exercises
from scripts.staff.classroom import items
from scripts.staff.classroom.__main__ import main
from scripts.staff.classroom.attempts import History, of_class, stuck
from scripts.staff.classroom.page import page, write
from scripts.staff.drive_picture import CHROMIUM
from tests.autograder.probes import PROBES, of
from tests.autograder.staff.summary import Grade
from tests.staff import fake_grader
from tests.staff.drive_browser import SIZES

TABLE = exercises.load()
HOSTILE = "<script>alert(1)</script>\"'&<img src=http://evil.example/x onerror=alert(2)>"


def results(statuses: dict[str, str], says: str = "loss: wrong", mistakes: tuple[str, ...] = (), **about) -> dict:
    """A results.json; probes that are not named pass."""
    tests = []
    for exercise in TABLE.values():
        probes = []
        for probe in of(exercise.id):
            status = statuses.get(probe.id, "passed")
            probes.append({
                "number": probe.id,
                "name": probe.title,
                "score": probe.points if status == "passed" else 0.0,
                "max_score": probe.points,
                "status": status,
                "output": "" if status == "passed" else says,
                "mistakes": list(mistakes) if status == "failed" else [],
            })  # fmt: skip
        earned = sum(probe["score"] for probe in probes)
        tests.append({"number": exercise.id, "name": exercise.title, "score": earned, "extra_data": {"probes": probes}})
    extra = {"key": "k", "isolation": "full", "notes": [], "seed": "s", "grader": "g"}
    return {"score": 0.0, "tests": tests, "extra_data": extra | about}


def missing(*ids: str) -> dict[str, str]:
    """Nothing is right but these exercises and probes."""
    return {id: "failed" for id, probe in PROBES.items() if not {id, probe.exercise} & set(ids)}


def simulated(students: int, easy: dict[str, float], seed: int, **kinds: str) -> list[Grade]:
    """A class in which a student of ability a ~ N(0, 1) passes a probe with probability 1 / (1 + exp(-a - easy)).

    Args:
        kinds: probes that are otherwise: "chance", "inverted", "everybody", "nobody".
    """
    rng = np.random.default_rng(seed)
    grades = []
    for i in range(students):
        ability = rng.normal()
        statuses = {}
        for id in PROBES:
            kind = kinds.get(id)
            slope = {"chance": 0.0, "inverted": -1.0}.get(kind, 1.0)
            chance = {"everybody": 1.0, "nobody": 0.0}.get(kind, 1 / (1 + np.exp(-slope * ability - easy.get(id, 0.0))))
            statuses[id] = "passed" if rng.random() < chance else "failed"
        grades.append(Grade(f"student {i:04}", results(statuses)))
    return grades


# --- difficulty and discrimination ------------------------------------------------------------------------------------
def test_the_correlation_is_the_one_by_hand():
    """Of (1, 1, 0, 0) and (4, 3, 2, 1): 2 / (1 * sqrt(5))."""
    assert items.discrimination(np.array([1.0, 1, 0, 0]), np.array([4.0, 3, 2, 1])) == pytest.approx(0.894427, abs=1e-6)
    assert items.discrimination(np.array([1.0, 1]), np.array([1.0, 2])) is None
    assert items.discrimination(np.array([1.0, 0]), np.array([2.0, 2])) is None


def test_a_class_of_four_by_hand():
    """Exercise 1.1 (4 points) is right for a and b; the rest of the class's points are 1.2, 1.3 and 2.1."""
    right = {"a": ("1.1", "1.2", "1.3"), "b": ("1.1", "1.3"), "c": ("1.2", "2.1"), "d": ()}
    first = items.of_exercises([Grade(name, results(missing(*ids))) for name, ids in right.items()])[0]
    assert (first.id, first.count, first.difficulty) == ("1.1", 4, 0.5)
    rest = np.array([4 + 6, 6, 4 + 8, 0.0])
    assert first.discrimination == pytest.approx(np.corrcoef([1, 1, 0, 0], rest)[0, 1])
    assert "too few students (4)" in first.says
    assert not first.flagged


def test_an_item_is_not_correlated_with_itself():
    """2.2 has 12 points, so chance in it decides most of a total that contains it."""
    rng = np.random.default_rng(0)
    own = [("2.2",) if rng.random() < 0.5 else () for _ in range(400)]
    other = [("4.2",) if rng.random() < 0.5 else () for _ in range(400)]
    grades = [Grade(f"{i}", results(missing(*a, *b))) for i, (a, b) in enumerate(zip(own, other, strict=True))]
    item = items.of_exercises(grades)[list(TABLE).index("2.2")]
    assert abs(item.discrimination) < 4 / 400**0.5
    assert item.flagged


def test_a_simulated_class_shows_the_difficulty_that_it_has():
    ids = [probe.id for probe in of("1.3")]
    easy = dict(zip(ids, np.linspace(-2, 2, len(ids)), strict=True))
    students = 500
    found = {item.id: item for item in items.of_checks(TABLE["1.3"], simulated(students, easy, seed=1))}
    ability = np.random.default_rng(2).normal(size=200_000)
    for id, shift in easy.items():
        true = float(np.mean(1 / (1 + np.exp(-ability - shift))))
        assert abs(found[id].difficulty - true) < 5 * (true * (1 - true) / students) ** 0.5
        assert found[id].discrimination > 0.2
        assert (found[id].flagged, found[id].says) == (False, "")


def test_items_that_do_not_tell_students_apart_are_flagged_with_the_reason():
    ids = [probe.id for probe in of("2.2")]
    kinds = dict(zip(ids, ("chance", "inverted", "everybody", "nobody"), strict=False))
    found = {item.id: item for item in items.of_checks(TABLE["2.2"], simulated(500, {}, seed=3, **kinds))}
    chance, inverted, everybody, nobody, right = (found[id] for id in ids[:5])
    assert [item.flagged for item in (chance, inverted, everybody, nobody, right)] == [True, True, False, False, False]
    assert "can it be guessed" in chance.says
    assert inverted.discrimination < -0.2
    assert "fails here" in inverted.says
    assert (everybody.discrimination, everybody.difficulty) == (None, 1.0)
    assert "everybody passes" in everybody.says
    assert "nobody earns a point" in nobody.says


def test_nearly_everybody_is_no_alarm_about_the_text():
    easy = dict.fromkeys((probe.id for probe in of("1.1")), 6.0)
    flagged = [item for item in items.of_checks(TABLE["1.1"], simulated(500, easy, seed=4)) if item.flagged]
    assert flagged
    assert all("nearly everybody passes" in item.says for item in flagged)


def test_extra_credit_counts_only_who_attempted_it():
    left_out = {probe.id: "not attempted" for probe in of("E.1")}
    grades = [Grade("a", results({})), *(Grade(f"{i}", results(left_out)) for i in range(9))]
    found = {item.id: item for item in items.of_exercises(grades)}
    assert (found["E.1"].count, found["E.1"].difficulty) == (1, 1.0)
    assert found["E.2"].count == 10
    assert found["1.1"].count == 10
    nobody = {item.id: item for item in items.of_exercises(grades[1:])}["E.1"]
    assert (nobody.count, nobody.says) == (0, "nobody attempted it")


def test_results_of_an_older_grader_count_where_they_have_an_exercise_or_a_check():
    old = results({})
    old["tests"] = [test for test in old["tests"] if test["number"] != "1.2"]
    del old["tests"][0]["extra_data"]["probes"][-1]
    grades = [Grade("old", old), Grade("new", results({}))]
    assert [item.count for item in items.of_exercises(grades)[:3]] == [2, 1, 2]
    assert [item.count for item in items.of_checks(TABLE["1.1"], grades)] == [2] * (len(of("1.1")) - 1) + [1]


# --- attempts ---------------------------------------------------------------------------------------------------------
def put(path: Path, page: dict | list | str, at: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page if isinstance(page, str) else json.dumps(page), encoding="utf-8")
    os.utime(path, (at, at))


def history(folder: Path, name: str = "alice") -> History:
    present = json.loads((folder / name / "results.json").read_text())
    return of_class(folder, [Grade(name, present)])[name]


def submissions(found: History) -> list[str]:
    return [grade.page["extra_data"]["submission"] for grade in found.graded]


def test_attempts_are_in_order_and_one_that_was_graded_again_counts_once(tmp_path):
    put(tmp_path / "alice/results.json", results({}, submission="three", key="k4"), at=4000)
    put(tmp_path / "alice/history/b.json", results({}, submission="two", key="k3"), at=3000)
    put(tmp_path / "alice/history/c.json", results({}, submission="two", key="k2"), at=2000)
    put(tmp_path / "alice/history/a.json", results({}, submission="one", key="k1"), at=1000)
    put(tmp_path / "alice/history/d.json", "{damaged")
    put(tmp_path / "alice/history/e.json", "[]")
    found = history(tmp_path)
    assert submissions(found) == ["one", "two", "three"]
    assert found.graded[1].page["extra_data"]["key"] == "k3", "the newest grade of that attempt"
    assert [time.timestamp() for time in found.times] == [1000, 2000, 4000]


def test_attempts_that_were_all_graded_are_found_and_dated_by_what_was_received(tmp_path):
    digests = {"one": "a" * 64, "two": "b" * 64}
    put(tmp_path / "alice/results.json", results({}, submission="two"), at=9)
    for name, digest in digests.items():
        put(tmp_path / f".attempts/alice@{digest[:12]}/results.json", results({}, submission=name), at=5)
    put(tmp_path / ".attempts/bob@cccccccccccc/results.json", results({}, submission="bob's"), at=5)
    listed = [
        {"sha256": digests["one"], "submitted": "", "modified": "2026-09-02T10:00:00+02:00", "seen": "x"},
        {"sha256": digests["two"], "submitted": "2026-09-01T08:00:00+00:00", "modified": "2026-01-01T00:00:00+00:00"},
    ]
    put(tmp_path / "alice/attempts.json", listed)
    found = history(tmp_path)
    assert submissions(found)[-1] == "two", "the grade that counts is the last one"
    assert [time.isoformat() for time in found.times] == ["2026-09-01T08:00:00+00:00", "2026-09-02T08:00:00+00:00"]


@pytest.mark.parametrize(
    "listed", ["", "[1]", "{}", '[{"sha256": 1}]', "[" * 100_000, '[{"sha256": "a", "seen": "x"}]']
)
def test_a_damaged_list_of_attempts_is_as_none(tmp_path, listed):
    put(tmp_path / "alice/results.json", results({}), at=7)
    put(tmp_path / "alice/attempts.json", listed)
    assert [time.timestamp() for time in history(tmp_path).times] == [7]


def test_a_student_is_stuck_who_makes_the_same_mistake_until_the_last_attempt():
    def attempts(*made: str) -> History:
        pages = [results({"1.3.1": "failed"} if says else {}, mistakes=(says,)) for says in made]
        return History(tuple(Grade("", each) for each in pages), ())

    histories = {
        "twice": attempts("variance", "variance"),
        "three times": attempts("other", "variance", "variance", "variance"),
        "found it": attempts("variance", "variance", ""),
        "another one": attempts("variance", "variance", "other"),
        "only once": attempts("variance"),
        "again": attempts("variance", "", "variance"),
    }
    (group,) = stuck(histories)
    assert (group.exercise, group.mistake.says) == ("1.3", "variance")
    assert list(group.students.items()) == [("three times", 3), ("twice", 2)]


# --- the page ---------------------------------------------------------------------------------------------------------
def text_of(made: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "|", made))


def row_with(made: str, *parts: str) -> list[str]:
    """The cells of the only row that contains all parts."""
    rows = [re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall("<tr>(.*?)</tr>", made)]
    (found,) = [row for row in rows if all(part in html.unescape(" ".join(row)) for part in parts)]
    return [html.unescape(cell) for cell in found]


def test_the_page_counts_mistakes_and_shows_feedback_that_was_given():
    grades = [Grade(f"{i}", results({"1.3.1": "failed"}, f"loss: wrong {i}", ("the variance",))) for i in range(3)]
    grades += [Grade("unknown", results({"1.3.1": "failed"}, "loss: far off")), Grade("right", results({}))]
    made = page(grades, {})
    title = PROBES["1.3.1"].title
    assert row_with(made, "the variance") == ["1.3", "3", "the variance", f"1.3.1 {title}: loss: wrong 0"]
    assert row_with(made, "far off") == ["1.3", "1", f"another mistake: {title}", f"1.3.1 {title}: loss: far off"]


def test_the_page_lists_what_timed_out_or_crashed():
    grades = [
        Grade("alice", results({"3.3.1": "timed out"})),
        Grade("bob", results({"3.3.1": "crashed"})),
        *(Grade(f"more {i:02}", results({"3.3.1": "crashed"})) for i in range(20)),
        Grade("right", results({})),
    ]
    part = page(grades, {}).split('id="todo"')[1]
    cells = row_with(part.split("</section>")[0], "3.3.1")
    assert cells[1:3] == ["1", "21"]
    assert cells[3].startswith("alice, bob, more 00")
    assert cells[3].endswith("and 10 more")


def test_the_histogram_counts_everybody_once():
    grades = [Grade(f"{i}", results(missing(*ids))) for i, ids in enumerate([(), ("1.1",), ("1.1",), tuple(TABLE)])]
    part = page(grades, {}).split('id="points"')[1].split("</section>")[0]
    counts = dict(re.findall(r"<th[^>]*>(\d+ to \d+)</th><td[^>]*>(\d+)</td>", part))
    assert [counts.pop("0 to 5"), counts.pop("75 to 80")] == ["3", "1"]
    assert set(counts.values()) == {"0"}
    assert "mean 22.0, median 4, lowest 0, highest 80" in text_of(part)


def test_what_could_not_be_graded_is_told_and_does_not_count():
    broken = results({}, unusable="no zip") | {"tests": []}
    made = text_of(page([Grade("a", broken), Grade("b", None), Grade("c", results({}))], {}))
    assert "Counted here: 1 submission. 2 more could not be graded." in made
    assert "Counted here: 0 submissions." in text_of(page([Grade("b", None)], {}))


def test_attempts_are_counted_by_the_day_or_by_the_hour(tmp_path):
    put(tmp_path / "alice/results.json", results({}, submission="two"), at=86_400 * 9)
    put(tmp_path / "alice/history/x.json", results({}, submission="one"), at=0)
    put(tmp_path / "bob/results.json", results({}), at=86_400 * 9 + 60)
    write(tmp_path / "class.html", tmp_path, [Grade("alice", results({})), Grade("bob", results({}))])
    part = (tmp_path / "class.html").read_text().split('id="attempts"')[1]
    assert "3 attempts of 2 students, of whom 1 have several" in part
    assert row_with(part, "1970-01-10")[1:] == ["2", "2"]
    os.utime(tmp_path / "alice/history/x.json", (86_400 * 8, 86_400 * 8))
    write(tmp_path / "class.html", tmp_path, [Grade("alice", results({})), Grade("bob", results({}))])
    part = (tmp_path / "class.html").read_text().split('id="attempts"')[1]
    assert row_with(part, "1970-01-10 00:00")[1:] == ["2", "2"]


@pytest.fixture(scope="module")
def large(tmp_path_factory) -> Path:
    """A page with everything: hostile names and texts, students who are stuck, flags, crashes."""
    folder = tmp_path_factory.mktemp("class")
    rng = np.random.default_rng(0)
    grades, histories = [], {}
    for i in range(20):
        states = rng.choice(["passed", "failed", "timed out", "crashed", "not attempted"], size=len(PROBES))
        own = dict(zip(PROBES, states, strict=True)) | {"1.1.1": "passed", "1.3.1": "failed"}
        page_of = results(own, says=f"{HOSTILE} {i}", mistakes=("the variance",), submission=f"{i}")
        grades.append(Grade(f"{HOSTILE} {i}", page_of))
        put(folder / str(i) / "results.json", page_of)
        histories[grades[-1].name] = of_class(folder, [Grade(str(i), page_of)])[str(i)]
        two = (histories[grades[-1].name].graded[0],) * 2
        histories[grades[-1].name] = History(two, histories[grades[-1].name].times * 2)
    (folder / "class.html").write_text(page(grades, histories), encoding="utf-8")
    return folder / "class.html"


@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"needs Chromium in {CHROMIUM}")
@pytest.mark.parametrize("size", ["desktop", "dark", "phone"])
def test_axe_finds_nothing_and_nothing_is_asked_of_the_network(size, browser, large):
    context = browser.new_context(**SIZES[size])
    asked, shown = [], context.new_page()
    shown.on("request", lambda request: asked.append(request.url))
    shown.on("dialog", lambda dialog: asked.append(dialog.message))
    shown.on("console", lambda message: asked.append(message.text))
    shown.goto(large.as_uri())
    shown.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    problems = Axe().run(shown).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in problems] == []
    assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert all(shown.query_selector(link) for link in shown.evaluate(
        "[...document.querySelectorAll('a')].map((a) => a.getAttribute('href'))"
    ))  # fmt: skip
    assert asked == [large.as_uri()]
    assert shown.get_by_text("alert(1)").count() > 0, "the names are shown as text"
    context.close()


def test_a_class_of_a_thousand_needs_little_time_and_space():
    grades = simulated(1000, {}, seed=5)
    histories = {grade.name: History((grade,) * 3, ()) for grade in grades}
    began = time.process_time()
    made = page(grades, histories)
    assert time.process_time() - began < 10
    assert len(made.encode()) <= 2_000_000


# --- commands ---------------------------------------------------------------------------------------------------------
def test_grading_writes_the_page(tmp_path, monkeypatch):
    run = fake_grader.install(monkeypatch)
    fake_grader.make(tmp_path / "in", alice="right", bob="wrong")
    run(*(tmp_path / "in").iterdir(), "--out", tmp_path / "out", "--seed", fake_grader.SEED)
    made = (tmp_path / "out/class.html").read_text()
    assert "Counted here: 2 submissions." in made
    assert (tmp_path / "out/class.html").stat().st_mode & 0o077 == 0
    before = made
    assert main([str(tmp_path / "out")]) == 0
    assert (tmp_path / "out/class.html").read_text() == before, "by itself it is the same page"


def test_a_file_of_somebody_else_is_not_replaced(tmp_path, capsys):
    put(tmp_path / "out/alice/results.json", results({}))
    put(tmp_path / "mine.html", "<title>Mine</title>")
    assert main([str(tmp_path / "out"), "--out", str(tmp_path / "mine.html")]) == 2
    assert "did not write it" in capsys.readouterr().err
    assert (tmp_path / "mine.html").read_text() == "<title>Mine</title>"
    for _ in range(2):
        assert main([str(tmp_path / "out"), "--out", str(tmp_path / "new.html")]) == 0
