"""Probes of part 3: disagreement in the policy's own states, cost against the horizon, the tightrope."""

import numpy as np

from tests.autograder.probes.base import Arrays, Close, Homework, probe
from tests.autograder.probes.world import Plane


# --- 3.1 -------------------------------------------------------------------------------------------------------------
# The expert drives towards the origin. So does the policy, but shifted by a vector that depends on the quadrant it is
# in, so no difference lies close to the tolerance and rounding decides nothing.
def quadrant(obs: np.ndarray) -> np.ndarray:
    """`[N, 2] -> [N]`, 0 to 3."""
    return 2 * (obs[:, 0] > 0) + (obs[:, 1] > 0)


CORNERS = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])  # signs of the coordinates in each quadrant


def disagreement(hw1: Homework, inputs: Arrays, num_envs: int, horizon: int) -> np.ndarray:
    gain, shifts = inputs["gain"], inputs["shifts"]

    def expert(state):
        return (-gain * state).astype(np.float32)

    def policy(obs):
        return (-gain * obs / Plane.UNITS + shifts[quadrant(obs)]).astype(np.float32)

    result = hw1.compounding.disagreement(
        Plane(num_envs), policy, expert, horizon, float(inputs["tolerance"]), seed=int(inputs["seed"])
    )
    return np.asarray(result)


def draw_shifts(rng: np.random.Generator) -> Arrays:
    """Towards the other quadrants: beyond the tolerance in one dimension, only in the norm, or in both dimensions."""
    tolerance = rng.uniform(0.4, 0.6)
    # To the positive side in quadrant 0, to the negative in 2 and 3; with a large and a small mean over the dimensions.
    sizes = np.array([[0.2, 2.2], [0.8, 0.85], [1.4, 0.2], [1.3, 1.25]]) * rng.uniform(0.95, 1.05, (4, 2))
    shifts = -CORNERS * sizes * tolerance
    return {"gain": np.array(0.5), "shifts": shifts, "tolerance": np.array(tolerance), "seed": rng.integers(2**31)}


@probe("3.1.1", "on the policy's own states, from the given seed", points=3, draw=draw_shifts)
def own_states(hw1: Homework, inputs: Arrays) -> dict:
    return {"disagreement": disagreement(hw1, inputs, num_envs=64, horizon=8) != 0}


def draw_exact(rng: np.random.Generator) -> Arrays:
    """Differences beyond the tolerance in either dimension alone, to either side, or exactly the tolerance (quadrant
    2); the expert stands still."""
    tolerance = rng.choice([0.25, 0.5, 1.0])
    shifts = -CORNERS * np.array([[0.25, 1.5], [1.75, 0.5], [1.0, 0.5], [1.5, 0.5]]) * tolerance
    return {"gain": np.array(0.0), "shifts": shifts, "tolerance": np.array(tolerance), "seed": rng.integers(2**31)}


@probe("3.1.2", "any dimension, to either side, by more than the tolerance", points=2, draw=draw_exact)
def at_the_tolerance(hw1: Homework, inputs: Arrays) -> dict:
    return {"disagreement": disagreement(hw1, inputs, num_envs=64, horizon=4) != 0}


def draw_alternating(rng: np.random.Generator) -> Arrays:
    """From one side of the origin to the other at every step; only one of the two ways is beyond the tolerance."""
    near, far = rng.uniform(0.2, 0.3), rng.uniform(0.6, 0.8)
    shifts = -CORNERS * np.array([[near, near], [near, near], [far, near], [far, near]])
    return {"gain": np.array(1.0), "shifts": shifts, "tolerance": np.array(0.45), "seed": rng.integers(2**31)}


@probe("3.1.3", "one environment; shape and dtype", points=1, draw=draw_alternating, guessable=True)
def one_environment(hw1: Homework, inputs: Arrays) -> dict:
    return {"disagreement": disagreement(hw1, inputs, num_envs=1, horizon=7)}


# --- 3.2 -------------------------------------------------------------------------------------------------------------
def cost_by_horizon(hw1: Homework, inputs: Arrays) -> dict:
    return {"cost": hw1.compounding.cost_by_horizon(inputs["costs"].copy(), inputs["horizons"].copy())}


def draw_costs(rng: np.random.Generator) -> Arrays:
    """Costs other than 0 and 1 that grow with time; horizons with gaps, the first and the last step among them."""
    costs = rng.uniform(0.2, 2.0, (40, 5)) * np.linspace(1, 3, 40)[:, None] * np.arange(1, 6)
    between = np.sort(rng.choice(np.arange(5, 36), 3, replace=False))
    return {"costs": costs.astype(np.float32), "horizons": np.r_[1, between, 40]}


