"""Probes of part 2: heads with known weights, so that their parameters are known and only their methods are judged.

A head whose features are one-hot is a table: row i of it holds the parameters of the distribution in situation i.
"""

import math

import numpy as np
import torch
from torch.distributions import Categorical, Independent, Laplace, MixtureSameFamily

from tests.autograder.probes.base import Arrays, Close, Homework, Probe, Sample, stand_in
from tests.autograder.probes.losses import float32, spread, with_gradients

SITUATIONS = 4  # F: one feature for each
ACTION_DIM = 2
COMPONENTS = 5
PAIRS = 4000  # of samples: weights that differ by 0.1 are told apart


# --- inputs ----------------------------------------------------------------------------------------------------------
def head_inputs(rng: np.random.Generator, table: np.ndarray, batch: int = 6) -> Arrays:
    """A linear layer that gives row i of `table [F, numbers]` in situation i, and situations: each, then any."""
    bias = rng.normal(size=table.shape[1])
    situation = np.concatenate([rng.permutation(SITUATIONS), rng.integers(SITUATIONS, size=batch - SITUATIONS)])
    return float32(
        weight=(table - bias).T,
        bias=bias,
        features=np.eye(SITUATIONS)[situation],
        seed=rng.integers(2**31),
    )


def draw_gaussian_head(rng: np.random.Generator) -> Arrays:
    mean = spread(rng, SITUATIONS, ACTION_DIM + 1)
    return head_inputs(rng, np.concatenate([mean, rng.uniform(-2.0, -1.2, mean.shape)], axis=1))


def draw_gaussian_beyond(rng: np.random.Generator) -> Arrays:
    """Both means and log_stds leave the range of log_std, on both sides."""
    return head_inputs(rng, beyond(rng, 2 * (ACTION_DIM + 1)))


def beyond(rng: np.random.Generator, numbers: int) -> np.ndarray:
    """A table `[F, numbers]` in which every column lies below, in and above LOG_STD_RANGE."""
    levels = rng.permuted(np.tile([-8.0, -1.0, 1.0, 5.0], (numbers, 1)), axis=1).T
    return levels + rng.uniform(-0.8, 0.8, levels.shape)


def draw_mixture_head(rng: np.random.Generator) -> Arrays:
    """Components far apart; which is the likeliest depends on the situation; the likelier, the wider.

    All numbers lie within LOG_STD_RANGE: what is clamped does not show here.
    """
    rank = (rng.permutation(COMPONENTS) + np.arange(SITUATIONS)[:, None]) % COMPONENTS  # (F, K)
    logits = 0.9 * rank - 2.0 + rng.uniform(-0.1, 0.1, rank.shape)
    shift = np.array([0, rng.integers(1, COMPONENTS)])  # no component is the outermost in both dimensions
    places = (rng.permutation(COMPONENTS)[:, None] + shift) % COMPONENTS  # (K, A)
    means = 1.5 * places - 4.5 + rng.uniform(-0.2, 0.2, (SITUATIONS, *places.shape))  # (F, K, A)
    log_stds = 0.6 * rank[:, :, None] - 4.8 + rng.uniform(-0.05, 0.05, means.shape)
    table = np.concatenate([part.reshape(SITUATIONS, -1) for part in (logits, means, log_stds)], axis=1)
    return head_inputs(rng, table)


def draw_mixture_beyond(rng: np.random.Generator) -> Arrays:
    return head_inputs(rng, beyond(rng, COMPONENTS * (1 + 2 * ACTION_DIM)))


# --- the heads -------------------------------------------------------------------------------------------------------
def filled(head: torch.nn.Module, inputs: Arrays) -> torch.nn.Module:
    """The head with the weights of its linear layer from `inputs`."""
    with torch.no_grad():
        for name in ("weight", "bias"):
            getattr(head.linear, name).copy_(torch.from_numpy(inputs[name]))
    return head


def gaussian_head(hw1: Homework, inputs: Arrays) -> torch.nn.Module:
    return filled(hw1.heads.GaussianHead(SITUATIONS, ACTION_DIM + 1), inputs)


def mixture_head(hw1: Homework, inputs: Arrays) -> torch.nn.Module:
    return filled(hw1.heads.MixtureHead(SITUATIONS, ACTION_DIM, COMPONENTS), inputs)


