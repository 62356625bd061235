"""Probes of exercise 4.1: which states are labelled, by whom, and who drove."""

import math
from collections.abc import Iterable
from functools import partial

import numpy as np

from tests.autograder import forms
from tests.autograder.probes.actors import actor, draw_actor
from tests.autograder.probes.base import Arrays, Homework, probe
from tests.autograder.probes.datasets import (
    DTYPES,
    SEVERAL,
    Samples,
    as_arrays,
    contents,
    drawn_each,
    facts_each,
    owner_facts,
    prefixed,
    run_each,
    without_prefix,
)
from tests.autograder.probes.world import (
    Replay,
    Watched,
    World,
    draw_sizes,
    draw_world,
    driver,
    drivers,
    policy_facts,
)


# --- one rollout -----------------------------------------------------------------------------------------------------
def draw_case(rng: np.random.Generator, beta: float = 0.5, **sizes) -> Arrays:
    """A world of random sizes, except for those that are given."""
    return draw_world(rng, **draw_sizes(rng) | sizes) | {"beta": np.array(beta)}


def draw_cases(rng: np.random.Generator, cases: dict[str, dict]) -> Arrays:
    return drawn_each(rng, cases, draw_case)


def relabel(
    hw1: Homework, inputs: Arrays, rng: np.random.Generator | None = None, env: World | None = None, policy=None
) -> dict:
    """Seed, actions and dataset of one rollout. If None: rng follows from the inputs, the policy has no memory."""
    env = World(inputs) if env is None else env
    expert, forgetful = drivers(inputs)
    rng = np.random.default_rng(int(inputs["seed"])) if rng is None else rng
    policy = forgetful if policy is None else policy
    data = hw1.dagger.rollout_and_relabel(env, policy, expert, int(inputs["horizon"]), float(inputs["beta"]), rng)
    return env.record() | contents(forms.dataset(data, "rollout_and_relabel"))


def relabel_each(hw1: Homework, inputs: Arrays, cases: Iterable[str]) -> dict:
    return run_each(inputs, cases, lambda case, own: relabel(hw1, own))


# --- labels ----------------------------------------------------------------------------------------------------------
def label_facts(inputs: Arrays, answer: Arrays) -> dict:
    replay = Replay(inputs, answer)
    samples = Samples(replay, answer)
    right = samples.hold(replay.running)
    states = {
        "the dataset holds every visited state, once": right,
        "the dataset holds only the states where the expert drove": not right and samples.hold(replay.by_expert),
        "the dataset holds only the states where the policy drove": not right and samples.hold(replay.by_policy),
        "the dataset holds the observations one step late": not right and samples.hold_next(replay.running),
    }
    return replay.drove() | states | samples.labels()


LABELS = {SEVERAL: {}, "N = 1": {"envs": 1}, "T = 1": {"steps": 1}, "A = 1": {"dims": 1}}


@probe(
    "4.1.1",
    "every visited state, labelled by the expert, whoever drove",
    points=1.5,
    draw=partial(draw_cases, cases=LABELS),
    facts=partial(facts_each, LABELS, label_facts),
    asked="the label is always the expert's action, whoever drove.",
)
def labels(hw1: Homework, inputs: Arrays) -> dict:
    return relabel_each(hw1, inputs, LABELS)


# --- who drives ------------------------------------------------------------------------------------------------------
def extreme_facts(inputs: Arrays, answer: Arrays) -> dict:
    replay = Replay(inputs, answer)
    return {
        "steps": replay.steps,
        "share of steps where the expert drove": replay.by_expert.mean(),
        "share of steps where the policy drove": replay.by_policy.mean(),
    }


EXTREMES = {"beta 0": {"beta": 0.0}, "beta 1": {"beta": 1.0}, "beta 1, N = 1": {"beta": 1.0, "envs": 1}}


@probe(
    "4.1.2",
    "beta 0 and beta 1",
    points=0.5,
    draw=partial(draw_cases, cases=EXTREMES),
    facts=partial(facts_each, EXTREMES, extreme_facts),
    asked="beta: between 0 and 1.",
)
def extremes(hw1: Homework, inputs: Arrays) -> dict:
    return relabel_each(hw1, inputs, EXTREMES)


COINS = ("beta below 1/2", "beta above 1/2")


def draw_mixtures(rng: np.random.Generator) -> Arrays:
    """A beta below and one above 1/2, such that beta^2, sqrt(beta) and 1 - beta are far away."""
    low, high = ({"steps": 60, "envs": 50, "dims": 1, "beta": beta + rng.uniform(0, 0.05)} for beta in (0.35, 0.6))
    return draw_cases(rng, dict(zip(COINS, (low, high), strict=True)))


