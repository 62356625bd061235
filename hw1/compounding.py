"""Part 3. Compounding errors: why a small error on the expert's states becomes a large cost on the policy's own.

The policy's actions decide which states come next, so p_expert(s) != p_pi(s). A mistake leads to states that no
demonstration shows, where the next mistake is more likely. Ross & Bagnell (2010): with a probability of error of at
most eps on the expert's states, the cost over T steps can grow like eps T^2; with recovery it grows like eps T.

No function here changes the arrays that it is given.

Shapes: T time steps (the horizon), N parallel environments, S numbers in a state. p(s) and p, q are distributions, but
p in exercise 3.2 is an exponent. In formulas t = 1 .. T counts steps from 1; the first row of an array has index 0.
"""

import numpy as np
from gymnasium.vector import VectorEnv
from jaxtyping import Bool, Float, Int, Real

from hw1.rollout import Expert, Policy, rollout


def disagreement(
    env: VectorEnv, policy: Policy, expert: Expert, horizon: int, tolerance: float, seed: int = 0
) -> Bool[np.ndarray, "T N"]:
    """Exercise 3.1. In the states that the policy itself visits: does it act differently from the expert?

    True where any dimension of the action differs from the expert's by more than `tolerance`. The policy drives all the
    time; the expert is only asked. Every step counts, also those after an environment has terminated. In an environment
    without a privileged state the expert reads the observations. The expert takes the states of a step, [N, S], and
    those of a whole rollout, [T, N, S].

    Args:
        policy: its actions are arrays [N, A]; there are no discrete ones here.
        tolerance: absolute, in the units of the action; it may be 0.
        horizon: time steps T.
        seed: of the rollout.
    """
    # TODO 3.1: roll the policy out (rollout, from hw1.rollout), ask the expert in the states that it visited, compare.
    # BEGIN SOLUTION 3.1
    steps = rollout(env, policy, horizon, seed)
    return (np.abs(steps.action - expert(steps.state)) > tolerance).any(axis=-1)
    # END SOLUTION


def cost_by_horizon(
    costs: Real[np.ndarray, "T N"] | Bool[np.ndarray, "T N"], horizons: Int[np.ndarray, " horizons"]
) -> Float[np.ndarray, " horizons"]:
    """Exercise 3.2. J(T): the cost summed over the first T steps, averaged over environments, for each T in `horizons`.

    Args:
        costs: the cost of every step, any numbers; bools count as 0 and 1.
        horizons: numbers of steps, each between 1 and T, in any order.

    Example: costs that are 1 everywhere give `horizons` back.
    """
    # TODO 3.2: sum over time up to each horizon, mean over environments.
    # BEGIN SOLUTION 3.2
    total = np.cumsum(costs, axis=0, dtype=np.float64).mean(axis=1)  # (T,)
    return total[np.asarray(horizons) - 1]
    # END SOLUTION


def growth_exponent(horizons: Real[np.ndarray, " horizons"], cost: Real[np.ndarray, " horizons"]) -> float:
    """Exercise 3.2. The exponent p in cost ~ T^p: the least-squares slope of log cost against log T.

    Args:
        horizons, cost: positive numbers in any order, with at least two different horizons.

    Example: horizons 1, 2, 4 and costs 3, 12, 48 give 2.
    """
    # TODO 3.2: a straight line through the logarithms; np.polyfit fits one and returns slope and intercept.
    # BEGIN SOLUTION 3.2
    slope, _ = np.polyfit(np.log(horizons), np.log(cost), deg=1)
    return float(slope)
    # END SOLUTION


def tightrope_cost(error_rate: float, horizon: int, recoverable: bool) -> float:
    """Exercise 3.3. Expected cost on the Tightrope of a policy that slips with probability eps = `error_rate`.

    Each step that ends off the rope costs 1. On the rope the policy slips with probability eps, independently at every
    step. If a slip is permanent, all later steps cost 1 as well; if it is recoverable, the next step starts on the rope
    again.

    Hint: the walker is off the rope after step t with probability 1 - (1 - eps)^t; sum over t = 1 .. T. For
    eps T << 1 that is about eps T (T + 1) / 2.

    Precise to 0.1 % for eps from 1e-6 to 1 and T from 1 to 100,000. Smaller eps does not occur, except 0: then
    nobody slips, and a formula that divides by eps cannot be used. A sum over t is as good as a closed form.

    Example: eps = 0.01 and T = 100 give 37.24 without and 1.00 with recovery. eps = 0 gives 0.
    """
    # TODO 3.3: the expected cost with recovery and the one without.
    # BEGIN SOLUTION 3.3
    if recoverable:
        return error_rate * horizon
    steps = np.arange(1, horizon + 1)
    return float(np.sum(1 - (1 - error_rate) ** steps))
    # END SOLUTION


# --- given -----------------------------------------------------------------------------------------------------------
def total_variation(
    first: Float[np.ndarray, "T first_envs dims"],
    second: Float[np.ndarray, "T second_envs dims"],
    bins: int,
    limits: Float[np.ndarray, "dims 2"],
) -> Float[np.ndarray, " T"]:
    """Distance between two state distributions, step by step: 1/2 sum_cells |p - q|, between 0 and 1.

    Args:
        first, second: samples of states with `dims` dimensions.
        bins: cells in each dimension.
        limits: low and high for each dimension; what lies outside counts in the outermost cells.

    Two samples of the same distribution do not give 0 but the sampling floor, which falls with the number of samples.
    """
    p, q = (_histogram(states, bins, np.asarray(limits)) for states in (first, second))
    return 0.5 * np.abs(p - q).sum(axis=1)


def _histogram(states: np.ndarray, bins: int, limits: np.ndarray) -> np.ndarray:
    """Share of the samples in each cell, `[T, bins^dims]`."""
    length, num, dims = states.shape
    low, high = limits[:, 0], limits[:, 1]
    cell = np.clip(((states - low) / (high - low) * bins).astype(np.int64), 0, bins - 1)
    flat = np.ravel_multi_index(tuple(np.moveaxis(cell, -1, 0)), (bins,) * dims)  # (T, N)
    flat = flat + np.arange(length)[:, None] * bins**dims
    return np.bincount(flat.ravel(), minlength=length * bins**dims).reshape(length, -1) / num
