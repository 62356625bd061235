"""Policies for anybody's data: options, scaling, discrete actions of any numbering, plans that are forgotten."""

import math

import numpy as np
import pytest
import torch

from hw1.bc import fit
from hw1.demos import Dataset
from hw1.policy import SCALED_RANGE, Actor, PolicyConfig, PolicyNetwork, centre_and_width
from hw1.training import TrainConfig


# --- options ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("options", "field", "value"),
    [
        ({"hidden": ()}, "hidden", r"\(\)"),
        ({"hidden": (64, 0)}, "hidden", "0"),
        ({"hidden": (64, 2.5)}, "hidden", "2.5"),
        ({"hidden": 64}, "hidden", "64"),
        ({"history": -1}, "history", "-1"),
        ({"chunk": 0}, "chunk", "0"),
        ({"execute": 0}, "execute", "0"),
        ({"chunk": 4, "execute": 5}, "execute", "5"),
        ({"chunk": 4, "execute": math.nan}, "execute", "nan"),
        ({"head": "mixture", "components": 0}, "components", "0"),
        ({"head": "autoregressive", "bins": 1}, "bins", "1"),
        ({"bins": math.inf}, "bins", "inf"),
        ({"head": "independent", "action_scale": "standard"}, "action_scale", "standard"),
        ({"head": "autoregressive", "action_scale": "standard"}, "action_scale", "standard"),
        ({"action_scale": "max"}, "action_scale", "max"),
        ({"observation_scale": "minmax"}, "observation_scale", "minmax"),
        ({"head": "diffusion", "diffusion_steps": 0, "sampling_steps": 0}, "diffusion_steps", "0"),
        ({"head": "diffusion", "diffusion_steps": 8, "sampling_steps": 9}, "sampling_steps", "9"),
        ({"head": "diffusion", "sampling_steps": -1}, "sampling_steps", "-1"),
        ({"head": "flow", "sampling_steps": 0}, "sampling_steps", "0"),
        ({"head": "categorical", "chunk": 2}, "chunk", "2"),
        ({"head": "l3"}, "head", "l3"),
    ],
)
def test_an_option_without_sense_is_named_with_its_value(options, field, value):
    with pytest.raises(ValueError, match=rf"{field}.*(must|choose).*{value}|{field}.*{value}.*choose"):
        PolicyConfig(**options)


def test_diffusion_may_go_through_all_levels_and_the_other_heads_ignore_them():
    PolicyConfig("diffusion", diffusion_steps=8, sampling_steps=8)
    PolicyConfig("diffusion", diffusion_steps=8, sampling_steps=0)
    PolicyConfig("flow", diffusion_steps=8, sampling_steps=9)
    PolicyConfig(hidden=(np.int64(8),), history=np.int64(2))


# --- scaling ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("how", list(SCALED_RANGE))
@pytest.mark.parametrize(("offset", "size"), [(1000.0, 1e-3), (0.0, 1e-6), (-3e-30, 1e-32), (2e6, 1.0), (0.0, 1e12)])
def test_a_small_range_with_information_is_stretched(how, offset, size):
    values = (offset + size * np.random.default_rng(0).uniform(-1, 1, (2_000, 1))).astype(np.float32)
    centre, width = centre_and_width(torch.from_numpy(values), how)
    scaled = (torch.from_numpy(values) - centre) / width
    assert 0.9 < scaled.abs().max() < 2
    assert scaled.mean().abs() < 0.2


@pytest.mark.parametrize("how", list(SCALED_RANGE))
@pytest.mark.parametrize("constant", [0.0, 0.1, -1000.1, 1e-30, 3e7])
def test_a_constant_is_not_stretched_nor_are_its_rounding_errors(how, constant):
    exact = np.full(999, constant, dtype=np.float32)
    rounded = exact.copy()
    rounded[::3], rounded[1::3] = np.nextafter(exact[::3], np.float32(np.inf)), np.nextafter(exact[1::3], -np.inf)
    values = torch.from_numpy(np.stack([exact, rounded if constant else exact], axis=1))
    centre, width = centre_and_width(values, how)
    assert width.tolist() == [1.0, 1.0]
    np.testing.assert_allclose(centre, constant, rtol=1e-6)


def test_where_98_percent_are_equal_the_range_counts_instead_of_the_percentiles():
    values = torch.zeros(1_000, 1)
    values[:5] = 0.5
    centre, width = centre_and_width(values, "quantile")
    assert (float(centre), float(width)) == (0.25, 0.25)


@pytest.mark.parametrize(("how", "most"), [("quantile", 1.0), ("minmax", 1.0), ("standard", np.inf)])
def test_scaled_actions_outside_the_percentiles_are_cut_off(how, most):
    policy = PolicyNetwork(PolicyConfig(action_scale=how, chunk=2), 1, 1)
    action = torch.linspace(-3, 1, 1_000)[:, None]
    policy.set_scales(torch.zeros(1_000, 1), action)
    scaled = policy.scaled(action)
    expected = ((action - policy.action_centre) / policy.action_width).clamp(-most, most)
    assert torch.equal(scaled, expected)
    assert scaled.abs().max() == pytest.approx(min(most, 2 / float(policy.action_width)))
    assert scaled.abs().max() <= SCALED_RANGE[how]  # to which diffusion clips


