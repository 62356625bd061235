"""Probes of exercise 4.1: which states are labelled, by whom, and who drove."""

import numpy as np

from tests.autograder.probes.base import Arrays, Close, Homework, probe
from tests.autograder.probes.datasets import (
    DTYPES,
    Samples,
    as_arrays,
    contents,
    owner_facts,
    prefixed,
    without_prefix,
)
from tests.autograder.probes.world import Plane, Replay, draw_drivers, drivers, equal


def draw_relabel(rng: np.random.Generator, beta: float = 0.5) -> Arrays:
    return draw_drivers(rng) | {"beta": np.array(beta), "seed": rng.integers(2**31)}


def relabel(hw1: Homework, inputs: Arrays, env: Plane, horizon: int, rng: np.random.Generator | None = None) -> dict:
    """Seed, actions and dataset of one rollout. `rng`: from the seed of the inputs, if None."""
    expert, policy = drivers(inputs)
    rng = np.random.default_rng(int(inputs["seed"])) if rng is None else rng
    data = hw1.dagger.rollout_and_relabel(env, policy, expert, horizon, float(inputs["beta"]), rng)
    return env.record() | contents(data)


# --- labels ----------------------------------------------------------------------------------------------------------
def label_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    replay = Replay(inputs, answer, num_envs=6)
    samples = Samples(replay, answer)
    right = samples.hold(replay.running)
    by_env = np.swapaxes(replay.state, 0, 1).reshape(-1, 2)
    states = {
        "steps": len(replay.action),
        "the expert and the policy both drive": replay.by_expert.any() and replay.by_policy.any(),
        "the dataset holds every visited state, once": right,
        "the dataset holds only the states where the expert drove": not right and samples.hold(replay.by_expert),
        "the dataset holds only the states where the policy drove": not right and samples.hold(replay.by_policy),
        "obs are privileged states": len(answer["obs"]) == len(by_env) and equal(answer["obs"], by_env).all(),
    }
    return as_arrays(states | samples.labels())


@probe(
    "4.1.1",
    "every visited state, labelled by the expert, whoever drove",
    points=2,
    draw=draw_relabel,
    facts=label_facts,
)
def labels(hw1: Homework, inputs: Arrays) -> dict:
    return relabel(hw1, inputs, Plane(6), horizon=10)


# --- who drives ------------------------------------------------------------------------------------------------------
def extreme_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    policy, expert = (Replay(inputs, without_prefix(f"{beta} ", answer), num_envs=5) for beta in (0, 1))
    return as_arrays(
        {
            "share of steps where the policy drove at beta 0": policy.by_policy.mean(),
            "share of steps where the expert drove at beta 1": expert.by_expert.mean(),
        }
    )


@probe("4.1.2", "beta 0 and beta 1", points=1, draw=draw_relabel, facts=extreme_facts)
def extremes(hw1: Homework, inputs: Arrays) -> dict:
    answer = {}
    for beta in (0, 1):
        given = inputs | {"beta": np.array(float(beta))}
        answer |= prefixed(f"{beta} ", relabel(hw1, given, Plane(5), horizon=6))
    return answer


def draw_mixture(rng: np.random.Generator) -> Arrays:
    return draw_relabel(rng, rng.uniform(0.25, 0.35))


def mixture_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    replay = Replay(inputs, answer, num_envs=200)
    drove = replay.by_expert
    return as_arrays(
        {
            "every action is the expert's or the policy's": (drove | replay.by_policy).all(),
            "share of steps where the expert drove": drove.mean(),
            "share of steps after which the driver stays the same": (drove[1:] == drove[:-1]).mean(),
            "share of neighbouring environments with the same driver": (drove[:, 1:] == drove[:, :-1]).mean(),
        }
    )


# 24 x 200 coins with beta p = 0.25 .. 0.35. The share of heads has the variance p (1 - p) / 4800, at most 4.8e-5. That
# of equal neighbours (q = p^2 + (1 - p)^2, and pairs share coins) has (q (1 - q) + 2 (p^3 + (1 - p)^3 - q^2)) / 4600,
# at most 7.0e-5. So the standard deviation of the difference of two shares is at most 0.0118. The tolerance of 0.075 is
# 6.3 times as much: one false alarm in 3e9.
COINS = {
    "share of steps where the expert drove": Close(rtol=0, atol=0.075),
    "share of steps after which the driver stays the same": Close(
        rtol=0, atol=0.075, says="the coin must be tossed again at every step"
    ),
    "share of neighbouring environments with the same driver": Close(
        rtol=0, atol=0.075, says="every environment must have its own coin"
    ),
}


@probe(
    "4.1.3",
    "a coin for every step and every environment",
    points=1,
    draw=draw_mixture,
    rules=COINS,
    facts=mixture_facts,
)
def mixture(hw1: Homework, inputs: Arrays) -> dict:
    return relabel(hw1, inputs, Plane(200), horizon=24)


# --- what is kept ----------------------------------------------------------------------------------------------------
def termination_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    replay = Replay(inputs, answer, num_envs=8, edge=1.5)
    times = Samples(replay, answer).times
    return as_arrays(
        {
            "every state up to a termination is in the dataset": (times[replay.running] == 1).all(),
            "states after a termination are in the dataset": (times[~replay.running] > 0).any(),
        }
    )


@probe(
    "4.1.4",
    "states after a termination are left out",
    points=0.5,
    draw=draw_relabel,
    facts=termination_facts,
    guessable=True,
)
def terminations(hw1: Homework, inputs: Arrays) -> dict:
    return relabel(hw1, inputs, Plane(8, edge=1.5), horizon=12)


@probe(
    "4.1.5",
    "learners, episodes, dtypes",
    points=0.5,
    draw=draw_relabel,
    rules=DTYPES,
    facts=owner_facts,
    guessable=True,
)
def owners(hw1: Homework, inputs: Arrays) -> dict:
    return relabel(hw1, inputs, Plane(6, learners=3), horizon=5)


# --- randomness ------------------------------------------------------------------------------------------------------
def repetition_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    made = {name: without_prefix(f"{name} ", answer) for name in ("first", "again", "on", "other")}
    first, again, on, other = (Replay(inputs, made[name], num_envs=8) for name in made)
    same = first.obs.shape == again.obs.shape and (first.obs == again.obs).all()
    data = (made["first"]["action"], made["again"]["action"])
    return as_arrays(
        {
            "the same rng gives the same rollout": same,
            "the same rng gives the same labels": data[0].shape == data[1].shape and (data[0] == data[1]).all(),
            "another rng gives different starts": (first.obs[0] != other.obs[0]).any(),
            "another rng gives a different mixture": (first.by_expert != other.by_expert).any(),
            "the next rollout with the same rng starts elsewhere": (again.obs[0] != on.obs[0]).any(),
        }
    )


@probe("4.1.6", "all randomness comes from rng", points=1, draw=draw_relabel, facts=repetition_facts)
def repetitions(hw1: Homework, inputs: Arrays) -> dict:
    """Twice from the same random state, then once more with the second generator, then from another state."""
    first, again, other = (np.random.default_rng(int(inputs["seed"]) + i) for i in (0, 0, 1))
    answer = {}
    for name, rng in (("first", first), ("again", again), ("on", again), ("other", other)):
        answer |= prefixed(f"{name} ", relabel(hw1, inputs, Plane(8), 8, rng))
    return answer
