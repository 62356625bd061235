"""Probes of exercise 4.1: which states are labelled, by whom, and who drove."""

import math
from collections.abc import Iterable
from functools import partial
from itertools import permutations

import numpy as np

from tests.autograder import forms
from tests.autograder.probes.actors import actor, draw_actor
from tests.autograder.probes.base import Arrays, Homework, probe
from tests.autograder.probes.datasets import (
    DTYPES,
    FIELDS,
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
    first_seed,
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
        "samples": len(answer["obs"]),
        "share of steps where the expert drove": replay.by_expert.mean(),
        "share of steps where the policy drove": replay.by_policy.mean(),
    }


EXTREMES = {
    "beta 0, equal observations": {"beta": 0.0, "blind": True},
    "beta 1": {"beta": 1.0},
    "beta 1, N = 1": {"beta": 1.0, "envs": 1},
}


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
TAILS = ("small beta", "large beta")


def draw_mixtures(rng: np.random.Generator) -> Arrays:
    """A beta below and one above 1/2, such that beta^2, sqrt(beta) and 1 - beta are far away: a long rollout, and many
    environments of two learners. Then a beta near 0 and one near 1."""
    low, high, little = 0.35 + rng.uniform(0, 0.05), 0.6 + rng.uniform(0, 0.05), rng.uniform(0.025, 0.03)
    long, wide, tail = {"steps": 230, "envs": 13}, {"steps": 13, "envs": 230, "learners": 2}, {"steps": 20, "envs": 200}
    sizes = long | {"beta": low}, wide | {"beta": high}, tail | {"beta": little}, tail | {"beta": 1 - little}
    return draw_cases(rng, {name: own | {"dims": 1} for name, own in zip((*COINS, *TAILS), sizes, strict=True)})


OUTSIDE = 6.5
"""Standard errors. A grade tests about 500 averages for each of two betas. A normal number is outside with p = 8e-11,
the mean of 230 coins or of 400 products of coins (their tails are heavier) with p < 5e-10: a false alarm in less than
1 of 10^6 grades."""
PAIRS = 400
"""The least number of products of coins that are averaged."""


def near(value: np.ndarray, expected: float, error: np.ndarray | float) -> bool:
    return bool((np.abs(np.asarray(value) - expected) <= OUTSIDE * np.asarray(error)).all())


def coin_facts(inputs: Arrays, answer: Arrays) -> dict:
    """3000 coins with beta = 0.35 .. 0.4 or 0.6 .. 0.65. The share of heads has a standard error of at most 0.009, and
    the largest of its three estimates is usually below 0.0125. So a share that is off by 0.1 is at least
    (0.1 - 6.5 * 0.0125) / 0.009 = 2 standard errors outside. In 4000 simulations the power was above 99.7 % with each
    beta, and 99.97 % with both."""
    replay, beta = Replay(inputs, answer), float(inputs["beta"])
    heads = replay.by_expert
    share = heads.mean()
    coin = (heads - share) / max(heads.std(), 1e-9)
    place = replay.state[..., 0]
    by_state = [
        (coin[:end] * each[:end]).sum() / np.linalg.norm(each[:end])
        for each in (place, np.abs(place) - 1.5)  # which side, and how far out
        for end in (1, len(coin))
    ]
    # Coins that depend on each other make the share vary more: not a second mistake.
    errors = [
        heads.std() / math.sqrt(heads.size),
        *(heads.mean(axis=i).std() / math.sqrt(heads.shape[1 - i]) for i in (0, 1)),
    ]
    known = [each for each in (beta, 1 - beta, beta**2, 0.5) if near(share, each, max(errors))]
    return replay.drove() | {
        "share of steps where the expert drove": known[0] if known else share,
        "the share is the same at every step": steady(heads, beta),
        "the share is the same in every environment": steady(heads.T, beta),
        "the share varies from step to step, as chance does": varies(heads, beta),
        "the share varies from environment to environment, as chance does": varies(heads.T, beta),
        "the coins of consecutive steps are independent": independent(coin, range(1, 2)),
        "the coins of other steps are independent": independent(coin, range(2, len(coin))),
        "the coins of neighbouring environments are independent": independent(coin.T, range(1, 2)),
        "the coins of other environments are independent": independent(coin.T, range(2, len(coin.T))),
        "the coins do not depend on the states": near(by_state, 0.0, 1.0),
        "episodes": len(np.unique(answer["episode"])),
    }


