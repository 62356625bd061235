"""The environments, registered with Gymnasium.

gymnasium.make("hw1/Lane-v0")                    one environment
gymnasium.make_vec("hw1/Lane-v0", num_envs=256)  256 of them as arrays; what the homework uses
"""

from functools import partial

import gymnasium as gym

from hw1.envs.base import BatchedEnv, SingleEnv
from hw1.envs.fork import Fork
from hw1.envs.lane import Lane
from hw1.envs.tightrope import Tightrope


def _register(name: str, batched: type[BatchedEnv], horizon: int, **options) -> None:
    env_id = f"hw1/{name}-v0"
    if env_id not in gym.registry:
        gym.register(
            env_id,
            entry_point=partial(SingleEnv, batched),
            vector_entry_point=batched,
            max_episode_steps=horizon,
            kwargs=options,
        )


_register("Lane", Lane, 400)
# A camera that looks down has 16 pixels instead of 128 and does not see bends ahead. Noise and bends are milder there,
# so that the only difficulty is the missing heading.
_register("LaneNoHeading", Lane, 400, heading=False, pixel_noise=0.05, curvature=0.012)
_register("Fork", Fork, 135)
_register("Tightrope", Tightrope, 100)
__all__ = ["BatchedEnv", "Fork", "Lane", "SingleEnv", "Tightrope"]
