"""Probes of part 1: values and gradients of the losses, on inputs that expose mistakes."""

import numpy as np
import torch

from tests.autograder.probes.base import Arrays, Close, Homework, probe
from tests.autograder.probes.tensors import float32, spread, tensors, with_gradients

ARGUMENTS = {
    "mse_loss": ("pred", "action"),
    "categorical_nll": ("logits", "index"),
    "gaussian_nll": ("mean", "log_std", "action"),
    "mixture_nll": ("logits", "means", "log_stds", "action"),
}
IN_FLOAT32 = {"loss": Close(dtype=True)}
BATCH, ACTION_DIM, CLASSES, COMPONENTS = 6, 3, 4, 4


# --- what the losses are asked for -----------------------------------------------------------------------------------
def value(hw1: Homework, name: str, inputs: Arrays) -> dict:
    with torch.no_grad():
        return {"loss": getattr(hw1.losses, name)(*tensors(inputs, *ARGUMENTS[name]).values())}


def full(hw1: Homework, name: str, inputs: Arrays) -> dict:
    """The value, and the gradient by every floating argument."""
    given = tensors(inputs, *ARGUMENTS[name])
    loss = getattr(hw1.losses, name)(*given.values())
    return with_gradients(loss, {of: x for of, x in given.items() if x.is_floating_point()})


def gradients(hw1: Homework, name: str, inputs: Arrays) -> dict:
    """The gradients alone: they are right even if the value is wrong by a constant."""
    return {of: array for of, array in full(hw1, name, inputs).items() if of != "loss"}


def one_by_one(hw1: Homework, name: str, inputs: Arrays) -> dict:
    """Value and gradients of every row as a batch of its own."""
    rows = len(inputs[ARGUMENTS[name][0]])
    return {
        f"{of} in row {row}": array
        for row in range(rows)
        for of, array in full(hw1, name, {key: x[[row]] for key, x in inputs.items()}).items()
    }


def smallest_sizes(hw1: Homework, name: str, inputs: Arrays) -> dict:
    """The value for a batch of one, and for actions with one dimension."""
    cases = {
        "a batch of one": {key: x[:1] for key, x in inputs.items()},
        "actions with one dimension": {key: x if key == "logits" else x[..., :1] for key, x in inputs.items()},
    }
    return {f"loss for {case}": value(hw1, name, cut)["loss"] for case, cut in cases.items()}


def far_apart(rng: np.random.Generator, batch: int, classes: int) -> np.ndarray:
    """Logits up to 1e4, more than 1e3 apart: one of them has all the weight."""
    ranks = rng.permuted(np.tile(np.arange(classes), (batch, 1)), axis=1)
    return 1e4 * (2 * ranks / (classes - 1) - 1) + rng.uniform(-300, 300, (batch, classes))


# --- 1.1 -------------------------------------------------------------------------------------------------------------
def draw_actions(rng: np.random.Generator) -> Arrays:
    pred = rng.normal(size=(BATCH, ACTION_DIM))
    return float32(pred=pred, action=pred + spread(rng, BATCH, ACTION_DIM))


@probe("1.1.1", "the value", points=2.0, draw=draw_actions, rules=IN_FLOAT32)
def mse_value(hw1: Homework, inputs: Arrays) -> dict:
    return value(hw1, "mse_loss", inputs)


@probe("1.1.2", "the gradient", points=1.0, draw=draw_actions)
def mse_gradient(hw1: Homework, inputs: Arrays) -> dict:
    return gradients(hw1, "mse_loss", inputs)


@probe("1.1.3", "a batch of one; actions with one dimension", points=1.0, draw=draw_actions)
def mse_edges(hw1: Homework, inputs: Arrays) -> dict:
    return smallest_sizes(hw1, "mse_loss", inputs)


# --- 1.2 -------------------------------------------------------------------------------------------------------------
def draw_classes(rng: np.random.Generator) -> Arrays:
    logits = 2 * spread(rng, BATCH, CLASSES) + rng.uniform(-0.2, 0.2, (BATCH, CLASSES))
    return float32(logits=logits, index=rng.integers(CLASSES, size=BATCH))


def draw_extreme_classes(rng: np.random.Generator) -> Arrays:
    """The expert chose the most likely class in half of the rows, the least likely in the others."""
    logits = far_apart(rng, BATCH, CLASSES)
    index = np.where(np.arange(BATCH) % 2, logits.argmax(axis=1), logits.argmin(axis=1))
    return float32(logits=logits, index=index)


@probe("1.2.1", "the value", points=1.5, draw=draw_classes, rules=IN_FLOAT32)
def categorical_value(hw1: Homework, inputs: Arrays) -> dict:
    return value(hw1, "categorical_nll", inputs)


@probe("1.2.2", "the gradient", points=1.0, draw=draw_classes)
def categorical_gradient(hw1: Homework, inputs: Arrays) -> dict:
    return gradients(hw1, "categorical_nll", inputs)


@probe("1.2.3", "logits of 1e4", points=1.0, draw=draw_extreme_classes)
def categorical_extremes(hw1: Homework, inputs: Arrays) -> dict:
    return full(hw1, "categorical_nll", inputs)


@probe("1.2.4", "a batch of one; a single class", points=0.5, draw=draw_classes)
def categorical_edges(hw1: Homework, inputs: Arrays) -> dict:
    """A batch of one; and a single class, which is certain."""
    one = {key: x[:1] for key, x in inputs.items()}
    one_class = {"logits": inputs["logits"][:, :1], "index": 0 * inputs["index"]}
    return {
        "loss for a batch of one": value(hw1, "categorical_nll", one)["loss"],
        "loss for a single class": value(hw1, "categorical_nll", one_class)["loss"],
    }


