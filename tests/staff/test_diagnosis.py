"""Which known mistakes are named: those that explain every failed check and contradict no passed one."""

import numpy as np
import pytest

from hw1.exercises import ROOT
from tests.autograder import judge
from tests.autograder.diagnosis import diagnose
from tests.autograder.oracle import Stored
from tests.autograder.probes import of
from tests.autograder.probes.base import Probe
from tests.autograder.report import Result
from tests.autograder.runner import Answer, InProcess
from tests.autograder.staff import merge
from tests.autograder.staff.bank import bugs, homework
from tests.autograder.staff.live import Live
from tests.autograder.verdict import Verdict


class Known:
    """An oracle of three probes whose right answer is 0. `mistakes`: the answers to them, by sentence; None where a
    mistake ends in an exception."""

    seed = "diagnosis"

    def __init__(self, **mistakes):
        self.known, self.both = mistakes, []

    def expected(self, probe, inputs):
        return {"x": np.float64(0.0)}

    def mistakes(self, probe):
        number = int(probe.id[-1]) - 1
        found = {
            says: {} if all_[number] is None else {"x": np.float64(all_[number])} for says, all_ in self.known.items()
        }
        return {says: answer for says, answer in found.items() if answer != {"x": 0.0}}

    def pairs(self, probe, expected):
        return self.both


class Student:
    def __init__(self, *answers):
        self.answers = answers

    def ask(self, probe, inputs):
        answer = self.answers[int(probe.id[-1]) - 1]
        if isinstance(answer, str):
            return Answer(answer)
        return Answer("error") if answer is None else Answer("ok", {"x": np.float64(answer)})


PROBES = [Probe(f"1.1.{i}", "a test", 1.0, lambda rng: {}, lambda hw1, inputs: {}) for i in (1, 2, 3)]


def named(oracle: Known, *answers) -> list[tuple[str, ...]]:
    (verdicts,) = judge.judge(Student(*answers), oracle, PROBES, reveal=True, known=oracle)
    return [verdict.mistakes for verdict in verdicts]


def test_a_mistake_that_explains_every_failure_is_named():
    assert named(Known(other=(1, 3, 0), right=(1, 2, 0)), 1, 2, 0) == [("right",), ("right",), ()]


def test_a_mistake_that_explains_only_some_failures_is_not_named():
    assert named(Known(half=(1, 0, 0)), 1, 2, 0) == [(), (), ()]


def test_a_mistake_that_fails_where_the_student_passes_is_not_named():
    assert named(Known(worse=(1, 2, 5)), 1, 2, 0) == [(), (), ()]
    assert named(Known(worse=(1, 2, None)), 1, 2, 0) == [(), (), ()]


@pytest.mark.parametrize("silent", [None, "timed out", "crashed"])
def test_an_exception_or_no_answer_in_time_does_not_hide_the_only_mistake_that_explains_the_answers(silent):
    assert named(Known(only=(1, 2, 0)), 1, 2, silent) == [("only",), ("only",), ()]
    assert named(Known(other=(1, 0, 2), only=(1, 2, 0)), 1, 2, silent) == [("only",), ("only",), ()]
    assert named(Known(a=(1, 2, 0), b=(1, 2, 0)), 1, 2, silent) == [(), (), ()]
    assert named(Known(a=(1, 2, 0), alike=(1, 2, None)), 1, 2, silent) == [("alike",), ("alike",), ()]


def test_two_mistakes_are_named_beside_an_exception_only_if_no_others_explain_the_same():
    assert named(Known(a=(1, 0, 0), b=(0, 2, 0)), 1, 2, None) == [("a",), ("b",), ()]
    assert named(Known(a=(1, 0, 0), b=(0, 2, 0), c=(0, 2, 0)), 1, 2, None) == [(), (), ()]


def test_after_a_timeout_nothing_is_named_with_other_inputs_than_the_mistakes_have():
    """The student's code would have to answer again."""
    other, known = Known(), Known(only=(1, 2, 0))
    other.seed = "hidden"
    (verdicts,) = judge.judge(Student(1, 2, "timed out"), other, PROBES, reveal=True, known=known)
    assert [verdict.mistakes for verdict in verdicts] == [(), (), ()]


def test_of_mistakes_that_explain_the_same_the_first_is_named():
    assert named(Known(first=(1, 2, 0), second=(1, 2, 0)), 1, 2, 0) == [("first",), ("first",), ()]


