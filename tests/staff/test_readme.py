"""The READMEs: true on both branches, with tables that are generated and up to date."""

import json
import re
import textwrap
from datetime import date
from pathlib import Path

import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.staff import tables
from scripts.staff.tables import READMES, Measured
from tests.autograder.staff.markers import strip

MAIN = READMES[0].read_text(encoding="utf-8")
STUDENT = strip(MAIN, "README.md")
# A number with a unit; what commands print is not prose.
MEASURED = re.compile(r"\d\s*(%|(s|ms|minutes?|seconds?|hours?|KiB|MiB|GiB|MB|GB|times)\b)")


def without(text: str, *patterns: str) -> str:
    for pattern in patterns:
        text = re.sub(pattern, "", text, flags=re.DOTALL | re.MULTILINE)
    return text


# --- what it says -----------------------------------------------------------------------------------------------------
def test_main_states_on_its_first_screen_that_it_is_private_and_the_release_does_not():
    assert MAIN.index("private branch for course staff") < MAIN.index("## For students")
    assert "private branch" not in STUDENT
    assert "staff" not in STUDENT


def test_the_excerpt_is_the_exercise_as_staff_and_as_students_see_it():
    block = re.search(r"<!-- BEGIN TABLE exercise -->(.*?)<!-- END TABLE -->", MAIN, re.DOTALL)
    staff, student = re.findall(r"```python\n(.*?)```", block[1], re.DOTALL)
    source = (ROOT / "hw1/losses.py").read_text(encoding="utf-8")
    assert textwrap.indent(staff, "    ") in source
    assert textwrap.indent(student, "    ") in strip(source)
    assert "# BEGIN SOLUTION 1.1" in staff
    assert student.endswith('raise NotImplementedError("TODO 1.1")\n')


def test_coding_assistants_are_asked_to_tutor():
    text = (ROOT / "AGENTS.md").read_text(encoding="utf-8")
    assert strip(text, "AGENTS.md") == text
    assert all(f"`{file}`" in text for file in exercises.files())
    assert "**Do not** fill in a TODO" in text
    assert "--hint" in text
    assert "AGENTS.md" in STUDENT


def test_the_first_ten_minutes_name_what_helps():
    first = STUDENT.partition("the first ten minutes")[2].partition("### Reading order")[0]
    for what in ("make check", "uv", "make doctor", "--doctor", "--hint", "git pull --no-rebase", "git commit -am"):
        assert what in first, what


def test_every_module_is_in_the_reading_order():
    order = MAIN.partition("### Reading order")[2].partition("###")[0]
    for path in (ROOT / "hw1").glob("*.py"):
        assert path.name in ("__init__.py", "exercises.py") or f"`{path.name}`" in order, path.name


@pytest.mark.parametrize("readme", READMES, ids=["README.md", "staff"])
def test_files_that_are_named_exist(readme):
    text = readme.read_text(encoding="utf-8")
    named = set(re.findall(r"(?<![\w/])((?:hw1|scripts|tests|writeup|notebooks)/[\w/.-]+\w)", text))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    for link, anchor in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", text):
        target = (readme.parent / link).resolve() if link else readme
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text(encoding="utf-8")), anchor


def anchors(text: str) -> set[str]:
    """Names of the headings, as in links to them."""
    heads = re.findall(r"^#+ (.*)", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head).lower().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("readme", READMES, ids=["README.md", "staff"])
def test_no_measured_number_is_typed(readme):
    prose = without(readme.read_text(encoding="utf-8"), r"<!-- BEGIN TABLE .*?<!-- END TABLE -->", r"^```.*?^```")
    assert [match[0] for match in MEASURED.finditer(prose)] == []


# --- tables -----------------------------------------------------------------------------------------------------------
def test_tables_are_up_to_date(capsys):
    stale = tables.main(tables.Options(out=ROOT / "out", check=True))
    assert not stale, f"{capsys.readouterr().out}run `make tables`, or delete results in out/ that are not to be shown"


