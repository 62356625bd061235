"""Probes of part 4: what is labelled, who drove, what is kept, and in which order the loop does it.

Many rollouts are right, so the answers are the seed and the actions as the environment got them, with the dataset. The
judge replays them in its own environment and compares what it finds, such as whether every label is the expert's.
"""

from dataclasses import fields
from functools import partial

import numpy as np

from hw1.demos import Dataset
from tests.autograder.probes.base import Arrays, Close, Homework, Probe, stand_in
from tests.autograder.probes.world import Plane, Replay, draw_drivers, drivers, equal, linear

FIELDS = [field.name for field in fields(Dataset)]


# --- datasets --------------------------------------------------------------------------------------------------------
def contents(data: Dataset, name: str = "") -> dict:
    return {name + field: np.array(getattr(data, field)) for field in FIELDS}


class Samples:
    """A dataset that claims to come from a replayed rollout. Raises ValueError if it is none.

    found `[M]` bool: whether the observation was seen at all; step, env `[M]`: where, of those that were found.
    """

    def __init__(self, replay: Replay, data: Arrays):
        self.replay, self.label = replay, data["action"]
        obs, seen = data["obs"], replay.obs.reshape(-1, 2)
        for name, values in (("obs", obs), ("action", self.label)):
            if values.ndim != 2 or values.shape[1] != 2 or values.dtype.kind != "f":
                raise ValueError(f"the dataset's {name} has dtype {values.dtype} and shape {values.shape}")
        if len(obs) > 4 * len(seen):
            raise ValueError(f"the dataset holds {len(obs)} samples, but {len(seen)} states were visited")
        same = equal(obs[:, None], seen)  # (M, T N); after a termination all states are the same: the first counts
        self.found = same.any(axis=1)
        self.step, self.env = np.divmod(same.argmax(axis=1)[self.found], replay.obs.shape[1])
        self.label = self.label[self.found]
        self.times = np.zeros(replay.running.shape, dtype=int)
        """`[T, N]`, how often each state is in the dataset."""
        np.add.at(self.times, (self.step, self.env), 1)

    def hold(self, wanted: np.ndarray) -> bool:
        """Whether the states `wanted [T, N]` are in the dataset, once each, and no others."""
        return bool(self.found.all() and (self.times == wanted).all())

    def labelled(self, actions: np.ndarray) -> bool:
        """Whether every label is that of `actions [T, N, 2]` at its state."""
        return bool(len(self.label) and equal(self.label, actions[self.step, self.env]).all())

    def labels(self) -> Arrays:
        """Are the labels the expert's? If not, whose?"""
        replay, expert = self.replay, self.replay.expert
        right = self.labelled(expert(replay.state))
        others = {
            "every label is the action that was carried out": replay.action,
            "every label is the policy's action": replay.policy(replay.obs),
            "the expert was asked about the observation": expert(replay.obs),
            "the expert was asked about the next state": expert(replay.next_state),
        }
        wrong = {name: not right and self.labelled(actions) for name, actions in others.items()}
        return {"every label is the expert's action in that state": right} | wrong


def facts(**found) -> Arrays:
    return {name: np.asarray(value) for name, value in found.items()}


