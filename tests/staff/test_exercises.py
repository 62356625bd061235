"""One id per exercise everywhere: table, stub, error, marker. And a table that adds up."""

import ast
import re
from itertools import groupby

import pytest

from hw1 import exercises
from hw1.exercises import ROOT, load, written
from tests.autograder.probes import PROBES, of
from tests.autograder.staff.bank import alternatives

TABLE = load()
FILES = sorted({exercise.file for exercise in TABLE.values()})


def ids(pattern: str, files) -> set[str]:
    return {match for file in files for match in re.findall(pattern, (ROOT / file).read_text())}


def test_the_table_is_that_of_the_design():
    """Four parts and extra credit; the sums of the design, which the table checks whenever it is read."""
    assert [part for part, _ in groupby(id.partition(".")[0] for id in TABLE)] == ["1", "2", "3", "4", "E"]
    assert {e.id for e in TABLE.values() if e.extra} == {id for id in TABLE if id.startswith("E")}
    assert all(id.startswith("5.") for id in written())


def test_every_exercise_is_where_the_table_says():
    for exercise in TABLE.values():
        tree = ast.parse((ROOT / exercise.file).read_text())
        defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assert set(exercise.names) <= defined, exercise.id


def test_every_exercise_has_a_stub_with_its_id_and_no_stub_has_another():
    for file in FILES:
        own = {e.id for e in TABLE.values() if e.file == file}
        assert ids(r"TODO (\w+\.\w+)", [file]) == own
        assert ids(r"Exercise (\w+\.\w+)", [file]) == own


def test_every_exercise_is_checked_without_its_reference_and_no_marker_is_unknown():
    """By marked tests with an oracle of their own, or by a right implementation that is written differently."""
    files = [file.relative_to(ROOT) for file in (ROOT / "tests" / "staff").glob("test_*.py")]
    marked = ids(r"pytest\.mark\.(ex\w_\w)\b", files)
    assert marked <= {e.marker for e in TABLE.values()}
    written_differently = {TABLE[id].marker for each in alternatives().values() for id in each.exercises}
    assert marked | written_differently == {e.marker for e in TABLE.values()}
    assert len(marked) >= 17


def test_every_exercise_has_probes_numbered_from_1_that_add_up_to_its_points():
    for exercise in TABLE.values():
        own = of(exercise.id)
        assert [probe.id for probe in own] == [f"{exercise.id}.{n}" for n in range(1, len(own) + 1)], exercise.id
        assert sum(probe.points for probe in own) == exercise.points, exercise.id
        assert len({probe.title for probe in own}) == len(own), exercise.id
    assert {probe.exercise for probe in PROBES.values()} == set(TABLE)


def test_heads_name_existing_exercises_when_their_loss_goes_wrong():
    assert ids(r'exercise = ".*?([1-5E]\.\d)', FILES) <= set(TABLE)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (("points = 12", "points = 13"), "points"),
        (('id = "1.2"', 'id = "1.1"'), "twice"),
        (('"5.4" = 5', '"5.4" = 6'), "points"),
        ((", extra = true", ""), "points"),
    ],
)
def test_a_table_that_does_not_add_up_is_refused(change, match, tmp_path, monkeypatch):
    (tmp_path / "exercises.toml").write_text(exercises.TABLE.read_text().replace(*change))
    monkeypatch.setattr(exercises, "TABLE", tmp_path / "exercises.toml")
    with pytest.raises(ValueError, match=match):
        load.__wrapped__()
