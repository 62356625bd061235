"""What the probes of all heads share: known weights, inputs, and what a head is asked for."""

import numpy as np
import torch
from torch import nn

from tests.autograder import forms
from tests.autograder.probes.base import Arrays
from tests.autograder.probes.tensors import tensor


# --- heads with weights from a seed ----------------------------------------------------------------------------------
def with_weights(head: nn.Module, inputs: Arrays) -> nn.Module:
    """The head with weights drawn from a seed, large enough that every input is visible in the output."""
    rng = np.random.default_rng(int(inputs["weights"]))
    with torch.no_grad():
        for weight in head.parameters():
            weight.copy_(torch.from_numpy(rng.normal(scale=2 * weight.shape[-1] ** -0.5, size=tuple(weight.shape))))
    return head


# --- what a head is asked for ----------------------------------------------------------------------------------------
def features_of(inputs: Arrays) -> torch.Tensor:
    return tensor(inputs, "features")


def generator(inputs: Arrays, shift: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(int(inputs["seed"]) + shift)


def draw_again(head: nn.Module, inputs: Arrays, of: str, dims: int) -> dict:
    """Actions drawn twice with one generator, once with a fresh one of the same seed, once with another seed, and twice
    without a generator."""
    features = features_of(inputs)[:2].repeat(16, 1)
    first = generator(inputs)
    forms.tensor(head.sample(features[:1], generator(inputs)), of, "B A", 1, dims)
    calls = {
        "first": (first,),
        "next": (first,),
        "again": (generator(inputs),),
        "other": (generator(inputs, shift=1),),
        "without": (),
        "without again": (),
    }
    return {
        name: forms.tensor(head.sample(features, *own), of, "B A", len(features), dims) for name, own in calls.items()
    }


def repeats(inputs: Arrays, answer: Arrays) -> Arrays:
    """Facts about `draw_again`: actions that must agree do, and actions that must not agree do not, row by row."""
    calls = {name: checked(answer, name, (32, *answer["first"].shape[1:2])) for name in answer}
    first = calls["first"]
    apart = {name: np.abs(first - other).max(axis=1) for name, other in calls.items()}
    without = np.abs(calls["without"] - calls["without again"]).max(axis=1)
    return {
        "the same seed gives the same actions": (apart["again"] == 0).all(),
        "another seed gives different actions": (apart["other"] > 0).all(),
        "every row is drawn separately": (np.abs(first[2:] - first[:-2]).max(axis=1) > 0).all(),
        "the next call gives different actions": (apart["next"] > 0).all(),
        "so does the next call without a generator": (without > 0).all(),
    }


# --- for the judge ---------------------------------------------------------------------------------------------------
def checked(answer: Arrays, name: str, shape: tuple[int, ...], kind: str = "f") -> np.ndarray:
    """An array of an answer, in float64. Raises ValueError unless it has the shape and holds finite numbers."""
    array = answer[name]
    if array.shape != shape or array.dtype.kind != kind:
        raise ValueError(f"{name}: got {array.dtype} of shape {array.shape}, expected shape {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers")
    return array.astype(np.float64)
