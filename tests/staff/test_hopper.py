"""The optional Hopper experiment. What needs MuJoCo is tested where it is installed."""

import numpy as np
import pytest

from hw1.demos import Dataset
from hw1.exercises import ROOT
from scripts.closure import Sources
from scripts.command import UserError
from scripts.experiments import hopper
from scripts.experiments.base import Results, interval
from scripts.experiments.hopper import compare, lab, tried
from scripts.experiments.hopper.expert import EXPERTS, Linear
from scripts.experiments.hopper.lab import SETTINGS, Lab, OneEpisode, Plan
from scripts.experiments.style import lecture_hall
from scripts.staff import hopper_expert

needs_mujoco = pytest.mark.skipif(bool(lab.absent()), reason=lab.absent() or "MuJoCo is there")
FAR = {"Hopper-v5": 3_000, "HalfCheetah-v5": 1_000}
LABELS = np.array([200, 400, 600, 800, 1000, 1200])


def results(bc: np.ndarray, dagger: np.ndarray) -> Results:
    """As if two seeds had been run, and all settings were alike; the expert returns 3,000."""
    labels = np.tile(LABELS, (2, 1))
    measured = Results()
    for setting in SETTINGS:
        measured[f"{setting} expert"] = {"return": np.full(2, 3000.0)}
        measured[f"{setting} bc"] = {"labels": labels, "return": bc}
        measured[f"{setting} dagger"] = {"labels": labels, "return": dagger}
    return measured


# --- without MuJoCo ---------------------------------------------------------------------------------------------------
def test_every_setting_has_an_expert():
    assert {plan_of(setting).task for setting in SETTINGS} == set(EXPERTS)
    assert plan_of("hopper") == Plan()


def plan_of(setting: str) -> Plan:
    return Plan(**lab.plan_options(False, setting))


def test_the_expert_is_36_numbers_and_acts_on_any_batch():
    expert = EXPERTS["Hopper-v5"]
    weights, offset = expert.numbers[:-1], expert.numbers[-1]
    assert expert.numbers.size == 36
    obs = np.random.default_rng(0).standard_normal((5, 4, 11))
    actions = expert(obs)
    assert actions.shape == (5, 4, 3)
    assert actions.dtype == np.float32
    assert np.abs(actions).max() <= 1 < np.abs(obs @ weights + offset).max()
    unclipped = [sum(weights[o, a] * obs[2, 1, o] for o in range(11)) + offset[a] for a in range(3)]
    np.testing.assert_allclose(actions[2, 1], np.clip(unclipped, -1, 1), rtol=1e-5)


def test_other_numbers_of_the_expert_make_other_results():
    """The cache of the demo keeps what the same code computed."""
    closure = Sources(ROOT).closure(compare.compare)
    file = ROOT / "scripts/experiments/hopper/expert.py"
    lines = file.read_text(encoding="utf-8").splitlines()
    numbers = [number for number, text in enumerate(lines, start=1) if text.startswith("                [")]
    assert len(numbers) >= 12
    assert all(closure.covers(file, number) for number in numbers)


def test_the_script_writes_the_file_that_is_committed():
    file = hopper_expert.FILE.read_text(encoding="utf-8")
    assert hopper_expert.source(EXPERTS) == file
    new = {"Hopper-v5": Linear(EXPERTS["Hopper-v5"].numbers + 1), "Another-v0": Linear(np.array([[1.0, -0.00001]]))}
    names: dict = {"__name__": "scripts.experiments.hopper.expert"}
    exec(hopper_expert.source(EXPERTS | new), names)
    assert names["EXPERTS"].keys() == EXPERTS.keys() | new.keys()
    for task, expert in (EXPERTS | new).items():
        np.testing.assert_allclose(names["EXPERTS"][task].numbers, expert.numbers, atol=1e-4)


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


def test_the_table_of_what_was_tried_has_a_row_for_every_setting():
    bc = np.array([[100, 0, 1000, 1100, 0, 3000], [300, 0, 1000, 1100, 0, 3000]])
    dagger = bc + np.array([[0, 0, 600, 600, 0, -300], [0, 0, 300, 300, 0, -300]])
    header, rows = tried.table(results(bc, dagger))
    assert [row[:2] for row in rows] == [tried.named(setting) for setting in SETTINGS]
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    assert set(columns["first clone"]) == {"200 [100, 300]"}
    assert set(columns["clone, middle rounds"]) == {"1050 [1050, 1050]"}
    assert set(columns["DAgger, middle rounds"]) == {"1500 [1350, 1650]"}
    assert set(columns["DAgger, last round"]) == {"2700 [2700, 2700]"}
    assert set(columns["DAgger's gain, % of the expert"]) == {"15.0 [10.0, 20.0]"}


def test_the_figure_of_what_was_tried_has_a_panel_for_every_setting():
    with lecture_hall():
        figure = tried.draw(results(np.full((2, 6), -90.0), np.full((2, 6), 2900.0)))
        figure.draw_without_rendering()
    assert len(figure.axes) == len(SETTINGS) == len({ax.get_title() for ax in figure.axes})
    for ax in figure.axes:
        assert ax.get_ylim()[0] < -90, "nothing is cut off"
        assert len(ax.get_legend().get_texts()) == 3


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
    anywhere = Lab((0, 1), Plan(labels=20, whole=True)).label(None, None, None, 10, 0.5, np.random.default_rng(0))
    np.testing.assert_array_equal(np.bincount(anywhere.learner), [20, 20])
    assert len(np.unique(anywhere.obs)) == 40, "no state is labelled twice"
    assert anywhere.obs[anywhere.learner == 0].max() > 400, "also states of the last drive"


@pytest.mark.parametrize(("whole", "steps"), [(False, 70), (True, lab.HORIZON)])
def test_how_far_a_round_drives(monkeypatch, whole, steps):
    """DAgger labels its first states, or drives a whole episode and draws among its states."""
    horizons = []

    def visits(env, policy, who, horizon, beta, rng):
        horizons.append((horizon, beta, who is EXPERTS["Hopper-v5"]))
        number = np.zeros(horizon, np.int64)
        return Dataset(*[np.zeros((horizon, 1), np.float32)] * 2, number, number, number)

    monkeypatch.setattr(lab, "rollout_and_relabel", visits)
    monkeypatch.setattr(Lab, "env", lambda self, each: None)
    monkeypatch.setattr(Lab, "fit", lambda self, dataset: None)
    rounds = Lab((0,), Plan(labels=70, rounds=2, whole=whole)).train_rounds("dagger")
    assert horizons == [(steps, 1.0, True), (steps, 0.0, True), (steps, 0.0, True)]
    assert [len(each.dataset) for each in rounds] == [70, 140, 210]


# --- with MuJoCo ------------------------------------------------------------------------------------------------------
@needs_mujoco
@pytest.mark.parametrize("task", EXPERTS)
def test_the_experts_go_far(task):
    lab = Lab((0,), Plan(task=task))
    assert lab.returns(lab.expert, 1)[0] > FAR[task]


@needs_mujoco
def test_two_runs_agree_and_labels_are_equal():
    plan = {"labels": 30, "rounds": 1, "steps": 20, "evaluations": 1}
    first, again = (compare.compare((0, 1), "dagger", **plan) for _ in range(2))
    np.testing.assert_array_equal(first["return"], again["return"])
    np.testing.assert_array_equal(first["labels"], [[30, 60], [30, 60]])
    np.testing.assert_array_equal(compare.compare((0, 1), "bc", **plan)["labels"], first["labels"])
