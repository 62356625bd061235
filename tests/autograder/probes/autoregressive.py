"""Probes of exercise E.1: the autoregressive head with given weights, its logits, training, modes and samples."""

import math
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from tests.autograder import forms
from tests.autograder.probes.base import Arrays, Close, Homework, Sample, probe, stand_in
from tests.autograder.probes.draws import OUTSIDE, drawing, fresh_draws, nearly
from tests.autograder.probes.head_answers import features_of, generator, normalised, with_weights
from tests.autograder.probes.sizes import cases, draw_batch, drawn, in_each_case, unchanged
from tests.autograder.probes.tensors import float32, tensor
from tests.autograder.probes.tiny_fit import LEARNERS, draw_demos, fitted

HEAD = "AutoregressiveHead"


def draw_bins(rng: np.random.Generator, B: int, A: int, F: int, K: int) -> Arrays:
    return draw_batch(rng, B, A, F, scale=1.5, bins=K)


def head_of(hw1: Homework, inputs: Arrays) -> nn.Module:
    sizes = inputs["features"].shape[1], inputs["action"].shape[1], int(inputs["bins"])
    with drawing:
        head = with_weights(hw1.heads.AutoregressiveHead(*sizes), inputs)
    head.from_prefix.weight.data *= 3  # so that the dimensions chosen before matter
    return head


# --- logits ----------------------------------------------------------------------------------------------------------
@probe(
    "E.1.1",
    "the logits of every dimension, all in one pass",
    points=1.0,
    draw=partial(drawn, draw=draw_bins, B=7, A=5, F=9, K=9),
    rules=in_each_case("BAFK", logits=Close(dtype=True)),
    facts=normalised,
    axes={"action": "B A"},
    asked="Logits of every dimension's K = `bins` bins, given the true dimensions before it, all in one pass.",
)
@torch.no_grad()
def logits(hw1: Homework, inputs: Arrays) -> dict:
    found = {}
    for case, own in cases(inputs):
        features, action = features_of(own), tensor(own, "action")
        answer = head_of(hw1, own)(features, action)
        found[f"logits{case}"] = forms.tensor(answer, f"{HEAD}.forward", "B A K", *action.shape, int(own["bins"]))
        found[f"the inputs are as before{case}"] = unchanged(own, features=features, action=action)
    return found


def draw_dependence(rng: np.random.Generator) -> Arrays:
    return draw_bins(rng, B=int(rng.integers(12, 20)), A=int(rng.integers(3, 6)), F=int(rng.integers(6, 9)), K=7)


def dependence_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    depends, later = answer["change"] > 1e-4, np.tri(inputs["action"].shape[1], dtype=bool)  # [j, i], j >= i
    if depends.shape != later.shape:
        raise ValueError(f"change: expected shape {later.shape}")
    return {
        "whether logits depend on the dimensions before": depends[~later],
        "whether logits depend on their own or later dimensions": depends[later],
        "whether the logits differ between dimensions": answer["spread"] > 1e-4,
    }


@probe(
    "E.1.2",
    "the logits of a dimension depend on the dimensions before it and on no others",
    points=0.75,
    draw=draw_dependence,
    facts=dependence_facts,
    guessable=True,
    asked="logits[:, i] must not depend on action[:, i:].",
)
@torch.no_grad()
def dependence(hw1: Homework, inputs: Arrays) -> dict:
    """The largest change of each dimension's logits when one dimension of the action changes, `[A, A]`."""
    head, features, action = head_of(hw1, inputs), features_of(inputs), tensor(inputs, "action")
    shape = *action.shape, int(inputs["bins"])

    def answer(action: Tensor) -> Tensor:
        return forms.tensor(head(features, action), f"{HEAD}.forward", "B A K", *shape)

    before = answer(action.clone())
    after = torch.stack([answer(action + 0.5 * one) for one in torch.eye(action.shape[1])])
    blank = answer(torch.zeros_like(action))
    return {
        "change": (after - before).abs().amax(dim=(1, 3)),
        "spread": (blank.amax(dim=1) - blank.amin(dim=1)).max(),
    }


