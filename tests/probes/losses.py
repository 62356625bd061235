"""Probes of part 1: values and gradients of the losses where mistakes show."""

import numpy as np
import torch

from tests.probes.base import Arrays, Close, Homework, Probe


def tensors(inputs: Arrays, *names: str) -> list[torch.Tensor]:
    """Inputs as fresh tensors; floating ones can be differentiated."""
    made = [torch.from_numpy(np.array(inputs[name])) for name in names]
    return [x.requires_grad_() if x.is_floating_point() else x for x in made]


def value_and_gradients(loss, inputs: Arrays, *names: str) -> dict:
    """The loss and its gradient by every floating input."""
    given = tensors(inputs, *names)
    value = loss(*given)
    by = {name: x for name, x in zip(names, given, strict=True) if x.is_floating_point()}
    gradients = torch.autograd.grad(value, list(by.values()), allow_unused=True)
    return {"loss": value} | {
        f"gradient by {name}": torch.zeros_like(x) if gradient is None else gradient
        for (name, x), gradient in zip(by.items(), gradients, strict=True)
    }


# --- 1.3 -------------------------------------------------------------------------------------------------------------
def draw_gaussian(rng: np.random.Generator, batch: int = 6, action_dim: int = 3) -> Arrays:
    return {
        "mean": rng.normal(size=(batch, action_dim)).astype(np.float32),
        "log_std": rng.uniform(-1.2, -0.4, (batch, action_dim)).astype(np.float32),
        "action": rng.normal(size=(batch, action_dim)).astype(np.float32),
    }


def gaussian_value(hw1: Homework, inputs: Arrays) -> dict:
    return {"loss": hw1.losses.gaussian_nll(*tensors(inputs, "mean", "log_std", "action"))}


PROBES = [
    Probe(
        "1.3.1",
        "the value, where the deviation is not 1",
        6.0,
        draw_gaussian,
        gaussian_value,
        {"loss": Close(dtype=True)},
    )
]