def steady(heads: np.ndarray, beta: float) -> bool:
    """Whether the share of heads is equal in 13 parts of the rows."""
    parts = np.array_split(heads, 13)
    errors = [math.sqrt(beta * (1 - beta) / part.size) for part in parts]
    return near(np.array([part.mean() for part in parts]), heads.mean(), np.array(errors))


def varies(heads: np.ndarray, beta: float) -> bool:
    """Whether the share varies from row to row: not if each row holds a fixed number of heads. By chance the spread of
    13 shares is that small with p = 1e-10."""
    return bool(heads.mean(axis=1).std() > 0.1 * math.sqrt(beta * (1 - beta) / heads.shape[1]))


def independent(coin: np.ndarray, distances: range) -> bool:
    """Whether rows at these distances are uncorrelated, and rows that mirror each other, if the distances go so far.
    `coin`: standardised."""
    rows, columns = coin.shape
    half = rows // 2
    products = [coin[lag:] * coin[:-lag] for lag in distances if (rows - lag) * columns >= PAIRS]
    products += [coin[:half] * coin[::-1][:half]] if half in distances else []
    return near([product.sum() / math.sqrt(product.size) for product in products], 0.0, 1.0)


def tail_facts(inputs: Arrays, answer: Arrays) -> dict:
    """4000 coins: a share that is right is outside with p < 1e-8; 0, 1 and the next tenth are."""
    share, beta = Replay(inputs, answer).by_expert.mean(), float(inputs["beta"])
    right = near(share, beta, math.sqrt(beta * (1 - beta) / 4000))
    return {"share of steps where the expert drove": beta if right else share}


def mixture_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    return facts_each(COINS, coin_facts, inputs, answer) | facts_each(TAILS, tail_facts, inputs, answer)


@probe(
    "4.1.3",
    "a coin for every step and every environment",
    points=1,
    draw=draw_mixtures,
    facts=mixture_facts,
    asked="At every step and in every environment the expert drives with probability `beta`, otherwise the policy",
)
def mixture(hw1: Homework, inputs: Arrays) -> dict:
    return relabel_each(hw1, inputs, (*COINS, *TAILS))


# --- what is kept ----------------------------------------------------------------------------------------------------
def draw_terminations(rng: np.random.Generator) -> Arrays:
    several = {"learners": 2, "envs": 2 * int(rng.integers(3, 5))}
    return draw_cases(rng, TERMINATIONS | {SEVERAL: TERMINATIONS[SEVERAL] | several})


def termination_facts(inputs: Arrays, answer: Arrays) -> dict:
    replay = Replay(inputs, answer)
    samples = Samples(replay, answer)
    times = samples.times
    last = replay.running & ~np.concatenate([replay.running[1:], replay.running_on[None]])
    kept = {
        "steps": replay.steps,
        "every state before a termination is in the dataset, once": bool((times[replay.running & ~last] == 1).all()),
        "the state whose action led to a termination is in the dataset": bool((times[last] == 1).all()),
        "states after the end of an episode are in the dataset": bool((times[~replay.running] > 0).any()),
        "observations that were never seen are in the dataset": not samples.found.all(),
    }
    # Fields that are right only as long as nothing is left out. 4.1.5 checks the dtypes and the drivers.
    owned = {name: fact for name, fact in owner_facts(inputs, answer).items() if name not in FIELDS}
    return kept | samples.labels() | owned


TERMINATIONS = {
    SEVERAL: {"mortal": True},
    "N = 1": {"mortal": True, "envs": 1},
    "T = 2": {"mortal": True, "steps": 2},
}