def test_two_mistakes_in_different_checks_are_both_named():
    assert named(Known(a=(1, 0, 0), b=(0, 2, 0)), 1, 2, 0) == [("a",), ("b",), ()]


def test_two_mistakes_that_would_change_each_others_checks_are_not_named():
    assert named(Known(a=(1, 5, 0), b=(0, 2, 0)), 1, 2, 0) == [(), (), ()]


def test_two_mistakes_in_one_number_are_both_named():
    oracle = Known(a=(1, 0, 0), b=(2, 0, 0))
    oracle.both = [("a", "b", {"x": np.float64(7.0)})]
    assert named(oracle, 7, 0, 0) == [("a", "b"), (), ()]


def test_of_mistakes_that_differ_where_the_student_has_an_exception_none_is_named():
    assert named(Known(a=(1, 2, 3), b=(1, 2, 4)), 1, 2, None) == [(), (), ()]
    assert named(Known(a=(1, 2, 3), b=(1, 2, None)), 1, 2, None) == [("b",), ("b",), ()]


@pytest.mark.parametrize(("second", "says"), [(False, ("a", "b")), (True, ())])
def test_two_mistakes_that_only_say_false_are_not_named_where_true_is_wrong(second, says):
    right, known = {"x": np.array([True, True, False])}, Known()
    answers = zip(PROBES[:2], (False, second), strict=True)
    verdicts = [Verdict(probe, "failed", got={"x": np.full(3, x)}, expected=right) for probe, x in answers]
    alone = {"a": {"x": np.array([False, True, False])}, "b": {"x": np.array([True, False, False])}}
    known.mistakes = lambda probe: alone
    known.both = [("a", "b", {"x": np.full(3, False)})]
    diagnose(verdicts, known)
    assert [verdict.mistakes for verdict in verdicts] == [says, says]


def test_nothing_is_named_if_everything_passes_or_nothing_is_known():
    assert named(Known(a=(1, 0, 0)), 0, 0, 0) == [(), (), ()]
    assert named(Known(a=(1, 0, 0)), 3, 0, 0) == [(), (), ()]


def test_a_check_that_is_withheld_is_not_diagnosed():
    """All but a check that can be guessed fail: it counts as passed for the diagnosis, and then earns nothing."""
    guessable = [
        Probe(f"1.1.{i}", "a test", 1.0, lambda rng: {}, lambda hw1, inputs: {}, guessable=i == 3) for i in (1, 2, 3)
    ]
    known = Known(a=(1, 2, 0))
    (verdicts,) = judge.judge(Student(1, 2, 0), known, guessable, reveal=True, known=known)
    assert [(v.status, v.mistakes) for v in verdicts] == [("failed", ("a",)), ("failed", ("a",)), ("failed", ())]


# --- with the bank ----------------------------------------------------------------------------------------------------
def told(exercise: str, *ids: str) -> list[str]:
    """The mistakes that are named if these bugs of the bank are made at once."""
    first, second = (bugs()[id] for id in ids)
    source = (ROOT / first.file).read_text()
    both = merge.both(source, *(merge.changes(source, bug.source()) for bug in (first, second)))
    student = InProcess(homework(first.file, both), ROOT)
    (verdicts,) = judge.judge(student, Live("both"), of(exercise), reveal=True, known=Stored(ROOT))
    return Result.of(verdicts).mistakes


@pytest.mark.parametrize(
    ("exercise", "ids"),
    [
        ("1.3", ("gaussian-no-constant", "gaussian-variance")),
        ("1.3", ("gaussian-sign", "gaussian-no-log-determinant")),
        ("1.4", ("mixture-no-constant", "mixture-weights-not-normalised")),
        ("1.2", ("categorical-sign", "categorical-sum-over-batch")),
    ],
)
def test_two_mistakes_at_once_are_named(exercise, ids):
    assert sorted(told(exercise, *ids)) == sorted(bugs()[id].says for id in ids)


def test_a_diagnosis_is_printed_once_and_first():
    variant = bugs()["gaussian-variance"]
    student = InProcess(homework(variant.file, variant.source()), ROOT)
    (verdicts,) = judge.judge(student, Live("once"), of("1.3"), reveal=True, known=Stored(ROOT))
    lines = Result.of(verdicts).lines()
    assert lines[0] == f"{variant.says[0].upper()}{variant.says[1:]}."
    assert len(lines) > 2
    assert not any("variance" in line for line in lines[1:])
