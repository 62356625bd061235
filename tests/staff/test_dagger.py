"""Part 4: who drives, what is labelled, what is kept, and in which order the loop does it."""

from dataclasses import fields

import numpy as np
import pytest

from hw1.dagger import (
    aggregate,
    dagger,
    intervention,
    intervention_rollout,
    rollout_and_relabel,
    uncertainty_gate,
)
from hw1.demos import Dataset
from hw1.gates import BetaGate, HumanGate
from hw1.rollout import rollout

UNITS = 10.0  # the observation is ten times the state, so it shows which of the two an action was computed from


def expert(state):
    """Home, at half speed."""
    return (-0.5 * state).astype(np.float32)


def policy(obs):
    """Away from home, slowly, along a direction that the expert never takes."""
    return np.stack([0.02 * obs[:, 0], np.full(len(obs), 0.25)], axis=-1).astype(np.float32)


def rng(seed=0):
    return np.random.default_rng(seed)


def by_episode(data: Dataset) -> list[tuple[np.ndarray, np.ndarray]]:
    """States and labels of each episode."""
    return [(data.obs[data.episode == e] / UNITS, data.action[data.episode == e]) for e in np.unique(data.episode)]


def moves(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Per step: the state that it began in, and how far it went (the action that was carried out)."""
    pairs = [(states[:-1], np.diff(states, axis=0)) for states, _ in by_episode(data)]
    states, steps = zip(*pairs, strict=True)
    return np.concatenate(states), np.concatenate(steps)


def contents(data: Dataset) -> dict[str, np.ndarray]:
    return {f.name: getattr(data, f.name).copy() for f in fields(data)}


def assert_equal(left: dict, right: dict):
    for name in left:
        np.testing.assert_array_equal(left[name], right[name], err_msg=name)


# --- 4.1 -------------------------------------------------------------------------------------------------------------
@pytest.mark.ex4_1
@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_every_visited_state_is_kept_with_the_experts_label_whoever_drove(plane, beta):
    data = rollout_and_relabel(plane(5), policy, expert, 12, beta, rng())
    assert len(data) == 60
    assert len(np.unique(data.episode)) == 5
    np.testing.assert_allclose(data.action, -0.5 * data.obs / UNITS, atol=1e-5)


@pytest.mark.ex4_1
@pytest.mark.parametrize(("beta", "driver"), [(0.0, lambda s: policy(UNITS * s)), (1.0, expert)])
def test_beta_0_is_the_policy_and_beta_1_the_expert(plane, beta, driver):
    states, steps = moves(rollout_and_relabel(plane(5), policy, expert, 12, beta, rng()))
    np.testing.assert_allclose(steps, driver(states), atol=1e-5)


@pytest.mark.ex4_1
def test_beta_mixes_step_by_step_and_environment_by_environment(plane, near):
    states, steps = moves(rollout_and_relabel(plane(200), policy, expert, 21, 0.3, rng()))
    by_expert = np.isclose(steps, expert(states), atol=1e-4).all(axis=1)
    by_policy = np.isclose(steps, policy(UNITS * states), atol=1e-4).all(axis=1)
    assert (by_expert ^ by_policy).all()
    near(by_expert, 0.3)
    table = by_expert.reshape(200, 20)
    near(table[:, 1:] * table[:, :-1], 0.09)  # no memory from step to step
    near(table[1:] * table[:-1], 0.09)  # nor from environment to environment


@pytest.mark.ex4_1
def test_all_draws_of_a_rollout_come_from_rng(plane):
    first, again, other = (rollout_and_relabel(plane(3), policy, expert, 9, 0.5, rng(s)) for s in (1, 1, 2))
    assert_equal(contents(first), contents(again))
    assert not np.array_equal(first.obs, other.obs)
    env, one = plane(3), rng(1)
    for _ in range(2):
        rollout_and_relabel(env, policy, expert, 2, 0.5, one)
    assert env.seeds[0] != env.seeds[1]


@pytest.mark.ex4_1
def test_states_after_a_termination_are_left_out(plane):
    env = plane(20, edge=1.5)
    data = rollout_and_relabel(env, policy, expert, 30, 0.0, rng())
    assert len(data) < 20 * 30
    assert np.abs(data.obs).max() <= 1.5 * UNITS
    seed = env.seeds[0]
    running = rollout(plane(20, edge=1.5), policy, 30, seed).running
    assert len(data) == running.sum()


@pytest.mark.ex4_1
def test_learners_get_equal_consecutive_shares_of_the_environments(plane):
    data = rollout_and_relabel(plane(6, learners=3), policy, expert, 4, 0.0, rng())
    assert data.learner.tolist() == np.repeat([0, 1, 2], 8).tolist()
    with pytest.raises(ValueError, match="6 environments cannot be shared evenly by 4"):
        plane(6, learners=4)


@pytest.mark.parametrize("beta", [-0.1, 1.1, np.nan])
def test_beta_outside_0_to_1_is_refused(beta):
    with pytest.raises(ValueError, match="beta"):
        BetaGate(beta, rng())


# --- 4.2 -------------------------------------------------------------------------------------------------------------
@pytest.mark.ex4_2
def test_aggregate_keeps_everything_old_samples_first(tiny_dataset):
    old, new = tiny_dataset(episodes=3, seed=1), tiny_dataset(episodes=4, learners=2, seed=2)
    both = aggregate(old, new)
    for name in ("obs", "action", "learner", "driver"):
        got, parts = getattr(both, name), [getattr(old, name), getattr(new, name)]
        np.testing.assert_array_equal(got, np.concatenate(parts), err_msg=name)
        assert got.dtype == parts[0].dtype
    np.testing.assert_array_equal(both.episode[: len(old)], old.episode)


@pytest.mark.ex4_2
def test_aggregate_keeps_episodes_apart(tiny_dataset):
    old, new = tiny_dataset(episodes=3, seed=1), tiny_dataset(episodes=4, seed=2)
    thrice = aggregate(aggregate(old, new), new)
    lengths = np.unique(thrice.episode, return_counts=True)[1]
    assert lengths.tolist() == [20] * 11
    assert not set(aggregate(old, new).episode[len(old) :]) & set(old.episode)
    sparse = old.subset(old.episode == 2)  # one episode, number 2: a shift by the count would collide
    assert len(np.unique(aggregate(sparse, new).episode)) == 5


@pytest.mark.ex4_2
def test_aggregate_changes_neither_input_and_shares_no_memory(tiny_dataset):
    old, new = tiny_dataset(seed=1), tiny_dataset(seed=2)
    before = contents(old), contents(new)
    both = aggregate(old, new)
    for field in fields(both):
        getattr(both, field.name)[:] = 7
    assert_equal(before[0], contents(old))
    assert_equal(before[1], contents(new))


@pytest.mark.ex4_2
def test_aggregating_nothing_changes_nothing(tiny_dataset):
    data = tiny_dataset(discrete=True)
    nothing = data.subset(np.zeros(len(data), dtype=bool))
    assert_equal(contents(data), contents(aggregate(data, nothing)))
    assert_equal(contents(data), contents(aggregate(nothing, data)))


# --- 4.3 -------------------------------------------------------------------------------------------------------------
class Recorder:
    """Fakes of `fit` and `collect` that record their calls."""

    def __init__(self, tiny_dataset):
        self.calls, self.make = [], tiny_dataset

    def fit(self, dataset):
        fitted = f"policy {sum(name == 'fit' for name, *_ in self.calls)}"
        self.calls.append(("fit", dataset, fitted))
        return fitted

    def collect(self, *arguments):
        data = self.make(episodes=2, seed=100 + len(self.calls))
        self.calls.append(("collect", arguments, data))
        return data


@pytest.mark.ex4_3
def test_the_loop_collects_with_the_newest_policy_aggregates_and_fits_anew(tiny_dataset):
    fake, demos, one = Recorder(tiny_dataset), tiny_dataset(seed=1), rng()
    history = dagger("env", expert, fake.fit, demos, 3, 11, one, lambda i: 0.5**i, fake.collect)
    assert [name for name, *_ in fake.calls] == ["fit", "collect", "fit", "collect", "fit", "collect", "fit"]
    expected = demos.obs
    for i, (_, arguments, data) in enumerate(fake.calls[1::2]):
        assert arguments == ("env", f"policy {i}", expert, 11, 0.5 ** (i + 1), one)
        expected = np.concatenate([expected, data.obs])
        np.testing.assert_array_equal(fake.calls[2 * i + 2][1].obs, expected)
    assert [r.policy for r in history] == [f"policy {i}" for i in range(4)]
    assert [len(r.dataset) for r in history] == [120, 160, 200, 240]


@pytest.mark.ex4_3
def test_round_0_is_behaviour_cloning_without_any_interaction(tiny_dataset):
    fake, demos = Recorder(tiny_dataset), tiny_dataset(seed=1)
    before = contents(demos)
    (only,) = dagger("env", expert, fake.fit, demos, 0, 11, rng(), collect=fake.collect)
    assert [name for name, *_ in fake.calls] == ["fit"]
    assert_equal(before, contents(only.dataset))
    assert only.policy == "policy 0"


@pytest.mark.ex4_3
def test_the_demonstrations_survive_dagger_unchanged(tiny_dataset):
    fake, demos = Recorder(tiny_dataset), tiny_dataset(seed=1)
    before = contents(demos)
    history = dagger("env", expert, fake.fit, demos, 2, 11, rng(), collect=fake.collect)
    assert_equal(before, contents(demos))
    assert_equal(before, contents(history[0].dataset))


@pytest.mark.ex4_3
def test_by_default_the_policy_drives_and_the_expert_labels(plane):
    env = plane(4)
    demos = rollout_and_relabel(env, policy, expert, 5, 1.0, rng())
    history = dagger(env, expert, lambda dataset: policy, demos, 2, 7, rng(1))
    assert [len(r.dataset) for r in history] == [20, 48, 76]
    new = history[-1].dataset.subset(np.arange(76) >= 20)
    states, steps = moves(new)
    np.testing.assert_allclose(steps, policy(UNITS * states), atol=1e-5)
    np.testing.assert_allclose(new.action, expert(new.obs / UNITS), atol=1e-5)
    assert len(set(env.seeds)) == 3  # every round sees other starts


# --- 4.4 -------------------------------------------------------------------------------------------------------------
class Schedule:
    """A gate that gives the wheel to the expert at fixed steps: `table [T, N]`."""

    def __init__(self, table):
        self.table = np.asarray(table, dtype=bool)

    def reset(self, seed):
        self.step, self.had = 0, []

    def __call__(self, obs, state, expert_drives):
        np.testing.assert_allclose(obs, UNITS * state, atol=1e-4)
        self.had.append(expert_drives)
        self.step += 1
        return self.table[self.step - 1]


TABLE = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 1], [1, 0, 1], [0, 0, 1], [1, 0, 1]], dtype=bool)


@pytest.mark.ex4_4
def test_only_the_steps_that_the_expert_drove_are_kept_with_its_actions(plane):
    data = intervention_rollout(plane(3), policy, expert, Schedule(TABLE), 6, seed=4)
    steps = rollout(plane(3), policy, 6, 4, expert=expert, gate=Schedule(TABLE))
    assert len(data) == TABLE.sum()
    np.testing.assert_array_equal(data.obs, np.concatenate([steps.obs[TABLE[:, n], n] for n in range(3)]))
    np.testing.assert_allclose(data.action, expert(data.obs / UNITS), atol=1e-5)


@pytest.mark.ex4_4
def test_every_intervention_is_an_episode_of_its_own(plane):
    data = intervention_rollout(plane(3, learners=3), policy, expert, Schedule(TABLE), 6, seed=4)
    assert np.unique(data.episode, return_counts=True)[1].tolist() == [2, 1, 2, 6]
    assert data.learner.tolist() == [0] * 3 + [1] * 2 + [2] * 6
    for states, labels in by_episode(data):
        np.testing.assert_allclose(np.diff(states, axis=0), labels[:-1], atol=1e-5)  # its labels were carried out


@pytest.mark.ex4_4
def test_without_an_intervention_nothing_is_kept_and_with_one_throughout_all_is(plane):
    never = intervention_rollout(plane(3), policy, expert, Schedule(np.zeros((6, 3))), 6)
    assert len(never) == 0
    assert never.obs.shape == (0, 2)
    always = intervention_rollout(plane(3), policy, expert, Schedule(np.ones((6, 3))), 6)
    demonstration = rollout_and_relabel(plane(3), policy, expert, 6, 1.0, rng())
    assert len(always) == len(demonstration) == 18


@pytest.mark.ex4_4
def test_an_intervention_after_a_termination_is_not_kept(plane):
    env = plane(20, edge=1.5)
    data = intervention_rollout(env, policy, expert, Schedule(np.arange(30)[:, None] * np.ones(20) >= 4), 30)
    assert 0 < len(data) < 20 * 26
    assert np.abs(data.obs).max() <= 1.5 * UNITS


def test_a_gate_is_told_who_drove_a_step_ago(plane):
    gate = Schedule(TABLE)
    intervention_rollout(plane(3), policy, expert, gate, 6)
    np.testing.assert_array_equal(gate.had, np.concatenate([np.zeros((1, 3), dtype=bool), TABLE[:-1]]))


def test_intervention_makes_a_new_gate_for_every_rounds_policy(plane, tiny_dataset):
    seen = []

    def gate_for(policy):
        seen.append(policy)
        return Schedule(np.ones((5, 2)))

    policies = [lambda obs, k=k: policy(obs) * k for k in (1, 2, 3)]
    remaining = iter(policies)
    demos = tiny_dataset(obs_dim=2)
    history = dagger(plane(2), expert, lambda data: next(remaining), demos, 2, 5, rng(), collect=intervention(gate_for))
    assert seen == policies[:2]
    assert [len(r.dataset) for r in history] == [120, 130, 140]


def test_human_gate_takes_over_after_its_reaction_time_and_hands_back_once_safe():
    gate = HumanGate(takeover=1.2, handback=0.4, reaction=2, preview=0.5, speed=10.0)
    gate.reset(0)
    e = [0.0, 1.3, 1.0, -1.3, 1.3, 1.3, -1.0, -0.5, 0.3, 1.0]  # a moment of danger is not enough to react to
    expected = [0, 0, 0, 0, 0, 1, 1, 1, 0, 0]
    drives, got = np.zeros(1, dtype=bool), []
    for offset in e:
        drives = gate(None, np.array([[offset, 0.0, 0.0, 0.0]]), drives)
        got.append(int(drives[0]))
    assert got == expected


def test_human_gate_looks_at_where_the_car_is_heading_and_forgets_at_a_reset():
    gate, state = HumanGate(takeover=1.2, reaction=0, preview=0.5, speed=10.0), np.array([[0.5, 0.2, 0.0, 0.0]])
    nobody = np.zeros(1, dtype=bool)
    for heading, danger in ((0.2, True), (-0.2, False), (-0.5, True)):  # 0.5 + 5 sin(psi) = 1.49, -0.49, -1.9
        gate.reset(0)
        state[0, 1] = heading
        assert gate(None, state, nobody).item() is danger
    slow = HumanGate(takeover=1.2, reaction=1, preview=0.5, speed=10.0)
    for _ in range(2):
        slow.reset(0)
        assert [slow(None, state, nobody).item() for _ in range(2)] == [False, True]


# --- E.4 -------------------------------------------------------------------------------------------------------------
@pytest.mark.exE_4
def test_doubt_is_the_population_standard_deviation_over_members_in_the_worst_dimension():
    obs = np.random.default_rng(0).standard_normal((7, 2))
    weights = np.random.default_rng(1).standard_normal((3, 2, 4))
    doubt = uncertainty_gate([lambda o, w=w: o @ w for w in weights], 0.5).doubt(obs)
    assert doubt.shape == (7,)
    for n in range(7):
        stds = []
        for a in range(4):
            answers = [obs[n] @ w[:, a] for w in weights]
            mean = sum(answers) / 3
            stds.append((sum((x - mean) ** 2 for x in answers) / 3) ** 0.5)
        assert doubt[n] == pytest.approx(max(stds), rel=1e-5)


@pytest.mark.exE_4
def test_uncertainty_gate_calls_the_expert_where_doubt_exceeds_the_threshold_whoever_drives():
    ensemble = [lambda obs: obs, lambda obs: -obs]  # doubt is |obs|
    gate, obs = uncertainty_gate(ensemble, 0.5), np.array([[0.1], [-0.6], [0.5], [2.0]])
    for drives in (np.zeros(4, dtype=bool), np.ones(4, dtype=bool)):
        called = gate(obs, obs, drives)
        assert called.dtype == bool
        assert called.tolist() == [False, True, False, True]


@pytest.mark.exE_4
def test_uncertainty_gate_keeps_the_doubtful_states_of_a_rollout(plane):
    ensemble = [lambda obs: policy(obs), lambda obs: policy(obs) + 0.02 * obs]
    data = intervention_rollout(plane(30), policy, expert, uncertainty_gate(ensemble, 0.05), 10, seed=1)
    steps = rollout(plane(30), policy, 10, 1, expert=expert, gate=uncertainty_gate(ensemble, 0.05))
    doubtful = 0.01 * np.abs(steps.obs).max(axis=-1) > 0.05
    assert 0 < len(data) == doubtful.sum() < 300


@pytest.mark.exE_4
def test_uncertainty_gate_resets_members_with_memory_before_a_rollout(plane):
    class Member:
        def __init__(self):
            self.seeds = []

        def reset(self, seed):
            self.seeds.append(seed)

        def __call__(self, obs):
            return policy(obs)

    members = [Member(), Member()]
    intervention_rollout(plane(2), policy, expert, uncertainty_gate(members, 0.1), 3, seed=9)
    assert [m.seeds for m in members] == [[9], [9]]
