"""Demonstrations: an expert at the wheel, with human hands if you like. `hw1.storage` keeps them as Minari datasets.

Shapes: T time steps, N parallel environments, A numbers in an action.
"""

from collections import deque

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from jaxtyping import Int

from hw1.adapter import carried_out
from hw1.dataset import Dataset
from hw1.rollout import Expert, Rollout, rollout
from hw1.storage import DatasetError, load, save


def record(
    env: VectorEnv,
    driver: Expert,
    horizon: int,
    seed: int,
    *,
    noise: float = 0.0,
    latency: int = 0,
) -> Rollout:
    """One episode of each environment, driven by `driver`.

    Args:
        noise: standard deviation of a human-like wobble that is added to continuous actions, in their units: a
            first-order autoregressive process with a memory of about five steps. The sum is clipped to the Box.
        latency: steps between what the driver sees and the driver's reaction to it (a slow remote control).
    """
    rng = np.random.default_rng([seed, 1])
    return rollout(env, None, horizon, seed, expert=_Human(driver, env.single_action_space, noise, latency, rng))


def collect(
    env: VectorEnv, driver: Expert, horizon: int, seed: int, *, noise: float = 0.0, latency: int = 0
) -> Dataset:
    """The samples of `record`; the actions are those that were carried out."""
    steps = record(env, driver, horizon, seed, noise=noise, latency=latency)
    return Dataset.from_rollout(steps, steps.action, driver=side_of(driver, steps))


def side_of(driver: Expert, steps: Rollout) -> Int[np.ndarray, "T N"] | int:
    """Which driver demonstrated each step: 1 left, -1 right; 0 if there is only one."""
    return driver.side_at(steps.state) if hasattr(driver, "side_at") else 0


class _Human:
    """An expert with human hands: reacts to what it saw `latency` steps ago, with a slow random wobble."""

    def __init__(self, driver: Expert, space: spaces.Space, noise: float, latency: int, rng: np.random.Generator):
        if not (0 <= noise < np.inf and latency >= 0):
            raise ValueError(f"noise and latency must not be negative or infinite, got {noise} and {latency}")
        if noise and not isinstance(space, spaces.Box):
            raise ValueError(f"noise {noise} cannot be added to discrete actions; set it to 0")
        self.driver, self.space, self.noise, self.rng = driver, space, noise, rng
        self.seen: deque[np.ndarray] = deque(maxlen=latency + 1)
        self.wobble: np.ndarray | float = 0.0

    def __call__(self, state: np.ndarray) -> np.ndarray:
        self.seen.append(state)
        action = np.asarray(self.driver(self.seen[0].copy()))  # latency shows the same state again
        if self.noise == 0.0:
            return carried_out(self.space, action)
        fresh = self.noise * np.sqrt(1 - 0.8**2) * self.rng.standard_normal(action.shape)
        self.wobble = 0.8 * self.wobble + fresh
        return carried_out(self.space, action + self.wobble).astype(np.float32)


__all__ = ["Dataset", "DatasetError", "collect", "load", "record", "save", "side_of"]