@probe(
    "4.1.4",
    "every episode runs to its own end; later states are left out",
    points=1,
    draw=draw_terminations,
    facts=partial(facts_each, TERMINATIONS, termination_facts),
    asked="goes on to the horizon, although some episodes end earlier, by a termination or by a truncation.",
)
def terminations(hw1: Homework, inputs: Arrays) -> dict:
    return relabel_each(hw1, inputs, TERMINATIONS)


DISCRETE = "discrete actions in an ordinary environment"


def draw_owned(rng: np.random.Generator) -> Arrays:
    learners = int(rng.integers(2, 4))
    several = {"learners": learners, "envs": learners * int(rng.integers(2, 4))}
    return draw_cases(rng, {SEVERAL: several, DISCRETE: {"dims": 0, "mortal": True, "ordinary": True}})


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
ON, OTHERS = (tuple(f"{name} {i}" for i in range(1, 5)) for name in ("on", "other"))
ROLLOUTS = ("first", "again", *ON, *OTHERS)


def repetition_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """Two seeds may be equal by chance if they are drawn from a small range, three are not. By chance 9 rollouts have
    the same number of heads with p = 2e-9, and two of them the same 40 coins in a row with p = 1e-9."""
    made = {name: without_prefix(f"{name}: ", answer) for name in ROLLOUTS}
    replays = {name: Replay(inputs, each) for name, each in made.items()}
    starts = {name: replay.obs[0] for name, replay in replays.items()}
    coins = {name: replay.by_expert for name, replay in replays.items()}
    seeds = {name: first_seed(each, "policy") for name, each in made.items()}

    def same(arrays: Arrays, *names: str) -> bool:
        return all(np.array_equal(arrays["first"], arrays[name]) for name in names)

    never_reset = not any(map(len, seeds.values()))
    told = {tuple(seed.tolist()) for name, seed in seeds.items() if name != "again"}
    different = {start.tobytes() for name, start in starts.items() if name != "again"}
    tossed = {name: heads.tobytes() for name, heads in coins.items() if name != "again"}
    return as_arrays(
        {
            "the same rng gives the same rollout": same(starts, "again") and same(coins, "again"),
            "the same rng gives the same labels": np.array_equal(made["first"]["action"], made["again"]["action"]),
            "the same rng gives the policy the same seed": same(seeds, "again"),
            "another rng gives different starts": not same(starts, *OTHERS),
            "another rng gives different coins": not same(coins, *OTHERS),
            "the next rollouts with the same rng start elsewhere": not same(starts, *ON),
            "all rollouts have different starts": len(different) >= len(tossed) - 1,
            "the next rollouts with the same rng toss other coins": not same(coins, *ON),
            "no rollout repeats the coins of another one": not any(
                a[i : i + 40] in b for a, b in permutations(tossed.values(), 2) for i in (0, len(a) - 40)
            ),
            "the number of heads differs between rollouts": len({heads.count(1) for heads in tossed.values()}) > 1,
            "all rollouts give the policy different seeds": never_reset or len(told) >= len(tossed) - 1,
        }
    )


@probe(
    "4.1.6",
    "all randomness comes from rng",
    points=0.5,
    draw=partial(draw_case, steps=6, envs=8),
    facts=repetition_facts,
    asked="rng: draws everything that is random: the seed of the rollout, any int below 2**31, and the coins",
)
def repetitions(hw1: Homework, inputs: Arrays) -> dict:
    """Twice from the same random state, then on with the second generator, then from other states; all in one
    environment, with one policy."""
    first, again, *others = (np.random.default_rng(int(inputs["seed"]) + i) for i in (0, 0, *range(1, 5)))
    env, answer = World(inputs), {}
    policy = Watched(env, driver(inputs, "policy"))
    for name, rng in zip(ROLLOUTS, (first, again, *(again,) * len(ON), *others), strict=True):
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
    "beta 1": {"beta": 1.0},
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