def features_of(inputs: Arrays) -> torch.Tensor:
    return torch.from_numpy(np.array(inputs["features"]))


def generator(inputs: Arrays, shift: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(int(inputs["seed"]) + shift)


# --- parameters ------------------------------------------------------------------------------------------------------
def gaussian_parameters(hw1: Homework, inputs: Arrays) -> dict:
    head, features = gaussian_head(hw1, inputs), features_of(inputs)
    mean, log_std = head(features)
    return {"mean": mean, "log_std": log_std, "mean of one row": head(features[:1])[0]}


def mixture_parameters(hw1: Homework, inputs: Arrays) -> dict:
    head, features = mixture_head(hw1, inputs), features_of(inputs)
    logits, means, log_stds = head(features)
    return {"logits": logits, "means": means, "log_stds": log_stds, "means of one row": head(features[:1])[1]}


def normalised(inputs: Arrays, answer: Arrays) -> Arrays:
    """Logits mean the same with any constant added to a row."""
    logits = answer["logits"]
    if logits.ndim == 0 or logits.dtype.kind != "f":
        raise ValueError(f"logits: expected a float tensor of shape [B, K], got {logits.dtype} {logits.shape}")
    with np.errstate(invalid="ignore"):
        return answer | {"logits": logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)}


# --- the loss --------------------------------------------------------------------------------------------------------
# Exercises 1.3 and 1.4 are replaced by losses that equal them, in value and gradient, at the actions of these probes
# and nowhere else: whoever calls them does not need them done, and whoever writes the formula out is right as well.
# Two deviations from its mean a Gaussian falls off as steeply as the Laplace density of half that width. In double
# precision, for the deviations are small.
LIFT = 2 - 0.5 * math.log(2 * math.pi)  # nats for each dimension, by which the Laplace density is smaller there


def laplace_nll(mean, log_std, action):
    return -Independent(Laplace(mean, log_std.exp() / 2), 1).log_prob(action).mean() - LIFT * action.shape[-1]


def laplace_mixture_nll(logits, means, log_stds, action):
    components = Independent(Laplace(means, log_stds.exp() / 2), 1)
    mixture = MixtureSameFamily(Categorical(logits=logits), components)
    return -mixture.log_prob(action).mean() - LIFT * action.shape[-1]


def two_deviations_off(mean: torch.Tensor, log_std: torch.Tensor) -> torch.Tensor:
    """Actions on either side of the mean, in turn."""
    side = 1 - 2 * (torch.arange(mean.numel()) % 2).reshape(mean.shape)
    return (mean + 2 * side * log_std.exp()).detach()


def loss_and_gradients(hw1: Homework, head: torch.nn.Module, inputs: Arrays, action: torch.Tensor) -> dict:
    features = features_of(inputs).double().requires_grad_()
    with stand_in(hw1, user="heads", owner="losses", gaussian_nll=laplace_nll, mixture_nll=laplace_mixture_nll):
        loss = head.loss(features, action, generator(inputs))
        return with_gradients(loss, {"features": features, "the weights": head.linear.weight})


def gaussian_loss(hw1: Homework, inputs: Arrays) -> dict:
    head = gaussian_head(hw1, inputs).double()
    return loss_and_gradients(hw1, head, inputs, two_deviations_off(*head(features_of(inputs).double())))


def mixture_loss(hw1: Homework, inputs: Arrays) -> dict:
    """Near one component of each row, in turn; all others are so far away that they add nothing."""
    head = mixture_head(hw1, inputs).double()
    _, means, log_stds = head(features_of(inputs).double())
    rows = torch.arange(len(means))
    near = rows % COMPONENTS
    return loss_and_gradients(hw1, head, inputs, two_deviations_off(means[rows, near], log_stds[rows, near]))


# --- samples ---------------------------------------------------------------------------------------------------------
def sample_pairs(head: torch.nn.Module, inputs: Arrays) -> dict:
    """Actions in two situations in turn, side by side, `[PAIRS, 2A]`: what neighbours in a batch share would show."""
    features = features_of(inputs)[:2].repeat(PAIRS, 1)
    actions = head.sample(features, generator(inputs))
    return {"actions": actions.reshape(PAIRS, -1)}


