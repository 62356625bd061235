"""The experts of the Hopper experiment.

    python -m scripts.staff.hopper_expert
    python -m scripts.staff.hopper_expert --task HalfCheetah-v5 --enough 1000

Writes the best so far to scripts/experiments/hopper/expert.py. Augmented random search (Mania et al. 2018,
arXiv:1803.07055, version V2-t) looks for a linear policy on standardised observations, M (o - mean) / deviation:

    1. draw DIRECTIONS matrices D, and drive one episode with each of M + noise D and M - noise D;
    2. keep the BEST directions, those of which one of the two episodes has the largest return;
    3. M <- M + step / (BEST sigma) * the sum of (return of plus - return of minus) D,

where sigma is the standard deviation of the returns that were kept. The reward of 1 for every step without a fall does
not count, since it is easily earned by standing still. Takes some minutes; the same seed always finds the same expert.

Shapes: K directions, O numbers in an observation, A in an action.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Literal

import gymnasium as gym
import joblib
import numpy as np

from hw1.exercises import ROOT
from scripts.command import ended, read_options, require_whole
from scripts.experiments.hopper.expert import EXPERTS, Linear
from scripts.experiments.hopper.lab import quiet, refuse_without_mujoco

DIRECTIONS, BEST = 8, 4
STEP_AND_NOISE = {"Hopper-v5": (0.01, 0.025), "HalfCheetah-v5": (0.02, 0.03), "Walker2d-v5": (0.01, 0.025)}
CHECK_EVERY = 10  # iterations between looks at the return without noise
CHECKS = 8  # episodes of such a look
DIGITS = 4  # of the numbers after the point, in the file
FILE = ROOT / "scripts/experiments/hopper/expert.py"


@dataclass(frozen=True)
class Options:
    """What to search, and how long."""

    task: Literal[tuple(STEP_AND_NOISE)] = "Hopper-v5"
    """Its id in Gymnasium."""
    seed: int = 0
    """Seed of everything that is drawn."""
    enough: float = 3_100.0
    """Mean return with which the search ends."""
    most: int = 400
    """Iterations after which it ends in any case."""


def main(arguments: list[str]) -> int:
    options = read_options(Options, arguments, "scripts.staff.hopper_expert", __doc__)
    return ended(lambda: run(options))


def run(options: Options) -> int:
    """Returns 1 if no expert is good enough."""
    require_whole("--seed", options.seed, 0, 2**32 - 1)
    require_whole("--most", options.most, 1, 1_000_000)
    refuse_without_mujoco()
    record = -np.inf
    with joblib.Parallel(n_jobs=joblib.cpu_count(), return_as="generator") as parallel:
        for iteration, found in enumerate(islice(search(options.task, options.seed, parallel), options.most), start=1):
            if iteration % CHECK_EVERY:
                continue
            weights, offset = (numbers.round(DIGITS) for numbers in found)
            seeds = np.random.SeedSequence([options.seed, iteration]).generate_state(CHECKS)
            calls = (joblib.delayed(drive)(options.task, weights, offset, int(s)) for s in seeds)
            returns = [episode.total for episode in parallel(calls)]
            print(f"iteration {iteration}: return {np.mean(returns):.0f} +- {np.std(returns):.0f}", flush=True)
            if np.mean(returns) > record:
                record = np.mean(returns)
                expert = Linear(np.vstack([weights.T, offset]))
                FILE.write_text(source(EXPERTS | {options.task: expert}), encoding="utf-8")
            if record >= options.enough:
                return 0
    print(f"the best after {options.most} iterations returns {record:.0f}: try another --seed")
    return 1


# --- augmented random search -----------------------------------------------------------------------------------------
@dataclass
class Statistics:
    """Mean and deviation of all observations so far, each `[O]`."""

    count: float = 0.0
    sums: np.ndarray | float = 0.0
    squares: np.ndarray | float = 0.0

    def add(self, obs: np.ndarray) -> None:
        self.count, self.sums, self.squares = (
            self.count + len(obs),
            self.sums + obs.sum(axis=0),
            self.squares + np.square(obs).sum(axis=0),
        )

    @property
    def mean(self) -> np.ndarray | float:
        return self.sums / self.count if self.count else 0.0

    @property
    def deviation(self) -> np.ndarray | float:
        variance = self.squares / self.count - np.square(self.mean) if self.count else 1.0
        return np.sqrt(np.maximum(variance, 1e-6))


@dataclass(frozen=True)
class Episode:
    """One episode of a linear policy."""

    obs: np.ndarray
    """`[T, O]`"""
    total: float
    """Return."""

    @property
    def without_bonus(self) -> float:
        """The return without the reward of 1 for every step."""
        return self.total - len(self.obs)


def search(task: str, seed: int, parallel: joblib.Parallel) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The policies that augmented random search finds, iteration by iteration: weights `[A, O]` and offset `[A]`."""
    rng = np.random.default_rng(seed)
    step, noise = STEP_AND_NOISE[task]
    space = world(task).observation_space.shape[0], world(task).action_space.shape[0]
    matrix, seen = np.zeros(space[::-1]), Statistics()  # (A, O)
    while True:
        directions = rng.standard_normal((DIRECTIONS, *matrix.shape))
        tried = [matrix + sign * noise * each for each in directions for sign in (1, -1)]
        starts = rng.integers(2**31, size=len(tried))
        calls = (joblib.delayed(drive)(task, *linear(m, seen), int(s)) for m, s in zip(tried, starts, strict=True))
        episodes = list(parallel(calls))
        returns = np.array([episode.without_bonus for episode in episodes]).reshape(DIRECTIONS, 2)
        best = np.argsort(-returns.max(axis=1), kind="stable")[:BEST]
        gain = (returns[best, 0] - returns[best, 1]) / (BEST * returns[best].std())
        matrix = matrix + step * np.einsum("k,kao->ao", gain, directions[best])
        for episode in episodes:
            seen.add(episode.obs)
        yield linear(matrix, seen)


