"""Probes of exercise E.1: the autoregressive head with given weights, its logits, gradients, modes and samples."""

from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.autograder.probes.base import Arrays, Close, Homework, Sample, probe, stand_in
from tests.autograder.probes.head_answers import checked, draw_batch, features_of, modes, sample_pairs, with_weights
from tests.autograder.probes.tensors import float32, tensor

BINS = 7


def head_of(hw1: Homework, inputs: Arrays, bins: int) -> nn.Module:
    head = with_weights(
        hw1.heads.AutoregressiveHead(inputs["features"].shape[1], inputs["action"].shape[1], bins), inputs
    )
    head.from_prefix.weight.data *= 3  # so that the dimensions chosen before matter
    return head


# --- logits ----------------------------------------------------------------------------------------------------------
@probe(
    "E.1.1",
    "the logits of every dimension, all in one pass",
    points=1.25,
    draw=partial(draw_batch, batch=6, action_dim=4),
    rules={"logits": Close(dtype=True)},
)
@torch.no_grad()
def logits(hw1: Homework, inputs: Arrays) -> dict:
    head, features, action = head_of(hw1, inputs, BINS), features_of(inputs), tensor(inputs, "action")
    return {
        "logits": head(features, action),
        "logits for a batch of one": head(features[:1], action[:1]),
        "the action afterwards": action,
    }


def dependence_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    batch, dims = inputs["action"].shape
    depends = checked(answer, "change", (dims, dims)) > 1e-4  # [j, i]: the logits of dimension i on dimension j
    blank = checked(answer, "logits without action", (batch, dims, BINS))
    later = np.tri(dims, dtype=bool)  # j >= i
    return {
        "whether logits depend on the dimensions before": depends[~later],
        "whether logits depend on their own or later dimensions": depends[later],
        "whether the logits differ between dimensions": np.array(np.ptp(blank, axis=1).max() > 1e-4),
    }


@probe(
    "E.1.2",
    "the logits of a dimension depend on the dimensions before it and on no others",
    points=1.0,
    draw=partial(draw_batch, batch=16, action_dim=4),
    facts=dependence_facts,
    guessable=True,
)
@torch.no_grad()
def dependence(hw1: Homework, inputs: Arrays) -> dict:
    """The largest change of each dimension's logits when one dimension of the action changes, `[A, A]`."""
    head, features, action = head_of(hw1, inputs, BINS), features_of(inputs), tensor(inputs, "action")
    before = head(features, action)
    after = torch.stack([head(features, action + 0.5 * one) for one in torch.eye(action.shape[1])])
    return {
        "change": (after - before).abs().amax(dim=(1, 3)),
        "logits without action": head(features, torch.zeros_like(action)),
    }


# --- loss and mode, free of rounding errors --------------------------------------------------------------------------
def draw_exact(rng: np.random.Generator) -> Arrays:
    """Features that are multiples of 1/4, and actions, some of them beyond [-1, 1], away from the edges of the bins."""
    inputs = draw_batch(rng, 16, 4)
    bins = rng.integers(-1, 9, inputs["action"].shape) + rng.uniform(0.1, 0.9, inputs["action"].shape)
    return inputs | float32(features=np.round(4 * inputs["features"]) / 4, action=bins / 4 - 1)


@torch.no_grad()
def exact_head(hw1: Homework, inputs: Arrays) -> nn.Module:
    """A head of 8 bins whose sums are exact in any order, because its weights are multiples of 1/4.

    Fractions are added to the biases, so that no hidden unit is 0 and no two logits are equal. Then rounding errors do
    not decide about any relu or argmax.
    """
    head = head_of(hw1, inputs, bins=8)
    for weight in head.parameters():
        weight.copy_((4 * weight).round() / 4)
    head.from_features.bias += 1 / 64
    head.to_logits.bias += torch.arange(8) / 4096
    return head


def other_categorical(logits: Tensor, index: Tensor) -> Tensor:
    """In place of exercise 1.2: another value, but the same gradient by the logits. So a loss that calls it trains like
    one that writes the likelihood out."""
    pull = torch.softmax(logits, dim=-1) - functional.one_hot(index, logits.shape[-1])
    return (pull.detach() * logits).sum() / len(logits)


@probe("E.1.3", "the loss trains every dimension, given the bins before it", points=1.25, draw=draw_exact)
def gradient(hw1: Homework, inputs: Arrays) -> dict:
    head = exact_head(hw1, inputs)
    with stand_in(hw1, user="heads", owner="losses", categorical_nll=other_categorical):
        loss = head.loss(features_of(inputs), tensor(inputs, "action"))
    gradients = torch.autograd.grad(loss, list(head.parameters()))
    return {"the gradient by the weights": torch.cat([gradient.flatten() for gradient in gradients])}


@probe("E.1.4", "the mode takes the most likely bin, dimension by dimension", points=0.75, draw=draw_exact)
@torch.no_grad()
def mode(hw1: Homework, inputs: Arrays) -> dict:
    return modes(exact_head(hw1, inputs), inputs)


# --- samples ---------------------------------------------------------------------------------------------------------
@probe(
    "E.1.5",
    "samples follow the joint distribution",
    points=0.75,
    draw=partial(draw_batch, batch=2, action_dim=3),
    rules={"actions": Sample()},
)
@torch.no_grad()
def samples(hw1: Homework, inputs: Arrays) -> dict:
    """Nothing is certain, but the dimensions chosen before decide much of those that follow."""
    head = head_of(hw1, inputs, bins=4)
    head.to_logits.weight *= 0.2
    head.to_logits.bias *= 0.2
    head.from_prefix.weight[:, : head.action_dim] *= 3
    return sample_pairs(head, inputs)
