"""What the probes of diffusion and flow matching share: losses that train a network on noisy points.

The network is watched: the points and times that it is asked about, its predictions, and the loss with its gradient by
them. From these the judge finds out what the loss compares the prediction with, whatever noise was drawn.
"""

import inspect

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.autograder.probes.base import Arrays, Close, Homework, Sample, stand_in
from tests.autograder.probes.head_answers import checked, features_of, generator
from tests.autograder.probes.tensors import tensor

OTHER_MULTIPLE = 5.0
EXACT = Close(rtol=0, atol=2e-3)
# Rounding errors grow where abar is small and in the high frequencies of the time.
ITERATED = Close(rtol=1e-3, atol=1e-3)


def other_mse(pred: Tensor, action: Tensor) -> Tensor:
    """In place of exercise 1.1: another multiple of the squared error, so that a call of it can be recognised."""
    return OTHER_MULTIPLE * functional.mse_loss(pred, action)


def watch(head: nn.Module) -> list[tuple]:
    """A list that receives the arguments and the prediction of every call of the network. The prediction starts a new
    graph, so that the gradient of a loss stops there."""
    calls, forward = [], head.forward
    signature = inspect.signature(forward)

    def watched(*args, **kwargs):
        prediction = forward(*args, **kwargs).detach().requires_grad_()
        calls.append((*signature.bind(*args, **kwargs).args, prediction))
        return prediction

    head.forward = watched
    return calls


def training(hw1: Homework, head: nn.Module, inputs: Arrays) -> dict:
    """What the loss asks the network, the prediction, and the loss with its gradient by the prediction."""
    calls = watch(head)
    with stand_in(hw1, user="heads", owner="losses", mse_loss=other_mse):
        loss = head.loss(features_of(inputs), tensor(inputs, "action"), generator(inputs))
    if not calls:
        raise ValueError("the loss does not call the network: self(features, ...)")
    gradients = torch.autograd.grad(loss, [prediction for *_, prediction in calls])
    _, point, time, prediction = (torch.cat(column) for column in zip(*calls, strict=True))
    return {"point": point, "time": time, "prediction": prediction, "loss": loss, "gradient": torch.cat(gradients)}


# --- for the judge ---------------------------------------------------------------------------------------------------
def trained_towards(inputs: Arrays, answer: Arrays) -> tuple[np.ndarray, float]:
    """What the loss compares the prediction with, `[B, A]`, and which multiple of the squared error it is.

    A loss c |p - y|^2 has the gradient 2 c (p - y), whose square is 4 c times the loss: that gives c, then y.
    """
    shape = inputs["action"].shape
    prediction, gradient = (checked(answer, name, shape) for name in ("prediction", "gradient"))
    loss, square = float(checked(answer, "loss", ())), float((gradient**2).sum())
    if loss <= 0 or square == 0:
        raise ValueError("the loss is not a squared distance between the prediction and a target")
    multiple = square / (4 * loss)
    return prediction - gradient / (2 * multiple), multiple * len(gradient)


def target_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """The targets of the network next to the actions. Their joint distribution is right or wrong whatever noise was
    drawn."""
    target, multiple = trained_towards(inputs, answer)
    called = np.isclose(multiple, OTHER_MULTIPLE / target.shape[1], rtol=1e-3)
    return {
        "the target of the prediction": np.concatenate([target, inputs["action"]], axis=1).astype(np.float32),
        "multiple of the squared error": np.array(1.0 if called else multiple),
    }


TARGET_RULES = {
    "the target of the prediction": Sample("the prediction is compared with something else"),
    "multiple of the squared error": Close(rtol=1e-3),
}


def shares(inputs: Arrays, answer: Arrays) -> np.ndarray:
    """The weights `[B, 2]` of the action and of the target in each point that the network is asked about."""
    target, _ = trained_towards(inputs, answer)
    parts = np.stack([inputs["action"].astype(np.float64), target], axis=-1)  # (B, A, 2)
    point = checked(answer, "point", target.shape)
    return np.einsum("bka,ba->bk", np.linalg.pinv(parts, rcond=1e-3), point)
