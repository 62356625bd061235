"""How policies are trained and tested on Fork, and who demonstrates there.

Shapes: L learners (training seeds), V kinds of data, N parallel environments, T time steps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from gymnasium.vector import VectorEnv
from jaxtyping import Float, Float32, Int

from hw1.bc import fit
from hw1.demos import Dataset, collect, record
from hw1.experts import ForkDriver
from hw1.learners import by_learner
from hw1.policy import Actor
from hw1.rollout import Rollout, rollout
from hw1.tasks import FORK, Recipe

NOISE = 0.1  # standard deviation of the drivers' wobble, as a share of full steering and full acceleration
TREES = 4
BOTH = 2  # the left and the right driver of the task

DRIVERS = (
    ForkDriver(side=1.0),
    ForkDriver(side=-1.0),
    ForkDriver(side=1.0, swerve=24.0, clearance=3.4),
    ForkDriver(side=-1.0, swerve=24.0, clearance=3.4),
    ForkDriver(side=1.0, swerve=21.0, speed_change=3.0),
    ForkDriver(side=-1.0, swerve=21.0, speed_change=3.0),
    ForkDriver(side=1.0, swerve=27.0, clearance=3.1, speed_change=2.5),
    ForkDriver(side=-1.0, swerve=27.0, clearance=3.1, speed_change=2.5),
)
"""Consistent drivers, in turn left and right. The first two are those of the task; the others pull out earlier, keep
further away or change their speed more."""


@dataclass(frozen=True)
class Crew:
    """Drivers who share the wheel: one of them drives at each tree."""

    drivers: Sequence[ForkDriver]
    at_tree: Int[np.ndarray, "N trees"]
    """Who drives at each tree of each environment."""

    def __call__(self, state: Float32[np.ndarray, "N 6"]) -> Float32[np.ndarray, "N 2"]:
        actions = np.stack([driver(state) for driver in self.drivers])  # (drivers, N, 2)
        return actions[self._who(state), np.arange(len(state))]

    def side_at(self, state: Float32[np.ndarray, "... N 6"]) -> Float[np.ndarray, "... N"]:
        """The side on which the tree that matters in `state` is passed."""
        return np.array([driver.side for driver in self.drivers])[self._who(state)]

    def _who(self, state: Float32[np.ndarray, "... N 6"]) -> Int[np.ndarray, "... N"]:
        return self.at_tree[np.arange(state.shape[-2]), state[..., 5].astype(np.int64)]


def crew(env: VectorEnv, drivers: int, seed: int) -> Crew:
    """The first so many of DRIVERS; who drives is drawn anew at every tree."""
    rng = np.random.default_rng([seed, 2])
    return Crew(DRIVERS[:drivers], rng.integers(drivers, size=(env.num_envs, env.trees)))


def demonstrations(seeds: tuple[int, ...], episodes: int, drivers: int) -> Dataset:
    """`episodes` for each seed, from the first `drivers` drivers: 1 is the left one, 2 are both of the task."""
    env = FORK.env(len(seeds) * episodes, learners=len(seeds), trees=TREES)
    return collect(env, crew(env, drivers, seeds[0]), FORK.horizon, seed=1_000 + seeds[0], noise=NOISE)


def side_by_side(datasets: Sequence[Dataset]) -> Dataset:
    """V datasets of L learners each as one of V x L learners: those of the first dataset, of the second, and so on."""
    columns = {field.name: [getattr(data, field.name) for data in datasets] for field in fields(Dataset)}
    for name in ("episode", "learner"):  # numbered on from dataset to dataset
        before = np.cumsum([0, *(values.max() + 1 for values in columns[name][:-1])])
        columns[name] = [values + first for values, first in zip(columns[name], before, strict=True)]
    return Dataset(**{name: np.concatenate(values) for name, values in columns.items()})


def train(seeds: tuple[int, ...], recipe: Recipe, data: Sequence[tuple[int, int]], steps: int) -> Actor:
    """A policy by its recipe, for every seed and each of V kinds of data: numbers of episodes and of drivers."""
    demonstrated = side_by_side([demonstrations(seeds, *kind) for kind in data])
    return fit(demonstrated, recipe.policy, replace(recipe.train, steps=steps, seed=seeds[0])).policy


Drive = Callable[[VectorEnv, int, int], Rollout]
"""Someone drives through an environment for so many steps; the last argument is a seed."""


def driven_by(actor: Actor) -> Drive:
    """A trained policy drives."""
    return lambda env, steps, seed: rollout(env, actor, steps, seed)


def driven_by_both(env: VectorEnv, steps: int, seed: int) -> Rollout:
    """The two drivers of the task drive, with human hands."""
    return record(env, crew(env, BOTH, seed), steps, seed, noise=NOISE)


def evaluate(drive: Drive, seeds: tuple[int, ...], learners: int, evaluations: int) -> Rollout:
    """`evaluations` drives of every learner past trees on roads that are new to it."""
    env = FORK.env(learners * evaluations, learners=learners, trees=TREES)
    return drive(env, FORK.horizon, 2_000_000 + seeds[0])


def success(drives: Rollout) -> np.ndarray:
    """Share of drives past all trees, for each learner."""
    return by_learner(drives.info["success"], int(drives.learner.max()) + 1).mean(axis=1)