def under(prefix: str, arrays: Arrays) -> Arrays:
    """Those whose names begin with `prefix`, without it."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def form(data: Arrays) -> Arrays:
    """Dtypes and shapes: no rows of the dataset."""
    return {name: data[name][:0] for name in FIELDS}


DTYPES = {name: Close(dtype=True) for name in FIELDS}


# --- 4.1 -------------------------------------------------------------------------------------------------------------
def relabel(hw1: Homework, inputs: Arrays, rng: np.random.Generator, env: Plane, horizon: int, **options) -> dict:
    """Seed, actions and dataset of one rollout."""
    expert, policy = drivers(inputs)
    beta = float(inputs["beta"])
    data = hw1.dagger.rollout_and_relabel(env, policy, expert, horizon, beta, rng, **options)
    return env.record() | contents(data)


def draw_relabel(rng: np.random.Generator, beta: float = 0.5) -> Arrays:
    return draw_drivers(rng) | {"beta": np.array(beta), "seed": rng.integers(2**31)}


def draw_mixture(rng: np.random.Generator) -> Arrays:
    return draw_relabel(rng, rng.uniform(0.25, 0.35))


def relabel_once(hw1: Homework, inputs: Arrays, num: int, horizon: int, edge: float = np.inf, **options) -> dict:
    return relabel(hw1, inputs, np.random.default_rng(int(inputs["seed"])), Plane(num, edge), horizon, **options)


def label_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    replay = Replay(inputs, answer, num_envs=6)
    samples = Samples(replay, answer)
    right = samples.hold(replay.running)
    by_env = np.swapaxes(replay.state, 0, 1).reshape(-1, 2)
    states = {
        "steps": len(replay.action),
        "the expert and the policy both drive": replay.by_expert.any() and replay.by_policy.any(),
        "every state visited is in the dataset, once": right,
        "only the states that the expert drove in are": not right and samples.hold(replay.by_expert),
        "only the states that the policy drove in are": not right and samples.hold(replay.by_policy),
        "obs are privileged states": len(answer["obs"]) == len(by_env) and equal(answer["obs"], by_env).all(),
    }
    return facts(**states, **samples.labels())


def relabel_extremes(hw1: Homework, inputs: Arrays) -> dict:
    """With beta 0 and with beta 1."""
    answer = {}
    for beta in (0, 1):
        made = relabel_once(hw1, inputs | {"beta": np.array(float(beta))}, num=5, horizon=6)
        answer |= {f"{beta} {name}": array for name, array in made.items()}
    return answer


def extreme_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    policy, expert = (Replay(inputs, under(f"{beta} ", answer), num_envs=5) for beta in (0, 1))
    return facts(
        **{
            "share of steps that the policy drove at beta 0": policy.by_policy.mean(),
            "share of steps that the expert drove at beta 1": expert.by_expert.mean(),
        }
    )


def mixture_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    replay = Replay(inputs, answer, num_envs=200)
    drove = replay.by_expert
    return facts(
        **{
            "every action is the expert's or the policy's": (drove | replay.by_policy).all(),
            "share of steps that the expert drove": drove.mean(),
            "share of steps after which the driver stays the same": (drove[1:] == drove[:-1]).mean(),
            "share of neighbouring environments with the same driver": (drove[:, 1:] == drove[:, :-1]).mean(),
        }
    )


# 24 x 200 coins with beta p = 0.25 .. 0.35. The share of heads has the variance p (1 - p) / 4800, at most 4.8e-5. That
# of equal neighbours (q = p^2 + (1 - p)^2, and pairs share coins) has (q (1 - q) + 2 (p^3 + (1 - p)^3 - q^2)) / 4600,
# at most 7.0e-5. Two such shares differ with a deviation of 0.0118 at most; 0.075 is 6.3 of them: one alarm in 3e9.
COINS = {
    "share of steps that the expert drove": Close(rtol=0, atol=0.075),
    "share of steps after which the driver stays the same": Close(
        rtol=0, atol=0.075, says="the coin is to be tossed anew at every step"
    ),
    "share of neighbouring environments with the same driver": Close(
        rtol=0, atol=0.075, says="every environment is to have a coin of its own"
    ),
}


def termination_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    replay = Replay(inputs, answer, num_envs=8, edge=1.5)
    times = Samples(replay, answer).times
    return facts(
        **{
            "every state up to a termination is in the dataset": (times[replay.running] == 1).all(),
            "states after a termination are in the dataset": (times[~replay.running] > 0).any(),
        }
    )


def owner_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    replay = Replay(inputs, answer, num_envs=6)
    samples = Samples(replay, answer)
    learner = answer["learner"][samples.found]
    return form(answer) | facts(
        **{
            "learner of each environment": [only(learner[samples.env == n]) for n in range(6)],
            **episode_facts(samples, answer["episode"]),
            "driver": only(answer["driver"]),
        }
    )


def only(values: np.ndarray) -> int:
    """The value of all, -1 if they differ or there is none."""
    return int(values[0]) if len(values) and (values == values[0]).all() else -1


def episode_facts(samples: Samples, episode: np.ndarray) -> Arrays:
    """How many episodes there are; whether the samples of each are neighbours: consecutive steps of one environment."""
    episode = episode[samples.found]
    new = episode[1:] != episode[:-1]
    next_step = (np.diff(samples.step) == 1) & (np.diff(samples.env) == 0)
    runs = 1 + new.sum() if len(episode) else 0
    return {
        "episodes": len(np.unique(episode)),
        "episodes are unbroken": bool(runs == len(np.unique(episode)) and (new | next_step).all()),
        "an episode is cut where the rollout goes on": bool((new & next_step).any()),
    }


def relabel_repeatedly(hw1: Homework, inputs: Arrays) -> dict:
    """Twice from the same random state, then on with the second generator, then from another state."""
    first, again, other = (np.random.default_rng(int(inputs["seed"]) + i) for i in (0, 0, 1))
    answer = {}
    for name, rng in (("first", first), ("again", again), ("on", again), ("other", other)):
        made = relabel(hw1, inputs, rng, Plane(8), 8)
        answer |= {f"{name} {key}": array for key, array in made.items()}
    return answer


def repetition_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    made = {name: under(f"{name} ", answer) for name in ("first", "again", "on", "other")}
    first, again, on, other = (Replay(inputs, made[name], num_envs=8) for name in made)
    same = first.obs.shape == again.obs.shape and (first.obs == again.obs).all()
    data = (made["first"]["action"], made["again"]["action"])
    return facts(
        **{
            "the same rng, the same rollout": same,
            "the same rng, the same labels": data[0].shape == data[1].shape and (data[0] == data[1]).all(),
            "another rng, other starts": (first.obs[0] != other.obs[0]).any(),
            "another rng, another mixture": (first.by_expert != other.by_expert).any(),
            "the next rollout with an rng starts elsewhere": (again.obs[0] != on.obs[0]).any(),
        }
    )


# --- 4.2 -------------------------------------------------------------------------------------------------------------
def draw_dataset(rng: np.random.Generator, episodes: list[int], discrete: bool = False) -> Arrays:
    """Two samples of each of `episodes`."""
    count = 2 * len(episodes)
    action = rng.integers(1, 5, count) if discrete else rng.normal(size=(count, 2)).astype(np.float32)
    return {
        "obs": rng.normal(size=(count, 3)).astype(np.float32),
        "action": action,
        "episode": np.repeat(np.array(episodes, dtype=np.int64), 2),
        "learner": rng.integers(1, 4, count),
        "driver": rng.choice([-1, 1], count),
    }


def draw_union(rng: np.random.Generator, old: int = 3, new: int | None = None, discrete: bool = False) -> Arrays:
    """`old` episodes whose numbers have gaps and are in no order, and `new` (one for each number up to the largest
    old one, if None): a shift by less than the largest number and 1 makes some of them collide.
    """
    numbers = [int(rng.integers(8, 150)), 5, 3][:old]
    new = numbers[0] + 1 if new is None else new
    sets = {"old ": draw_dataset(rng, numbers, discrete), "new ": draw_dataset(rng, list(range(new)), discrete)}
    return {prefix + name: array for prefix, data in sets.items() for name, array in data.items()}


def union(hw1: Homework, inputs: Arrays) -> tuple[Dataset, Dataset, Dataset]:
    """The old one, the new one and what `aggregate` makes of them."""
    old, new = (Dataset(**{k: v.copy() for k, v in under(prefix, inputs).items()}) for prefix in ("old ", "new "))
    return old, new, hw1.dagger.aggregate(old, new)


def union_samples(hw1: Homework, inputs: Arrays) -> dict:
    *_, both = union(hw1, inputs)
    return {name: values for name, values in contents(both).items() if name != "episode"}


def union_episodes(hw1: Homework, inputs: Arrays) -> dict:
    *_, both = union(hw1, inputs)
    return {"obs": both.obs, "episode": both.episode}


def union_inputs(hw1: Homework, inputs: Arrays) -> dict:
    """The two after the union, and its size."""
    old, new, both = union(hw1, inputs)
    return {"samples": len(both)} | contents(old, "old dataset's ") | contents(new, "new dataset's ")


def numbering(inputs: Arrays, answer: Arrays) -> Arrays:
    """Episodes numbered anew in the order in which they come: any shift is right that keeps them apart."""
    episode = answer["episode"]
    if episode.ndim != 1 or episode.dtype.kind not in "iu" or len(episode) != len(answer["obs"]):
        raise ValueError(f"the episode numbers have dtype {episode.dtype} and shape {episode.shape}")
    _, first, number = np.unique(episode, return_index=True, return_inverse=True)
    return facts(samples=len(episode), **{"episode, counted from 0": np.argsort(np.argsort(first))[number]})


def union_with_nothing(hw1: Homework, inputs: Arrays) -> dict:
    """Something and nothing, nothing and something."""
    swapped = {"old " + k: v for k, v in under("new ", inputs).items()}
    swapped |= {"new " + k: v for k, v in under("old ", inputs).items()}
    answer = {}
    for name, given in (("nothing added ", inputs), ("nothing before ", swapped)):
        answer |= {f"{name}{field}": v for field, v in union_samples(hw1, given).items()}
    return answer


# --- 4.3 -------------------------------------------------------------------------------------------------------------
SAMPLES = 2  # that each call of a fake collects


class Fitted:
    """A policy that knows which one it is."""

    def __init__(self, number: int):
        self.number = number

    def __call__(self, obs):
        return np.zeros((len(obs), 1), dtype=np.float32)


def tagged(tags: list[int]) -> Dataset:
    """A dataset in which sample i has the observation i."""
    column, zeros = np.array(tags, dtype=np.float32)[:, None], np.zeros(len(tags), dtype=np.int64)
    return Dataset(obs=column, action=column.copy(), episode=np.arange(len(tags)), learner=zeros, driver=zeros.copy())


def tags(data: Dataset) -> list[int]:
    return np.asarray(data.obs).ravel().astype(int).tolist()


class Fakes:
    """Stand-ins for everything that `dagger` calls; they write down how."""

    def __init__(self, inputs: Arrays):
        self.env, self.expert, self.beta = Plane(), linear(np.zeros((3, 2))), inputs["beta"].tolist()
        self.demos = tagged(list(range(int(inputs["demos"]))))
        self.used = len(self.demos)
        self.fitted: list[list[int]] = []  # the samples of every fit
        self.calls: list[dict] = []  # of collect

    def fit(self, dataset):
        self.fitted.append(tags(dataset))
        return Fitted(len(self.fitted) - 1)

    def collect(self, env, policy, expert, horizon, beta, rng, learners=1):
        self.calls.append(
            {
                "policy": getattr(policy, "number", -1),
                "beta": float(beta),
                "horizon": horizon,
                "learners": learners,
                "same env and expert": env is self.env and expert is self.expert,
                "random": int(rng.integers(2**31)),
                "collect is the one given": True,
            }
        )
        self.used += SAMPLES
        return tagged(list(range(self.used - SAMPLES, self.used)))

    def rollout_and_relabel(self, *args, **options):
        data = self.collect(*args, **options)
        self.calls[-1]["collect is the one given"] = False
        return data

    def aggregate(self, dataset, new):
        """Only which samples are in it is right: no union that anybody could hand in."""
        return tagged(sorted(tags(dataset) + tags(new)))

    def called(self, name: str, kind=np.int64) -> np.ndarray:
        """By round: with what collect was called."""
        return np.array([call[name] for call in self.calls], dtype=kind)

    def counts(self, datasets: list[list[int]]) -> np.ndarray:
        """How often each sample is in each dataset `[..., samples]`."""
        counts = np.zeros((len(datasets), self.used), dtype=np.int64)
        for count, dataset in zip(counts, datasets, strict=True):
            np.add.at(count, dataset, 1)
        return counts


def draw_loop(rng: np.random.Generator, rounds: int = 4) -> Arrays:
    return {
        "rounds": np.array(rounds),
        "horizon": rng.integers(5, 50),
        "learners": rng.integers(2, 6),
        "demos": rng.integers(3, 500),
        "beta": rng.permutation(np.linspace(0.1, 0.9, 8)),
        "seed": rng.integers(2**31),
    }


def loop(hw1: Homework, inputs: Arrays, default: bool = False) -> tuple[Fakes, list]:
    """Run `dagger` on fakes. `default`: without beta, collect and learners."""
    fakes = Fakes(inputs)
    given = {} if default else {"beta": lambda i: fakes.beta[i], "collect": fakes.collect}
    if not default:
        given["learners"] = int(inputs["learners"])
    rng = np.random.default_rng(int(inputs["seed"]))
    replaced = {"aggregate": fakes.aggregate, "rollout_and_relabel": fakes.rollout_and_relabel}
    with stand_in(hw1, user="dagger", owner="dagger", **replaced):
        history = hw1.dagger.dagger(
            fakes.env, fakes.expert, fakes.fit, fakes.demos, int(inputs["rounds"]), int(inputs["horizon"]), rng, **given
        )
    return fakes, list(history)


def loop_datasets(hw1: Homework, inputs: Arrays) -> dict:
    fakes, _ = loop(hw1, inputs)
    return {"times fit was called": len(fakes.fitted), "samples in each fit": fakes.counts(fakes.fitted)}


def loop_collects(hw1: Homework, inputs: Arrays) -> dict:
    (fakes, _), (again, _) = loop(hw1, inputs), loop(hw1, inputs)
    random = fakes.called("random").tolist()
    return {
        "policy that collects in each round": fakes.called("policy"),
        "beta of each round": fakes.called("beta", np.float64),
        "horizon": fakes.called("horizon"),
        "learners": fakes.called("learners"),
        "env and expert are handed on": fakes.called("same env and expert", bool),
        "collect is the one given": fakes.called("collect is the one given", bool),
        "each round draws other random numbers": len(set(random)) == len(random),
        "the same rng gives the same random numbers": random == again.called("random").tolist(),
    }


def loop_history(hw1: Homework, inputs: Arrays) -> dict:
    fakes, history = loop(hw1, inputs)
    return {
        "policies of the rounds": np.array([getattr(r.policy, "number", -1) for r in history], dtype=np.int64),
        "samples in each round's dataset": fakes.counts([tags(r.dataset) for r in history]),
    }


def loop_defaults(hw1: Homework, inputs: Arrays) -> dict:
    fakes, _ = loop(hw1, inputs, default=True)
    return {
        "policy that rollout_and_relabel runs in each round": fakes.called("policy"),
        "beta of each round": fakes.called("beta", np.float64),
        "learners": fakes.called("learners"),
    }


def loop_without_rounds(hw1: Homework, inputs: Arrays) -> dict:
    fakes, history = loop(hw1, inputs)
    return {
        "calls of fit": len(fakes.fitted),
        "calls of collect": len(fakes.calls),
        "policies": np.array([getattr(r.policy, "number", -1) for r in history], dtype=np.int64),
        "samples": fakes.counts([tags(r.dataset) for r in history]),
    }


# --- 4.4 -------------------------------------------------------------------------------------------------------------
class Schedule:
    """A gate that gives the wheel to the expert at fixed steps, `table [T, N]`, and writes down what it is told."""

    def __init__(self, table: np.ndarray):
        self.table = table != 0
        self.told: list[tuple] = []
        self.ready = False

    def reset(self, seed):
        self.ready = not self.told

    def __call__(self, obs, state, expert_drives):
        self.told.append((np.array(obs), np.array(state), np.array(expert_drives) != 0))
        return self.table[min(len(self.told), len(self.table)) - 1].copy()

    def record(self) -> dict:
        columns = zip(*self.told, strict=True)
        names = ("gate's obs", "gate's state", "gate's expert_drives")
        return {name: np.stack(column) for name, column in zip(names, columns, strict=True)} | {"reset": self.ready}


LENGTH, ENVS = 10, 6


def draw_schedule(rng: np.random.Generator) -> Arrays:
    """In every environment: an intervention, a pause, another one, and the policy has the last step."""
    table = np.zeros((LENGTH, ENVS), dtype=np.int64)
    for n in range(ENVS):
        first, second = rng.integers(1, 4), rng.integers(6, 8)
        table[first : rng.integers(first + 1, 5), n] = table[second : rng.integers(second + 1, 9), n] = 1
    return draw_drivers(rng) | {"table": table, "seed": rng.integers(1, 2**31)}


def intervene(hw1: Homework, inputs: Arrays, edge: float = np.inf, **options) -> dict:
    """Seed, actions and dataset of one rollout, and what the gate was told."""
    expert, policy = drivers(inputs)
    env, gate = Plane(ENVS, edge), Schedule(inputs["table"])
    data = hw1.dagger.intervention_rollout(env, policy, expert, gate, LENGTH, int(inputs["seed"]), **options)
    return env.record() | contents(data) | gate.record()


def kept_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    replay = Replay(inputs, answer, ENVS)
    samples, drove = Samples(replay, answer), inputs["table"] != 0
    kept = {
        "the states that the expert controlled are kept, no others": samples.hold(drove),
        "all states are kept": samples.hold(np.ones_like(drove)),
        "the states that the policy controlled are kept": samples.hold(~drove),
        "all states from the first intervention on are kept": samples.hold(np.maximum.accumulate(drove)),
        "the states after those that the expert controlled are kept": samples.hold(np.roll(drove, 1, axis=0)),
    }
    return facts(**kept, **samples.labels())


def gate_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    replay, table = Replay(inputs, answer, ENVS), inputs["table"] != 0
    before = np.concatenate([np.zeros((1, ENVS), dtype=bool), table[:-1]])
    told = {name: answer[f"gate's {name}"] for name in ("obs", "state", "expert_drives")}

    def same(left, right):
        return left.shape == right.shape and np.allclose(left, right, atol=1e-4)

    return facts(
        **{
            "seed of the reset": answer["seed"].astype(np.int64),
            "the expert drives where the gate says so": same(replay.by_expert, table),
            "the policy drives where it does not": same(replay.by_policy, ~table),
            "the gate is told the observation": same(told["obs"], replay.obs),
            "the gate is told the state": same(told["state"], replay.state),
            "the gate is told who drove a step ago": same(told["expert_drives"], before),
            "the gate is reset before the first step": answer["reset"] != 0,
        }
    )


def intervene_never_and_always(hw1: Homework, inputs: Arrays) -> dict:
    answer = {}
    for name, on in (("never ", 0), ("always ", 1)):
        made = intervene(hw1, inputs | {"table": np.full_like(inputs["table"], on)})
        answer |= {name + key: array for key, array in made.items()}
    return answer


def never_and_always_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    never, always = under("never ", answer), under("always ", answer)
    samples = Samples(Replay(inputs, always, ENVS), always)
    return facts(
        **{
            "samples if nobody intervenes": len(never["obs"]),
            "obs, if nobody intervenes": never["obs"][:0],
            "every state is kept if the expert always drives": samples.hold(samples.replay.running),
        }
    )


def draw_late(rng: np.random.Generator) -> Arrays:
    """The expert drives until the end, from the fourth step on; in the first environment it does after a pause."""
    table = np.repeat(np.arange(LENGTH)[:, None] >= 3, ENVS, axis=1).astype(np.int64)
    table[rng.integers(5, 9), 0] = 0
    return draw_drivers(rng) | {"table": table, "seed": rng.integers(1, 2**31)}


def intervene_owners(hw1: Homework, inputs: Arrays) -> dict:
    """For three learners, in a world without an edge and in one with."""
    near = intervene(hw1, inputs, edge=1.5, learners=3)
    return intervene(hw1, inputs, learners=3) | {f"edge {name}": array for name, array in near.items()}


def intervention_owner_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    near = under("edge ", answer)
    replay = Replay(inputs, near, ENVS, edge=1.5)
    times = Samples(replay, near).times
    return owner_facts(inputs, answer) | facts(
        **{"states after a termination are kept": (times[~replay.running] > 0).any()}
    )


# --- E.4 -------------------------------------------------------------------------------------------------------------
def draw_ensemble(rng: np.random.Generator, members: int = 4, num: int = 7) -> Arrays:
    """Members with deviations of their own in the two dimensions of the action."""
    weights = rng.normal(size=(members, 3, 2)) * np.array([1.0, 0.6])
    return {"members": weights, "obs": rng.normal(size=(num, 2)).astype(np.float32)}


def doubt(hw1: Homework, inputs: Arrays) -> dict:
    gate = hw1.dagger.uncertainty_gate([linear(weights) for weights in inputs["members"]], 0.5)
    return {"doubt": gate.doubt(inputs["obs"].copy())}


def draw_small_ensembles(rng: np.random.Generator) -> Arrays:
    return draw_ensemble(rng, members=2, num=1)


def doubt_of_few(hw1: Homework, inputs: Arrays) -> dict:
    """One state: two members, one member who cannot disagree, two with an action of one dimension."""
    both = [linear(weights) for weights in inputs["members"]]
    narrow = [lambda obs, member=member: member(obs)[:, 1:] for member in both]
    ensembles = {"two": both, "one": both[:1], "one-dimensional": narrow}
    gates = {name: hw1.dagger.uncertainty_gate(members, 0.5) for name, members in ensembles.items()}
    return {f"doubt, {name}": gate.doubt(inputs["obs"].copy()) for name, gate in gates.items()}


def draw_threshold(rng: np.random.Generator) -> Arrays:
    """Doubt is the largest coordinate's size, in steps of a quarter; some of it is exactly the threshold.

    The members disagree in one dimension or as much in both: no multiple of the mean over dimensions does for both.
    """
    threshold = rng.choice([1.25, 1.5, 1.75])  # not 1, which is its own square
    order = rng.permutation(20)
    size = np.repeat(threshold + np.array([-0.5, -0.25, 0.0, 0.25, 0.5]), 4)[order]
    in_both, expert_drives = np.tile([0, 0, 1, 1], 5)[order], np.tile([0, 1], 10)[order]
    obs = np.stack([size, in_both * size], axis=1) * rng.choice([-1, 1], (len(size), 2))
    return {
        "obs": obs.astype(np.float32),
        "state": obs[::-1].astype(np.float32) + 1.0,
        "expert_drives": expert_drives,
        "threshold": np.array(threshold),
    }


def called(hw1: Homework, inputs: Arrays) -> dict:
    gate = hw1.dagger.uncertainty_gate([lambda obs: obs, lambda obs: -obs], float(inputs["threshold"]))
    answer = gate(inputs["obs"].copy(), inputs["state"].copy(), inputs["expert_drives"] != 0)
    return {"the expert is called": answer}


FITS = {"samples in each fit": Close(says="each fit is to get every sample collected so far, once")}

PROBES = [
    Probe(
        "4.1.1",
        "every visited state, labelled by the expert, whoever drove",
        2,
        draw_relabel,
        partial(relabel_once, num=6, horizon=10),
        facts=label_facts,
    ),
    Probe("4.1.2", "beta 0 and beta 1", 1, draw_relabel, relabel_extremes, facts=extreme_facts),
    Probe(
        "4.1.3",
        "a coin for every step and every environment",
        1,
        draw_mixture,
        partial(relabel_once, num=200, horizon=24),
        COINS,
        mixture_facts,
    ),
    Probe(
        "4.1.4",
        "states after a termination are left out",
        0.5,
        draw_relabel,
        partial(relabel_once, num=8, horizon=12, edge=1.5),
        facts=termination_facts,
        guessable=True,
    ),
    Probe(
        "4.1.5",
        "learners, episodes, dtypes",
        0.5,
        draw_relabel,
        partial(relabel_once, num=6, horizon=5, learners=3),
        DTYPES,
        owner_facts,
        guessable=True,
    ),
    Probe("4.1.6", "all chance comes from rng", 1, draw_relabel, relabel_repeatedly, facts=repetition_facts),
    Probe("4.2.1", "all samples of both, the old ones first", 1, draw_union, union_samples, DTYPES),
    Probe("4.2.2", "episodes stay apart", 1, draw_union, union_episodes, facts=numbering),
    Probe("4.2.3", "the inputs stay as they are", 0.5, draw_union, union_inputs),
    Probe(
        "4.2.4",
        "nothing added, or to nothing; discrete actions",
        0.5,
        partial(draw_union, new=0, discrete=True),
        union_with_nothing,
    ),
    Probe("4.3.1", "fits to everything collected so far, once a round", 2, draw_loop, loop_datasets, FITS),
    Probe("4.3.2", "the newest policy collects, with the round's beta", 2, draw_loop, loop_collects),
    Probe(
        "4.3.3",
        "what is returned: a Round for each",
        1,
        draw_loop,
        loop_history,
    ),
    Probe(
        "4.3.4",
        "the defaults: rollout_and_relabel, beta 0",
        1,
        draw_loop,
        loop_defaults,
        guessable=True,
    ),
    Probe(
        "4.3.5",
        "no rounds: behaviour cloning alone",
        1,
        partial(draw_loop, rounds=0),
        loop_without_rounds,
    ),
    Probe(
        "4.4.1", "what the expert controlled, labelled by what it did", 1.5, draw_schedule, intervene, facts=kept_facts
    ),
    Probe("4.4.2", "the gate is asked, and obeyed", 1, draw_schedule, intervene, facts=gate_facts),
    Probe(
        "4.4.3",
        "interventions never, and always",
        0.5,
        draw_schedule,
        intervene_never_and_always,
        facts=never_and_always_facts,
        guessable=True,
    ),
    Probe(
        "4.4.4",
        "learners, episodes, terminations",
        1,
        draw_late,
        intervene_owners,
        DTYPES,
        intervention_owner_facts,
        guessable=True,
    ),
    Probe("E.4.1", "doubt: the members' deviation", 2, draw_ensemble, doubt),
    Probe("E.4.2", "doubt of a small ensemble, in one state", 1, draw_small_ensembles, doubt_of_few),
    Probe("E.4.3", "calls the expert above the threshold", 2, draw_threshold, called),
]