# --- loss and mode, free of rounding errors --------------------------------------------------------------------------
def draw_exact(rng: np.random.Generator, B: int, A: int, F: int, K: int) -> Arrays:
    """Features that are multiples of 1/4, and actions, some of them beyond [-1, 1] and a few far beyond, away from the
    edges of the bins."""
    bins = 8 if K == 5 else K  # 5 is not 2^n or 3 2^n: see `exact_head`
    inputs = draw_bins(rng, B, A, F, bins)
    places = rng.integers(-1, bins + 1, (B, A)) + rng.uniform(0.1, 0.9, (B, A))
    places += np.where(rng.random((B, A)) < 0.1, rng.choice([-8, 8], (B, A)) * bins, 0)
    return inputs | float32(features=np.round(4 * inputs["features"]) / 4, action=places * 2 / bins - 1)


def draw_few_and_many(rng: np.random.Generator) -> Arrays:
    """Also about as many bins and dimensions as in the homework."""
    many = draw_exact(rng, B=6, A=13, F=7, K=256)
    return drawn(rng, draw=draw_exact, B=9, A=5, F=9, K=6) | {f"{name} if K is large": x for name, x in many.items()}


@torch.no_grad()
def exact_head(hw1: Homework, inputs: Arrays) -> nn.Module:
    """A head whose sums are exact in any order, because its weights are multiples of 1/4.

    Those of the prefix are multiples of 3/4, so that they times the centres of 2^n or 3 2^n bins are exact as well.
    Fractions are added to the biases, so that no hidden unit is 0 and no two logits are equal. Then rounding errors do
    not decide about any relu or argmax.
    """
    head = head_of(hw1, inputs)
    for weight in head.parameters():
        unit = 0.75 if weight is head.from_prefix.weight else 0.25
        weight.copy_((weight / unit).round() * unit)
    head.from_features.bias += 1 / 64 + 1 / 4096  # finer than the sums of 256 bins, which are multiples of 1 / 1024
    head.to_logits.bias += torch.arange(head.bins) / 4096
    return head


def other_categorical(logits: Tensor, index: Tensor) -> Tensor:
    """In place of exercise 1.2: the same gradient by the logits, but the same value only where the logits are equal.

    So a loss that calls it trains like one that writes the likelihood out.
    """
    chosen = index[:, None] == torch.arange(logits.shape[-1])
    pull = torch.softmax(logits, dim=-1) - chosen.to(logits.dtype)
    return math.log(logits.shape[-1]) + (pull.detach() * logits).sum() / len(logits)


@probe(
    "E.1.3",
    "the loss trains every dimension, given the bins before it",
    points=1.0,
    draw=draw_few_and_many,
    axes={"action": "B A"},
    asked="teacher forcing. Round the action to bin centres first: these are the inputs in sampling, too.",
)
def gradient(hw1: Homework, inputs: Arrays) -> dict:
    found = {}
    for case, own in cases(inputs):
        head, action = exact_head(hw1, own), tensor(own, "action")
        if case == " if F = 1":  # then the probability of the other bins is 0 in float32, but its logarithm is not
            head.to_logits.bias.data[0] += 256
        features = features_of(own).requires_grad_()
        with stand_in(hw1, user="heads", owner="losses", categorical_nll=other_categorical):
            loss = forms.trained(head.loss(features, action), f"{HEAD}.loss")
            trained = [*head.parameters(), features]
            slopes = torch.autograd.grad(loss, trained, allow_unused=True)
            nn.init.zeros_(head.to_logits.weight)
            nn.init.constant_(head.to_logits.bias, 0.7)
            uncertain = forms.loss(head.loss(features, action), f"{HEAD}.loss")
        *of_weights, of_features = (
            torch.zeros_like(x) if slope is None else slope for x, slope in zip(trained, slopes, strict=True)
        )
        found |= {
            f"the gradient by the weights{case}": torch.cat([slope.flatten() for slope in of_weights]),
            f"the gradient by the features{case}": of_features,
            f"the loss when all bins are equally likely{case}": uncertain,
            f"the inputs are as before{case}": unchanged(own, features=features, action=action),
        }
    return found


@probe(
    "E.1.4",
    "the mode takes the most likely bin, dimension by dimension",
    points=0.5,
    draw=draw_few_and_many,
    rules=in_each_case("BAFK", mode=Close(dtype=True)) | {"mode if K is large": Close(dtype=True)},
    asked="start from zeros; for each i compute the logits of dimension i, choose a bin, write its centre.",
)
@torch.no_grad()
def mode(hw1: Homework, inputs: Arrays) -> dict:
    found = {}
    for case, own in cases(inputs):
        head, features = exact_head(hw1, own), features_of(own)
        if not case:
            head.mode(-features)  # of which nothing may be kept
        answer = head.mode(features)
        found[f"mode{case}"] = forms.tensor(answer, f"{HEAD}.mode", "B A", *own["action"].shape)
        found[f"the inputs are as before{case}"] = unchanged(own, features=features)
    return found