# --- 1.3 -------------------------------------------------------------------------------------------------------------
def draw_gaussian(rng: np.random.Generator) -> Arrays:
    """Standard deviations from 0.3 to 0.67, and actions 0.3 to 1.7 standard deviations from the mean."""
    mean, log_std = rng.normal(size=(BATCH, ACTION_DIM)), rng.uniform(-1.2, -0.4, (BATCH, ACTION_DIM))
    return float32(mean=mean, log_std=log_std, action=mean + np.exp(log_std) * spread(rng, BATCH, ACTION_DIM))


def draw_far_gaussian(rng: np.random.Generator) -> Arrays:
    """Actions about 1,000 of the smallest standard deviations of a head away: the density is 0 in float32."""
    shape = (4, 2)  # (B, A)
    mean, log_std = rng.normal(size=shape), rng.uniform(-5.0, -4.5, shape)
    return float32(mean=mean, log_std=log_std, action=mean + 6 * spread(rng, *shape))


@probe("1.3.1", "the value where the standard deviation is not 1", points=2.0, draw=draw_gaussian, rules=IN_FLOAT32)
def gaussian_value(hw1: Homework, inputs: Arrays) -> dict:
    return value(hw1, "gaussian_nll", inputs)


@probe("1.3.2", "the gradients", points=1.5, draw=draw_gaussian)
def gaussian_gradients(hw1: Homework, inputs: Arrays) -> dict:
    return gradients(hw1, "gaussian_nll", inputs)


@probe("1.3.3", "a batch of one; actions with one dimension", points=1.0, draw=draw_gaussian)
def gaussian_edges(hw1: Homework, inputs: Arrays) -> dict:
    return smallest_sizes(hw1, "gaussian_nll", inputs)


@probe("1.3.4", "actions far from the mean", points=1.5, draw=draw_far_gaussian)
def gaussian_far_away(hw1: Homework, inputs: Arrays) -> dict:
    return full(hw1, "gaussian_nll", inputs)


# --- 1.4 -------------------------------------------------------------------------------------------------------------
def draw_mixture(rng: np.random.Generator) -> Arrays:
    """Every component explains the action about equally well, so that all of them matter."""
    shape = (BATCH, COMPONENTS, ACTION_DIM)
    action, log_stds = rng.normal(size=(BATCH, ACTION_DIM)), rng.uniform(-1.2, -0.4, shape)
    means = action[:, None] + np.exp(log_stds) * spread(rng, *shape)
    return float32(logits=spread(rng, BATCH, COMPONENTS), means=means, log_stds=log_stds, action=action)


def draw_extreme_mixture(rng: np.random.Generator) -> Arrays:
    """log_std -20 and distances from 1e3 to 4e3: in row 0 for all components, in row 1 for all but one."""
    batch, components, action_dim = shape = (2, 3, 2)
    distance = 1e3 * (1 + rng.permutation(components))[:, None] * rng.uniform(1.0, 1.3, shape)
    log_stds = np.full(shape, -20.0)
    near = rng.integers(components)
    log_stds[1, near] = rng.uniform(-1.2, -0.4, action_dim)
    offset = rng.choice([-1, 1], shape) * distance
    offset[1, near] = np.exp(log_stds[1, near]) * spread(rng, action_dim)
    action = rng.normal(size=(batch, action_dim))
    return float32(
        logits=spread(rng, batch, components), means=action[:, None] + offset, log_stds=log_stds, action=action
    )


def draw_certain_mixture(rng: np.random.Generator) -> Arrays:
    inputs = draw_mixture(rng)
    return inputs | float32(logits=far_apart(rng, *inputs["logits"].shape))


@probe("1.4.1", "the value", points=2.0, draw=draw_mixture, rules=IN_FLOAT32)
def mixture_value(hw1: Homework, inputs: Arrays) -> dict:
    return value(hw1, "mixture_nll", inputs)


@probe("1.4.2", "the gradients", points=1.5, draw=draw_mixture)
def mixture_gradients(hw1: Homework, inputs: Arrays) -> dict:
    return gradients(hw1, "mixture_nll", inputs)


@probe(
    "1.4.3",
    "a batch of one; actions with one dimension; one component; equal components",
    points=1.0,
    draw=draw_mixture,
)
def mixture_edges(hw1: Homework, inputs: Arrays) -> dict:
    """A batch of one, one dimension; one component and equal components, which are the Gaussian."""
    one = {key: x if key == "action" else x[:, :1] for key, x in inputs.items()}
    equal = one | {"logits": inputs["logits"]}
    for key in ("means", "log_stds"):
        equal[key] = np.broadcast_to(one[key], inputs[key].shape)
    return smallest_sizes(hw1, "mixture_nll", inputs) | {
        "loss for one component": value(hw1, "mixture_nll", one)["loss"],
        "loss for equal components": value(hw1, "mixture_nll", equal)["loss"],
    }


@probe("1.4.4", "log_std of -20 and distances of 1e3", points=2.5, draw=draw_extreme_mixture)
def mixture_extremes(hw1: Homework, inputs: Arrays) -> dict:
    return one_by_one(hw1, "mixture_nll", inputs)


# float32 resolves 1e4 to 1e-3: adding the logits to the log densities before normalising loses that much precision.
@probe("1.4.5", "logits of 1e4", points=1.0, draw=draw_certain_mixture, rules={"loss": Close(rtol=0.0, atol=1e-2)})
def mixture_certain(hw1: Homework, inputs: Arrays) -> dict:
    return full(hw1, "mixture_nll", inputs)
