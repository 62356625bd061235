"""Points: nobody earns any without doing the exercise."""

import json
import socket
import subprocess
import sys

import numpy as np
import pytest

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder import compare, judge, oracle, wire
from tests.autograder.probes import PROBES, Homework, of
from tests.autograder.runner import Answer, InProcess, Runner
from tests.autograder.staff.bank import homework
from tests.autograder.staff.live import Live

TABLE = exercises.load()

# Bodies of functions and methods that answer without solving the exercise.
LAZY = {
    "zero": "return torch.zeros(())",
    "none": "return None",
    "first argument": "return args[0] if args else None",
    "last argument": "return args[-1] if args else None",
    "sum of all": "return sum(torch.as_tensor(a, dtype=torch.float32).sum() for a in args if hasattr(a, 'shape'))",
}


def test_every_probe_earns_points():
    assert all(probe.points > 0 for probe in PROBES.values())


def lazy(exercise, body: str) -> str:
    """The exercise's file with `body` as the body of each of its functions, or of each method except __init__."""
    overlay = ["import torch"]
    for name in exercise.names:
        if name[0].isupper():
            overlay += [f"class {name}({name}):"]
            for method in ("forward", "loss", "sample", "mode", "doubt", "__call__", "ancestral", "deterministic"):
                overlay += [f"    def {method}(self, *args, **kwargs):", f"        {body}"]
        else:
            overlay += [f"def {name}(*args, **kwargs):", f"    {body}"]
    return (ROOT / exercise.file).read_text() + "\n\n" + "\n".join(overlay) + "\n"


@pytest.mark.parametrize("body", LAZY.values(), ids=LAZY)
@pytest.mark.parametrize("exercise", TABLE.values(), ids=TABLE)
def test_nobody_earns_points_without_doing_the_exercise(exercise, body):
    student = InProcess(homework(exercise.file, lazy(exercise, body)), ROOT)
    (verdicts,) = judge.judge(student, Live("lazy"), of(exercise.id), reveal=True)
    assert [v.probe.id for v in verdicts if v.points] == []


def test_nonsense_answers_earn_nothing_and_do_no_harm():
    class Nonsense:
        def ask(self, probe, inputs):
            shapes = [np.zeros(0), np.full((3, 2), np.nan), np.array(True), np.zeros((1, 1, 1, 1), np.int64)]
            return Answer("ok", {name: shapes[i % 4] for i, name in enumerate(inputs)} | {"loss": np.full((), np.inf)})

    for verdicts in judge.judge(Nonsense(), Live("nonsense"), PROBES.values(), reveal=True):
        assert [v.probe.id for v in verdicts if v.status != "failed"] == []


def body(arrays: dict[str, list[int]]) -> bytes:
    """The body of a message with empty arrays of these shapes."""
    empty = {name: {"dtype": "F64", "shape": shape, "data_offsets": [0, 0]} for name, shape in arrays.items()}
    names = json.dumps(empty).encode()
    return wire.NAMES.pack(len(names)) + names


@pytest.mark.parametrize(
    "large",
    [
        body({"loss": [2**40, 0]}),
        body({"loss": [2**21, 0, 2**21]}),
        body({str(i): [0] for i in range(1500)}),
        wire.NAMES.pack(2**63) + b"{}",
        b"",
    ],
    ids=["rows of nothing", "planes of nothing", "arrays of nothing", "header", "empty"],
)
def test_a_message_that_costs_the_judge_more_than_the_sender_is_refused(large):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(wire.LENGTHS.pack(2, len(large)) + b"{}" + large)
        theirs.close()
        with pytest.raises(wire.WireError):
            wire.receive(ours)


class Ending:
    """A worker that ends before it answers anything."""

    def __init__(self):
        self.sock, theirs = socket.socketpair()
        theirs.close()

    def kill(self) -> None:
        self.sock.close()


def test_after_many_workers_that_end_at_once_no_more_are_started():
    started = []

    def launch() -> Ending:
        started.append(Ending())
        assert len(started) < 50
        return started[-1]

    with Runner(launch) as ask:
        answers = [ask.ask(probe, oracle.draw(probe, "ending")) for probe in PROBES.values()]
    assert {answer.status for answer in answers} == {"crashed"}


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_every_right_answer_is_several_times_smaller_than_the_largest_message(probe):
    answer = InProcess(Homework(), ROOT).ask(probe, oracle.draw(probe, "size")).arrays
    assert 4 * sum(array.nbytes for array in answer.values()) < wire.MAX_BODY


@pytest.mark.parametrize("probe", PROBES.values(), ids=PROBES)
def test_a_memorised_answer_passes_only_if_the_probe_is_guessable(probe):
    memorised = InProcess(Homework(), ROOT).ask(probe, oracle.draw(probe, oracle.PUBLIC_SEED)).arrays
    passed = []
    for seed in map(str, range(8)):
        inputs = oracle.draw(probe, seed)
        try:
            passed.append(compare.same(probe, probe.judged(inputs, memorised), Live(seed).expected(probe, inputs)))
        except ValueError:
            passed.append(False)
    assert any(passed) == probe.guessable


def test_memorised_answers_earn_nothing():
    class Memorised:
        def ask(self, probe, inputs):
            return InProcess(Homework(), ROOT).ask(probe, oracle.draw(probe, oracle.PUBLIC_SEED))

    for verdicts in judge.judge(Memorised(), Live("secret"), PROBES.values(), reveal=True):
        assert sum(v.points for v in verdicts) == 0, verdicts[0].probe.exercise


def test_a_stand_in_is_not_kept_by_a_module_that_is_imported_meanwhile():
    code = """
from tests.autograder.probes.base import Homework, stand_in
with stand_in(Homework(), user="losses", owner="losses", mse_loss=print):
    import hw1.heads
assert hw1.heads.mse_loss is not print
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
