"""The table and the report of a class: what they count, and that nothing from a student is active in them."""

import csv
import io
import re

import pytest

from hw1 import exercises
from tests.autograder.markdown import code
from tests.autograder.staff.summary import Grade, Version, by_exercise, cell, most_common, report, table
from tests.staff.fake_grader import page

PRESENT = Version("s", "g")
ACTIVE = [
    "[x](javascript:0)",
    "<script>alert(1)</script>",
    "![x](http://y)",
    "http://evil.example",
    "# x",
    "a|b",
    r"a\|b",
]
BACKTICKS = ["`", "``", "a`b", "`a", "a``", "`` ` ```", "` a `", " ` "]


def rows(grades: list[Grade]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table(grades), newline="")))


def shown(markdown: str) -> tuple[list[str], str]:
    """What a reader of Markdown sees as code, by CommonMark's rules, and all text around it."""
    spans, rest = [], ""
    for line in markdown.splitlines():
        parts = [line]
        if line.startswith("|"):  # a table is divided into cells before anything else
            parts = [part.replace(r"\|", "|") for part in re.split(r"(?<!\\)\|", line)]
        for part in parts:
            while begin := re.search("`+", part):
                end = re.search(f"(?<!`){begin[0]}(?!`)", part[begin.end() :])
                assert end, f"{begin[0]} is never closed in {part}"
                inside = part[begin.end() :][: end.start()]
                if inside.startswith(" ") and inside.endswith(" ") and inside.strip():
                    inside = inside[1:-1]
                spans.append(inside)
                rest, part = rest + part[: begin.start()], part[begin.end() :][end.end() :]
            rest += part
        rest += "\n"
    return spans, rest


# --- the table --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20A", "\u22121", '"=1', "'=1"]
)
def test_no_cell_is_a_formula(text):
    assert cell(text) == "'" + text.strip()
    assert cell(f"a;{text}") == f"a;'{text}", "a spreadsheet may separate cells by semicolons"


@pytest.mark.parametrize("text", ["\t=1", "\r=1", "\n=1", "\u00a0=1", "\u200b=1", "\u2028=1"])
def test_blanks_of_any_kind_do_not_hide_a_formula(text):
    assert cell(text) == "'=1"


def test_ordinary_text_and_numbers_stay_what_they_are():
    assert [cell(x) for x in (80.0, 3.25, 0, "a-b", "1 = 1", "x; y", "it's", "")] == [
        "80", "3.25", "0", "a-b", "1 = 1", "x; y", "it's", ""
    ]  # fmt: skip


def test_every_cell_is_quoted_and_no_cell_breaks_a_line():
    note = 'a "quoted", \r\n\u2028 note\x85\x0b\x0c'
    text = table([Grade("b", page("passed", notes=[note]), 'in/x\n"y".zip')])
    lines = text.split("\r\n")
    assert len(lines) == 3
    assert len(text.splitlines()) == 2
    assert all(line.startswith('"') and line.endswith('"') for line in lines[:2])
    (row,) = rows([Grade("b", page("passed", notes=[note]), 'in/x\n"y".zip')])
    assert row["notes"] == 'a "quoted",     note'
    assert row["path"] == 'in/x "y".zip'


def test_the_table_has_a_row_for_each_submission_by_name():
    missing = Grade("c", None, remarks={"not graded": "not graded: boom"})
    found = rows([missing, Grade("b", page("timed out")), Grade("=a", page("passed"))])
    assert [row["name"] for row in found] == ["'=a", "b", "c"]
    totals, exercise = exercises.totals(), exercises.load()
    assert (found[0]["points"], found[0]["extra credit"]) == (str(totals["code"]), str(totals["extra"]))
    assert (found[0]["1.4"], found[0]["E.1"]) == (str(exercise["1.4"].points), str(exercise["E.1"].points))
    assert found[1]["notes"].endswith("timed out")
    assert found[1]["points"] == "0"
    assert [row["state"] for row in found] == ["current", "current", "not graded"]
    assert "boom" in found[2]["notes"]
    assert found[2]["points"] == "", "a submission that is not graded has no points, not 0"


def test_each_row_tells_its_seed_and_its_grader():
    old = page("passed")
    del old["extra_data"]["grader"]  # graders did not always say it
    found = rows([Grade("a", page("passed", seed="1", grader="2")), Grade("b", old)])
    assert [(row["seed"], row["grader"]) for row in found] == [("1", "2"), ("s", "unknown")]


def test_a_remark_keeps_the_points_and_comes_before_the_notes():
    (row,) = rows([Grade("a", page("passed", notes=["a note"]), remarks={"stale": "stale: x", "withdrawn": "gone"})])
    assert (row["state"], row["notes"]) == ("stale, withdrawn", "stale: x; gone; a note")
    assert row["points"] == str(exercises.totals()["code"])


# --- the report -------------------------------------------------------------------------------------------------------
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


@pytest.mark.parametrize("text", [*ACTIVE, *BACKTICKS])
def test_code_shows_any_text_as_it_is(text):
    assert shown(f"- {code(text)}: {code(text)}.") == ([text.strip()] * 2, "- : .\n")


@pytest.mark.parametrize("text", [*ACTIVE, *BACKTICKS])
def test_a_text_in_a_table_stays_in_its_cell(text):
    spans, rest = shown(most_common([Grade("a", page("crashed", text))]))
    assert set(spans) == {text.strip().replace(r"\|", r"\ |")}
    assert not re.search("[][<>!`]|http", rest)
    lines = most_common([Grade("a", page("crashed", text))]).splitlines()[2:]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {4}
    assert not re.search(r"\\\\\|", "\n".join(lines)), "readers disagree on a backslash in front of an escaped pipe"


@pytest.mark.parametrize("name", [*ACTIVE, *BACKTICKS])
def test_no_name_and_no_message_is_active_in_the_report(name):
    broken = page("passed", unusable=name) | {"tests": []}
    grades = [
        Grade(name, page("passed", seed="another")),
        Grade(name, broken),
        Grade(name, None, remarks={"not graded": name, "withdrawn": name}),
        Grade(name, page("passed"), remarks={"regrade failed": name, "stale": name}),
    ]
    spans, rest = shown(report(grades, PRESENT))
    assert spans.count(name.strip()) == 11
    assert not re.search("[][<>!`]|http", rest)
    assert rest.count("#") == 1


def test_grades_of_one_version_are_not_called_mixed():
    assert "--all" not in report([Grade("a", page("passed")), Grade("b", page("failed"))], PRESENT)


def test_the_report_tells_which_grades_are_of_which_seed_and_grader():
    old = [Grade(f"old {i}", page("passed", grader="before")) for i in range(12)]
    text = report([Grade("new", page("passed")), *old], PRESENT)
    assert "- seed `s`, grader `g` (present): 1 submission: `new`" in text
    assert "- seed `s`, grader `before`: 12 submissions: `old 0`, " in text
    assert "`old 9` and 2 more" in text
    assert "`old 10`" not in text
    assert "`--all` grades everything again" in text


def test_grades_that_are_all_of_an_old_version_are_told_too():
    assert "present seed is `other`" in report([Grade("a", page("passed"))], Version("other", "g"))
