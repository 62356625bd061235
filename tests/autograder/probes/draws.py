"""Draws of a student's code: repeated calls with one generator, with a fresh one and with none; known facts."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import NormalDist

import numpy as np
import torch
from torch import Tensor, nn

from tests.autograder import forms
from tests.autograder.probes.base import Arrays
from tests.autograder.probes.head_answers import checked, features_of, generator

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


# --- noise: whether draws `[calls, rows, numbers]` may be independent ones from N(0, 1) ------------------------------
def noise_facts(z: np.ndarray) -> Arrays:
    """Beyond what `Sample` compares, because here the distribution is known. Each is False with p < 1e-9 by chance."""
    return {
        "noise has the standard deviation 1": np.array(abs(np.mean(z**2) - 1) < OUTSIDE * (2 / z.size) ** 0.5),
        "noise has the shape of a normal distribution": bell(z),
        "noise has the tails of a normal distribution": tails(z),
        "noise is as random as it should be": untouched(z),
    }


BINS = 28
EDGES = [NormalDist().inv_cdf(i / BINS) for i in range(1, BINS)]
EDGES = np.array([-3.1, -2.6, *EDGES, 2.6, 3.1])
SHARES = np.diff([0, *(NormalDist().cdf(edge) for edge in EDGES), 1])


def bell(z: np.ndarray) -> np.ndarray:
    """Whether a chi-square of 31 bins is neither too large nor too small.

    Right draws: above 130 with p = 2e-14 (the rarest two bins have 16 of 16,384 draws, so it is more, but below 1e-10),
    below 5 with p = 1e-9. Draws with a logistic distribution are near 400, quasi-random ones (Sobol) near 0.
    """
    count = np.bincount(np.searchsorted(EDGES, z.ravel()), minlength=len(SHARES))
    return np.array(5 < ((count - z.size * SHARES) ** 2 / (z.size * SHARES)).sum() < 130)


def tails(z: np.ndarray) -> np.ndarray:
    """Whether this may be the largest of 16,000 to 40,000 draws: below 3.1 with p = 3e-14, above 7.5 with 3e-9."""
    return np.array(3.1 < np.abs(z).max() < 7.5)


def untouched(z: np.ndarray) -> np.ndarray:
    """False if the mean of every call is 0, or every mean square 1: noise that was standardised. By chance: 3e-11."""
    for x in (z, (z**2 - 1) / 2**0.5):
        if (np.abs(x.mean(axis=(1, 2))) * x[0].size ** 0.5 < 3e-3).all():
            return np.array(False)
    return np.array(True)


def unrelated(x: np.ndarray) -> np.ndarray:
    """Whether numbers `[calls, rows, numbers]` of mean 0 and variance 1 are unrelated, whichever rows are compared.

    Sums of x_i x_j over all pairs of places that have the same distance, and over all that have the same middle. Each
    of 80,000 sums is normal with a standard deviation of at most (2 n)^0.5: more than 7.6 of it happens with p = 3e-9.
    If a tenth of the rows repeat others, a sum is 9 of it or more (16,384 numbers).
    """
    rows = x.reshape(-1, x.shape[-1])
    there, back = np.fft.rfft2(rows, axes=(1, 0)), np.fft.rfft2(rows[::-1], axes=(1, 0))
    same_distance, same_middle = (
        np.fft.irfft2(there * other.conj(), s=rows.shape[::-1], axes=(1, 0)) for other in (there, back)
    )
    same_distance[0, 0] = 0
    largest = max(np.abs(same_distance).max(), np.abs(same_middle).max())
    return np.array(largest < 7.6 * (2 * x.size) ** 0.5)


# --- the global stream -----------------------------------------------------------------------------------------------
drawing = threading.RLock()  # threads share the global stream, from which layers draw their first weights


@contextmanager
def global_stream(seed: int) -> Iterator[None]:
    """Draws without a generator begin at this seed; the global stream then goes on as if nothing had been drawn."""
    with drawing, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # without the note of who asks, which takes longer than a check
        yield


def reseeds(call: Callable[[], object]) -> bool:
    """Whether `call` leaves PyTorch's global stream in a state of its own: then draws without a generator repeat."""
    after = []
    for seed in (1, 2):
        with global_stream(seed):
            call()
            after.append(torch.get_rng_state())
    return torch.equal(*after)


def draw_again(head: nn.Module, twin: nn.Module, inputs: Arrays, of: str, dims: int) -> dict:
    """Actions drawn twice with one generator, once with a fresh one of the same seed, once with another seed, and twice
    without a generator, the second time by its `twin`, which was used in the same way before."""
    features = features_of(inputs)[:2].repeat(16, 1)
    first = generator(inputs)
    forms.tensor(head.sample(features[:1], generator(inputs)), of, "B A", 1, dims)
    twin.sample(features, generator(inputs, shift=1))
    calls = {
        "first": (head, first),
        "next": (head, first),
        "again": (head, generator(inputs)),
        "other": (head, generator(inputs, shift=1)),
        "without": (head,),
        "without again": (twin,),
    }
    return {
        name: forms.tensor(each.sample(features, *own), of, "B A", len(features), dims)
        for name, (each, *own) in calls.items()
    } | {SEEDS: reseeds(lambda: head.sample(features, generator(inputs)))}


SEEDS = "it calls torch.manual_seed"


def repeats(inputs: Arrays, answer: Arrays) -> Arrays:
    """Facts about `draw_again`: actions that must agree do, and actions that must not agree do not, row by row."""
    calls = {name: checked(answer, name, (32, *answer["first"].shape[1:2])) for name in answer if name != SEEDS}
    first = calls["first"]
    apart = {name: np.abs(first - other).max(axis=1) for name, other in calls.items()}
    without = np.abs(calls["without"] - calls["without again"]).max(axis=1)
    return {
        "the same seed gives the same actions": (apart["again"] == 0).all(),
        "another seed gives different actions": (apart["other"] > 0).all(),
        "every row is drawn separately": (np.abs(first[2:] - first[:-2]).max(axis=1) > 0).all(),
        "the next call gives different actions": (apart["next"] > 0).all(),
        "the next call without a generator gives different actions": (without > 0).all(),
        SEEDS: answer[SEEDS],
    }


def fresh_draws(head: nn.Module, inputs: Arrays, features: Tensor, of: str) -> tuple[Tensor, dict]:
    """Actions of two calls with one generator and of one call without a generator, side by side: all independent. Also
    whether draws for a few rows repeat that should, and only those.
    """
    few, dims, first = features[:8], inputs["action"].shape[1], generator(inputs)
    with global_stream(int(inputs["seed"]) + 1):
        small = [head.sample(few, each) for each in (generator(inputs), None, generator(inputs), None)]
        one, free, again, other_free = (forms.tensor(each, of, "B A", len(few), dims) for each in small)
        forms.tensor(head.sample(features[:1], generator(inputs)), of, "B A", 1, dims)
        made = [head.sample(features, each) for each in (first, first, None)]
    return torch.cat([forms.tensor(each, of, "B A", len(features), dims) for each in made], dim=1), {
        "samples repeat with the generator": torch.equal(one, again),
        "samples without a generator repeat": torch.equal(free, other_free),
    }
