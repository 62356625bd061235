"""Draws of a student's code: repeated calls with one generator, with a fresh one and with none; known averages."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from tests.autograder import forms
from tests.autograder.probes.base import Arrays
from tests.autograder.probes.head_answers import generator

OUTSIDE = 6.5
"""Standard errors that an average of right draws may be away from its known mean: more happens with p = 8e-11."""


def nearly(value, expected, tolerance) -> np.ndarray:
    """`expected` where `value` is at most `tolerance` away, else `value`: so all right draws give the same answer."""
    value, expected = np.broadcast_arrays(np.asarray(value, dtype=np.float64), np.float64(expected))
    return np.where(np.abs(value - expected) <= tolerance, expected, value)


def normal_facts(name: str, values: np.ndarray) -> Arrays:
    """The standard deviation and the mean distance from 0 of draws from N(0, 1), unless they are nearly right.

    Their standard errors are 1 / sqrt(2 n) and 0.6 / sqrt(n). With n = 8,000 draws a standard deviation that is 10 %
    off is 12 standard errors away, and uniform draws of the same standard deviation are 10 away in their mean distance.
    """
    tolerance = OUTSIDE / np.sqrt(values.size)
    return {
        f"{name}: standard deviation": nearly(np.std(values), 1.0, tolerance * 0.5**0.5),
        f"{name}: mean distance from 0": nearly(np.abs(values).mean(), (2 / np.pi) ** 0.5, tolerance * 0.603),
    }


drawing = threading.RLock()  # threads share the global stream, from which layers draw their first weights


@contextmanager
def global_stream(seed: int) -> Iterator[None]:
    """Draws without a generator begin at this seed; the global stream then goes on as if nothing had been drawn."""
    with drawing, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def fresh_draws(head: nn.Module, inputs: Arrays, features: Tensor, of: str) -> tuple[Tensor, dict]:
    """Actions of two calls with one generator and of one call without a generator, side by side: all independent. Also
    whether draws for a few rows repeat that should, and only those.
    """
    few, dims, first = features[:8], inputs["action"].shape[1], generator(inputs)
    with global_stream(int(inputs["seed"]) + 1):
        small = [head.sample(few, each) for each in (generator(inputs), generator(inputs), None, None)]
        one, again, free, other_free = (forms.tensor(each, of, "B A", len(few), dims) for each in small)
        forms.tensor(head.sample(features[:1], generator(inputs)), of, "B A", 1, dims)
        made = [head.sample(features, each) for each in (first, first, None)]
    return torch.cat([forms.tensor(each, of, "B A", len(features), dims) for each in made], dim=1), {
        "samples repeat with the generator": torch.equal(one, again),
        "samples without a generator repeat": torch.equal(free, other_free),
    }
