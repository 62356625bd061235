"""Predictions: stored before the outcome, shown beside it, and never a reason for a notebook to stop."""

import json

import pytest

from scripts import predictions
from scripts.predictions import outcome, predict

HOW_MANY = "How many?"
SIDES = ("left", "right")


@pytest.fixture(autouse=True)
def stored(tmp_path, monkeypatch):
    monkeypatch.setattr(predictions, "STORED", tmp_path / "out" / "predictions.json")
    return tmp_path / "out" / "predictions.json"


@pytest.fixture
def fields(monkeypatch):
    """The fields that are shown, as a browser would have them."""
    import ipywidgets

    shown = []
    monkeypatch.setattr("IPython.display.display", lambda box: shown.append(box.children))
    assert ipywidgets
    return shown


def test_a_number_is_stored_then_shown_beside_its_outcome(stored, capsys):
    predict("1/a", HOW_MANY, answer=30)
    assert json.loads(stored.read_text()) == {"1/a": {"question": HOW_MANY, "prediction": 30.0, "outcome": None}}
    outcome("1/a", 27.432)
    assert json.loads(stored.read_text())["1/a"]["outcome"] == 27.432
    assert capsys.readouterr().out.endswith("You predicted 30; the outcome: 27.4.\n")


def test_a_prediction_can_be_changed_only_until_its_outcome_is_known(stored, capsys):
    for answer in (30, 40):
        predict("1/a", HOW_MANY, answer=answer)
    outcome("1/a", 27)
    predict("1/a", HOW_MANY, answer=27)
    assert "You predicted 40; the outcome: 27" in capsys.readouterr().out
    outcome("1/a", 28)  # a second run, with other settings
    kept = {"question": HOW_MANY, "prediction": 40.0, "outcome": 27.0, "fast": False}
    assert json.loads(stored.read_text())["1/a"] == kept
    assert "You predicted 40; the outcome: 28" in capsys.readouterr().out


def test_an_ordinary_run_replaces_the_outcome_of_a_fast_one_and_not_the_other_way_round(stored, monkeypatch, capsys):
    predict("1/a", HOW_MANY, answer=40)
    for fast, value, kept in ((True, 20, 20), (False, 27, 27), (True, 21, 27), (False, 28, 27)):
        monkeypatch.setattr(predictions, "FAST", fast)
        outcome("1/a", value)
        said = capsys.readouterr().out
        assert f"You predicted 40; the outcome: {value}" in said
        assert ("(in fast mode; an ordinary run replaces it)" in said) == fast
        assert json.loads(stored.read_text())["1/a"]["outcome"] == kept
        predict("1/a", HOW_MANY, answer=kept)  # it has been seen: too late to change the prediction
        assert json.loads(stored.read_text())["1/a"]["prediction"] == 40
        capsys.readouterr()


def test_a_choice_that_is_offered_no_more_can_be_made_again(stored, fields):
    predict("1/b", "Which side?", SIDES, answer="left")
    predict("1/b", "Which side?", ("west", "east"))
    assert fields[0][1].value is None
    fields[0][1].value = "west"
    assert json.loads(stored.read_text())["1/b"]["prediction"] == "west"


@pytest.mark.parametrize(("typed", "number"), [("30", 30.0), (" 2,5 ", 2.5), ("12 %", 12.0), ("-1e-3", -0.001)])
def test_numbers_may_be_typed_in_several_ways(stored, fields, typed, number):
    predict("1/a", HOW_MANY)
    ((_, field, said),) = fields
    field.value = typed
    assert json.loads(stored.read_text())["1/a"]["prediction"] == number
    assert "stored" in said.value


@pytest.mark.parametrize("typed", ["many", "nan", "inf", "1 000 0", "1.2.3", "1,000", "1.000"])
def test_what_is_no_number_is_said_and_not_stored(stored, fields, typed):
    predict("1/a", HOW_MANY)
    ((_, field, said),) = fields
    field.value = typed
    assert "not a number" in said.value
    assert not stored.exists()


def test_a_choice_is_clicked_and_kept_when_the_cell_runs_again(stored, fields):
    predict("1/b", "Which side?", SIDES)
    fields[0][1].value = "right"
    assert json.loads(stored.read_text())["1/b"]["prediction"] == "right"
    predict("1/b", "Which side?", SIDES)
    assert fields[1][1].value == "right"
    outcome("1/b", "left")
    assert json.loads(stored.read_text())["1/b"]["outcome"] == "left"


def test_without_widgets_the_answer_is_typed_into_the_call(stored, monkeypatch, capsys):
    monkeypatch.setattr(predictions, "find_spec", lambda name: None)
    predict("1/b", "Which side?", SIDES)
    assert "add answer=... to the call, one of 'left', 'right'" in capsys.readouterr().out
    predict("1/b", "Which side?", SIDES, answer="up")
    assert "'up' is not one of left, right" in capsys.readouterr().out
    assert not stored.exists()
    predict("1/b", "Which side?", SIDES, answer="left")
    assert json.loads(stored.read_text())["1/b"]["prediction"] == "left"


def test_an_outcome_without_a_prediction_is_shown_and_not_stored(stored, capsys):
    outcome("1/a", 3)
    assert "the outcome: 3. No prediction is stored" in capsys.readouterr().out
    assert not stored.exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"1/a": 3}', '{"1/a": {"outcome": 3}}', "[" * 100_000])
def test_a_damaged_file_stops_no_notebook(stored, capsys, text):
    stored.parent.mkdir()
    stored.write_text(text)
    outcome("1/a", 3)
    assert "No prediction is stored" in capsys.readouterr().out
    predict("1/a", HOW_MANY, answer=1)
    outcome("1/a", 3)
    assert "You predicted 1; the outcome: 3." in capsys.readouterr().out
