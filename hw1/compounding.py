"""Part 3. Compounding errors: why a small error on the expert's states becomes a large cost on the policy's own.

The policy's actions decide which states come next, so p_expert(s) != p_pi(s). A mistake leads to states that no
demonstration shows, where the next mistake is more likely. Ross & Bagnell (2010): with a probability of error of at
most eps on the expert's states, the cost over T steps can grow like eps T^2; with recovery it grows like eps T.

Shapes: T steps, N parallel environments, A action dimensions.
"""

import numpy as np
from gymnasium.vector import VectorEnv

from hw1.rollout import Expert, Policy, rollout


def disagreement(
    env: VectorEnv, policy: Policy, expert: Expert, horizon: int, tolerance: float, seed: int = 0
) -> np.ndarray:
    """Exercise 3.1. On the policy's own states: does it act otherwise than the expert would? `[T, N]` bool.

    True where any dimension of the action differs from the expert's by more than `tolerance`. The policy drives all the
    time; the expert is only asked.

    Args:
        horizon: steps T.
        seed: of the rollout.
    """
    # TODO 3.1: roll the policy out (rollout, from hw1.rollout), ask the expert at the states that it visited, compare.
    # BEGIN SOLUTION 3.1
    steps = rollout(env, policy, horizon, seed)
    return (np.abs(steps.action - expert(steps.state)) > tolerance).any(axis=-1)
    # END SOLUTION


def cost_by_horizon(costs: np.ndarray, horizons: np.ndarray) -> np.ndarray:
    """Exercise 3.2. J(T): the cost summed over the first T steps, averaged over environments, for each T in `horizons`.

    Args:
        costs: `[T, N]`, cost of every step.
        horizons: `[M]` integers between 1 and T.

    Returns:
        `[M]`.

    Example: costs that are 1 everywhere give `horizons` back.
    """
    # TODO 3.2: sum over time up to each horizon, mean over environments.
    # BEGIN SOLUTION 3.2
    total = np.cumsum(costs, axis=0, dtype=np.float64).mean(axis=1)  # (T,)
    return total[np.asarray(horizons) - 1]
    # END SOLUTION


def growth_exponent(horizons: np.ndarray, cost: np.ndarray) -> float:
    """Exercise 3.2. The p in cost ~ T^p: the least-squares slope of log cost against log T.

    Args:
        horizons, cost: `[M]`, positive; M at least 2.

    Example: horizons 1, 2, 4 and costs 3, 12, 48 give 2.
    """
    # TODO 3.2: a straight line through the logarithms; np.polyfit fits one.
    # BEGIN SOLUTION 3.2
    slope, _ = np.polyfit(np.log(horizons), np.log(cost), deg=1)
    return float(slope)
    # END SOLUTION


def tightrope_cost(error_rate: float, horizon: int, recoverable: bool) -> float:
    """Exercise 3.3. Expected cost on the Tightrope of a policy that slips with probability eps = `error_rate`.

    Each step that ends off the rope costs 1. On the rope the policy slips with probability eps, independently at every
    step. If a slip is for ever, all later steps cost 1 as well; if it is recoverable, the next step starts on the rope.

    Hint: the walker is off the rope after step t with probability 1 - (1 - eps)^t; sum over t = 1 .. T. For
    eps T << 1 that is about eps T^2 / 2.

    Example: eps = 0.01 and T = 100 give 37.24 without and 1.00 with recovery. eps = 0 gives 0.
    """
    # TODO 3.3: both closed forms.
    # BEGIN SOLUTION 3.3
    if recoverable:
        return error_rate * horizon
    steps = np.arange(1, horizon + 1)
    return float(np.sum(1 - (1 - error_rate) ** steps))
    # END SOLUTION


# --- given -----------------------------------------------------------------------------------------------------------
def total_variation(first: np.ndarray, second: np.ndarray, bins: int, limits: np.ndarray) -> np.ndarray:
    """Distance between two state distributions, step by step: 1/2 sum_cells |p - q|, between 0 and 1.

    Args:
        first, second: `[T, N, D]` samples of D-dimensional states (N may differ).
        bins: cells in each dimension.
        limits: `[D, 2]`, low and high; what lies outside counts in the outermost cells.

    Returns:
        `[T]`. Two samples of one distribution do not give 0 but the sampling floor, which falls with N.
    """
    p, q = (_histogram(states, bins, np.asarray(limits)) for states in (first, second))
    return 0.5 * np.abs(p - q).sum(axis=1)


def _histogram(states: np.ndarray, bins: int, limits: np.ndarray) -> np.ndarray:
    """Share of the samples in each cell, `[T, bins^D]`."""
    length, num, dims = states.shape
    low, high = limits[:, 0], limits[:, 1]
    cell = np.clip(((states - low) / (high - low) * bins).astype(np.int64), 0, bins - 1)
    flat = np.ravel_multi_index(tuple(np.moveaxis(cell, -1, 0)), (bins,) * dims)  # (T, N)
    flat = flat + np.arange(length)[:, None] * bins**dims
    return np.bincount(flat.ravel(), minlength=length * bins**dims).reshape(length, -1) / num
