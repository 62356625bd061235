"""Probes of part 1: values and gradients of the losses where mistakes show."""

from functools import partial

import numpy as np
import torch

from tests.autograder.probes.base import Arrays, Close, Homework, Probe


# --- what the probes of all parts use --------------------------------------------------------------------------------
def tensors(inputs: Arrays, *names: str) -> list[torch.Tensor]:
    """Inputs as fresh tensors; floating ones can be differentiated."""
    made = [torch.from_numpy(np.array(inputs[name])) for name in names]
    return [x.requires_grad_() if x.is_floating_point() else x for x in made]


def value_and_gradients(loss, inputs: Arrays, *names: str) -> dict:
    """The loss and its gradient by every floating input."""
    given = tensors(inputs, *names)
    value = loss(*given)
    return with_gradients(value, {name: x for name, x in zip(names, given, strict=True) if x.is_floating_point()})


def with_gradients(value: torch.Tensor, by: dict[str, torch.Tensor]) -> dict:
    """The loss and its gradient by each of `by`; zeros where it does not depend on it."""
    gradients = torch.autograd.grad(value, list(by.values()), allow_unused=True)
    return {"loss": value} | {
        f"gradient by {name}": torch.zeros_like(x) if gradient is None else gradient
        for (name, x), gradient in zip(by.items(), gradients, strict=True)
    }


