"""Probes of part 2: heads with known weights, so that their parameters are known and only their methods are judged.

A head whose features are one-hot is a table: row i of it holds the parameters of the distribution in situation i.
"""

import math
from functools import partial

import numpy as np
import torch
from torch.distributions import Categorical, Independent, Laplace, MixtureSameFamily

from tests.autograder.probes.base import Arrays, Close, Homework, Sample, probe, stand_in
from tests.autograder.probes.head_answers import draw_again, features_of, generator, modes, repeats, sample_pairs
from tests.autograder.probes.tensors import float32, spread, with_gradients

SITUATIONS = 4  # F: one feature for each
ACTION_DIM = 2
COMPONENTS = 5
BATCH = 6


# --- a table as a head -----------------------------------------------------------------------------------------------
def head_inputs(rng: np.random.Generator, table: np.ndarray) -> Arrays:
    """A linear layer that gives row i of `table [F, numbers]` in situation i; each situation once, then random ones."""
    bias = rng.normal(size=table.shape[1])
    situation = np.concatenate([rng.permutation(SITUATIONS), rng.integers(SITUATIONS, size=BATCH - SITUATIONS)])
    return float32(
        weight=(table - bias).T,
        bias=bias,
        features=np.eye(SITUATIONS)[situation],
        seed=rng.integers(2**31),
    )


def draw_beyond(rng: np.random.Generator, numbers: int) -> Arrays:
    """Every output has values below, inside and above LOG_STD_RANGE, depending on the situation."""
    levels = rng.permuted(np.tile([-8.0, -1.0, 1.0, 5.0], (numbers, 1)), axis=1).T
    return head_inputs(rng, levels + rng.uniform(-0.8, 0.8, levels.shape))


def filled(head: torch.nn.Module, inputs: Arrays) -> torch.nn.Module:
    """The head with the weights of its linear layer from `inputs`."""
    with torch.no_grad():
        for name in ("weight", "bias"):
            getattr(head.linear, name).copy_(torch.from_numpy(inputs[name]))
    return head


# --- the loss --------------------------------------------------------------------------------------------------------
# Exercises 1.3 and 1.4 are replaced by losses that have the same value and gradient at the actions of these probes, but
# nowhere else. So a head that calls them works before they are done, and a head that writes the formula out is right as
# well. Two standard deviations from its mean, a Gaussian falls as steeply as the Laplace density of scale std / 2. The
# loss is computed in double precision, because the standard deviations are small.
LIFT = 2 - 0.5 * math.log(2 * math.pi)  # nats per dimension: there the log density of the Laplace is smaller by this


def laplace_nll(mean, log_std, action):
    return -Independent(Laplace(mean, log_std.exp() / 2), 1).log_prob(action).mean() - LIFT * action.shape[-1]


def laplace_mixture_nll(logits, means, log_stds, action):
    components = Independent(Laplace(means, log_stds.exp() / 2), 1)
    mixture = MixtureSameFamily(Categorical(logits=logits), components)
    return -mixture.log_prob(action).mean() - LIFT * action.shape[-1]


def two_stds_away(mean: torch.Tensor, log_std: torch.Tensor) -> torch.Tensor:
    """Actions on either side of the mean, in turn."""
    side = 1 - 2 * (torch.arange(mean.numel()) % 2).reshape(mean.shape)
    return (mean + 2 * side * log_std.exp()).detach()


def loss_and_gradients(hw1: Homework, head: torch.nn.Module, inputs: Arrays, action: torch.Tensor) -> dict:
    features = features_of(inputs).double().requires_grad_()
    with stand_in(hw1, user="heads", owner="losses", gaussian_nll=laplace_nll, mixture_nll=laplace_mixture_nll):
        loss = head.loss(features, action, generator(inputs))
        return with_gradients(loss, {"features": features, "the weights": head.linear.weight})


# --- 2.1 -------------------------------------------------------------------------------------------------------------
GAUSSIAN_DIM = ACTION_DIM + 1


def draw_gaussian(rng: np.random.Generator) -> Arrays:
    mean = spread(rng, SITUATIONS, GAUSSIAN_DIM)
    return head_inputs(rng, np.concatenate([mean, rng.uniform(-2.0, -1.2, mean.shape)], axis=1))


def gaussian_head(hw1: Homework, inputs: Arrays) -> torch.nn.Module:
    return filled(hw1.heads.GaussianHead(SITUATIONS, GAUSSIAN_DIM), inputs)


def gaussian_parameters(hw1: Homework, inputs: Arrays) -> dict:
    head, features = gaussian_head(hw1, inputs), features_of(inputs)
    mean, log_std = head(features)
    return {"mean": mean, "log_std": log_std, "mean for a batch of one": head(features[:1])[0]}


@probe(
    "2.1.1",
    "mean and log_std",
    points=1.5,
    draw=draw_gaussian,
    rules={"mean": Close(dtype=True), "log_std": Close(dtype=True)},
)
def gaussian_forward(hw1: Homework, inputs: Arrays) -> dict:
    return gaussian_parameters(hw1, inputs)


@probe("2.1.2", "log_std is clamped, the mean is not", points=1.0, draw=partial(draw_beyond, numbers=2 * GAUSSIAN_DIM))
def gaussian_clamped(hw1: Homework, inputs: Arrays) -> dict:
    return gaussian_parameters(hw1, inputs)


@probe("2.1.3", "the loss and its gradients", points=2.0, draw=draw_gaussian)
def gaussian_loss(hw1: Homework, inputs: Arrays) -> dict:
    head = gaussian_head(hw1, inputs).double()
    return loss_and_gradients(hw1, head, inputs, two_stds_away(*head(features_of(inputs).double())))


