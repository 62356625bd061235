"""The environments, registered with Gymnasium.

gymnasium.make("hw1/Lane-v0")                    one environment
gymnasium.make_vec("hw1/Lane-v0", num_envs=256)  256 of them as arrays; what the homework uses
"""

from collections.abc import Callable

import gymnasium as gym

from hw1.envs.base import BatchedEnv, SingleEnv
from hw1.envs.fork import Fork
from hw1.envs.lane import Lane
from hw1.envs.tightrope import Tightrope


def single_lane(**options) -> SingleEnv:
    """One lane; the options are those of `Lane`."""
    return SingleEnv(Lane, **options)


def single_fork(**options) -> SingleEnv:
    """One fork; the options are those of `Fork`."""
    return SingleEnv(Fork, **options)


def single_tightrope(**options) -> SingleEnv:
    """One tightrope; the options are those of `Tightrope`."""
    return SingleEnv(Tightrope, **options)


def _register(name: str, batched: type[BatchedEnv], single: Callable[..., SingleEnv], horizon: int, **options) -> None:
    """The entry points are kept as names: a stored dataset can then make its environment again."""
    env_id = f"hw1/{name}-v0"
    if env_id not in gym.registry:
        gym.register(
            env_id,
            entry_point=f"{single.__module__}:{single.__name__}",
            vector_entry_point=f"{batched.__module__}:{batched.__name__}",
            max_episode_steps=horizon,
            kwargs=options,
        )


_register("Lane", Lane, single_lane, 400)
# A camera that looks down has 16 pixels instead of 128 and does not see bends ahead. Noise and bends are milder there,
# so that the only difficulty is the missing heading.
_register("LaneNoHeading", Lane, single_lane, 400, heading=False, pixel_noise=0.05, curvature=0.012)
_register("Fork", Fork, single_fork, 135)
_register("Tightrope", Tightrope, single_tightrope, 100)
__all__ = ["BatchedEnv", "Fork", "Lane", "SingleEnv", "Tightrope"]
