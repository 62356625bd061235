"""Plain `pytest` as students use it: one test for each property, in a copy of their files."""

import re

import pytest

from hw1 import exercises
from tests.autograder.probes import PROBES, of


@pytest.fixture(scope="module")
def ran(student):
    """Its output and exit status with one wrong, one unfinished and one endless exercise, and one broken file."""
    tree = student({"1.1": None, "1.2": "return logits.sum()", "3.1": "while True: pass", "4.1": "the agent drives"})
    done = tree.run("pytest", "-q", "-rfs", "-p", "no:cacheprovider")
    return done.stdout, done.returncode


def test_every_probe_is_a_test_that_passes_fails_or_is_skipped(ran):
    out, status = ran
    assert status == 1
    counts = {name: int(count) for count, name in re.findall(r"(\d+) (passed|failed|skipped|error)", out)}
    table = exercises.load()
    wrong = len(of("3.1")) + sum(len(of(id)) for id in table if table[id].file == "hw1/dagger.py")
    assert counts["skipped"] == len(of("1.1"))
    assert wrong < counts["failed"] <= wrong + len(of("1.2"))
    assert sum(counts.values()) == len(PROBES)


def test_a_failure_names_the_property_the_reason_and_the_place_without_a_traceback(ran):
    out, _ = ran
    assert re.search(r"^FAILED tests/test_probes.py::test_probe\[1\.2\.1 .*\]", out, re.MULTILINE)
    assert re.search(r"got [-\d.e+]+, expected [-\d.e+]+.* \(hw1/losses.py:\d+\)", out)
    assert "hw1/dagger.py cannot be imported: SyntaxError" in out
    assert "Traceback" not in out
    assert "judge.py" not in out


def test_an_unfinished_exercise_is_skipped_and_an_endless_one_does_not_hang(ran):
    out, _ = ran
    assert "1.1: not attempted" in out
    assert re.search(r"^3\.1 .* 0/6  timed out", out, re.MULTILINE)


def test_the_table_is_at_the_end(ran):
    out, _ = ran
    table = out[out.index("= exercises =") :]
    assert re.findall(r"^(\w\.\d) ", table, re.MULTILINE) == list(exercises.load())
    assert re.search(rf"points +[\d.]+/{exercises.totals()['code']}", table)


def test_a_marker_selects_one_exercise(student):
    done = student({"1.1": None}).run("pytest", "-q", "-m", "ex1_3", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout
    assert f"{len(of('1.3'))} passed" in done.stdout
    assert re.search(r"^1\.3 .* 6/6  passed", done.stdout, re.MULTILINE)
    assert not re.search(r"^1\.1 ", done.stdout, re.MULTILINE)
