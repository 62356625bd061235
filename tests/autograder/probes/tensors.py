"""Arrays and tensors: inputs for a student's code, and its gradients."""

import numpy as np
import torch
from torch import Tensor

from tests.autograder.probes.base import Arrays


def float32(**arrays: np.ndarray) -> Arrays:
    """Floating arrays in the precision of the homework; integers stay as they are."""
    return {name: x.astype(np.float32) if x.dtype.kind == "f" else x for name, x in arrays.items()}


def spread(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Numbers of either sign, none of them near 0, where mistakes would be invisible."""
    return rng.choice([-1, 1], shape) * rng.uniform(0.3, 1.7, shape)


def tensor(inputs: Arrays, name: str) -> Tensor:
    """An input as a fresh tensor."""
    return torch.from_numpy(np.array(inputs[name]))


def tensors(inputs: Arrays, *names: str) -> dict[str, Tensor]:
    """Inputs as fresh tensors by name; the floating ones record gradients."""
    made = {name: tensor(inputs, name) for name in names}
    return {name: x.requires_grad_() if x.is_floating_point() else x for name, x in made.items()}


def with_gradients(value: Tensor, by: dict[str, Tensor]) -> dict:
    """The loss and its gradient by each tensor in `by`; zeros where the loss does not depend on it."""
    gradients = torch.autograd.grad(value, list(by.values()), allow_unused=True)
    return {"loss": value} | {
        f"gradient by {name}": torch.zeros_like(x) if gradient is None else gradient
        for (name, x), gradient in zip(by.items(), gradients, strict=True)
    }


def different(rng: np.random.Generator, count: int, most: int = 8) -> list[int]:
    """Sizes from 2 to `most`, all different."""
    return [int(size) for size in rng.permutation(np.arange(2, most + 1))[:count]]
