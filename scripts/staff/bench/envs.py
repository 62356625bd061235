"""The environments: steps of the whole batch, against Gymnasium's SyncVectorEnv."""

import time
from collections.abc import Callable, Iterator
from functools import partial

import gymnasium as gym

import hw1.envs  # noqa: F401 (registers the environments)
from hw1.experts import ForkDriver, LaneExpert
from scripts.staff.bench.rows import Row
from scripts.staff.bench.timing import interleaved

NUM_ENVS, STEPS = 256, 100


def measure_envs() -> Iterator[Row]:
    """Steps per CPU second of the batch, against SyncVectorEnv with the same single environment."""
    for name, expert in (("Lane", LaneExpert()), ("Fork", ForkDriver(side=1.0))):
        ours = gym.make_vec(f"hw1/{name}-v0", NUM_ENVS)
        peer = gym.make_vec(f"hw1/{name}-v0", NUM_ENVS, vectorization_mode="sync")
        costs = interleaved(
            5, ours=partial(seconds_per_step, ours, expert), SyncVectorEnv=partial(seconds_per_step, peer, expert)
        )
        speed, peer_speed = 1 / costs["ours"], 1 / costs["SyncVectorEnv"]
        ratio, unit = speed / peer_speed, "steps/CPU s"
        what = f"{name}, {NUM_ENVS} environments, against SyncVectorEnv"
        yield Row(what, speed, peer_speed, ratio, ">= 30x", ratio >= 30, unit)
        if name == "Fork":
            yield Row("Fork, state observation", speed, None, None, ">= 500,000", speed >= 5e5, unit)


def seconds_per_step(env, expert: Callable) -> float:
    """Only `env.step` is timed. The expert keeps the cars on the road, so that no episode terminates."""
    _, info = env.reset(seed=0)
    seconds = 0.0
    for _ in range(STEPS):
        action = expert(info["state"])
        begin = time.process_time()
        info = env.step(action)[-1]
        seconds += time.process_time() - begin
    return seconds / (STEPS * env.num_envs)
