"""The platform's rules for results.json, field by field."""

import json
import math

import pytest

from hw1 import exercises

FORMATS = {"text", "html", "simple_format", "md", "ansi"}
VISIBILITIES = {"hidden", "after_due_date", "after_published", "visible"}
CUT_AT = 100_000  # characters of an output


def _number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _text(value) -> bool:
    return isinstance(value, str) and all(c.isprintable() or c == "\n" for c in value)


def _output(value) -> bool:
    return _text(value) and len(value) < CUT_AT


PAGE = {
    "score": _number,
    "execution_time": lambda value: _number(value) and value >= 0,
    "output": _output,
    "output_format": FORMATS.__contains__,
    "test_output_format": FORMATS.__contains__,
    "test_name_format": FORMATS.__contains__,
    "visibility": VISIBILITIES.__contains__,
    "stdout_visibility": VISIBILITIES.__contains__,
    "extra_data": lambda value: isinstance(value, dict),
    "tests": lambda value: isinstance(value, list),
    "leaderboard": lambda value: isinstance(value, list),
}
TEST = {
    "score": _number,
    "max_score": lambda value: _number(value) and value >= 0,
    "status": {"passed", "failed"}.__contains__,
    "name": lambda value: _text(value) and 0 < len(value) < 200,
    "name_format": FORMATS.__contains__,
    "number": lambda value: isinstance(value, str),
    "output": _output,
    "output_format": FORMATS.__contains__,
    "tags": lambda value: isinstance(value, list) and all(map(_text, value)),
    "visibility": VISIBILITIES.__contains__,
    "extra_data": lambda value: isinstance(value, dict),
}
ROW = {
    "name": _text,
    "value": lambda value: _number(value) or _text(value),
    "order": {"asc", "desc"}.__contains__,
}
PROBE = {
    "number": lambda value: isinstance(value, str),
    "name": _text,
    "score": _number,
    "max_score": _number,
    "status": {"passed", "failed", "not attempted", "waiting", "timed out", "crashed"}.__contains__,
    "output": _output,
    "mistakes": lambda value: isinstance(value, list) and all(map(_text, value)),
}


def _fields(where: str, values: dict, allowed: dict, optional: frozenset[str]) -> None:
    assert values.keys() <= allowed.keys(), f"{where}: {values.keys() - allowed.keys()} unknown"
    assert allowed.keys() - optional <= values.keys(), f"{where}: {allowed.keys() - optional - values.keys()} missing"
    for name, value in values.items():
        assert allowed[name](value), f"{where}.{name} is {value!r:.200}"


def check(page: dict) -> None:
    """Asserts that the platform accepts a page as it is written, and that the page keeps our own rules."""
    page = json.loads(json.dumps(page, allow_nan=False))
    _fields("results", page, PAGE, frozenset({"leaderboard"}))
    for test in page["tests"]:
        _fields(f"test {test.get('number')}", test, TEST, frozenset({"tags"}))
        for probe in test["extra_data"]["probes"]:
            _fields(f"probe {probe.get('number')}", probe, PROBE, frozenset())
    for row in page.get("leaderboard", []):
        _fields("leaderboard", row, ROW, frozenset())
    _ours(page)


def _ours(page: dict) -> None:
    """No HTML, nothing hidden, and points that add up."""
    formats = {page["output_format"], page["test_output_format"], page["test_name_format"]}
    formats |= {test[field] for test in page["tests"] for field in ("output_format", "name_format")}
    assert formats == {"text"}
    assert page["stdout_visibility"] == "hidden"
    assert {page["visibility"], *(test["visibility"] for test in page["tests"])} == {"visible"}
    assert page["score"] == pytest.approx(sum(test["score"] for test in page["tests"]))
    table = exercises.load()
    numbers = [test["number"] for test in page["tests"]]
    assert sorted(set(numbers)) == sorted(numbers)
    for test in page["tests"]:
        exercise, probes = table[test["number"]], test["extra_data"]["probes"]
        assert 0 <= test["score"] <= exercise.points
        assert test["max_score"] == (0 if exercise.extra else exercise.points)
        assert test["score"] == pytest.approx(sum(probe["score"] for probe in probes))
        assert sum(probe["max_score"] for probe in probes) == pytest.approx(exercise.points)
        assert (test["status"] == "passed") == (test["score"] == exercise.points)
        mistakes = test["extra_data"]["mistakes"]
        assert set(mistakes) == {says for probe in probes for says in probe["mistakes"]}
        assert len(test["output"].splitlines()) == len(mistakes) + len(probes)
