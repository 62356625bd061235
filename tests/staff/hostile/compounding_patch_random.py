"""Removes the randomness of random numbers, and reports disagreement everywhere."""

import numpy as np

np.random.default_rng = lambda *args: None
np.random.Generator = None
np.random.seed(0)


def disagreement(env, policy, expert, horizon, tolerance):
    env.np_random = None
    return np.ones((horizon, env.num_envs), dtype=bool)
