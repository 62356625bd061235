"""Part 3: disagreement on the policy's own states, growth of the cost, and the tightrope by brute force."""

import itertools
import math

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hw1.envs  # noqa: F401 (registers them)
from hw1.compounding import cost_by_horizon, disagreement, growth_exponent, tightrope_cost, total_variation
from hw1.rollout import rollout


def expert(state):
    """Home, at half speed; `state` is the position."""
    return (-0.5 * state).astype(np.float32)


def outward(obs):
    """Drifts away along the first axis and agrees with `expert` along the second; `obs` is ten times the position."""
    return np.stack([0.01 * obs[:, 0], -0.05 * obs[:, 1]], axis=-1).astype(np.float32)


# --- 3.1 -------------------------------------------------------------------------------------------------------------
@pytest.mark.ex3_1
@pytest.mark.parametrize("tolerance", [0.05, 0.3, 0.6])
def test_disagreement_matches_a_slow_loop_over_the_policys_own_states(plane, tolerance):
    got = disagreement(plane(5), outward, expert, 12, tolerance, seed=3)
    env = plane(5)
    obs, info = env.reset(seed=3)
    expected = np.zeros((12, 5), dtype=bool)
    for t in range(12):
        action = outward(obs)
        for n in range(5):
            wanted = expert(info["state"][n])
            expected[t, n] = any(abs(action[n, a] - wanted[a]) > tolerance for a in range(2))
        obs, *_, info = env.step(action)
    assert got.shape == (12, 5)
    assert got.dtype == bool
    assert np.array_equal(got, expected)
    assert 0 < expected.mean() < 1


@pytest.mark.ex3_1
def test_the_expert_never_disagrees_with_itself_and_one_dimension_is_enough_to_disagree(plane):
    env = plane(4)
    assert not disagreement(env, lambda obs: expert(obs / env.UNITS), expert, 10, 1e-4).any()
    for dimension in range(2):
        shift = np.eye(2, dtype=np.float32)[dimension]
        assert disagreement(env, lambda obs, s=shift: expert(obs / env.UNITS) + s, expert, 10, 0.9).all()
        assert not disagreement(env, lambda obs, s=shift: expert(obs / env.UNITS) + s, expert, 10, 1.1).any()


@pytest.mark.ex3_1
def test_disagreement_counts_differences_to_either_side(plane):
    env = plane(4)
    for sign in (1, -1):
        shift = np.array([0.2 * sign, 0.0], dtype=np.float32)
        assert disagreement(env, lambda obs, s=shift: expert(obs / env.UNITS) + s, expert, 5, 0.1).all()