OUTSIDE = 6.5
"""Standard errors. A grade tests about 115 averages for each of two betas. A normal number is outside with p = 8e-11,
the mean of 50 coins (its tails are heavier) with p < 5e-10: a false alarm in less than 1 of 10^7 grades."""


def near(value: np.ndarray, expected: float, error: np.ndarray | float) -> bool:
    return bool((np.abs(np.asarray(value) - expected) <= OUTSIDE * np.asarray(error)).all())


def coin_facts(inputs: Arrays, answer: Arrays) -> dict:
    """3000 coins with beta = 0.35 .. 0.4 or 0.6 .. 0.65. The share of heads has a standard error of at most 0.009, and
    the largest of its three estimates is below 0.011. So a share that is off by 0.1 is at least
    (0.1 - 6.5 * 0.011) / 0.009 = 3.2 standard errors outside: the power is 99.9 %."""
    replay, beta = Replay(inputs, answer), float(inputs["beta"])
    heads = replay.by_expert
    steps, envs = heads.shape
    error = math.sqrt(beta * (1 - beta))
    share = heads.mean()
    coin = (heads - share) / max(heads.std(), 1e-9)
    later = [(coin[lag:] * coin[:-lag]).sum() / math.sqrt((steps - lag) * envs) for lag in range(1, steps // 2)]
    aside = [(coin.T[lag:] * coin.T[:-lag]).sum() / math.sqrt((envs - lag) * steps) for lag in range(1, envs // 2 + 1)]
    spread = heads.mean(axis=1).std() / (error / math.sqrt(envs))
    # Coins that depend on each other make the share vary more: not a second mistake.
    errors = [
        heads.std() / math.sqrt(heads.size),
        *(heads.mean(axis=i).std() / math.sqrt(heads.shape[1 - i]) for i in (0, 1)),
    ]
    known = [each for each in (beta, 1 - beta, beta**2, 0.5) if near(share, each, max(errors))]
    return replay.drove() | {
        "share of steps where the expert drove": known[0] if known else share,
        "the share is the same at every step": near(heads.mean(axis=1), share, error / math.sqrt(envs)),
        "the share varies from step to step, as chance does": bool(spread > 0.3),
        "every environment has both drivers": bool(heads.any(axis=0).all() and not heads.all(axis=0).any()),
        "the coins of different steps are independent": near(later, 0.0, 1.0),
        "the coins of different environments are independent": near(aside, 0.0, 1.0),
    }


@probe(
    "4.1.3",
    "a coin for every step and every environment",
    points=1,
    draw=draw_mixtures,
    facts=partial(facts_each, COINS, coin_facts),
    asked="At every step and in every environment the expert drives with probability `beta`, otherwise the policy",
)
def mixture(hw1: Homework, inputs: Arrays) -> dict:
    return relabel_each(hw1, inputs, COINS)


# --- what is kept ----------------------------------------------------------------------------------------------------
def termination_facts(inputs: Arrays, answer: Arrays) -> dict:
    replay = Replay(inputs, answer)
    samples = Samples(replay, answer)
    times = samples.times
    last = replay.running & ~np.concatenate([replay.running[1:], replay.running_on[None]])
    return {
        "steps": replay.steps,
        "every state before a termination is in the dataset, once": bool((times[replay.running & ~last] == 1).all()),
        "the state whose action led to a termination is in the dataset": bool((times[last] == 1).all()),
        "states after a termination are in the dataset": bool((times[~replay.running] > 0).any()),
        "observations that were never seen are in the dataset": not samples.found.all(),
    }


TERMINATIONS = {
    SEVERAL: {"mortal": True},
    "N = 1": {"mortal": True, "envs": 1},
    "T = 2": {"mortal": True, "steps": 2},
}


@probe(
    "4.1.4",
    "every environment runs to its own termination; later states are left out",
    points=1,
    draw=partial(draw_cases, cases=TERMINATIONS),
    facts=partial(facts_each, TERMINATIONS, termination_facts),
    asked="The rollout goes on to the horizon, although some environments terminate earlier.",
)
def terminations(hw1: Homework, inputs: Arrays) -> dict:
    return relabel_each(hw1, inputs, TERMINATIONS)


DISCRETE = "discrete actions"


def draw_owned(rng: np.random.Generator) -> Arrays:
    learners = int(rng.integers(2, 4))
    several = {"learners": learners, "envs": learners * int(rng.integers(2, 4))}
    return draw_cases(rng, {SEVERAL: several, DISCRETE: {"dims": 0}})


@probe(
    "4.1.5",
    "learners, episodes, dtypes; discrete actions",
    points=0.5,
    draw=draw_owned,
    rules={name + end: rule for end in ("", f" ({DISCRETE})") for name, rule in DTYPES.items()},
    facts=partial(facts_each, (SEVERAL, DISCRETE), lambda *given: label_facts(*given) | owner_facts(*given)),
    asked="one episode for each environment",
)
def owners(hw1: Homework, inputs: Arrays) -> dict:
    return relabel_each(hw1, inputs, (SEVERAL, DISCRETE))


# --- randomness ------------------------------------------------------------------------------------------------------
ON, OTHERS = ("on 1", "on 2", "on 3"), ("other 1", "other 2", "other 3")
ROLLOUTS = ("first", "again", *ON, *OTHERS)


def repetition_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """Two seeds may be equal by chance if they are drawn from a small range, four are not."""
    made = {name: without_prefix(f"{name}: ", answer) for name in ROLLOUTS}
    replays = {name: Replay(inputs, each) for name, each in made.items()}
    starts = {name: replay.obs[0] for name, replay in replays.items()}
    coins = {name: replay.by_expert for name, replay in replays.items()}
    seeds = {name: each["policy's seeds"][:1] for name, each in made.items()}

    def same(arrays: Arrays, *names: str) -> bool:
        return all(np.array_equal(arrays["first"], arrays[name]) for name in names)

    never_reset = not any(map(len, seeds.values()))
    different = {start.tobytes() for name, start in starts.items() if name != "again"}
    return as_arrays(
        {
            "the same rng gives the same rollout": same(starts, "again") and same(coins, "again"),
            "the same rng gives the same labels": np.array_equal(made["first"]["action"], made["again"]["action"]),
            "the same rng gives the policy the same seed": same(seeds, "again"),
            "another rng gives different starts": not same(starts, *OTHERS),
            "another rng gives different coins": not same(coins, *OTHERS),
            "the next rollouts with the same rng start elsewhere": not same(starts, *ON),
            "rollouts have more than two different starts": len(different) > 2,
            "the next rollouts with the same rng toss other coins": not same(coins, *ON),
            "the next rollouts with the same rng give the policy other seeds": never_reset or not same(seeds, *ON),
        }
    )


@probe(
    "4.1.6",
    "all randomness comes from rng",
    points=0.5,
    draw=partial(draw_case, steps=4, envs=8),
    facts=repetition_facts,
    asked="rng: draws everything that is random: the seed of the rollout, an int below 2**31, and the coins.",
)
def repetitions(hw1: Homework, inputs: Arrays) -> dict:
    """Twice from the same random state, then on with the second generator, then from other states; all in one
    environment, with one policy."""
    first, again, *others = (np.random.default_rng(int(inputs["seed"]) + i) for i in (0, 0, 1, 2, 3))
    env, answer = World(inputs), {}
    policy = Watched(env, driver(inputs, "policy"))
    for name, rng in zip(ROLLOUTS, (first, again, again, again, again, *others), strict=True):
        policy.clear()
        made = relabel(hw1, inputs, rng, env, policy) | policy.record()
        answer |= prefixed(f"{name}: ", made)
    return answer


# --- in use ----------------------------------------------------------------------------------------------------------
def draw_remembering(rng: np.random.Generator) -> Arrays:
    return draw_cases(rng, REMEMBERING) | prefixed(f"{ACTOR}: ", draw_actor(rng))


def remembering_facts(inputs: Arrays, answer: Arrays) -> dict:
    replay = Replay(inputs, answer)
    return replay.drove() | policy_facts(replay, answer)


ACTOR = "an Actor"
REMEMBERING = {
    SEVERAL: {"mortal": True},
    "N = 1": {"envs": 1},
    "beta 0.9": {"beta": 0.9},
    ACTOR: {"mortal": True},
}


@probe(
    "4.1.7",
    "in use: policies that remember, and an Actor with history and chunks",
    points=1,
    draw=draw_remembering,
    facts=partial(facts_each, REMEMBERING, remembering_facts),
    asked="It is asked once at every step, about all environments, even those that it does not drive",
)
def remembering(hw1: Homework, inputs: Arrays) -> dict:
    def run(case: str, own: Arrays) -> dict:
        policy = watched(hw1, own, case == ACTOR)
        return relabel(hw1, own, env=policy.env, policy=policy) | policy.record()

    return run_each(inputs, REMEMBERING, run)


def watched(hw1: Homework, inputs: Arrays, real: bool) -> Watched:
    """A policy that records its use, in its own world; a `real` one is an Actor with random weights."""
    env = World(inputs)
    if not real:
        return Watched(env, driver(inputs, "policy"))
    own = actor(hw1, inputs, env.single_observation_space.shape[0], env.single_action_space.shape[0])

    def reset(seed):
        if not isinstance(seed, int):
            raise TypeError(f"the seed of a rollout must be a Python int, here it is of type {type(seed).__name__}")
        own.reset(seed)

    return Watched(env, lambda obs, call: own(obs), reset)
