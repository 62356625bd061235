"""Probes of exercise 4.2: the union of two datasets."""

from functools import partial

import numpy as np

from hw1.demos import Dataset
from tests.autograder.probes.base import Arrays, Homework, probe
from tests.autograder.probes.datasets import DTYPES, as_arrays, contents, prefixed, without_prefix


def draw_dataset(rng: np.random.Generator, episodes: list[int], discrete: bool = False) -> Arrays:
    """Two samples of each of the `episodes`."""
    count = 2 * len(episodes)
    action = rng.integers(1, 5, count) if discrete else rng.normal(size=(count, 2)).astype(np.float32)
    return {
        "obs": rng.normal(size=(count, 3)).astype(np.float32),
        "action": action,
        "episode": np.repeat(np.array(episodes, dtype=np.int64), 2),
        "learner": rng.integers(1, 4, count),
        "driver": rng.choice([-1, 1], count),
    }


def draw_union(rng: np.random.Generator, new: int | None = None, discrete: bool = False) -> Arrays:
    """Three old episodes, unordered, with gaps between their numbers, and `new` episodes.

    If `new` is None, there is one for each number up to the largest old one. Then some numbers collide, unless the new
    ones are shifted by at least the largest old number plus 1.
    """
    numbers = [int(rng.integers(8, 150)), 5, 3]
    new = numbers[0] + 1 if new is None else new
    first = draw_dataset(rng, numbers, discrete)
    second = draw_dataset(rng, list(range(new)), discrete)
    return prefixed("old ", first) | prefixed("new ", second)


def union(hw1: Homework, inputs: Arrays) -> tuple[Dataset, Dataset, Dataset]:
    """The old dataset, the new one, and their union by `aggregate`."""
    parts = (without_prefix(prefix, inputs) for prefix in ("old ", "new "))
    old, new = (Dataset(**{name: array.copy() for name, array in part.items()}) for part in parts)
    return old, new, hw1.dagger.aggregate(old, new)


def contents_of_union(hw1: Homework, inputs: Arrays) -> dict:
    *_, both = union(hw1, inputs)
    return {name: values for name, values in contents(both).items() if name != "episode"}


@probe("4.2.1", "all samples of both, the old ones first", points=1, draw=draw_union, rules=DTYPES)
def samples(hw1: Homework, inputs: Arrays) -> dict:
    return contents_of_union(hw1, inputs)


def numbering(inputs: Arrays, answer: Arrays) -> Arrays:
    """Episodes renumbered in the order in which they appear: any shift that keeps them apart is right."""
    episode = answer["episode"]
    if episode.ndim != 1 or episode.dtype.kind not in "iu" or len(episode) != len(answer["obs"]):
        raise ValueError(f"the episode numbers have dtype {episode.dtype} and shape {episode.shape}")
    _, first, number = np.unique(episode, return_index=True, return_inverse=True)
    return as_arrays({"samples": len(episode), "episode, counted from 0": np.argsort(np.argsort(first))[number]})


@probe("4.2.2", "episodes stay separate", points=1, draw=draw_union, facts=numbering)
def episodes(hw1: Homework, inputs: Arrays) -> dict:
    *_, both = union(hw1, inputs)
    return {"obs": both.obs, "episode": both.episode}


@probe("4.2.3", "the inputs do not change", points=0.5, draw=draw_union)
def unchanged_inputs(hw1: Homework, inputs: Arrays) -> dict:
    """The two datasets after the union, and its size."""
    old, new, both = union(hw1, inputs)
    return {"samples": len(both)} | contents(old, "old dataset's ") | contents(new, "new dataset's ")


@probe(
    "4.2.4",
    "unions with an empty dataset; discrete actions",
    points=0.5,
    draw=partial(draw_union, new=0, discrete=True),
)
def union_with_nothing(hw1: Homework, inputs: Arrays) -> dict:
    """Something and nothing, nothing and something."""
    swapped = prefixed("old ", without_prefix("new ", inputs)) | prefixed("new ", without_prefix("old ", inputs))
    return prefixed("nothing added ", contents_of_union(hw1, inputs)) | prefixed(
        "nothing before ", contents_of_union(hw1, swapped)
    )