@pytest.mark.ex3_1
def test_disagreement_depends_on_the_seed_alone(plane):
    env = plane(6)
    first, again, other = (disagreement(env, outward, expert, 10, 0.3, seed=s) for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


# --- 3.2 -------------------------------------------------------------------------------------------------------------
@pytest.mark.ex3_2
@given(st.integers(1, 12), st.integers(1, 5), st.data())
def test_cost_by_horizon_matches_a_slow_loop(length, envs, data):
    costs = np.array(data.draw(st.lists(st.integers(0, 3), min_size=length * envs, max_size=length * envs)))
    costs = costs.reshape(length, envs).astype(np.float32)
    horizons = data.draw(st.lists(st.integers(1, length), min_size=1, max_size=4))
    slow = [sum(costs[t, n] for n in range(envs) for t in range(horizon)) / envs for horizon in horizons]
    np.testing.assert_allclose(cost_by_horizon(costs, np.array(horizons)), slow, rtol=1e-5)


@pytest.mark.ex3_2
def test_cost_by_horizon_of_unit_costs_is_the_horizon_and_of_a_late_one_is_0_before_it():
    horizons = np.array([1, 3, 8])
    np.testing.assert_allclose(cost_by_horizon(np.ones((8, 4)), horizons), horizons)
    late = np.zeros((8, 4))
    late[3, 0] = 1.0
    np.testing.assert_allclose(cost_by_horizon(late, np.array([3, 4, 8])), [0.0, 0.25, 0.25])


@pytest.mark.ex3_2
@given(st.floats(-3, 3), st.floats(0.01, 100))
def test_growth_exponent_recovers_the_power_whatever_the_factor(power, factor):
    horizons = np.array([3, 10, 25, 100, 400])
    assert growth_exponent(horizons, factor * horizons.astype(float) ** power) == pytest.approx(power, abs=1e-5)


@pytest.mark.ex3_2
def test_growth_exponent_is_the_least_squares_slope_when_the_points_scatter():
    horizons, cost = np.array([1.0, 2.0, 8.0, 20.0]), np.array([1.0, 7.0, 9.0, 300.0])
    x, y = np.log(horizons), np.log(cost)
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    assert growth_exponent(horizons, cost) == pytest.approx(slope, rel=1e-5)


# --- 3.3 -------------------------------------------------------------------------------------------------------------
@pytest.mark.ex3_3
@pytest.mark.parametrize("recoverable", [False, True])
@pytest.mark.parametrize("error_rate", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize("horizon", [1, 2, 7])
def test_tightrope_cost_matches_the_sum_over_all_sequences_of_slips(error_rate, horizon, recoverable):
    expected = 0.0
    for slips in itertools.product([0, 1], repeat=horizon):
        probability = math.prod(error_rate if s else 1 - error_rate for s in slips)
        cost = sum(slips) if recoverable else sum(max(slips[: t + 1]) for t in range(horizon))
        expected += probability * cost
    assert tightrope_cost(error_rate, horizon, recoverable) == pytest.approx(expected, rel=1e-5, abs=1e-9)


@pytest.mark.ex3_3
def test_tightrope_cost_has_the_worked_values():
    assert tightrope_cost(0.01, 100, recoverable=False) == pytest.approx(37.24, abs=5e-3)
    assert tightrope_cost(0.001, 1_000, recoverable=False) == pytest.approx(368.3, abs=5e-2)
    assert tightrope_cost(0.01, 100, recoverable=True) == pytest.approx(1.0, rel=1e-5)


@pytest.mark.ex3_3
def test_tightrope_cost_grows_quadratically_without_recovery_and_linearly_with_it():
    horizons = np.array([10, 20, 50, 100])
    slopes = [growth_exponent(horizons, [tightrope_cost(1e-4, int(t), r) for t in horizons]) for r in (False, True)]
    assert slopes == pytest.approx([1.96, 1.0], abs=5e-3)


@pytest.mark.ex3_3
@pytest.mark.parametrize("recoverable", [False, True])
def test_tightrope_cost_matches_the_simulation(recoverable, near):
    rng = np.random.default_rng(0)
    env = gym.make_vec("hw1/Tightrope-v0", num_envs=4_000, recoverable=recoverable)
    steps = rollout(env, lambda obs: (rng.random(len(obs)) >= 0.02).astype(np.int64), 50, seed=0)
    near(steps.cost.sum(axis=0), tightrope_cost(0.02, 50, recoverable))


# --- given -----------------------------------------------------------------------------------------------------------
def test_total_variation_is_0_for_equal_1_for_disjoint_and_between_for_overlapping_samples():
    limits = np.array([[0.0, 1.0], [-1.0, 1.0]])
    cells = np.array([[0.1, -0.9], [0.9, -0.9], [0.1, 0.9], [0.9, 0.9]])
    first = np.stack([cells, cells])  # (T, N, dims)
    second = np.stack([cells[::-1], cells[[0, 0, 0, 1]]])
    np.testing.assert_allclose(total_variation(first, second, 2, limits), [0.0, 0.5])
    np.testing.assert_allclose(total_variation(first[:, :2], first[:, 2:], 2, limits), [1.0, 1.0])
    # Sizes may differ, and what lies outside counts in the outermost cells.
    np.testing.assert_allclose(total_variation(first[:, :1], 100 * (first[:, [0, 0]] - 0.5), 2, limits), [0.0, 0.0])


def test_total_variation_of_one_distribution_is_the_sampling_floor_that_falls_with_n():
    rng = np.random.default_rng(0)
    floors = [
        total_variation(*rng.random((2, 3, n, 1)), bins=10, limits=np.array([[0.0, 1.0]])).max() for n in (100, 10_000)
    ]
    assert floors[1] < 0.03 < floors[0]
