"""Probes of exercise 4.2: the union of two datasets, round after round."""

import numpy as np

from hw1.demos import Dataset, collect
from hw1.envs import Lane
from hw1.experts import LaneExpert
from tests.autograder import forms
from tests.autograder.probes.base import Arrays, Close, Homework, probe
from tests.autograder.probes.datasets import FIELDS, contents, without_prefix
from tests.autograder.probes.sizes import cases


# --- datasets --------------------------------------------------------------------------------------------------------
def draw_dataset(rng: np.random.Generator, numbers, obs_dim: int, action_dim: int, steps=None) -> Arrays:
    """Samples of the episodes `numbers`, `steps` of each (one to three if None); every field is drawn independently.

    action_dim: 0 for discrete actions.
    """
    steps = rng.integers(1, 4, len(numbers)) if steps is None else steps
    count = int(np.sum(steps))
    continuous = rng.normal(size=(count, action_dim)).astype(np.float32)
    return {
        "obs": rng.normal(size=(count, obs_dim)).astype(np.float32),
        "action": continuous if action_dim else rng.integers(0, 5, count),
        "episode": np.repeat(np.array(numbers, dtype=np.int64), steps),
        "learner": rng.choice([0, 1, 2, 300], count),
        "driver": rng.integers(-1, 2, count),
    }


def draw_gaps(rng: np.random.Generator, *dims: int) -> list[Arrays]:
    """Three old episodes, unordered, with gaps between their numbers; a new one for each number up to their largest.

    Some collide, unless the shift is larger than the largest old number. Two samples are in both datasets.
    """
    numbers = [int(rng.integers(20, 36)), 5, 3]
    old, new = draw_dataset(rng, numbers, *dims), draw_dataset(rng, range(numbers[0] + 1), *dims)
    for name in ("obs", "action", "learner", "driver"):
        new[name][:2] = old[name][:2]
    return [old, new]


def draw_few(rng: np.random.Generator, *dims: int) -> list[Arrays]:
    """A few new episodes. Every count of samples or episodes is the number of an old one, so it is no right shift."""
    few, many = int(rng.integers(2, 5)), 16
    numbers = rng.permutation(np.r_[0, rng.choice(np.arange(6, 12), few, replace=False)])
    new, steps = draw_dataset(rng, numbers, *dims), rng.integers(1, 4, many)
    old_samples, new_samples = steps.sum(), len(new["obs"])
    counts = [numbers.max() + 1, few + 1, few + 1 + many, many, new_samples, old_samples, new_samples + old_samples]
    taken = np.unique([count - i for count in counts for i in (0, 1)])
    others = rng.choice(np.arange(100, 200), many - len(taken), replace=False)
    return [draw_dataset(rng, rng.permutation([*taken, *others]), *dims, steps=steps), new]


def draw_rounds(rng: np.random.Generator, *dims: int) -> list[Arrays]:
    """Four rounds of different sizes, with episodes counted from 0 as `Dataset.from_rollout` does it."""
    return [draw_dataset(rng, range(size), *dims) for size in rng.permutation([1, 2, 5, 9])]


def draw_large(rng: np.random.Generator, *dims: int) -> list[Arrays]:
    """Large old numbers, some of which need more than 32 bits. All are taken up to 300, and multiples of 1000 up to
    15,000. No new number is below the smallest old one.
    """
    old = rng.permutation([*range(301), *range(1000, 16_000, 1000), 2**31 - 1, 2**31, 2**31 + 44])
    new = rng.permutation([255, 256, 300, 1000, 2**31, *rng.choice(np.arange(1, 100), 9, replace=False)])
    return [draw_dataset(rng, each, *dims, steps=np.ones(len(each), int)) for each in (old, new)]


def draw_unions(rng: np.random.Generator) -> Arrays:
    """Observations and actions of different sizes; discrete actions in one case."""
    obs_dim, action_dim = rng.choice([2, 3, 4], 2, replace=False)
    return named(
        {
            "the old numbers have gaps": draw_gaps(rng, obs_dim, action_dim),
            "the new episodes are few": draw_few(rng, obs_dim, 0),
            "there are several rounds": draw_rounds(rng, 1, 1),
        }
    )


def draw_numbers(rng: np.random.Generator) -> Arrays:
    return draw_unions(rng) | named({"the old numbers are large": draw_large(rng, 1, 1)})


def draw_empty(rng: np.random.Generator) -> Arrays:
    """One of the datasets has no samples, or neither has any; actions of both kinds."""
    dims = [int(rng.integers(2, 5)), *rng.permutation([0, 2])]
    some, none = draw_dataset(rng, [4, 0], *dims[:2]), draw_dataset(rng, [], *dims[:2])
    other, nothing = draw_dataset(rng, [6, 2, 4], dims[0], dims[2]), draw_dataset(rng, [], dims[0], dims[2])
    return named(
        {
            "the new dataset is empty": [some, none],
            "the old dataset is empty": [nothing, other],
            "both datasets are empty": [none, none],
            "an empty dataset comes between": [other, nothing, other],
        }
    )


def named(made: dict[str, list[Arrays]]) -> Arrays:
    """The inputs of several cases, each with datasets to join in order."""
    return {
        f"{number} {name} if {case}": array
        for case, datasets in made.items()
        for number, dataset in enumerate(datasets)
        for name, array in dataset.items()
    }


def datasets(inputs: Arrays) -> list[Dataset]:
    """Those of one case."""
    found = [without_prefix(f"{number} ", inputs) for number in range(4)]
    return [Dataset(**{name: array.copy() for name, array in each.items()}) for each in found if each]