@probe("2.1.4", "samples come from the Gaussian", points=1.75, draw=draw_gaussian, rules={"actions": Sample()})
def gaussian_samples(hw1: Homework, inputs: Arrays) -> dict:
    return sample_pairs(gaussian_head(hw1, inputs), inputs)


@probe("2.1.5", "samples repeat with the generator", points=0.75, draw=draw_gaussian, facts=repeats, guessable=True)
def gaussian_repeats(hw1: Homework, inputs: Arrays) -> dict:
    return draw_again(gaussian_head(hw1, inputs), inputs)


@probe("2.1.6", "the mode", points=1.0, draw=draw_gaussian)
def gaussian_mode(hw1: Homework, inputs: Arrays) -> dict:
    return modes(gaussian_head(hw1, inputs), inputs)


# --- 2.2 -------------------------------------------------------------------------------------------------------------
def draw_mixture(rng: np.random.Generator) -> Arrays:
    """Components far apart. Their order by weight depends on the situation, and the more weight, the wider.

    All numbers lie within LOG_STD_RANGE, so clamping makes no difference here.
    """
    rank = (rng.permutation(COMPONENTS) + np.arange(SITUATIONS)[:, None]) % COMPONENTS  # (F, K)
    logits = 0.9 * rank - 2.0 + rng.uniform(-0.1, 0.1, rank.shape)
    shift = np.array([0, rng.integers(1, COMPONENTS)])  # no component is the outermost in both dimensions
    places = (rng.permutation(COMPONENTS)[:, None] + shift) % COMPONENTS  # (K, A)
    means = 1.5 * places - 4.5 + rng.uniform(-0.2, 0.2, (SITUATIONS, *places.shape))  # (F, K, A)
    log_stds = 0.6 * rank[:, :, None] - 4.8 + rng.uniform(-0.05, 0.05, means.shape)
    table = np.concatenate([part.reshape(SITUATIONS, -1) for part in (logits, means, log_stds)], axis=1)
    return head_inputs(rng, table)


def mixture_head(hw1: Homework, inputs: Arrays) -> torch.nn.Module:
    return filled(hw1.heads.MixtureHead(SITUATIONS, ACTION_DIM, COMPONENTS), inputs)


def mixture_parameters(hw1: Homework, inputs: Arrays) -> dict:
    head, features = mixture_head(hw1, inputs), features_of(inputs)
    logits, means, log_stds = head(features)
    return {"logits": logits, "means": means, "log_stds": log_stds, "means for a batch of one": head(features[:1])[1]}


def normalised(inputs: Arrays, answer: Arrays) -> Arrays:
    """The same with normalised logits: a constant added to a row of logits makes no difference."""
    logits = answer["logits"]
    if logits.ndim == 0 or logits.dtype.kind != "f":
        raise ValueError(f"logits: got {logits.dtype} of shape {logits.shape}, expected floats of shape [B, K]")
    with np.errstate(invalid="ignore"):
        return answer | {"logits": logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)}


def mixture_repeated(inputs: Arrays, answer: Arrays) -> Arrays:
    """`repeats`, and whether the component differs or the noise: components lie 1.1 apart, with stds below 0.1."""
    apart = np.abs(answer["first"] - answer["again"])
    return repeats(inputs, answer) | {"the same seed gives the same components": (apart < 0.8).all()}


@probe(
    "2.2.1",
    "logits, means and log_stds",
    points=2.5,
    draw=draw_mixture,
    rules={name: Close(dtype=True) for name in ("logits", "means", "log_stds")},
    facts=normalised,
)
def mixture_forward(hw1: Homework, inputs: Arrays) -> dict:
    return mixture_parameters(hw1, inputs)


@probe(
    "2.2.2",
    "log_stds are clamped, nothing else is",
    points=1.0,
    draw=partial(draw_beyond, numbers=COMPONENTS * (1 + 2 * ACTION_DIM)),
    facts=normalised,
)
def mixture_clamped(hw1: Homework, inputs: Arrays) -> dict:
    return mixture_parameters(hw1, inputs)


@probe("2.2.3", "the loss and its gradients", points=2.5, draw=draw_mixture)
def mixture_loss(hw1: Homework, inputs: Arrays) -> dict:
    """Each action is near one component, a different one in each row; the others are too far away to matter."""
    head = mixture_head(hw1, inputs).double()
    _, means, log_stds = head(features_of(inputs).double())
    rows = torch.arange(len(means))
    near = rows % COMPONENTS
    return loss_and_gradients(hw1, head, inputs, two_stds_away(means[rows, near], log_stds[rows, near]))


@probe("2.2.4", "samples come from the mixture", points=3.0, draw=draw_mixture, rules={"actions": Sample()})
def mixture_samples(hw1: Homework, inputs: Arrays) -> dict:
    return sample_pairs(mixture_head(hw1, inputs), inputs)


@probe(
    "2.2.5", "samples repeat with the generator", points=1.0, draw=draw_mixture, facts=mixture_repeated, guessable=True
)
def mixture_repeats(hw1: Homework, inputs: Arrays) -> dict:
    return draw_again(mixture_head(hw1, inputs), inputs)


@probe("2.2.6", "the mode: the mean of the component with the largest weight", points=2.0, draw=draw_mixture)
def mixture_mode(hw1: Homework, inputs: Arrays) -> dict:
    return modes(mixture_head(hw1, inputs), inputs)
