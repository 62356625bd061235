"""What the probes of all heads share: known weights, inputs, and what a head is asked for."""

import numpy as np
import torch
from torch import nn

from tests.autograder.probes.base import Arrays
from tests.autograder.probes.tensors import float32, tensor

FEATURES = 8
PAIRS = 4000  # samples of two actions each: enough to distinguish weights that differ by 0.1


# --- heads with weights from a seed ----------------------------------------------------------------------------------
def draw_batch(rng: np.random.Generator, batch: int, action_dim: int, scale: float = 1.0) -> Arrays:
    """Features, actions in [-scale, scale], normal noise, the seeds of the weights and of a generator."""
    return float32(
        features=rng.normal(size=(batch, FEATURES)),
        action=rng.uniform(-scale, scale, (batch, action_dim)),
        noise=rng.normal(size=(batch, action_dim)),
        weights=rng.integers(2**31),
        seed=rng.integers(2**31),
    )


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


def modes(head: nn.Module, inputs: Arrays) -> dict:
    features = features_of(inputs)
    return {"mode": head.mode(features), "mode for a batch of one": head.mode(features[:1])}


def sample_pairs(head: nn.Module, inputs: Arrays) -> dict:
    """Pairs of actions `[PAIRS, 2A]`, in two situations that alternate: anything that neighbouring rows share shows."""
    features = features_of(inputs)[:2].repeat(PAIRS, 1)
    actions = head.sample(features, generator(inputs))
    return {"actions": actions.reshape(PAIRS, -1)}


def draw_again(head: nn.Module, inputs: Arrays) -> dict:
    """Actions drawn twice with one generator, once with a fresh one of the same seed, and once with another seed."""
    features = features_of(inputs)[:2].repeat(16, 1)
    first = generator(inputs)
    return {
        "first": head.sample(features, first),
        "next": head.sample(features, first),
        "again": head.sample(features, generator(inputs)),
        "other": head.sample(features, generator(inputs, shift=1)),
        "without a generator": head.sample(features),
        "for a batch of one": head.sample(features[:1], first),
    }


def repeats(inputs: Arrays, answer: Arrays) -> Arrays:
    """Facts about `draw_again`: actions that must agree do, and actions that must not agree do not, row by row."""
    first = answer["first"]
    for name in ("next", "again", "other", "without a generator"):
        if first.ndim != 2 or answer[name].shape != first.shape or answer[name].dtype.kind != "f":
            raise ValueError(
                f"sample: got {first.shape} and {answer[name].shape}, expected floats [B, A] from each call"
            )
    apart = {name: np.abs(first - answer[name]).max(axis=1) for name in ("next", "again", "other")}
    return {
        "shape": np.array(first.shape),
        "shape for a batch of one": np.array(answer["for a batch of one"].shape),
        "the same seed gives the same actions": (apart["again"] == 0).all(),
        "another seed gives different actions": (apart["other"] > 0).all(),
        "every row is drawn separately": (np.abs(first[2:] - first[:-2]).max(axis=1) > 0).all(),
        "the next call gives different actions": (apart["next"] > 0).all(),
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
