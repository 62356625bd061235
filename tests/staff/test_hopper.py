"""The optional Hopper experiment. What needs MuJoCo is tested where it is installed."""

import numpy as np
import pytest

from hw1.demos import Dataset
from hw1.exercises import ROOT
from scripts.closure import Sources
from scripts.command import UserError
from scripts.experiments import hopper
from scripts.experiments.base import Results, interval
from scripts.experiments.hopper import compare, lab
from scripts.experiments.hopper.expert import OFFSET, WEIGHTS, expert
from scripts.experiments.hopper.lab import Lab, OneEpisode, Plan
from scripts.experiments.style import lecture_hall
from scripts.staff import hopper_expert

needs_mujoco = pytest.mark.skipif(bool(lab.absent()), reason=lab.absent() or "MuJoCo is there")
LABELS = np.array([200, 400, 600, 800, 1000, 1200])


def results(bc: np.ndarray, dagger: np.ndarray) -> Results:
    """As if two seeds had been run; the expert returns 3,000."""
    labels = np.tile(LABELS, (2, 1))
    both = {"hopper bc": bc, "hopper dagger": dagger}
    measured = {job: {"labels": labels, "return": returns} for job, returns in both.items()}
    return Results(measured | {"hopper expert": {"return": np.full(2, 3000.0)}})


# --- without MuJoCo ---------------------------------------------------------------------------------------------------
def test_the_expert_is_36_numbers_and_acts_on_any_batch():
    assert WEIGHTS.size + OFFSET.size == 36
    obs = np.random.default_rng(0).standard_normal((5, 4, 11))
    actions = expert(obs)
    assert actions.shape == (5, 4, 3)
    assert actions.dtype == np.float32
    assert np.abs(actions).max() <= 1 < np.abs(obs @ WEIGHTS.T + OFFSET).max()
    unclipped = [sum(WEIGHTS[a, o] * obs[2, 1, o] for o in range(11)) + OFFSET[a] for a in range(3)]
    np.testing.assert_allclose(actions[2, 1], np.clip(unclipped, -1, 1), rtol=1e-5)


def test_other_numbers_of_the_expert_make_other_results():
    """The cache of the demo keeps what the same code computed."""
    closure = Sources(ROOT).closure(compare.compare)
    file = ROOT / "scripts/experiments/hopper/expert.py"
    lines = file.read_text(encoding="utf-8").splitlines()
    (line,) = (number for number, text in enumerate(lines, start=1) if text.startswith("OFFSET"))
    assert closure.covers(file, line)


def test_the_script_writes_the_file_that_is_committed():
    file = hopper_expert.FILE.read_text(encoding="utf-8")
    assert hopper_expert.source(WEIGHTS, OFFSET) == file
    other = hopper_expert.source(WEIGHTS + 1, OFFSET - 2)
    assert other != file
    names: dict = {}
    exec(other, names)
    np.testing.assert_allclose(names["WEIGHTS"], WEIGHTS + 1)
    np.testing.assert_allclose(names["OFFSET"], OFFSET - 2)


def test_a_search_multiplies_the_standardisation_out():
    rng = np.random.default_rng(1)
    matrix, obs = rng.standard_normal((3, 11)), 3 + 2 * rng.standard_normal((50, 11))
    seen = hopper_expert.Statistics()
    seen.add(obs[:20])
    seen.add(obs[20:])
    weights, offset = hopper_expert.linear(matrix, seen)
    standardised = (obs - obs.mean(axis=0)) / obs.std(axis=0)
    np.testing.assert_allclose(obs @ weights.T + offset, standardised @ matrix.T)


def test_the_claim_is_the_difference_in_the_middle_rounds():
    bc = np.array([[1, 1, 1, 2, 9, 9], [1, 1, 2, 1, 9, 9]]) * 100.0
    dagger = np.array([[1, 1, 9, 9, 1, 1], [1, 1, 9, 6, 1, 1]]) * 100.0
    (claim,) = compare.claims(results(bc, dagger))
    np.testing.assert_allclose(claim.values, [0.25, 0.2])  # of the expert's 3,000