@pytest.mark.parametrize(("offset", "size"), [(1000.0, 1e-3), (0.0, 1e-6)])
def test_actions_in_a_small_range_are_learned(offset, size):
    rng = np.random.default_rng(0)
    obs = rng.standard_normal((256, 2))
    action = offset + size * np.tanh(obs[:, :1])
    zeros = np.zeros(256, dtype=np.int64)
    data = Dataset(obs.astype(np.float32), action.astype(np.float32), zeros, zeros, zeros)
    policy = fit(data, PolicyConfig(hidden=(32,)), TrainConfig(steps=500, learning_rate=1e-2)).policy
    assert np.abs(policy(data.obs) - action).max() < 0.3 * size


# --- discrete actions ------------------------------------------------------------------------------------------------
def discrete(tiny_dataset, start: int, learners: int = 1) -> Dataset:
    data = tiny_dataset(learners=learners, discrete=True)
    own = start + data.action * (1 + data.learner)  # learner 1 knows an action more than learner 0
    return Dataset(data.obs, own, data.episode, data.learner, data.driver)


@pytest.mark.parametrize("start", [-1, 0, 7, -(2**40)])
def test_discrete_actions_keep_the_numbers_of_their_environment(start, tiny_dataset, tmp_path):
    data = discrete(tiny_dataset, start, learners=2)
    options = TrainConfig(steps=300, learning_rate=1e-2, validation=0.34)
    result = fit(data, PolicyConfig("categorical", hidden=(16,)), options, deterministic=True)
    assert [members[0].head.linear.out_features for members in result.policy.networks] == [3, 3]
    assert np.isfinite(result.validation_loss).all()
    result.policy.save(tmp_path / "policy.safetensors")
    for policy in (result.policy, Actor.load(tmp_path / "policy.safetensors")):
        policy.reset(0)
        assert (policy(data.obs) == data.action).mean() > 0.9


def test_the_number_of_the_first_action_changes_nothing_else(tiny_dataset):
    policies = [
        fit(discrete(tiny_dataset, start), PolicyConfig("categorical"), TrainConfig(steps=20, members=3)).policy
        for start in (0, -5)
    ]
    obs = tiny_dataset().obs
    np.testing.assert_array_equal(policies[0](obs) - 5, policies[1](obs))


def test_a_held_out_action_that_the_rest_never_has_is_still_a_class(tiny_dataset):
    data = tiny_dataset(episodes=4, discrete=True)
    for episode in range(4):  # whichever is held out
        action = np.where(data.episode == episode, -3, 5)
        rare = Dataset(data.obs, action, data.episode, data.learner, data.driver)
        result = fit(rare, PolicyConfig("categorical"), TrainConfig(steps=100, validation=0.25))
        assert np.isfinite(result.validation_loss).all()


# --- plans -----------------------------------------------------------------------------------------------------------
class Counting(PolicyNetwork):
    """Plans the numbers n, n + 0.1, n + 0.2 ..., where n is the sum of the observation; remembers the batches."""

    batches: list

    def act(self, obs, generator=None, deterministic=False):
        self.batches.append(obs[:, -1, 0].tolist())
        torch.rand(len(obs), generator=generator)
        return (obs[:, -1].sum(dim=1)[:, None] + 0.1 * torch.arange(self.config.chunk))[..., None]


def counting(learners: int = 1, execute: int = 3) -> Actor:
    networks = [[Counting(PolicyConfig(chunk=4, execute=execute), 1, 1)] for _ in range(learners)]
    for members in networks:
        members[0].batches = []
    return Actor(networks)


def drive(actor: Actor, steps: int, replans: dict[int, list[int]], num: int = 4) -> np.ndarray:
    """Actions `[T, N]`; observation 10 t + environment; `replans[t]` are forgotten before step t."""
    actor.reset(0)
    actions = []
    for t in range(steps):
        if t in replans:
            actor.replan(np.isin(np.arange(num), replans[t]))
        actions.append(actor((10.0 * t + np.arange(num, dtype=np.float32))[:, None])[:, 0])
    return np.stack(actions)


def test_a_replanned_environment_plans_from_what_it_sees_now_and_the_others_go_on():
    replans = {1: [2], 3: [0, 1], 5: [2, 3], 6: []}
    actions = drive(counting(), 9, replans)
    for environment in range(4):
        done = planned_at = 0
        for t in range(9):
            if t == 0 or done == 3 or environment in replans.get(t, []):
                done, planned_at = 0, t
            expected = 10 * planned_at + environment + 0.1 * done
            assert actions[t, environment] == pytest.approx(expected, abs=1e-4), (t, environment)
            done += 1


def test_a_learner_that_needs_no_plan_draws_nothing():
    actor, undisturbed = counting(learners=2), counting(learners=2)
    drive(actor, 3, {1: [3], 2: [2, 3]})
    drive(undisturbed, 3, {})
    first, second = (members[0].batches for members in actor.networks)
    assert (first, second) == ([[0, 1]], [[2, 3], [13], [22, 23]])
    states = [[g.get_state() for g in each.generators] for each in (actor, undisturbed)]
    assert torch.equal(states[0][0], states[1][0])
    assert not torch.equal(states[0][1], states[1][1])


def test_replanning_before_the_first_step_or_nowhere_changes_nothing():
    np.testing.assert_array_equal(drive(counting(), 7, {0: [0, 1], 4: []}), drive(counting(), 7, {}))


def test_what_a_policy_returned_is_not_changed_later(tiny_dataset):
    actor = counting()
    actor.reset(0)
    first = actor(np.zeros((2, 1), dtype=np.float32))
    actor.replan(np.array([True, False]))
    actor(np.ones((2, 1), dtype=np.float32))
    np.testing.assert_array_equal(first, np.zeros((2, 1)))
