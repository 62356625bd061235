"""What the probes of all heads share: known weights, inputs, and what a head is asked for."""

import numpy as np
import torch
from torch import nn

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


# --- for the judge ---------------------------------------------------------------------------------------------------
def checked(answer: Arrays, name: str, shape: tuple[int, ...], kind: str = "f") -> np.ndarray:
    """An array of an answer, in float64. Raises ValueError unless it has the shape and holds finite numbers."""
    array = answer[name]
    if array.shape != shape or array.dtype.kind != kind:
        raise ValueError(f"{name}: got {array.dtype} of shape {array.shape}, expected shape {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers")
    return array.astype(np.float64)


def normalised(inputs: Arrays, answer: Arrays) -> Arrays:
    """The same with normalised logits: a constant added to a row of logits makes no difference."""
    found = dict(answer)
    for name, logits in answer.items():
        if name.startswith("logits"):
            if logits.ndim < 2 or logits.dtype.kind != "f":
                raise ValueError(f"logits: got {logits.dtype} of shape {logits.shape}, expected floats, row by row")
            with np.errstate(invalid="ignore"):
                found[name] = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    return found
