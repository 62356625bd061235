"""Probes of exercise 4.3: what the loop of DAgger does, and in which order.

Everything that the loop calls is replaced by a fake that records its calls, so no network is trained.
"""

from functools import partial

import numpy as np

from hw1.demos import Dataset
from tests.autograder.probes.base import Arrays, Close, Homework, probe, stand_in
from tests.autograder.probes.world import Plane, linear


# --- fakes -----------------------------------------------------------------------------------------------------------
class Fitted:
    """A policy that knows its number."""

    def __init__(self, number: int):
        self.number = number

    def __call__(self, obs):
        return np.zeros((len(obs), 1), dtype=np.float32)


def tagged(tags: list[int]) -> Dataset:
    """A dataset whose samples have these numbers as observations."""
    column, zeros = np.array(tags, dtype=np.float32)[:, None], np.zeros(len(tags), dtype=np.int64)
    return Dataset(obs=column, action=column.copy(), episode=np.arange(len(tags)), learner=zeros, driver=zeros.copy())


def tags(data: Dataset) -> list[int]:
    return np.asarray(data.obs).ravel().astype(int).tolist()


class Fakes:
    """Replacements of everything that `dagger` calls; they record how they are called."""

    def __init__(self, inputs: Arrays):
        self.env, self.expert, self.beta = Plane(), linear(np.zeros((3, 2))), inputs["beta"].tolist()
        self.samples = int(inputs["samples"])
        self.demos = tagged(list(range(int(inputs["demos"]))))
        self.used = len(self.demos)
        self.fitted: list[list[int]] = []  # the samples of every fit
        self.calls: list[dict] = []  # of collect

    def fit(self, dataset):
        self.fitted.append(tags(dataset))
        return Fitted(len(self.fitted) - 1)

    def collect(self, env, policy, expert, horizon, beta, rng):
        self.calls.append(
            {
                "policy": number_of(policy),
                "beta": float(beta),
                "horizon": horizon,
                "same env and expert": env is self.env and expert is self.expert,
                "random": int(rng.integers(2**31)),
                "collect is the one given": True,
            }
        )
        self.used += self.samples
        return tagged(list(range(self.used - self.samples, self.used)))

    def rollout_and_relabel(self, *args, **options):
        data = self.collect(*args, **options)
        self.calls[-1]["collect is the one given"] = False
        return data

    def aggregate(self, dataset, new):
        """Only the set of samples is right: a solution of 4.2 that nobody could submit."""
        return tagged(sorted(tags(dataset) + tags(new)))

    def called(self, name: str, kind=np.int64) -> np.ndarray:
        """By round: an argument of collect."""
        return np.array([call[name] for call in self.calls], dtype=kind)

    def counts(self, datasets: list[list[int]]) -> np.ndarray:
        """How often each sample is in each dataset, `[datasets, samples]`."""
        counts = np.zeros((len(datasets), self.used), dtype=np.int64)
        for count, dataset in zip(counts, datasets, strict=True):
            np.add.at(count, dataset, 1)
        return counts


def number_of(policy) -> int:
    """The number of a fitted policy; -1 for anything else."""
    return getattr(policy, "number", -1)


def numbers_of(history: list) -> np.ndarray:
    return np.array([number_of(r.policy) for r in history], dtype=np.int64)


# --- the loop --------------------------------------------------------------------------------------------------------
def draw_loop(rng: np.random.Generator, rounds: int = 4) -> Arrays:
    """`samples`: in each dataset that is collected."""
    return {
        "rounds": np.array(rounds),
        "horizon": rng.integers(5, 50),
        "samples": rng.integers(2, 6),
        "demos": rng.integers(3, 500),
        "beta": rng.permutation(np.linspace(0.1, 0.9, 8)),
        "seed": rng.integers(2**31),
    }


def loop(hw1: Homework, inputs: Arrays, default: bool = False) -> tuple[Fakes, list]:
    """Run `dagger` on fakes; `default`: without beta and collect."""
    fakes = Fakes(inputs)
    given = {} if default else {"beta": lambda i: fakes.beta[i], "collect": fakes.collect}
    rng = np.random.default_rng(int(inputs["seed"]))
    replaced = {"aggregate": fakes.aggregate, "rollout_and_relabel": fakes.rollout_and_relabel}
    with stand_in(hw1, user="dagger", owner="dagger", **replaced):
        history = hw1.dagger.dagger(
            fakes.env, fakes.expert, fakes.fit, fakes.demos, int(inputs["rounds"]), int(inputs["horizon"]), rng, **given
        )
    return fakes, list(history)


@probe(
    "4.3.1",
    "fits to everything collected so far, once in each round",
    points=2,
    draw=draw_loop,
    rules={"samples in each fit": Close(says="each fit must get every sample collected so far, once")},
)
def fits(hw1: Homework, inputs: Arrays) -> dict:
    fakes, _ = loop(hw1, inputs)
    return {"times fit was called": len(fakes.fitted), "samples in each fit": fakes.counts(fakes.fitted)}


@probe("4.3.2", "the newest policy collects, with the round's beta", points=2, draw=draw_loop)
def collecting(hw1: Homework, inputs: Arrays) -> dict:
    (fakes, _), (again, _) = loop(hw1, inputs), loop(hw1, inputs)
    random = fakes.called("random").tolist()
    return {
        "policy that collects in each round": fakes.called("policy"),
        "beta of each round": fakes.called("beta", np.float64),
        "horizon": fakes.called("horizon"),
        "collect gets env and expert": fakes.called("same env and expert", bool),
        "the given collect is used": fakes.called("collect is the one given", bool),
        "each round draws different random numbers": len(set(random)) == len(random),
        "the same rng gives the same random numbers": random == again.called("random").tolist(),
    }


@probe("4.3.3", "returns a Round for each policy", points=1, draw=draw_loop)
def returned(hw1: Homework, inputs: Arrays) -> dict:
    fakes, history = loop(hw1, inputs)
    return {
        "policies of the rounds": numbers_of(history),
        "samples in each round's dataset": fakes.counts([tags(r.dataset) for r in history]),
    }


@probe("4.3.4", "the defaults: rollout_and_relabel, beta 0", points=1, draw=draw_loop, guessable=True)
def defaults(hw1: Homework, inputs: Arrays) -> dict:
    fakes, _ = loop(hw1, inputs, default=True)
    return {
        "policy that rollout_and_relabel runs in each round": fakes.called("policy"),
        "beta of each round": fakes.called("beta", np.float64),
    }


@probe("4.3.5", "no rounds: behaviour cloning alone", points=1, draw=partial(draw_loop, rounds=0))
def no_rounds(hw1: Homework, inputs: Arrays) -> dict:
    fakes, history = loop(hw1, inputs)
    return {
        "calls of fit": len(fakes.fitted),
        "calls of collect": len(fakes.calls),
        "policies": numbers_of(history),
        "samples": fakes.counts([tags(r.dataset) for r in history]),
    }