def claim(name: str, value=1.0, first=300, number=10, **more) -> dict:
    seeds = {"seeds": [first, first + number - 1], "quick": False}
    return {"claim": name, "target": "at most 2", "shown": f"{value:g} [0, 2]", "holds": True} | seeds | more


def row(what: str, ours: float | None = 1.0, **more) -> dict:
    unknown = {"peer": None, "ratio": None, "target": "<= 2 s", "holds": True, "unit": "s", "note": ""}
    return {"what": what, "ours": ours} | unknown | more


@pytest.fixture
def kept() -> Measured:
    """Kept results with two claims, and a benchmark with two rows."""
    return Measured(
        claims=[{"date": "2026-11-01", "seeds": [300, 309], "rows": [claim("a"), claim("b")]}],
        bench={"envs": {"date": "2026-11-01", "cores": 2, "rows": [row("Lane"), row("Fork")]}},
    )


def bench_row(what: str, ours: float | None = 1.0, measurement="envs") -> dict:
    return row(what, ours, measurement=measurement, date="2026-11-25", cores=4)


def take(kept: Measured, folder: Path, **results: list[dict]) -> None:
    for name, rows in results.items():
        (folder / f"{name}.json").write_text(json.dumps(rows))
    tables.take(kept, folder)


def test_a_full_run_with_other_values_is_taken(kept, tmp_path):
    take(kept, tmp_path, claims=[claim("a"), claim("b", 1.5), claim("c")])
    assert kept.changed == ["claims on seeds 300 to 309"]
    [claims] = kept.claims
    assert [row["shown"] for row in claims["rows"]] == ["1 [0, 2]", "1.5 [0, 2]", "1 [0, 2]"]
    assert claims["date"] == date.today().isoformat()


def test_a_run_that_shows_the_same_changes_nothing(kept, tmp_path):
    take(kept, tmp_path, claims=[claim("a", minutes=1), claim("b", minutes=2)])
    assert kept.changed == kept.refused == []
    assert kept.claims[0]["date"] == "2026-11-01"


def test_claims_on_other_seeds_are_shown_side_by_side(kept, tmp_path):
    for folder, first, held in (("first", 400, True), ("second", 500, False)):
        (tmp_path / folder).mkdir()
        rows = [claim("a", first, first, 20), claim("b", first, first, 20, holds=held)]
        (tmp_path / folder / "claims.json").write_text(json.dumps(rows))
    tables.take(kept, tmp_path)
    assert kept.changed == ["claims on seeds 400 to 419", "claims on seeds 500 to 519"]
    text = tables.claims_table(kept)
    assert "on 20 seeds, 400 to 419" in text
    assert "| claim | target | seeds 400 to 419 | seeds 500 to 519 | holds |" in text
    assert "| a | at most 2 | 400 [0, 2] | 500 [0, 2] | yes |" in text
    assert "| b | at most 2 | 400 [0, 2] | 500 [0, 2] | **no**, not on 500 to 519 |" in text
    again = Measured(kept.claims, kept.bench)
    tables.take(again, tmp_path)
    assert again.changed == again.refused == []


def test_claims_of_an_older_version_are_not_shown_beside_new_ones(kept, tmp_path):
    take(kept, tmp_path, claims=[claim("a", first=500), claim("another", first=500)])
    assert [claims["seeds"] for claims in kept.claims] == [[500, 509]]


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([claim("a", 3.0, number=3), claim("b", 3.0, number=3)], "quick"),
        ([claim("a", 3.0, number=5), claim("b", 3.0, number=5)], "fewer seeds"),
        ([claim("a", 3.0, quick=True), claim("b", 3.0, quick=True)], "quick"),
        ([claim("a", 3.0)], "incomplete"),
        ([], "incomplete"),
    ],
)
def test_a_quick_or_incomplete_run_is_not_taken(kept, tmp_path, rows, why):
    before = list(kept.claims)
    take(kept, tmp_path, claims=rows)
    assert kept.claims == before
    assert kept.changed == []
    assert why in kept.refused[0]