def draw_again(head: torch.nn.Module, inputs: Arrays) -> dict:
    """Actions drawn with one generator twice, with a fresh one of the same seed, and with one of another."""
    features = features_of(inputs)[:2].repeat(16, 1)
    first = generator(inputs)
    return {
        "first": head.sample(features, first),
        "next": head.sample(features, first),
        "again": head.sample(features, generator(inputs)),
        "other": head.sample(features, generator(inputs, shift=1)),
        "without a generator": head.sample(features),
        "of one row": head.sample(features[:1], first),
    }


def repeats(inputs: Arrays, answer: Arrays) -> Arrays:
    """Facts: what must agree does, what must not does not, row by row."""
    first = answer["first"]
    for name in ("next", "again", "other", "without a generator"):
        if first.ndim != 2 or answer[name].shape != first.shape or answer[name].dtype.kind != "f":
            raise ValueError(
                f"sample: expected floats [B, A] from each call, got {first.shape} and {answer[name].shape}"
            )
    apart = {name: np.abs(first - answer[name]).max(axis=1) for name in ("next", "again", "other")}
    return {
        "shape": np.array(first.shape),
        "shape for one row": np.array(answer["of one row"].shape),
        "the same seed gives the same actions": (apart["again"] == 0).all(),
        "another seed gives other actions": (apart["other"] > 0).all(),
        "every row is drawn on its own": (np.abs(first[2:] - first[:-2]).max(axis=1) > 0).all(),
        "the next call gives other actions": (apart["next"] > 0).all(),
    }


def repeats_of_mixture(inputs: Arrays, answer: Arrays) -> Arrays:
    """And is it the component or the noise that differs? Components lie 1.1 apart, with deviations below 0.1."""
    facts = repeats(inputs, answer)
    apart = np.abs(answer["first"] - answer["again"])
    return facts | {"the same seed gives the same components": (apart < 0.8).all()}


def modes(head: torch.nn.Module, inputs: Arrays) -> dict:
    features = features_of(inputs)
    return {"mode": head.mode(features), "mode of one row": head.mode(features[:1])}


def of_gaussian(ask):
    return lambda hw1, inputs: ask(gaussian_head(hw1, inputs), inputs)


def of_mixture(ask):
    return lambda hw1, inputs: ask(mixture_head(hw1, inputs), inputs)


PROBES = [
    # 2.1
    Probe(
        "2.1.1",
        "mean and log_std",
        1.5,
        draw_gaussian_head,
        gaussian_parameters,
        {"mean": Close(dtype=True), "log_std": Close(dtype=True)},
    ),
    Probe("2.1.2", "log_std is clamped, the mean is not", 1.0, draw_gaussian_beyond, gaussian_parameters),
    Probe("2.1.3", "the loss and its gradients", 2.0, draw_gaussian_head, gaussian_loss),
    Probe(
        "2.1.4",
        "samples are from the Gaussian",
        1.75,
        draw_gaussian_head,
        of_gaussian(sample_pairs),
        {"actions": Sample()},
    ),
    Probe(
        "2.1.5",
        "samples repeat with the generator",
        0.75,
        draw_gaussian_head,
        of_gaussian(draw_again),
        {},
        repeats,
        guessable=True,
    ),
    Probe("2.1.6", "the mode", 1.0, draw_gaussian_head, of_gaussian(modes)),
    # 2.2
    Probe(
        "2.2.1",
        "logits, means and log_stds",
        2.5,
        draw_mixture_head,
        mixture_parameters,
        {name: Close(dtype=True) for name in ("logits", "means", "log_stds")},
        normalised,
    ),
    Probe("2.2.2", "log_stds are clamped, nothing else", 1.0, draw_mixture_beyond, mixture_parameters, {}, normalised),
    Probe("2.2.3", "the loss and its gradients", 2.5, draw_mixture_head, mixture_loss),
    Probe(
        "2.2.4",
        "samples are from the mixture",
        3.0,
        draw_mixture_head,
        of_mixture(sample_pairs),
        {"actions": Sample()},
    ),
    Probe(
        "2.2.5",
        "samples repeat with the generator",
        1.0,
        draw_mixture_head,
        of_mixture(draw_again),
        {},
        repeats_of_mixture,
        guessable=True,
    ),
    Probe("2.2.6", "the mode: the mean of the likeliest component", 2.0, draw_mixture_head, of_mixture(modes)),
]
