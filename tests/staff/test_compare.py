"""Comparisons: what they see, how often they raise a false alarm, and how they say what differs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.autograder import compare
from tests.autograder.compare import FALSE_ALARM, THIN, difference, same_distribution, sentences
from tests.autograder.probes import PROBES
from tests.autograder.probes.base import Close, Sample
from tests.autograder.text import clean

ROWS = 8000


def normal(rng, std=1.0, columns=2, rows=ROWS):
    return std * rng.normal(size=(rows, columns))


def flow_time(rng, rows=2000):
    return rng.random((rows, 1)) ** (1 / 1.5)


def shared_noise(rng):
    return np.repeat(rng.normal(size=(ROWS, 1)), 2, axis=1)


def noise_shared_by_neighbours(rng):
    return np.repeat(rng.normal(size=(ROWS // 2, 2)), 2, axis=0)


def noise_used_twice(rng):
    return np.tile(rng.normal(size=(ROWS // 2, 2)), (2, 1))


def antithetic(rng):
    half = rng.normal(size=(ROWS // 2, 2))
    return np.concatenate([half, -half])


def shared_scale(rng):
    return rng.choice([0.3, 1.3], (ROWS, 1)) * rng.normal(size=(ROWS, 2))


def own_scales(rng):
    return rng.choice([0.3, 1.3], (ROWS, 2)) * rng.normal(size=(ROWS, 2))


WRONG = {
    "a standard deviation 10 % too large": (lambda rng: normal(rng, 1.1, 1), lambda rng: normal(rng, 1.0, 1)),
    "a standard deviation 10 % too small": (lambda rng: normal(rng, 0.9, 1), lambda rng: normal(rng, 1.0, 1)),
    "a mean off by 0.2": (lambda rng: normal(rng) + np.array([0.2, 0.0]), normal),
    "uniform instead of Beta time": (lambda rng: rng.random((2000, 1)), flow_time),
    "one noise number for all dimensions": (shared_noise, normal),
    "neighbours share their noise": (noise_shared_by_neighbours, normal),
    "noise used twice": (noise_used_twice, normal),
    "antithetic noise": (antithetic, normal),
    "dimensions that share their scale": (shared_scale, own_scales),
    "uniform instead of normal noise": (lambda rng: rng.uniform(-(3**0.5), 3**0.5, (ROWS, 2)), normal),
}


@pytest.mark.parametrize(("wrong", "right"), WRONG.values(), ids=WRONG)
def test_a_wrong_sample_is_seen_with_a_power_of_99_percent(wrong, right):
    """At most one miss in 150 draws: with a power of 98 % there would be two or more in 80 % of such tests."""
    rng = np.random.default_rng(0)
    misses = sum(same_distribution(wrong(rng), right(rng)) for _ in range(150))
    assert misses <= 1


RIGHT = {
    "normal": normal,
    "few rows": lambda rng: normal(rng, columns=3, rows=200),
    "flow time": flow_time,
    "shared scale": shared_scale,
    "heavy tails": lambda rng: rng.standard_t(2, (ROWS, 2)),
    "bins": lambda rng: np.floor(rng.normal(size=(ROWS, 3))),
    "rare values": lambda rng: (rng.random((ROWS, 3)) < [0.0005, 0.01, 0.3]).astype(float),
    "a constant": lambda rng: np.ones((ROWS, 1)),
}


@pytest.mark.parametrize("sample", RIGHT.values(), ids=RIGHT)
def test_right_samples_are_far_from_a_false_alarm(sample, monkeypatch):
    """With a threshold for a false alarm in 100 draws there are hardly more, so the threshold means what it says."""
    monkeypatch.setattr("tests.autograder.compare.FALSE_ALARM", 0.01)
    rng = np.random.default_rng(0)
    alarms = sum(not same_distribution(sample(rng), sample(rng)) for _ in range(200))
    assert alarms <= 8  # of 2 expected at most: more than 8 with a probability of 2e-4


def test_a_right_sample_may_be_the_mirror_image_of_the_other(monkeypatch):
    monkeypatch.setattr("tests.autograder.compare.FALSE_ALARM", 0.01)
    rng = np.random.default_rng(0)
    samples = [normal(rng) for _ in range(200)]
    assert sum(not same_distribution(-sample, sample) for sample in samples) <= 8


def test_a_grade_raises_a_false_alarm_in_less_than_one_of_a_million():
    assert 50 * FALSE_ALARM < 1e-6


def test_a_part_of_the_rows_is_enough_to_recognise_a_sample():
    rng = np.random.default_rng(0)
    assert not difference(Sample(), normal(rng), normal(rng, rows=ROWS // THIN))
    assert "shape" in difference(Sample(), normal(rng), normal(rng, rows=ROWS // 2))


@pytest.mark.parametrize("rule", [Close(), Sample()])
def test_infinite_and_nan_are_alike_but_never_right(rule):
    nan, inf, right = (np.full((8, 2), number) for number in (np.nan, np.inf, 1.0))
    assert not difference(rule, nan, inf)
    assert "logarithm of 0" in difference(rule, inf, right)
    assert "root or power of a negative number" in difference(rule, nan, right)


# --- sentences --------------------------------------------------------------------------------------------------------
LENGTHS = {"B": {6}, "A": {3, 1}}


@pytest.mark.parametrize(
    ("got", "expected", "says"),
    [
        ([1.0, -2.0], [-1.0, 2.0], "the sign is wrong"),
        ([2.0, -4.0], [1.0, -2.0], "twice the right value"),
        ([0.5, 1.0], [1.0, 2.0], "half the right value"),
        ([3.0, 6.0], [1.0, 2.0], "A = 3 times the right value; did you take a sum instead of a mean over A?"),
        ([1 / 6, 1 / 3], [1.0, 2.0], "1/B = 1/6 of the right value; did you take a mean instead of a sum over B?"),
        ([1.5, 2.5], [1.0, 2.0], "every number is off by 0.5"),
    ],
)
def test_a_simple_pattern_is_named(got, expected, says):
    assert says in difference(Close(), np.array(got), np.array(expected), LENGTHS)


@pytest.mark.parametrize("ratio", [1e-19, 7.0, 1 / 13316390009516400312320, -836877603977330081923072.0, 4.0])
def test_no_ratio_is_named_that_is_not_simple(ratio):
    text = difference(Close(), ratio * np.array([1.0, 2.0]), np.array([1.0, 2.0]), LENGTHS)
    assert text
    assert "right value" not in text


@pytest.mark.parametrize(
    ("got", "expected", "says"),
    [
        (10027.31, 10031.82, "got 10027, expected 10032"),
        (10031.31, 10033.42, "got 10031, expected 10033"),
        (1234.5, 1234.7, "got 1234, expected 1235"),
        (1.23456, 1.23567, "got 1.235, expected 1.236"),
        (0.5, 0.25, "got 0.5, expected 0.25"),
        (1e-9, 1.0, "got 0, expected 1"),
        (123456789.0, 123987654.0, "got 1.235e+08, expected 1.24e+08"),
    ],
)
def test_the_digits_that_differ_are_shown(got, expected, says):
    assert difference(Close(), np.array(got), np.array(expected)).startswith(says)


# --- without numbers --------------------------------------------------------------------------------------------------
RIGHT_ARRAYS = [np.array([1.0, -2.0]), np.array(3.0), np.array(True), np.array([True, False]), np.array([4, 5])]
CHANGES = {
    "wrong numbers": lambda x: x + np.array([1, 3]).astype(x.dtype) if x.dtype.kind != "b" else ~x,
    "sign": lambda x: -x,
    "twice": lambda x: 2 * x,
    "half": lambda x: x / 2,
    "off by the same number": lambda x: x + 7,
    "A times": lambda x: 3 * x,
    "1/B of": lambda x: x / 6,
}


@pytest.mark.parametrize(("says", "change"), CHANGES.items(), ids=CHANGES)
def test_what_the_numbers_have_in_common_is_said_without_a_number(says, change):
    right = np.array([1.0, -2.0])
    text = difference(Close(), change(right), right, LENGTHS, reveal=False)
    assert says in text
    assert not any(character.isdigit() for character in text.replace("1/B", ""))
    assert text in set(sentences(Close(), LENGTHS))


@given(
    st.sampled_from(RIGHT_ARRAYS),
    st.sampled_from(RIGHT_ARRAYS),
    st.sampled_from([lambda x: x, lambda x: x.T, lambda x: x[..., None], lambda x: x.astype("f4"), *CHANGES.values()]),
    st.sampled_from([Close(), Close(dtype=True), Close(says="because"), Sample(), Sample(says="because")]),
)
def test_every_difference_is_one_of_the_sentences(right, other, change, rule):
    if isinstance(rule, Sample):
        right, other = np.resize(right, (8, 2)), np.resize(other, (8, 2))
    got = change(other) if other.dtype.kind == "f" else other
    text = difference(rule, got, right, LENGTHS, reveal=False)
    assert not text or text in set(sentences(rule, LENGTHS))


def test_a_wrong_statement_is_told_as_such():
    yes, no = np.array(True), np.array(False)
    for reveal in (True, False):
        assert difference(Close(), no, yes, reveal=reveal) == "should hold, but does not"
        assert difference(Close(), yes, no, reveal=reveal) == "holds, but should not"


@pytest.mark.parametrize(("says", "function"), compare.FUNCTIONS.items(), ids=compare.FUNCTIONS)
def test_a_function_of_the_right_value_is_named(says, function):
    right = np.array(5.0)
    for reveal in (True, False):
        assert f"({says})" in difference(Close(), function(right), right, reveal=reveal)
    assert says not in difference(Close(), function(right) + 0.1, right)


def test_near_1_no_root_is_seen():
    assert "root" not in difference(Close(), np.array(1.0005), np.array(1.001))


def test_what_rounding_makes_of_0_is_shown_as_0():
    assert difference(Close(), np.array(0.5), np.array(-0.0)) == "got 0.5, expected 0"
    assert difference(Close(), np.array(0.5), np.array(4e-7)) == "got 0.5, expected 0"
    assert difference(Close(), np.array(5e-4), np.array(4e-7)) == "got 0.0005, expected 4e-07"
    tiny = Close(rtol=1e-3, atol=1e-12)
    assert difference(tiny, np.array(0.5), np.array(4e-7)) == "got 0.5, expected 4e-07"


# --- what a student can repeat by hand --------------------------------------------------------------------------------
def test_the_inputs_of_the_first_wrong_number_are_shown_but_not_if_they_are_hidden():
    probe, right = PROBES["3.3.1"], np.array([1.0, 2.0, 3.0])
    inputs = {"error_rate": np.array([0.5, 0.25, 0.1]), "horizon": np.array([2, 4, 8])}
    wrong = {"cost": np.array([1.0, 2.5, 9.0])}
    (said,) = compare.differences(probe, wrong, {"cost": right}, {}, True, inputs).values()
    assert said.startswith("cost (error_rate = 0.25, horizon = 4): got 2.5, expected 2")
    (said,) = compare.differences(probe, wrong, {"cost": right}, {}, False, inputs).values()
    assert said == "cost: wrong numbers"
    for got, case in (([9.0, 2.0, np.nan], "error_rate = 0.1, horizon = 8"), ([1, 2, 9], "")):
        (said,) = compare.differences(probe, {"cost": np.array(got)}, {"cost": right}, {}, True, inputs).values()
        assert said.startswith(f"cost ({case}): got nan" if case else "cost: got int64"), said


def test_a_case_is_where_something_holds_and_no_condition_on_the_code():
    probe, right = PROBES["1.1.3"], {"loss if B = 1": np.float64(2.0)}
    wrong = {"loss if B = 1": np.float64(5.0)}
    assert list(compare.differences(probe, wrong, right).values()) == ["loss where B = 1: got 5, expected 2"]
    assert list(compare.differences(probe, wrong, right, reveal=False).values()) == ["loss where B = 1: wrong numbers"]
    assert list(compare.differences(probe, {}, right).values()) == ["loss where B = 1 is missing"]


def test_a_tensor_at_the_end_of_a_message_is_left_out():
    assert clean("but found invalid values:\ntensor([[-0.8, 1.6],\n        [1.0") == "but found invalid values"
    assert clean("tensor([1.0]) is no loss") == "tensor([1.0]) is no loss"
    assert clean("x" * 400) == "x" * 300
