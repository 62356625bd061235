"""What the staff tests share: tiny data, and a world simple enough to predict by hand."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from hypothesis import settings

from hw1.demos import Dataset
from hw1.envs import BatchedEnv

# The same examples every time, on slow machines too, and no files left behind.
settings.register_profile("hw1", deadline=None, derandomize=True, database=None)
settings.load_profile("hw1")

# A statistic more than so many standard errors off: a false alarm in 3e-8 of the draws, and the draws are seeded.
FAR = 5.5


class Plane(BatchedEnv):
    """A point in the plane that the action moves; the observation is the state in other units.

    Cost: distance from the origin in the l1 norm. Terminates beyond `edge`.
    """

    UNITS = 10.0

    def __init__(self, num_envs: int = 1, edge: float = np.inf):
        action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        super().__init__(num_envs, spaces.Box(-np.inf, np.inf, (2,), np.float32), action_space)
        self.edge = edge
        self.position = np.zeros((num_envs, 2))
        self.seeds: list[int] = []

    def reset(self, *, seed=None, options=None):
        self.seeds.append(seed)
        return super().reset(seed=seed, options=options)

    def _reset_rows(self, rows):
        self.position[rows] = self.np_random.uniform(-1.0, 1.0, (len(rows), 2))

    def _advance(self, actions):
        self.position = np.where(self.terminated[:, None], self.position, self.position + actions)
        self.terminated = np.abs(self.position).max(axis=1) > self.edge
        return -np.abs(self.position).sum(axis=1)

    def _observe(self):
        return (self.UNITS * self.position).astype(np.float32)

    def _info(self):
        return {"state": self.position.astype(np.float32)}


@pytest.fixture
def plane():
    """The class, to be made with any number of environments."""
    return Plane


@pytest.fixture
def tiny_dataset():
    """Makes a Dataset of a few random episodes; the actions are a smooth function of the observations."""

    def make(episodes=6, steps=20, learners=1, obs_dim=3, action_dim=2, discrete=False, seed=0) -> Dataset:
        rng = np.random.default_rng(seed)
        count = episodes * learners * steps
        obs = rng.standard_normal((count, obs_dim)).astype(np.float32)
        action = np.tanh(obs @ rng.standard_normal((obs_dim, action_dim))).astype(np.float32)
        return Dataset(
            obs=obs,
            action=(action[:, 0] > 0).astype(np.int64) if discrete else action,
            episode=np.repeat(np.arange(episodes * learners), steps),
            learner=np.repeat(np.arange(learners), episodes * steps),
            driver=np.zeros(count, dtype=np.int64),
        )

    return make


@pytest.fixture
def near():
    """Asserts that the mean of independent `samples` is what is expected, to within its own standard error."""

    def check(samples, expected: float):
        samples = torch.as_tensor(samples, dtype=torch.float64).flatten()
        error = samples.std() / len(samples) ** 0.5
        assert abs(samples.mean() - expected) <= FAR * error + 1e-7, f"{samples.mean():.5f} is not {expected:.5f}"

    return check
