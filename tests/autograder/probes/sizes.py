"""Inputs of several sizes in one probe: all sizes different and above 2, then each of them 1.

So an answer that is right only by coincidence of sizes, or only for one size, is not right.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch

from tests.autograder.probes.base import Arrays
from tests.autograder.probes.tensors import float32, tensor


def drawn(rng: np.random.Generator, draw: Callable[..., Arrays], **most: int) -> Arrays:
    """What `draw(rng, B=3, A=2, ...)` makes of random sizes from 3 to `most`, and again with each size in turn 1.

    Inputs of these other cases have names that end in " if B = 1".
    """
    sizes = dict(zip(most, _different(rng, list(most.values())), strict=True))
    several = {"": sizes} | {f" if {letter} = 1": sizes | {letter: 1} for letter in most}
    return {name + case: array for case, own in several.items() for name, array in draw(rng, **own).items()}


def _different(rng: np.random.Generator, most: list[int]) -> list[int]:
    while True:
        sizes = [int(rng.integers(3, each + 1)) for each in most]
        if len(set(sizes)) == len(sizes):
            return sizes


def cases(inputs: Arrays) -> Iterator[tuple[str, Arrays]]:
    """The inputs of each case, with the end that its names have."""
    for case in dict.fromkeys("".join(name.partition(" if ")[1:]) for name in inputs):
        own = {name: x for name, x in inputs.items() if "".join(name.partition(" if ")[1:]) == case}
        yield case, {name.removesuffix(case): x for name, x in own.items()}


def in_each_case(letters: str, **rules) -> dict:
    """Rules for answers whose names end like those of the inputs."""
    ends = ["", *(f" if {letter} = 1" for letter in letters)]
    return {name.replace("_", " ") + end: rule for name, rule in rules.items() for end in ends}


def draw_batch(rng: np.random.Generator, B: int, A: int, F: int, scale: float = 1.0, **more) -> Arrays:
    """Features, actions in [-scale, scale], normal noise, the seeds of the weights and of a generator."""
    return float32(
        features=rng.normal(size=(B, F)),
        action=rng.uniform(-scale, scale, (B, A)),
        noise=rng.normal(size=(B, A)),
        weights=rng.integers(2**31),
        seed=rng.integers(2**31),
        **{name: np.asarray(value) for name, value in more.items()},
    )


def unchanged(inputs: Arrays, **now: torch.Tensor) -> bool:
    """Whether the tensors that the student's code received are still equal to the inputs of the same name."""
    return all(torch.equal(x.detach().to(tensor(inputs, name).dtype), tensor(inputs, name)) for name, x in now.items())
