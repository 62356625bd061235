"""The stored expected values: up to date, small, and as good as the reference itself."""

import numpy as np
import pytest
import torch

from hw1.exercises import ROOT
from scripts.staff import snapshot as staff
from tests.autograder import compare
from tests.autograder.oracle import NAME, SNAPSHOT, Answers, SnapshotError, Stored, snapshot
from tests.autograder.originals import digest, given
from tests.autograder.probes import PROBES
from tests.autograder.probes.base import Close, Probe, Sample
from tests.autograder.staff.markers import strip

COMMAND = "run `make snapshot`"


def test_other_rounding_changes_what_processors_round_and_nothing_else():
    a = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    exact = {"+": a + 1, "*": a * a, "max": a.max(dim=1).values, "index": a[1], "sqrt": a.abs().sqrt()}
    rounded = {"sum": a.sum(), "exp": a.exp(), "product": a @ a, "logsumexp": a.logsumexp(dim=0)}
    with staff.OtherRounding():
        again = {"+": a + 1, "*": a * a, "max": a.max(dim=1).values, "index": a[1], "sqrt": a.abs().sqrt()}
        other = {"sum": a.sum(), "exp": a.exp(), "product": a @ a, "logsumexp": a.logsumexp(dim=0)}
    assert all(torch.equal(exact[name], again[name]) for name in exact)
    for name, value in rounded.items():
        assert not torch.equal(value, other[name]), name
        torch.testing.assert_close(value, other[name], rtol=1e-5, atol=1e-6)


def test_a_mistake_is_recognised_though_another_processor_rounds_its_sums_otherwise():
    """Sums that cancel: 6.052 there and 6.051 here is the same mistake, 6.06 is not, and neither is right."""
    probe, here = probe_of(Close()), {"x": np.float32(6.0513)}
    assert not compare.equal(Close(atol=0.1), np.float32(0.2), np.float32(0.0), loosely=True)  # for what is random
    for value, is_same in ((6.052, True), (6.06, False)):
        there = {"x": np.float32(value)}
        assert compare.same(probe, there, here, loosely=True) is is_same
        assert not compare.same(probe, there, here)


@pytest.fixture(scope="module")
def stored():
    return Stored(ROOT)


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    """The present answers of the reference and of the bug bank, on this processor."""
    return write(tmp_path_factory.mktemp("fresh"), staff.make(twice=False))


def write(root, contents: bytes) -> Stored:
    (root / SNAPSHOT).parent.mkdir(parents=True, exist_ok=True)
    (root / SNAPSHOT).write_bytes(contents)
    return Stored(root)


def test_the_snapshot_has_the_answers_of_the_reference_and_of_the_known_mistakes(stored, fresh):
    assert stored.answers.keys() == PROBES.keys(), COMMAND
    for probe in PROBES.values():
        assert not compare.differences(probe, stored.expected(probe, {}), fresh.expected(probe, {})), COMMAND
        old, new = stored.mistakes(probe), fresh.mistakes(probe)
        assert old.keys() == new.keys(), f"{probe.id}: {COMMAND}"
        for says in new:
            # On another processor, other answers may depend on it.
            known = {name: array for name, array in new[says].items() if old[says].get(name) is not compare.ANY}
            assert compare.same(probe, old[says], known, loosely=True), f"{probe.id}, {says}: {COMMAND}"


def test_an_answer_that_depends_on_the_processor_equals_any_other(tmp_path):
    probe = Probe("1.1.1", "", 1, None, None)
    right, wrong = {"value": np.ones(3), "other": np.zeros(2)}, {"value": compare.ANY, "other": np.ones(2)}
    back = write(tmp_path, snapshot([Answers(probe, {"": right, "unstable": wrong})], {})).mistakes(probe)["unstable"]
    assert compare.same(probe, {"value": np.full(3, 7.0), "other": np.ones(2)}, back)
    assert not compare.same(probe, {"value": np.full(3, 7.0), "other": np.zeros(2)}, back)
    assert not compare.same(probe, {"other": np.ones(2)}, back)


def test_answers_that_multiply_rounding_errors_are_found(stored, tmp_path):
    """A learning rate that makes a buggy loss explode: no two processors agree."""

    def unstable(answers: Stored, probe: Probe) -> list[str]:
        found = answers.mistakes(probe).items()
        return [says for says, answer in found for array in answer.values() if array is compare.ANY]

    probe = PROBES["1.3.6"]
    both = write(tmp_path, staff.make([probe]))
    for answers in (both, stored):
        assert any("logarithm of log_std" in says for says in unstable(answers, probe)), COMMAND
    arrays = sum(len(answer) for probe in PROBES.values() for answer in stored.mistakes(probe).values())
    assert sum(len(unstable(stored, probe)) for probe in PROBES.values()) < 0.01 * arrays