@probe("3.2.1", "cost summed over time, averaged over environments", points=2, draw=draw_costs)
def several_environments(hw1: Homework, inputs: Arrays) -> dict:
    return cost_by_horizon(hw1, inputs)


def draw_long_rollout(rng: np.random.Generator) -> Arrays:
    """A long rollout of one environment; unordered horizons, one of them twice, and the last step."""
    costs = rng.uniform(0.5, 2.0, (3000, 1))
    first, second = rng.integers(100, 1000), rng.integers(1500, 2900)
    return {"costs": costs.astype(np.float32), "horizons": np.array([second, 3000, first, second])}


@probe("3.2.2", "cost of one long rollout, horizons in any order", points=1, draw=draw_long_rollout)
def one_long_rollout(hw1: Homework, inputs: Arrays) -> dict:
    return cost_by_horizon(hw1, inputs)


def growth_exponent(hw1: Homework, inputs: Arrays) -> dict:
    return {"exponent": float(hw1.compounding.growth_exponent(inputs["horizons"].copy(), inputs["cost"].copy()))}


def draw_scattered(rng: np.random.Generator) -> Arrays:
    """Costs scattered widely around a power law; the horizons are not evenly spaced on the logarithmic axis either."""
    horizons = np.array([2, 5, 30, 70, 400]) + rng.integers(0, 2, 5)
    scatter = np.array([0.0, -1.0, -0.4, 1.0, 0.0]) * rng.uniform(0.7, 1.3, 5)
    return {"horizons": horizons, "cost": rng.uniform(5, 9) * horizons ** rng.uniform(1.2, 2.2) * np.exp(scatter)}


@probe("3.2.3", "the slope through scattered points", points=2, draw=draw_scattered)
def scattered_points(hw1: Homework, inputs: Arrays) -> dict:
    return growth_exponent(hw1, inputs)


def draw_two_points(rng: np.random.Generator) -> Arrays:
    horizons = rng.integers(3, 9) * np.array([1, rng.integers(5, 20)])
    return {"horizons": horizons, "cost": rng.uniform(2, 5) * horizons ** -rng.uniform(0.5, 2.0)}


@probe("3.2.4", "the slope through two points of a falling cost", points=1, draw=draw_two_points)
def two_points(hw1: Homework, inputs: Arrays) -> dict:
    return growth_exponent(hw1, inputs)


# --- 3.3 -------------------------------------------------------------------------------------------------------------
def tightrope(hw1: Homework, inputs: Arrays, *modes: bool) -> dict:
    """The cost for each rate and horizon, in each of the modes (recoverable or not)."""
    pairs = list(zip(inputs["error_rate"].tolist(), inputs["horizon"].tolist(), strict=True))
    costs = [[float(hw1.compounding.tightrope_cost(eps, T, mode)) for eps, T in pairs] for mode in modes]
    return {"cost": np.array(costs)}


def draw_tightrope(rng: np.random.Generator) -> Arrays:
    rates, horizons = rng.uniform([0.004, 0.03, 0.2], [0.01, 0.08, 0.5]), rng.integers([60, 12, 4], [120, 30, 8])
    return {"error_rate": rates, "horizon": horizons}


@probe("3.3.1", "a permanent slip", points=2.5, draw=draw_tightrope)
def without_recovery(hw1: Homework, inputs: Arrays) -> dict:
    return tightrope(hw1, inputs, False)


@probe("3.3.2", "a slip with recovery", points=1.5, draw=draw_tightrope)
def with_recovery(hw1: Homework, inputs: Arrays) -> dict:
    return tightrope(hw1, inputs, True)


def draw_edges(rng: np.random.Generator) -> Arrays:
    """Never a slip, a slip at every step, a single step."""
    return {
        "error_rate": np.array([0.0, 1.0, rng.uniform(0.1, 0.8)]),
        "horizon": np.array([*rng.integers(5, 20, 2), 1]),
    }


@probe("3.3.3", "no slips, only slips, a single step", points=1, draw=draw_edges)
def edges(hw1: Homework, inputs: Arrays) -> dict:
    return tightrope(hw1, inputs, False, True)


def draw_long(rng: np.random.Generator) -> Arrays:
    return {"error_rate": rng.uniform([1e-5, 5e-5], [2e-5, 1e-4]), "horizon": rng.integers([5e4, 1e4], [1e5, 2e4])}


# 1 - eps in float32 is no more precise than that
@probe("3.3.4", "many steps, few slips", points=1, draw=draw_long, rules={"cost": Close(rtol=1e-2)})
def many_steps(hw1: Homework, inputs: Arrays) -> dict:
    return tightrope(hw1, inputs, False, True)