def test_the_table_shows_every_round_beside_what_was_published():
    bc, dagger = np.arange(12.0).reshape(2, 6), 1000 + np.arange(12.0).reshape(2, 6)
    header, rows = compare.table(results(bc, dagger))
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    assert columns["round"] == (0, 1, 2, 3, 4, 5)
    np.testing.assert_array_equal(columns["labels"], LABELS)
    low, high = interval(dagger[:, 3])
    assert columns["DAgger"][3] == f"1006 [{low:.0f}, {high:.0f}]"
    assert columns["published: DAgger"] == ("897", "1061", "2619", "2894", "3724", "")
    assert set(columns["published: expert"]) == {"3773"}


def test_the_figure_shows_ours_and_theirs_on_one_scale():
    bc, dagger = np.full((2, 6), 900.0), np.full((2, 6), 2900.0)
    with lecture_hall():
        figure = compare.draw(results(bc, dagger))
        figure.draw_without_rendering()
    ours, theirs = figure.axes
    assert ours.get_ylim() == theirs.get_ylim()
    for ax, methods in ((ours, "behaviour cloning, DAgger, expert"), (theirs, "clone, DAgger, expert")):
        labels = " ".join(text.get_text() for text in ax.get_legend().get_texts())
        assert all(name in labels for name in methods.split(", "))
    styles = [(line.get_color(), line.get_marker(), line.get_linestyle()) for line in ours.lines]
    assert all(len({style[part] for style in styles}) == 3 for part in range(3))


def test_without_mujoco_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr(lab, "find_spec", lambda name: None)
    assert hopper.EXPERIMENT.absent().endswith("pip install -r requirements-mujoco.txt")
    with pytest.raises(UserError, match=r"needs mujoco and imageio: pip install -r requirements-mujoco\.txt"):
        lab.refuse_without_mujoco()


class World:
    """An environment that ends after three steps and counts what it simulates."""

    def __init__(self):
        self.simulated = 0

    def reset(self, *, seed=None, options=None):
        self.time = 0
        return np.zeros(2), {"seed": seed}

    def step(self, action):
        self.time, self.simulated = self.time + 1, self.simulated + 1
        return np.full(2, self.time), 1.0, self.time == 3, False, {}


def test_after_its_episode_the_environment_stands_still_until_it_is_seeded():
    env = OneEpisode.__new__(OneEpisode)  # no gymnasium.Env, which a wrapper would ask for
    env.env = world = World()
    env.reset(seed=1)
    ends = [env.step(None)[2] for _ in range(3)]
    assert ends == [False, False, True]
    obs, _ = env.reset()
    np.testing.assert_array_equal(obs, [3, 3])
    assert env.step(None)[1:4] == (0.0, False, False)
    assert world.simulated == 3
    assert env.reset(seed=2)[1] == {"seed": 2}
    assert env.step(None)[1] == 1.0


def test_every_learner_gets_the_same_number_of_labels(monkeypatch):
    """A policy that falls early drives again; the first states are labelled."""
    calls = []

    def visits(env, policy, who, horizon, beta, rng):
        calls.append(beta)
        learner = np.r_[np.zeros(30, np.int64), np.ones(12, np.int64)]  # the second learner falls early
        number = np.arange(len(learner), dtype=np.float32)[:, None] + 100 * len(calls)
        return Dataset(number, number, learner, learner, np.zeros_like(learner))

    monkeypatch.setattr(lab, "rollout_and_relabel", visits)
    labelled = Lab((0, 1), Plan(labels=20)).label(None, None, None, 10, 0.5, np.random.default_rng(0))
    assert calls == [0.5, 0.5]
    np.testing.assert_array_equal(np.bincount(labelled.learner), [20, 20])
    np.testing.assert_array_equal(labelled.obs[:, 0], np.r_[100:120, 130:142, 230:238])
    np.testing.assert_array_equal(labelled.obs, labelled.action)


# --- with MuJoCo ------------------------------------------------------------------------------------------------------
@needs_mujoco
def test_the_expert_hops_far():
    assert Lab((0,), Plan()).returns(expert, 1)[0] > 3_000


@needs_mujoco
def test_two_runs_agree_and_labels_are_equal():
    plan = {"labels": 30, "rounds": 1, "steps": 20, "evaluations": 1}
    first, again = (compare.compare((0, 1), "dagger", **plan) for _ in range(2))
    np.testing.assert_array_equal(first["return"], again["return"])
    np.testing.assert_array_equal(first["labels"], [[30, 60], [30, 60]])
    np.testing.assert_array_equal(compare.compare((0, 1), "bc", **plan)["labels"], first["labels"])
