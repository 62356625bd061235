"""The leaderboard measures the data that DAgger collected, whatever a worker reports about itself."""

import numpy as np
import pytest

from hw1.exercises import ROOT
from tests.autograder.oracle import draw
from tests.autograder.probes import Homework
from tests.autograder.runner import Answer, InProcess
from tests.autograder.staff.bank import homework
from tests.autograder.staff.probes import leaderboard
from tests.autograder.staff.probes.leaderboard import PROBE, demonstrations, labels, replayed, score, verified

SEED = "leaderboard"


class Fixed:
    """A worker that always answers with the same arrays."""

    def __init__(self, arrays):
        self.arrays = arrays

    def ask(self, probe, inputs):
        return Answer("ok", self.arrays)


@pytest.fixture(scope="module")
def honest() -> dict[str, np.ndarray]:
    answer = InProcess(Homework(), ROOT).ask(PROBE, draw(PROBE, SEED))
    assert answer.status == "ok", answer.detail
    return answer.arrays


def samples(answer) -> int:
    """The number of samples that the replay confirms."""
    known = replayed(answer) | labels(demonstrations(int(draw(PROBE, SEED)["seed"])))
    return len(verified(answer["obs"], answer["action"], known))


def test_what_the_reference_collected_is_real_and_within_the_budget(honest):
    assert samples(honest) == len(honest["obs"]) == leaderboard.BUDGET


def test_dagger_beats_behaviour_cloning_and_a_loop_that_overwrites_its_data(honest):
    source = (ROOT / "hw1/dagger.py").read_text()
    worse = [
        source.replace("for i in range(1, rounds + 1):", "for i in range(0):"),
        source.replace("dataset = aggregate(last.dataset, new)", "dataset = new"),
    ]
    assert source not in worse
    best = score(Fixed(honest), SEED)
    assert best == score(Fixed(honest), SEED)
    for text in worse:
        assert score(InProcess(homework("hw1/dagger.py", text), ROOT), SEED) < best


def test_invented_observations_and_labels_do_not_count(honest):
    rng = np.random.default_rng(0)
    invented = honest | {"obs": rng.random(honest["obs"].shape, dtype=np.float32)}
    assert samples(invented) == 0
    assert score(Fixed(invented), SEED) is None
    mislabelled = honest | {"action": honest["action"] + np.float32(0.1)}
    assert samples(mislabelled) == 0
    repeated = honest | {name: np.repeat(honest[name], 3, axis=0) for name in ("obs", "action")}
    assert samples(repeated) == leaderboard.BUDGET


@pytest.mark.parametrize(
    "change",
    [
        {"seeds": np.array([-1])},
        {"executed": np.zeros((10**5, leaderboard.CARS, 1), np.float32)},
        {"executed": np.full((240, leaderboard.CARS, 1), np.nan, np.float32)},
        {"executed": np.zeros((240, 7, 1), np.float32)},
        {"obs": np.zeros((3, 2), np.int64)},
        {"begins": np.array([5, 3, 1])},
        {"begins": np.array([0, 240, 0, 240])},  # all rollout steps twice
        {"begins": np.array([0, 60, -60, 240])},
        {"begins": np.array([0, 60, 120, 10**9])},
        {"obs": np.zeros((2**22, 0)), "action": np.zeros((2**22, 0))},  # very many empty rows
        {"obs": np.zeros(())},
    ],
)
def test_impossible_records_get_no_rank(honest, change):
    assert score(Fixed(honest | change), SEED) is None


def test_students_code_does_not_know_the_roads_of_the_test(honest, monkeypatch):
    seeds = []
    monkeypatch.setattr(leaderboard, "success", lambda data, seed: seeds.append(seed))
    score(Fixed(honest), SEED)
    assert abs(seeds[0] - int(draw(PROBE, SEED)["seed"])) > 1000


def test_no_answer_gets_no_rank():
    unfinished = (
        ROOT / "hw1/dagger.py"
    ).read_text() + "\n\ndef dagger(*args):\n    raise NotImplementedError('TODO 4.3')\n"
    assert score(InProcess(homework("hw1/dagger.py", unfinished), ROOT), SEED) is None