def test_the_snapshot_has_the_digests_of_the_given_files_as_students_get_them(stored):
    assert stored.given == staff.manifest(), COMMAND
    student = {file: strip((ROOT / file).read_text()) for file in given(ROOT) if file.endswith(".py")}
    for file, text in student.items():
        for ends in (text, text.replace("\n", "\r\n")):
            assert digest(ends.encode()) == stored.given[file], file
    assert {
        "hw1/rollout.py",
        "hw1/envs/lane.py",
        "hw1/exercises.toml",
        "tests/autograder/probes/base.py",
    } <= stored.given.keys()
    assert "hw1/losses.py" not in stored.given


def test_the_snapshot_is_small(stored):
    assert (ROOT / SNAPSHOT).stat().st_size < 5_000_000


# --- the file ---------------------------------------------------------------------------------------------------------
def probe_of(rule) -> Probe:
    return Probe("1.3.9", "a test", 1.0, lambda rng: {}, lambda hw1, inputs: {}, {"x": rule})


@pytest.fixture
def values():
    rng = np.random.default_rng(0)
    return {"x": rng.normal(size=(40, 2)).astype(np.float32), "count": np.arange(5), "scalar": np.float32(2.0)}


def test_arrays_are_read_as_they_were_and_stored_once(tmp_path, values):
    probe = probe_of(Close())
    other = values | {"count": values["count"] + 1}
    answers = [Answers(probe, {"": values, "wrong": other, "raises": {}}, [("one", "two", values)])]
    back = write(tmp_path, snapshot(answers, {"file": "digest"}))
    assert back.given == {"file": "digest"}
    for got, put in ((back.expected(probe, {}), values), (back.mistakes(probe)["wrong"], other)):
        assert got.keys() == put.keys()
        for name in put:
            np.testing.assert_array_equal(got[name], put[name])
            assert (got[name].dtype, got[name].shape) == (put[name].dtype, put[name].shape)
    assert back.mistakes(probe)["raises"] == {}
    ((first, second, both),) = back.pairs(probe, values)
    assert (first, second) == ("one", "two")
    assert all((both[name] == values[name]).all() and both[name].dtype == values[name].dtype for name in values)
    assert len(back.arrays) == 5  # x and scalar are stored once
    assert snapshot(answers, {}) == snapshot(answers, {})


@pytest.mark.parametrize("values_of", ["continuous", "few"])
def test_a_mistake_is_recognised_from_a_part_of_its_sample(tmp_path, values_of):
    """New samples of the mistake match the stored part in distribution; samples of the right answer do not."""
    rng = np.random.default_rng(0)
    probe, misses = probe_of(Sample()), 0

    def sample(scale):
        x = rng.normal(scale=scale, size=(4000, 2))
        return (x if values_of == "continuous" else np.floor(x / 0.3) * 0.3).astype(np.float32)

    right, wrong = sample(1.0), sample(1.65)
    back = write(tmp_path, snapshot([Answers(probe, {"": {"x": right}, "wrong": {"x": wrong}})], {}))
    mistake = back.mistakes(probe)["wrong"]
    assert sum(a.nbytes for a in back.arrays.values()) <= right.nbytes * 1.25
    np.testing.assert_allclose(back.expected(probe, {})["x"], right, rtol=1e-3)
    for _ in range(20):
        misses += not compare.same(probe, {"x": sample(1.65)}, mistake)
        assert not compare.same(probe, {"x": sample(1.0)}, mistake)
    assert misses == 0


def test_a_missing_damaged_or_old_snapshot_gets_a_sentence(tmp_path, values):
    with pytest.raises(SnapshotError, match=f"{NAME} is missing.*git checkout"):
        Stored(tmp_path)
    write(tmp_path, snapshot([], {}))
    with pytest.raises(SnapshotError, match=r"no expected values for check 1\.3\.9: it is older"):
        Stored(tmp_path, [probe_of(Close())])
    for damaged in (b"", b"no tensors", snapshot([], {})[:-40]):
        (tmp_path / SNAPSHOT).write_bytes(damaged)
        with pytest.raises(SnapshotError, match="cannot be read"):
            Stored(tmp_path)


def test_changed_given_files_are_named_whatever_their_line_ends_are(tmp_path):
    for file, text in (("hw1/rollout.py", "a\n"), ("hw1/losses.py", "b\n"), ("hw1/envs/lane.py", "c\n")):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_bytes(text.encode())
    stored = write(tmp_path, snapshot([], given(tmp_path)))
    assert stored.edited(tmp_path) == []
    (tmp_path / "hw1/losses.py").write_text("the student's")
    (tmp_path / "hw1/rollout.py").write_bytes(b"a\r\n")
    assert stored.edited(tmp_path) == []
    (tmp_path / "hw1/rollout.py").write_bytes(b"x\n")
    (tmp_path / "hw1/helper.py").write_bytes(b"")
    (tmp_path / "hw1/envs/lane.py").unlink()
    assert stored.edited(tmp_path) == ["hw1/envs/lane.py", "hw1/helper.py", "hw1/rollout.py"]
