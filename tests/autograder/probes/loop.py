"""Probes of exercise 4.3: what the loop of DAgger does, and in which order.

Everything that the loop calls is replaced by a fake that records its calls; only the last probe trains networks.
"""

from dataclasses import replace
from itertools import chain, pairwise

import numpy as np

from hw1 import demos
from hw1.demos import Dataset
from tests.autograder import forms
from tests.autograder.probes.base import Arrays, Close, Homework, probe, stand_in
from tests.autograder.probes.datasets import FIELDS, contents
from tests.autograder.probes.tiny_fit import pulling_mse
from tests.autograder.probes.world import Plane, World, draw_world, drivers, linear, observed

# --- samples that can be identified ----------------------------------------------------------------------------------
EPISODE = 100
"""Sample 204 is the fourth one of episode 2. All fields of a sample follow from its number, and the number from its
action; observations repeat in other episodes."""


def numbered(numbers: list[int]) -> Dataset:
    """These samples, with the episodes counted from 0."""
    number = np.array(numbers, dtype=np.int64)
    episode = number // EPISODE
    return Dataset(
        obs=np.stack([number % EPISODE, number % 2], axis=1).astype(np.float32),
        action=-number.astype(np.float32)[:, None] / 4,
        episode=np.unique(episode, return_inverse=True)[1].astype(np.int64),
        learner=episode % 3,
        driver=episode % 2,
    )


def numbers_in(data: Dataset) -> list[int]:
    if not isinstance(data, Dataset):
        raise TypeError(f"an object of type {type(data).__name__} is used where a Dataset is needed")
    return np.rint(-4 * np.asarray(data.action)[:, 0]).astype(int).tolist()