def test_a_benchmark_is_taken_measurement_by_measurement(kept, tmp_path):
    rows = [bench_row("Lane", 2.0), bench_row("Fork", 2.0), bench_row("x", measurement="dagger")]
    take(kept, tmp_path, bench=rows)
    assert kept.changed == ["bench envs", "bench dagger"]
    assert kept.bench["envs"] == {"date": "2026-11-25", "cores": 4, "rows": [row("Lane", 2.0), row("Fork", 2.0)]}
    text = tables.bench_table("envs", "dagger", "mixture")(kept)
    assert "--only envs dagger`, 2026-11-25, on 4 cores" in text
    assert "| Fork | 2 s |" in text


@pytest.mark.parametrize("rows", [[bench_row("Lane", 2.0)], [bench_row("Lane", 2.0), bench_row("envs", None)]])
def test_an_interrupted_or_impossible_measurement_is_not_taken(kept, tmp_path, rows):
    take(kept, tmp_path, bench=rows)
    assert kept.changed == []
    assert kept.refused
    assert kept.bench["envs"]["rows"] == [row("Lane"), row("Fork")]


def test_a_table_is_written_between_its_markers_and_nothing_else_changes(kept):
    text = "before\n<!-- BEGIN TABLE claims -->\nold\n<!-- END TABLE -->\nafter\n"
    made = tables.filled(text, kept, Path("README.md"))
    assert made.startswith("before\n<!-- BEGIN TABLE claims -->\nMeasured by")
    assert made.endswith("| b | at most 2 | 1 [0, 2] | yes |\n<!-- END TABLE -->\nafter\n")
    assert tables.filled(made, kept, Path("README.md")) == made


@pytest.mark.parametrize(
    "text",
    [
        "<!-- BEGIN TABLE nothing -->\n<!-- END TABLE -->\n",
        "<!-- BEGIN TABLE claims -->\n",
        "<!-- END TABLE -->\n",
        "<!-- BEGIN TABLE claims -->\n<!-- BEGIN TABLE claims -->\n<!-- END TABLE -->\n",
    ],
)
def test_markers_without_a_partner_or_a_table_are_errors(kept, text):
    with pytest.raises(ValueError, match=r"README\.md"):
        tables.filled(text, kept, Path("README.md"))


def test_markers_of_tables_do_not_matter_to_the_release():
    text = "<!-- BEGIN TABLE claims -->\na\n<!-- END TABLE -->\n"
    assert strip(text, "README.md") == text


def test_the_command_names_what_is_stale_and_writes_it(monkeypatch, tmp_path, capsys):
    readme, measured = tmp_path / "README.md", tmp_path / "measured.json"
    readme.write_text("<!-- BEGIN TABLE claims -->\n<!-- END TABLE -->\n")
    measured.write_text(tables.MEASURED.read_text())
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    monkeypatch.setattr(tables, "READMES", (readme,))
    monkeypatch.setattr(tables, "MEASURED", measured)
    assert tables.main(tables.Options(out=tmp_path, check=True)) == 1
    assert "stale: README.md" in capsys.readouterr().out
    assert tables.main(tables.Options(out=tmp_path)) == 0
    assert tables.main(tables.Options(out=tmp_path, check=True)) == 0
    (tmp_path / "bench.json").write_text(json.dumps([bench_row("x", measurement="test")]))
    assert tables.main(tables.Options(out=tmp_path, check=True)) == 1
    assert "new: bench test" in capsys.readouterr().out
    assert tables.main(tables.Options(out=tmp_path)) == 0
    assert json.loads(measured.read_text())["bench"]["test"]["cores"] == 4