# --- samples ---------------------------------------------------------------------------------------------------------
DRAWS = 4_000  # in each of three calls


def draw_situations(rng: np.random.Generator) -> Arrays:
    """Two situations, which alternate in the batch."""
    A, K, F = (int(rng.integers(low, high)) for low, high in ((2, 4), (4, 7), (6, 9)))
    return draw_bins(rng, B=2, A=A, F=F, K=K)


SURPRISE = "surprise at the actions, in standard errors"


def sample_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """The surprise of a bin has a known mean and variance, so the sum over many bins is normal with known variance.

    Softmax temperature 1.15 is 17 standard errors away for most seeds; for the worst of 150 it was 8.5.
    """
    return answer | {SURPRISE: nearly(answer[SURPRISE], 0.0, OUTSIDE)}


@probe(
    "E.1.5",
    "samples follow the joint distribution, each row and each call independently",
    points=0.75,
    draw=draw_situations,
    rules={
        "actions": Sample(),
        SURPRISE: Close(atol=5e-3, says="the actions are more or less random than your own logits say"),
    },
    facts=sample_facts,
    asked="Discretise, then p(a_1 | s) p(a_2 | a_1, s) p(a_3 | a_1:2, s) ...",
)
@torch.no_grad()
def samples(hw1: Homework, inputs: Arrays) -> dict:
    """Nothing is certain, but the dimensions chosen before decide much of those that follow."""
    head = head_of(hw1, inputs)
    head.from_prefix.weight[:, : head.action_dim] *= 3
    features = features_of(inputs).repeat(DRAWS // 2, 1)
    anywhere = torch.rand(DRAWS, head.action_dim, generator=generator(inputs)) * 2 - 1
    spread = head(features, anywhere).std(dim=-1).mean()
    for part in (head.to_logits.weight, head.to_logits.bias):
        part *= 1.2 / spread
    actions, repeats = fresh_draws(head.eval(), inputs, features, f"{HEAD}.sample")
    surprise, variance = sum(surprise_and_variance(hw1, head, features, each) for each in actions.chunk(3, dim=1))
    return {"actions": actions, SURPRISE: surprise / variance.sqrt()} | repeats


def surprise_and_variance(hw1: Homework, head: nn.Module, features: Tensor, action: Tensor) -> Tensor:
    """How much more improbable the bins in `action` are for the head's own logits than bins drawn from them are on
    average, summed over rows and dimensions; and the variance of this sum."""
    log_prob = torch.log_softmax(head(features, action).double(), dim=-1)  # (B, A, K)
    weight = log_prob.exp()
    mean = (weight * log_prob).sum(dim=-1, keepdim=True)
    variance = (weight * (log_prob - mean) ** 2).sum()
    chosen = hw1.sampling.to_bin(action, head.bins)[..., None]
    return torch.stack([(mean - log_prob.take_along_dim(chosen, dim=-1)).sum(), variance])


# --- use -------------------------------------------------------------------------------------------------------------
@probe(
    "E.1.6",
    "trained on a few demonstrations by `hw1.bc.fit`, in chunks, for two learners",
    points=1.0,
    draw=draw_demos,
    rules={f"log probabilities of learner {i}": Close(rtol=0, atol=2e-2) for i in range(LEARNERS)},
    asked="a chunk of actions is one long action to it",
)
def use(hw1: Homework, inputs: Arrays) -> dict:
    """No draw is made in training, so everybody's weights become the same, up to rounding errors."""
    with stand_in(hw1, user="heads", owner="losses", categorical_nll=other_categorical):
        policies, features, action = fitted(hw1, inputs, head="autoregressive", bins=int(inputs["bins"]))
    with torch.no_grad():
        return {
            f"log probabilities of learner {i}": torch.log_softmax(policy.head(*own), dim=-1)
            for i, (policy, own) in enumerate(zip(policies, zip(features, action, strict=True), strict=True))
        }