def intact(data: Dataset) -> bool:
    """Whether every field belongs to its sample, and every episode is whole and has a number of its own."""
    found = numbers_in(data)
    right, whole = numbered(found), np.unique([n // EPISODE for n in found])
    fields = all(
        np.array_equal(getattr(data, name), getattr(right, name)) for name in ("obs", "action", "learner", "driver")
    )
    pairs = set(zip(np.asarray(data.episode).tolist(), right.episode.tolist(), strict=True))
    one_to_one = len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    steps = [b == a + 1 for a, b in pairwise(found) if a // EPISODE == b // EPISODE]
    return fields and one_to_one and all(steps) and len(steps) == len(found) - len(whole)


# --- fakes -----------------------------------------------------------------------------------------------------------
class Fitted:
    """A policy that knows its number."""

    def __init__(self, number: int):
        self.number = number

    def __call__(self, obs):
        return np.zeros((len(obs), 1), dtype=np.float32)


def number_of(policy) -> int:
    """The number of a fitted policy; -2 for a whole Round, -1 for anything else."""
    return getattr(policy, "number", -2 if hasattr(policy, "policy") else -1)


class Fakes:
    """Replacements of everything that `dagger` calls; they record how they are called."""

    def __init__(self, inputs: Arrays, one: Fitted | None = None):
        """`one`: the policy that every fit returns; a new one each time, if None."""
        self.env, self.expert, self.one = Plane(), linear(np.zeros((3, 2))), one
        self.betas = inputs["beta"].tolist()
        lengths = inputs["lengths"].tolist()  # of the episodes
        new = [[EPISODE * e + i for i in range(length)] for e, length in zip(inputs["episodes"], lengths, strict=True)]
        ends = np.cumsum([0, *inputs["sizes"]])
        self.parts = [list(chain.from_iterable(new[a:b])) for a, b in pairwise(ends)]
        """The samples of the demonstrations, then those that each round collects."""
        self.demos = numbered(self.parts[0])
        self.order = np.sort(list(chain.from_iterable(self.parts)))
        self.fitted: list[list[int]] = []
        """The samples of every fit."""
        self.intact: list[bool] = []
        """Whether each dataset was whole that was fitted to or aggregated."""
        self.calls: list[dict] = []
        """Of collect."""
        self.asked: list[int] = []
        """The rounds that beta was asked about."""

    def fit(self, dataset, /):
        self.fitted.append(numbers_in(dataset))
        self.intact.append(intact(dataset))
        if self.one is None:
            return Fitted(len(self.fitted) - 1)
        self.one.number = len(self.fitted) - 1
        return self.one

    def beta(self, i, /):
        self.asked.append(int(i))
        return self.betas[i]

    def collect(self, env, policy, expert, horizon, beta, rng, /):
        self.calls.append(
            {
                "policy": number_of(policy),
                "beta": np.nan if callable(beta) else float(beta),
                "horizon": horizon,
                "same env and expert": env is self.env and expert is self.expert,
                "random": [int(each) for each in rng.integers(2**62, size=3)],
                "collect is the one given": True,
            }
        )
        number = len(self.calls)
        return numbered(self.parts[number] if number < len(self.parts) else [])

    def rollout_and_relabel(self, env, policy, expert, horizon, beta, rng):
        data = self.collect(env, policy, expert, horizon, beta, rng)
        self.calls[-1]["collect is the one given"] = False
        return data

    def aggregate(self, dataset, new):
        """Only the set of samples is right: a solution of 4.2 that nobody could submit."""
        self.intact += [intact(dataset), intact(new)]
        return numbered(sorted(numbers_in(dataset) + numbers_in(new)))

    def called(self, name: str, kind=np.int64) -> np.ndarray:
        """By round: an argument of collect."""
        return np.array([call[name] for call in self.calls], dtype=kind)

    def counts(self, datasets: list[list[int]]) -> np.ndarray:
        """How often each sample is in each dataset, `[datasets, samples]`."""
        counts = np.zeros((len(datasets), len(self.order)), dtype=np.int64)
        for count, dataset in zip(counts, datasets, strict=True):
            np.add.at(count, np.searchsorted(self.order, dataset).clip(0, len(self.order) - 1), 1)
        return counts


# --- the loop --------------------------------------------------------------------------------------------------------
def draw_beta(rng: np.random.Generator, rounds: int, collecting: np.ndarray) -> np.ndarray:
    """The shares of rounds 0, 1, ... and of two more, all different. Those of several rounds rise and fall; 0 and 1 are
    among those of `collecting`, the rounds that collect something."""
    if rounds < 2:
        return rng.uniform(0.1, 0.9, rounds + 3)
    while True:
        beta = rng.permutation(rounds + 3)
        for share, i in zip((0, rounds + 2), rng.permutation(collecting)[:2], strict=True):
            beta[beta == share], beta[i] = beta[i], share
        rise = np.diff(beta[1 : rounds + 1])
        if rise.max() > 0 > rise.min():
            return beta / (rounds + 2)


def draw_loop(rng: np.random.Generator, rounds: int | None = None) -> Arrays:
    """`sizes`: episodes of the demonstrations and of each round; the first round and two later ones in a row collect
    nothing. `lengths`: of each episode. `beta`: of each round, 0 and 1 among them; it rises at least once."""
    rounds = int(rng.integers(5, 8)) if rounds is None else rounds
    sizes = rng.integers(1, 4, rounds + 1)
    if rounds > 4:
        empty = int(rng.integers(3, rounds))
        sizes[[1, empty, empty + 1]] = 0
    beta = draw_beta(rng, rounds, 1 + np.flatnonzero(sizes[1:]))
    return {
        "rounds": np.array(rounds),
        "horizon": rng.integers(5, 5_000),
        "sizes": sizes,
        "episodes": rng.permutation(sizes.sum()),
        "lengths": rng.integers(1, 5, sizes.sum()),
        "beta": np.round(beta, 3),
        "seed": rng.integers(2**31),
    }


def loop(
    hw1: Homework,
    inputs: Arrays,
    default: tuple[str, ...] = (),
    rng: np.random.Generator | None = None,
    one: Fitted | None = None,
) -> tuple[Fakes, list]:
    """Run `dagger` on fakes; `default`: which of beta and collect are not given. If None, `rng` follows from the
    inputs. `one`: the policy that every fit returns, if given."""
    fakes = Fakes(inputs, one)
    given = {"beta": fakes.beta, "collect": fakes.collect}
    given = {name: value for name, value in given.items() if name not in default}
    rng = np.random.default_rng(int(inputs["seed"])) if rng is None else rng
    replaced = {"aggregate": fakes.aggregate, "rollout_and_relabel": fakes.rollout_and_relabel}
    with stand_in(hw1, user="dagger", owner="dagger", **replaced):
        history = hw1.dagger.dagger(
            fakes.env, fakes.expert, fakes.fit, fakes.demos, int(inputs["rounds"]), int(inputs["horizon"]), rng, **given
        )
    return fakes, forms.rounds(history, "dagger")


@probe(
    "4.3.1",
    "fits to everything collected so far, once in each round",
    points=1.5,
    draw=draw_loop,
    rules={"how often each sample is in each fit": Close(says="each fit must get every sample collected so far, once")},
    asked="aggregates into everything collected before, and fits anew, even if nothing new was collected.",
)
def fits(hw1: Homework, inputs: Arrays) -> dict:
    fakes, _ = loop(hw1, inputs)
    return {
        "times fit was called": len(fakes.fitted),
        "how often each sample is in each fit": fakes.counts(fakes.fitted),
        "every fit gets whole samples and episodes": all(fakes.intact),
    }


@probe(
    "4.3.2",
    "the newest policy collects, with the round's beta",
    points=1.5,
    draw=draw_loop,
    asked="called as collect(env, policy, expert, horizon, beta(i), rng)",
)
def collecting(hw1: Homework, inputs: Arrays) -> dict:
    """Twice from the same random state, then once more with the second generator."""
    rng = np.random.default_rng(int(inputs["seed"]))
    (fakes, _), (again, _), (on, _) = loop(hw1, inputs), loop(hw1, inputs, rng=rng), loop(hw1, inputs, rng=rng)
    random, after = (each.called("random").ravel().tolist() for each in (fakes, on))
    return {
        "policy that collects in each round": fakes.called("policy"),
        "beta of each round": fakes.called("beta", np.float64),
        "horizon": fakes.called("horizon"),
        "collect gets env and expert": fakes.called("same env and expert", bool),
        "the given collect is used": fakes.called("collect is the one given", bool),
        "each round draws different random numbers": len(set(random)) == len(random),
        "the same rng gives the same random numbers": random == again.called("random").ravel().tolist(),
        "rng goes on after the last round": not set(random) & set(after),
        "beta is asked about rounds 1, 2, ... only": min(fakes.asked, default=1) >= 1,
        "the environment is left open": not fakes.env.closed,
    }


def returned_rounds(fakes: Fakes, history: list) -> dict:
    """Facts about the Rounds that were returned."""
    datasets = [each.dataset for each in history]
    numbers = [number_of(each.policy) for each in history]
    fitted = [fakes.fitted[n] if 0 <= n < len(fakes.fitted) else [] for n in numbers]
    first = numbered(fakes.parts[0])
    return {
        "policies of the rounds": np.array(numbers, dtype=np.int64),
        "how often each sample is in each round's dataset": fakes.counts([numbers_in(data) for data in datasets]),
        "each round's dataset is the one that its policy was fitted to": all(
            numbers_in(data) == own for data, own in zip(datasets, fitted, strict=True)
        ),
        "the datasets hold whole samples and episodes": all(map(intact, datasets)),
        "the demonstrations do not change": all(
            np.array_equal(now, contents(first)[name]) for name, now in contents(fakes.demos).items()
        ),
    }


@probe(
    "4.3.3",
    "returns a Round for each policy",
    points=1,
    draw=draw_loop,
    asked="`rounds + 1` Rounds, the last policy last.",
)
def returned(hw1: Homework, inputs: Arrays) -> dict:
    """Once with a fit that returns a new policy each time, once with a fit that trains one policy further."""
    one, facts = Fitted(0), returned_rounds(*loop(hw1, inputs))
    _, again = loop(hw1, inputs, one=one)
    return facts | {"rounds, if fit returns the same policy each time": len(again)}


@probe(
    "4.3.4",
    "the defaults: rollout_and_relabel, beta 0",
    points=1,
    draw=draw_loop,
    asked="`rollout_and_relabel` if None.",
)
def defaults(hw1: Homework, inputs: Arrays) -> dict:
    """Without beta and collect, without one of them, and with both: the loop itself must not depend on that."""
    fakes, history = loop(hw1, inputs, default=("beta", "collect"))
    no_beta, _ = loop(hw1, inputs, default=("beta",))
    no_collect, _ = loop(hw1, inputs, default=("collect",))
    both, right = loop(hw1, inputs)

    def datasets(rounds: list) -> list[list[int]]:
        return [sorted(numbers_in(each.dataset)) for each in rounds]

    def fitted(own: Fakes) -> list[list[int]]:
        return [sorted(numbers) for numbers in own.fitted]

    def different(own: Fakes) -> int:
        return len(set(own.called("random").ravel().tolist()))

    return {
        "policy that rollout_and_relabel runs in each round": fakes.called("policy"),
        "beta of each round": fakes.called("beta", np.float64),
        "horizon": fakes.called("horizon"),
        "rollout_and_relabel gets env and expert": fakes.called("same env and expert", bool),
        "beta of each round, if only collect is given": no_beta.called("beta", np.float64),
        "the given collect is used without a given beta": no_beta.called("collect is the one given", bool),
        "beta of each round, if only beta is given": no_collect.called("beta", np.float64),
        "fits get the same samples as with a given collect": fitted(fakes) == fitted(both),
        "datasets of the Rounds are the same as with a given collect": datasets(history) == datasets(right),
        "rounds draw as many different random numbers as with a given collect": different(fakes) == different(both),
    }


def draw_few(rng: np.random.Generator) -> Arrays:
    none, one = draw_loop(rng, 0), draw_loop(rng, 1)
    return {f"{name} {case}": array for case, own in ((0, none), (1, one)) for name, array in own.items()}


@probe(
    "4.3.5",
    "no rounds: behaviour cloning alone; one round",
    points=1,
    draw=draw_few,
    asked="Round 0 is behaviour cloning: the policy is fitted to `demos`.",
)
def few_rounds(hw1: Homework, inputs: Arrays) -> dict:
    answer = {}
    for rounds, end in enumerate((" without rounds", " with one round")):
        own = {name.removesuffix(f" {rounds}"): x for name, x in inputs.items() if name.endswith(f" {rounds}")}
        fakes, history = loop(hw1, own)
        facts = returned_rounds(fakes, history) | {
            "calls of fit": len(fakes.fitted),
            "policy that collects": fakes.called("policy"),
            "beta": fakes.called("beta", np.float64),
        }
        answer |= {name + end: value for name, value in facts.items()}
    return answer


# --- in use ----------------------------------------------------------------------------------------------------------
def draw_use(rng: np.random.Generator) -> Arrays:
    sizes = {"envs": int(rng.integers(2, 4)), "steps": int(rng.integers(6, 9)), "dims": 2}
    world = draw_world(rng, **sizes) | {"rounds": np.array(2), "weights": rng.integers(2**31)}
    del world["own"]  # `Corrections` asks about samples of all environments
    return world


class Corrections:
    """A `collect` for one world: the policy drives, the expert corrects. It works only because states can be computed
    from what is observed there."""

    def __init__(self, inputs: Arrays):
        self.env, (self.expert, _) = World(inputs), drivers(inputs)
        self.datasets: list[Dataset] = []
        self.places: dict[bytes, tuple[int, int]] = {}
        self.policies: list = []

    def __call__(self, env, policy, expert, horizon, beta, rng):
        seed = int(rng.integers(2**31))
        policy.reset(seed)
        self.policies.append(policy)
        driven = demos.collect(env, lambda state: policy(observed(state)), horizon, seed)
        return self._corrected(driven, expert)

    def demonstrations(self, horizon: int, seed: int) -> Dataset:
        return self._corrected(demos.collect(self.env, self.expert, horizon, seed), self.expert)

    def _corrected(self, data: Dataset, expert) -> Dataset:
        state = np.column_stack([data.obs[:, :-2] / 10, data.obs[:, -1]])
        self.datasets.append(replace(data, action=expert(state)))
        self.places |= {row.tobytes(): (len(self.datasets) - 1, i) for i, row in enumerate(data.obs)}
        return self.datasets[-1]

    def aggregate(self, dataset, new):
        """In place of exercise 4.2: looks up where samples were collected."""
        keys = [row.tobytes() for data in (dataset, new) for row in data.obs]
        if not self.places.keys() >= set(keys):
            raise ValueError("aggregate gets observations that nobody has collected")
        places = sorted(self.places[key] for key in keys)
        rows = [[getattr(self.datasets[part], name)[i] for part, i in places] for name in FIELDS]
        joined = dict(zip(FIELDS, map(np.array, rows), strict=True))
        number = [part * self.env.num_envs + int(self.datasets[part].obs[i, -2]) for part, i in places]
        return Dataset(**joined | {"episode": np.array(number)})


def windows(datasets: list[Dataset], config) -> np.ndarray:
    """What a policy with history and chunks learns from: a row for each sample, sorted."""
    rows = []
    for data in datasets:
        back, ahead = data.windows(config.history, config.chunk)
        rows.append(
            np.concatenate([data.obs[back].reshape(len(data), -1), data.action[ahead].reshape(len(data), -1)], 1)
        )
    return np.array(sorted(np.concatenate(rows).tolist()))


@probe(
    "4.3.6",
    "in use: two rounds with networks that have history and chunks",
    points=1,
    draw=draw_use,
    asked="Everything aggregated so far.",
)
def use(hw1: Homework, inputs: Arrays) -> dict:
    config = hw1.policy.PolicyConfig(hidden=(8,), history=3, chunk=2)
    train = hw1.training.TrainConfig(5, 8, 0.01, seed=int(inputs["weights"]))
    collect, horizon, fitted = Corrections(inputs), int(inputs["horizon"]), []
    first = collect.demonstrations(horizon, int(inputs["seed"]))

    def fit(dataset):
        fitted.append((windows([dataset], config), hw1.bc.fit(dataset, config, train).policy))
        return fitted[-1][1]

    rng = np.random.default_rng(int(inputs["seed"]))
    given = (collect.env, collect.expert, fit, first, int(inputs["rounds"]), horizon, rng)
    with (
        stand_in(hw1, user="given_heads", owner="losses", mse_loss=pulling_mse),
        # The fingerprint of a run reads the files of losses and heads, which may be missing or broken.
        stand_in(hw1, user="training", owner="checkpoint", fingerprint=lambda *given: ""),
        stand_in(hw1, user="dagger", owner="dagger", aggregate=collect.aggregate),
    ):
        history = forms.rounds(hw1.dagger.dagger(*given, collect=collect), "dagger")
    wanted = [windows(collect.datasets[: i + 1], config) for i in range(len(collect.datasets))]
    policies = [policy for _, policy in fitted]
    return {
        "samples of each fit": np.array([len(rows) for rows, _ in fitted]),
        "sum of the histories and chunks of the first fit": fitted[0][0].sum() if fitted else np.nan,
        "every fit gets the histories and chunks of everything collected so far": len(wanted) == len(fitted)
        and all(np.array_equal(rows, right) for (rows, _), right in zip(fitted, wanted, strict=True)),
        "the newest policy collects in each round": len(collect.policies) < len(policies)
        and all(used is own for used, own in zip(collect.policies, policies, strict=False)),
        "policies are returned in their order": len(history) == len(policies)
        and all(each.policy is own for each, own in zip(history, policies, strict=True)),
        "datasets are returned with the policies that were fitted to them": len(history) == len(fitted)
        and all(
            np.array_equal(windows([each.dataset], config), rows)
            for each, (rows, _) in zip(history, fitted, strict=True)
        ),
    }