def linear(matrix: np.ndarray, seen: Statistics) -> tuple[np.ndarray, np.ndarray]:
    """The standardisation multiplied out: M (o - mean) / deviation = weights o + offset."""
    weights = matrix / seen.deviation
    return weights, -weights @ np.broadcast_to(seen.mean, matrix.shape[1:])


def drive(task: str, weights: np.ndarray, offset: np.ndarray, seed: int) -> Episode:
    """An episode with the actions weights o + offset, clipped."""
    env = world(task)
    obs, _ = env.reset(seed=seed)
    seen, total, over = [], 0.0, False
    while not over:
        seen.append(obs)
        obs, reward, terminated, truncated, _ = env.step(np.clip(weights @ obs + offset, -1.0, 1.0))
        total, over = total + reward, terminated or truncated
    return Episode(np.array(seen), total)


@cache
def world(task: str) -> gym.Env:
    """The environment of this process."""
    quiet()
    return gym.make(task, disable_env_checker=True)


# --- the file --------------------------------------------------------------------------------------------------------
def source(experts: dict[str, Linear]) -> str:
    """The module `scripts.experiments.hopper.expert`, with these experts."""
    before, begin, rest = FILE.read_text(encoding="utf-8").partition("EXPERTS = {\n")
    after = rest[rest.index("\n}\n") + 1 :]
    return f"{before}{begin}{''.join(_entry(*each) for each in experts.items())}{after}"


def _entry(task: str, expert: Linear) -> str:
    rows = "".join(f"                [{', '.join(map(_number, row))}],\n" for row in expert.numbers)
    return f'    "{task}": Linear(\n        np.array(\n            [\n{rows}            ]\n        )\n    ),\n'


def _number(value: float) -> str:
    return f"{value + 0.0:.{DIGITS}f}"  # not -0.000


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
