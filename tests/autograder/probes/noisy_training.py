"""What the probes of diffusion and flow matching share: losses that train a network on noisy points.

The network is watched: the points and times that it is asked about, its predictions, and the loss with its gradient by
them. From these the judge finds out what the loss compares the prediction with, whatever noise was drawn.
"""

import inspect

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.autograder import forms
from tests.autograder.probes.base import Arrays, Close, Homework, Sample, stand_in
from tests.autograder.probes.draws import OUTSIDE, global_stream, nearly, normal_facts
from tests.autograder.probes.head_answers import checked, features_of, generator
from tests.autograder.probes.sizes import unchanged
from tests.autograder.probes.tensors import tensor

OTHER_MULTIPLE = 5.0
MANY = 10_000, 16  # rows and numbers in an action of a large batch
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
    features, action = features_of(inputs).requires_grad_(), tensor(inputs, "action")
    with stand_in(hw1, user="heads", owner="losses", mse_loss=other_mse):
        loss = forms.trained(head.loss(features, action, generator(inputs)), f"{type(head).__name__}.loss")
    if not calls:
        raise ValueError("the loss does not call the network: self(features, ...)")
    slopes = torch.autograd.grad(loss, [prediction for *_, prediction in calls], allow_unused=True)
    if any(slope is None for slope in slopes):
        raise ValueError("the loss calls the network, self(features, ...), but does not use its prediction")
    seen, point, time, prediction = (torch.cat(column) for column in zip(*calls, strict=True))
    return {
        "point": point,
        "time": time,
        "prediction": prediction,
        "loss": loss,
        "gradient": torch.cat(slopes),
        "own features": seen.requires_grad and seen.shape == features.shape and torch.equal(seen, features),
        "unchanged": unchanged(inputs, features=features, action=action),
    }


def repetition(hw1: Homework, head: nn.Module, inputs: Arrays) -> dict:
    """Whether the noise and times of a loss repeat that should, and only those."""
    calls, first = watch(head), generator(inputs)
    features = features_of(inputs)[:40]
    action = torch.zeros(40, inputs["action"].shape[1])  # so points lie in the direction of the noise
    with stand_in(hw1, user="heads", owner="losses", mse_loss=other_mse), global_stream(int(inputs["seed"]) + 1):
        draws = []
        for each in (first, None, first, None, generator(inputs)):
            calls.clear()
            head.loss(features, action, each)
            draws.append([torch.cat(column) for column in zip(*calls, strict=True)][1:3])
    one, free, following, other_free, again = draws
    return {
        "draws of the loss repeat with the generator": all(map(torch.equal, one, again)),
        "draws of the next loss are the same": alike(one, following),
        "draws without a generator are the same": alike(free, other_free),
    }


def alike(one: list[Tensor], other: list[Tensor]) -> bool:
    """Whether two losses draw the same noise or times: all times, or the directions of 5 of 40 points.

    By chance the directions of two points are that close with p = 6e-5 if they have two numbers: 5 of 40 with 5e-16.
    """
    (points, times), (other_points, other_times) = one, other
    if points.shape != other_points.shape or times.shape != other_times.shape:
        return False
    apart = functional.normalize(points) - functional.normalize(other_points)
    return torch.equal(times, other_times) or bool((apart.abs().amax(dim=1) < 1e-4).sum() >= 5)


@torch.no_grad()
def many_draws(
    hw1: Homework, head: nn.Module, inputs: Arrays, rows: int = MANY[0], dims: int = MANY[1]
) -> tuple[Tensor, Tensor]:
    """The points `[rows, dims]` and times that the loss asks a network about if all numbers in all actions are 0."""
    points, times, signature = [], [], inspect.signature(head.forward)

    def forward(*args, **kwargs) -> Tensor:
        features, point, time = signature.bind(*args, **kwargs).args
        points.append(point)
        times.append(time)
        return point * features[:, :1]

    head.forward = forward
    with stand_in(hw1, user="heads", owner="losses", mse_loss=lambda pred, action: (pred - action).mean()):
        head.loss(torch.ones(rows, inputs["features"].shape[1]), torch.zeros(rows, dims), generator(inputs))
    return torch.cat(points), torch.cat(times)