def spread(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Numbers of either sign, of which none is near 0, where mistakes hide."""
    return rng.choice([-1, 1], shape) * rng.uniform(0.3, 1.7, shape)


def float32(**arrays: np.ndarray) -> Arrays:
    """Floating arrays in the precision of the homework; integers as they are."""
    return {name: x.astype(np.float32) if x.dtype.kind == "f" else x for name, x in arrays.items()}


# --- what is asked of a loss, by its name and those of its arguments -------------------------------------------------
ARGUMENTS = {
    "mse_loss": ("pred", "action"),
    "categorical_nll": ("logits", "index"),
    "gaussian_nll": ("mean", "log_std", "action"),
    "mixture_nll": ("logits", "means", "log_stds", "action"),
}


def value(name: str, hw1: Homework, inputs: Arrays) -> dict:
    with torch.no_grad():
        return {"loss": getattr(hw1.losses, name)(*tensors(inputs, *ARGUMENTS[name]))}


def full(name: str, hw1: Homework, inputs: Arrays) -> dict:
    """Value and gradients."""
    return value_and_gradients(getattr(hw1.losses, name), inputs, *ARGUMENTS[name])


def gradients(name: str, hw1: Homework, inputs: Arrays) -> dict:
    """The gradients alone: a value that is off by a constant has the right ones."""
    return {of: array for of, array in full(name, hw1, inputs).items() if of != "loss"}


def one_by_one(name: str, hw1: Homework, inputs: Arrays) -> dict:
    """Value and gradients of every row as a batch of its own."""
    rows = len(inputs[ARGUMENTS[name][0]])
    return {
        f"{of} in row {row}": array
        for row in range(rows)
        for of, array in full(name, hw1, {key: x[[row]] for key, x in inputs.items()}).items()
    }


def one_row_one_dimension(name: str, hw1: Homework, inputs: Arrays) -> dict:
    """The value for a batch of one, and for actions of one dimension."""
    cases = {
        "of one row": {key: x[:1] for key, x in inputs.items()},
        "of one dimension": {key: x if key == "logits" else x[..., :1] for key, x in inputs.items()},
    }
    return {f"loss {case}": value(name, hw1, cut)["loss"] for case, cut in cases.items()}


# --- inputs ----------------------------------------------------------------------------------------------------------
def draw_actions(rng: np.random.Generator, batch: int = 6, action_dim: int = 3) -> Arrays:
    pred = rng.normal(size=(batch, action_dim))
    return float32(pred=pred, action=pred + spread(rng, batch, action_dim))


def draw_classes(rng: np.random.Generator, batch: int = 6, classes: int = 4) -> Arrays:
    logits = 2 * spread(rng, batch, classes) + rng.uniform(-0.2, 0.2, (batch, classes))
    return float32(logits=logits, index=rng.integers(classes, size=batch))


def far_apart(rng: np.random.Generator, batch: int, classes: int) -> np.ndarray:
    """Logits up to 1e4 with more than 1e3 between them: one of them has all the weight."""
    ranks = rng.permuted(np.tile(np.arange(classes), (batch, 1)), axis=1)
    return 1e4 * (2 * ranks / (classes - 1) - 1) + rng.uniform(-300, 300, (batch, classes))


def draw_extreme_classes(rng: np.random.Generator, batch: int = 6, classes: int = 4) -> Arrays:
    """The expert chose the likeliest class in half of the rows, the least likely in the others."""
    logits = far_apart(rng, batch, classes)
    index = np.where(np.arange(batch) % 2, logits.argmax(axis=1), logits.argmin(axis=1))
    return float32(logits=logits, index=index)


def categorical_edges(hw1: Homework, inputs: Arrays) -> dict:
    """A batch of one; and a single class, which is certain."""
    one_row = {key: x[:1] for key, x in inputs.items()}
    one_class = {"logits": inputs["logits"][:, :1], "index": 0 * inputs["index"]}
    return {
        "loss of one row": value("categorical_nll", hw1, one_row)["loss"],
        "loss of one class": value("categorical_nll", hw1, one_class)["loss"],
    }


def draw_gaussian(rng: np.random.Generator, batch: int = 6, action_dim: int = 3) -> Arrays:
    """Deviations from 0.3 to 0.67, and actions at 0.3 to 1.7 of them from the mean."""
    mean, log_std = rng.normal(size=(batch, action_dim)), rng.uniform(-1.2, -0.4, (batch, action_dim))
    return float32(mean=mean, log_std=log_std, action=mean + np.exp(log_std) * spread(rng, batch, action_dim))


def draw_far_gaussian(rng: np.random.Generator, batch: int = 4, action_dim: int = 2) -> Arrays:
    """About 1,000 of the smallest deviations that a head may predict: the density is 0 in float32."""
    mean, log_std = rng.normal(size=(batch, action_dim)), rng.uniform(-5.0, -4.5, (batch, action_dim))
    return float32(mean=mean, log_std=log_std, action=mean + 6 * spread(rng, batch, action_dim))


def draw_mixture(rng: np.random.Generator, batch: int = 6, components: int = 4, action_dim: int = 3) -> Arrays:
    """Every component explains the action about as well, so that all of them count."""
    shape = (batch, components, action_dim)
    action, log_stds = rng.normal(size=(batch, action_dim)), rng.uniform(-1.2, -0.4, shape)
    means = action[:, None] + np.exp(log_stds) * spread(rng, *shape)
    return float32(logits=spread(rng, batch, components), means=means, log_stds=log_stds, action=action)


def mixture_edges(hw1: Homework, inputs: Arrays) -> dict:
    """A batch of one, one dimension; one component and equal components, which are the Gaussian."""
    one = {key: x if key == "action" else x[:, :1] for key, x in inputs.items()}
    equal = one | {"logits": inputs["logits"]}
    for key in ("means", "log_stds"):
        equal[key] = np.broadcast_to(one[key], inputs[key].shape)
    return one_row_one_dimension("mixture_nll", hw1, inputs) | {
        "loss of one component": value("mixture_nll", hw1, one)["loss"],
        "loss of equal components": value("mixture_nll", hw1, equal)["loss"],
    }


def draw_extreme_mixture(rng: np.random.Generator, components: int = 3, action_dim: int = 2) -> Arrays:
    """log_std -20 and distances from 1e3 to 4e3: in row 0 for all components, in row 1 for all but one."""
    shape = (2, components, action_dim)
    distance = 1e3 * (1 + rng.permutation(components))[:, None] * rng.uniform(1.0, 1.3, shape)
    log_stds = np.full(shape, -20.0)
    near = rng.integers(components)
    log_stds[1, near] = rng.uniform(-1.2, -0.4, action_dim)
    offset = rng.choice([-1, 1], shape) * distance
    offset[1, near] = np.exp(log_stds[1, near]) * spread(rng, action_dim)
    action = rng.normal(size=(2, action_dim))
    return float32(logits=spread(rng, 2, components), means=action[:, None] + offset, log_stds=log_stds, action=action)


def draw_certain_mixture(rng: np.random.Generator) -> Arrays:
    inputs = draw_mixture(rng)
    return inputs | float32(logits=far_apart(rng, *inputs["logits"].shape))


PROBES = [
    # 1.1
    Probe("1.1.1", "the value", 2.0, draw_actions, partial(value, "mse_loss"), {"loss": Close(dtype=True)}),
    Probe("1.1.2", "the gradient", 1.0, draw_actions, partial(gradients, "mse_loss")),
    Probe("1.1.3", "one row, one dimension", 1.0, draw_actions, partial(one_row_one_dimension, "mse_loss")),
    # 1.2
    Probe("1.2.1", "the value", 1.5, draw_classes, partial(value, "categorical_nll"), {"loss": Close(dtype=True)}),
    Probe("1.2.2", "the gradient", 1.0, draw_classes, partial(gradients, "categorical_nll")),
    Probe("1.2.3", "logits of 1e4", 1.0, draw_extreme_classes, partial(full, "categorical_nll")),
    Probe("1.2.4", "one row, one class", 0.5, draw_classes, categorical_edges),
    # 1.3
    Probe(
        "1.3.1",
        "the value where the deviation is not 1",
        2.0,
        draw_gaussian,
        partial(value, "gaussian_nll"),
        {"loss": Close(dtype=True)},
    ),
    Probe("1.3.2", "the gradients", 1.5, draw_gaussian, partial(gradients, "gaussian_nll")),
    Probe("1.3.3", "one row, one dimension", 1.0, draw_gaussian, partial(one_row_one_dimension, "gaussian_nll")),
    Probe("1.3.4", "actions far from the mean", 1.5, draw_far_gaussian, partial(full, "gaussian_nll")),
    # 1.4
    Probe("1.4.1", "the value", 2.0, draw_mixture, partial(value, "mixture_nll"), {"loss": Close(dtype=True)}),
    Probe("1.4.2", "the gradients", 1.5, draw_mixture, partial(gradients, "mixture_nll")),
    Probe("1.4.3", "one row, one dimension, one component, equal components", 1.0, draw_mixture, mixture_edges),
    Probe(
        "1.4.4",
        "log_std of -20 and distances of 1e3",
        2.5,
        draw_extreme_mixture,
        partial(one_by_one, "mixture_nll"),
    ),
    Probe(
        "1.4.5",
        "logits of 1e4",
        1.0,
        draw_certain_mixture,
        partial(full, "mixture_nll"),
        # float32 resolves 1e4 to 1e-3: who adds the logits to the log densities before normalising loses that much
        {"loss": Close(rtol=0.0, atol=1e-2)},
    ),
]
