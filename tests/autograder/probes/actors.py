"""Real policies for probes: an Actor that remembers, with small random networks that nobody trained."""

import numpy as np

from tests.autograder.probes.base import Homework
from tests.autograder.probes.draws import global_stream


def draw_actor(rng: np.random.Generator) -> dict:
    """A history and chunks, so that an Actor which is not reset, or called too often, acts differently."""
    chunk = rng.integers(2, 4)
    return {
        "history": rng.integers(2, 4),
        "chunk": chunk,
        "execute": rng.integers(2, chunk + 1),
        "weights": rng.integers(2**31),
    }


def actor(hw1: Homework, inputs: dict, obs_dim: int, action_dim: int, members: int = 1):
    """An `hw1.policy.Actor` with the head for l2 regression, which is given."""
    config = hw1.policy.PolicyConfig(
        hidden=(8,), **{name: int(inputs[name]) for name in ("history", "chunk", "execute")}
    )
    with global_stream(int(inputs["weights"])):
        networks = [hw1.policy.PolicyNetwork(config, obs_dim, action_dim) for _ in range(members)]
    return hw1.policy.Actor([networks])
