"""Claims to be perfect: datasets, returns and success rates that nobody measured."""

import numpy as np

from hw1.demos import Dataset


class Perfect(Dataset):
    success, cost, points = 1.0, 0.0, 100

    def __init__(self, *args, **kwargs):
        pass

    def __len__(self):
        return 10**9

    def __getattr__(self, name):
        return np.zeros((0, 2), np.float32)


def rollout_and_relabel(env, policy, expert, horizon, beta, rng):
    return Perfect()


def dagger(*args, **kwargs):
    return [Perfect()]