def in_numbers(noise: Tensor) -> dict:
    """What shows whether many numbers `[rows, dims]` are normal noise."""
    noise = noise.double()
    return {
        "many: number of numbers": np.array(noise.numel()),
        "many: standard deviation": noise.square().mean().sqrt(),
        "many: mean distance from 0": noise.abs().mean(),
        "many: largest distance from 0": noise.abs().max(),
        "many: mean square of row sums": noise.sum(dim=1).square().mean() / noise.shape[1],
    }


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


def multiple_facts(inputs: Arrays, answer: Arrays) -> tuple[np.ndarray, Arrays]:
    """The target, and facts about the loss that do not depend on what was drawn."""
    target, multiple = trained_towards(inputs, answer)
    called = np.isclose(multiple, OTHER_MULTIPLE / target.shape[1], rtol=1e-3)
    return target, {
        "multiple of the squared error": np.array(1.0 if called else multiple),
        "the network gets the features, and gradients reach them": answer["own features"],
        "the inputs are as before": answer["unchanged"],
    }


def parts_of(values: np.ndarray, parts: list[np.ndarray], group: np.ndarray, groups: int) -> tuple[np.ndarray, float]:
    """By least squares, the weight of each of `parts` in `values [B, A]`, for each group of rows, `[groups, parts]`.

    Groups without rows have weights of 0. Also the largest difference that the parts do not explain.
    """
    stacked = np.stack(parts, axis=-1)  # (B, A, parts)
    normal = np.einsum("bai,baj->bij", stacked, stacked)
    right = np.einsum("bai,ba->bi", stacked, values)
    sums = [np.zeros((groups, *x.shape[1:])) for x in (normal, right)]
    for total, own in zip(sums, (normal, right), strict=True):
        np.add.at(total, group, own)
    weights = np.einsum("gij,gj->gi", np.linalg.pinv(sums[0], rcond=1e-6, hermitian=True), sums[1])
    return weights, float(np.abs(values - np.einsum("bai,bi->ba", stacked, weights[group])).max())


def joint_facts(inputs: Arrays, noise: np.ndarray, time: np.ndarray) -> Arrays:
    """Noise next to action and time, `[B]`, all of about unit scale: independent of each other, in each row anew."""
    action = inputs["action"] / inputs["action"].std()
    joint = np.column_stack([noise, action, time]).astype(np.float32)
    return {"the noise, next to the action and the time": joint} | normal_facts("the noise", noise)


def many_facts(answer: Arrays) -> Arrays:
    """About `in_numbers`. The largest of 160,000 numbers is below 3.6 with p = 8e-23, above 8 with p = 2e-10.

    Additional noise that all dimensions share, with a standard deviation of 0.1, makes the mean square of the sums of
    16 numbers 1.16 times as large, which is 11 standard errors.
    """
    rows, dims = MANY
    count = int(checked(answer, "many: number of numbers", (), kind="i"))
    std, distance, largest, sums = (
        float(checked(answer, f"many: {name}", ()))
        for name in ("standard deviation", "mean distance from 0", "largest distance from 0", "mean square of row sums")
    )
    tolerance = OUTSIDE * (rows * dims) ** -0.5
    return {
        "the noise of a large batch is normally distributed": np.array(count == rows * dims and 3.6 < largest < 8),
        "standard deviation of the noise of a large batch": nearly(std, 1.0, tolerance * 0.5**0.5),
        "mean distance of the noise of a large batch from 0": nearly(distance, (2 / np.pi) ** 0.5, tolerance * 0.603),
        "mean square of the row sums of the noise of a large batch": nearly(sums, 1.0, OUTSIDE * (2 / rows) ** 0.5),
    }


TARGET_RULES = {
    "the noise, next to the action and the time": Sample(
        "the prediction is compared with something else, or noise and times are not drawn as they should be"
    ),
    "multiple of the squared error": Close(rtol=1e-3),
}