# --- the union -------------------------------------------------------------------------------------------------------
def union(hw1: Homework, *given: Dataset) -> Dataset:
    """All of them, joined one after the other."""
    joined = given[0]
    for new in given[1:]:
        joined = forms.dataset(hw1.dagger.aggregate(joined, new), "aggregate")
    return joined


def unions(hw1: Homework, inputs: Arrays) -> dict:
    """The contents of the union in each case."""
    return {
        name + case: values
        for case, own in cases(inputs)
        for name, values in contents(union(hw1, *datasets(own))).items()
    }


def with_itself(hw1: Homework, inputs: Arrays) -> dict:
    """The contents of the union of one dataset with itself, in the first case."""
    first = next(iter(cases(inputs)))[1]
    data = datasets(first)[0]
    return {f"{name} if a dataset is joined with itself": x for name, x in contents(union(hw1, data, data)).items()}


def without_episodes(inputs: Arrays, answer: Arrays) -> Arrays:
    return {name: values for name, values in answer.items() if not name.startswith("episode")}


def numbering(inputs: Arrays, answer: Arrays) -> Arrays:
    """Episodes renumbered in the order in which they appear: any shift that keeps them apart is right. And whether the
    samples of the first dataset keep their numbers.
    """
    facts = {}
    old = {case: own["0 episode"] for case, own in cases(inputs)}
    for case, own in cases(answer):
        episode, before = own["episode"], old.get(case, next(iter(old.values())))
        if episode.ndim != 1 or episode.dtype.kind not in "iu" or len(episode) != len(own["obs"]):
            raise ValueError(f"the episode numbers are {episode.dtype} {list(episode.shape)}; keep them integers, [M]")
        _, first, number = np.unique(episode, return_index=True, return_inverse=True)
        facts[f"number of the episode{case}"] = np.argsort(np.argsort(first))[number]
        facts[f"the old numbers stay{case}"] = np.asarray(np.array_equal(episode[: len(before)], before))
    return facts


def everything(inputs: Arrays, answer: Arrays) -> Arrays:
    dtypes = {f"dtype of {name}": values[:0] for name, values in answer.items() if name.startswith("episode")}
    return without_episodes(inputs, answer) | numbering(inputs, answer) | dtypes


def exact(draw) -> dict:
    """No number changes, and no dtype."""
    ends = [case for case, _ in cases(draw(np.random.default_rng(0)))]
    names = [field + case for field in FIELDS for case in ends]
    return {start + name: Close(rtol=0, atol=0, dtype=True) for name in names for start in ("", "dtype of ")}


@probe(
    "4.2.1",
    "all samples of both, the old ones first",
    points=0.75,
    draw=draw_unions,
    rules=exact(draw_unions),
    facts=without_episodes,
    asked="All samples of both, the old ones first",
)
def samples(hw1: Homework, inputs: Arrays) -> dict:
    return unions(hw1, inputs)


@probe(
    "4.2.2",
    "episodes stay separate",
    points=0.75,
    draw=draw_numbers,
    facts=numbering,
    asked="Episode numbers of `new` are shifted so that they do not collide with those of `dataset`, which stay.",
)
def episodes(hw1: Homework, inputs: Arrays) -> dict:
    return unions(hw1, inputs) | with_itself(hw1, inputs)


def draw_pair(rng: np.random.Generator) -> Arrays:
    return named({"there are two datasets": draw_gaps(rng, 3, 2)})


@probe("4.2.3", "the inputs do not change", points=0.5, draw=draw_pair, asked="neither input is changed.")
def unchanged_inputs(hw1: Homework, inputs: Arrays) -> dict:
    """The two datasets after the union, and its size."""
    ((_, own),) = cases(inputs)
    old, new = datasets(own)
    joined = union(hw1, old, new)
    writeable = all(getattr(data, name).flags.writeable for data in (old, new) for name in FIELDS)
    return (
        {"samples": len(joined), "the arrays can be written": writeable}
        | contents(old, "old dataset's ")
        | contents(new, "new dataset's ")
    )


@probe(
    "4.2.4",
    "unions with an empty dataset; dtypes",
    points=0.5,
    draw=draw_empty,
    rules=exact(draw_empty),
    facts=everything,
    asked="All other values and every dtype stay as they are. Either dataset may be empty.",
)
def empty(hw1: Homework, inputs: Arrays) -> dict:
    return unions(hw1, inputs)


def draw_drives(rng: np.random.Generator) -> Arrays:
    """The first round has one environment, so its only episode has the number of the next round's first one."""
    return {
        "envs": np.r_[1, rng.integers(1, 4, 3)],
        "steps": rng.integers(3, 6, 4),
        "history": np.array(rng.integers(2, 4)),
        "chunk": np.array(rng.integers(2, 4)),
        "seed": np.array(rng.integers(2**31)),
    }


@probe(
    "4.2.5",
    "in use: histories and chunks of four rounds on Lane",
    points=0.5,
    draw=draw_drives,
    asked="used to look back (history) and ahead (chunks) without leaving it.",
)
def windows(hw1: Homework, inputs: Arrays) -> dict:
    drives = [
        collect(Lane(int(envs)), LaneExpert(), int(steps), int(inputs["seed"]) + number)
        for number, (envs, steps) in enumerate(zip(inputs["envs"], inputs["steps"], strict=True))
    ]
    joined = union(hw1, *drives)
    back, ahead = joined.windows(int(inputs["history"]), int(inputs["chunk"]))
    return {
        "episodes": len(np.unique(joined.episode)),
        "histories in the union (their first two numbers)": joined.obs[back][..., :2],
        "action chunks": joined.action[ahead],
    }
