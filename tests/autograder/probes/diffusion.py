"""Probes of exercise E.2: the diffusion head with given weights, its training, and both ways to sample."""

from functools import partial

import numpy as np
import torch
from torch import nn

from tests.autograder.probes.base import Arrays, Close, Homework, Sample, probe
from tests.autograder.probes.head_answers import (
    checked,
    draw_again,
    draw_batch,
    features_of,
    generator,
    modes,
    repeats,
    with_weights,
)
from tests.autograder.probes.noisy_training import (
    EXACT,
    ITERATED,
    TARGET_RULES,
    shares,
    target_facts,
    training,
    watch,
)
from tests.autograder.probes.tensors import tensor

LEVELS = 6  # noise levels, where the loss and ancestral sampling are examined


def head_of(hw1: Homework, inputs: Arrays, levels: int, sampling_steps: int | None = None, **more) -> nn.Module:
    sizes = inputs["features"].shape[1], inputs["action"].shape[1]
    return with_weights(hw1.heads.DiffusionHead(*sizes, levels, sampling_steps, **more), inputs)


# --- training --------------------------------------------------------------------------------------------------------
def level_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """The average weights in the points of each noise level; zeros if the network is never asked about the level."""
    level, share = checked(answer, "time", inputs["action"].shape[:1], kind="i"), shares(inputs, answer)
    mean = [share[level == n].mean(axis=0) if (level == n).any() else np.zeros(2) for n in range(LEVELS)]
    action, target = np.array(mean).T
    return {"the action's weight in the noisy action by noise level": action, "the target's weight": target}


@probe(
    "E.2.1",
    "the noisy action that the network sees",
    points=1.0,
    draw=partial(draw_batch, batch=200, action_dim=6),
    rules={"the action's weight in the noisy action by noise level": EXACT, "the target's weight": EXACT},
    facts=level_facts,
)
def noisy_action(hw1: Homework, inputs: Arrays) -> dict:
    return training(hw1, head_of(hw1, inputs, LEVELS), inputs)


@probe(
    "E.2.2",
    "the loss: squared error against the noise",
    points=1.0,
    draw=partial(draw_batch, batch=4000, action_dim=2, scale=3.0),
    rules=TARGET_RULES,
    facts=target_facts,
    guessable=True,
)
def target(hw1: Homework, inputs: Arrays) -> dict:
    return training(hw1, head_of(hw1, inputs, LEVELS), inputs)


# --- deterministic sampling ------------------------------------------------------------------------------------------
JUMPS = {f"from noise through {count} of 12 noise levels": count for count in (1, 5, 12)}


@probe(
    "E.2.3",
    "deterministic sampling: denoise, then mix again at the next noise level",
    points=1.25,
    draw=partial(draw_batch, batch=6, action_dim=3),
    rules={name: ITERATED for name in (*JUMPS, "mode for a batch of one")} | {"mode": Close(1e-3, 1e-3, dtype=True)},
)
@torch.no_grad()
def jumps(hw1: Homework, inputs: Arrays) -> dict:
    features, noise = features_of(inputs), tensor(inputs, "noise")
    paths = {name: head_of(hw1, inputs, 12, count).deterministic(features, noise) for name, count in JUMPS.items()}
    return paths | modes(head_of(hw1, inputs, 12, 5), inputs)


# --- ancestral sampling ----------------------------------------------------------------------------------------------
@probe(
    "E.2.4",
    "ancestral sampling: the last denoising step adds no noise",
    points=0.5,
    draw=partial(draw_batch, batch=6, action_dim=3),
    rules={"action": ITERATED},
)
@torch.no_grad()
def last_step(hw1: Homework, inputs: Arrays) -> dict:
    head = head_of(hw1, inputs, levels=1)
    return {"action": head.ancestral(features_of(inputs), tensor(inputs, "noise"), generator(inputs))}


def ancestry_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """Each denoising step as a linear regression: the weights of clean and noisy action, and the added noise."""
    shape = inputs["noise"].shape
    noisy = checked(answer, "noisy", (LEVELS + 1, *shape))
    clean = checked(answer, "clean", (LEVELS, *shape))
    weights, fresh = [], []
    for following, known in zip(noisy[:-1], np.stack([clean, noisy[1:]], axis=-1), strict=True):  # known: (B, A, 2)
        weight = np.linalg.lstsq(known.reshape(-1, 2), following.ravel(), rcond=None)[0]
        weights.append(weight)
        fresh.append(following - known @ weight)
    pairs = fresh[1].reshape(shape[0] // 2, -1)  # anything that neighbouring rows share shows
    return {
        "the clean action's weight by noise level": np.array(weights)[:, 0],
        "the noisy action's weight": np.array(weights)[:, 1],
        "the standard deviation of the fresh noise": np.std(fresh, axis=(1, 2)),
        "the fresh noise": pairs.astype(np.float32),
    }


# In 40 draws the standard error of a weight was at most 0.02 and usually 0.01, that of a standard deviation 0.006. So
# at worst 1e-7 of the grades see a difference of two beyond 0.15, and the bugs differ by more at some level.
ESTIMATED = Close(rtol=0, atol=0.15)


@probe(
    "E.2.5",
    "ancestral sampling: mean and standard deviation at each noise level",
    points=1.0,
    draw=partial(draw_batch, batch=4000, action_dim=2),
    rules={
        "the clean action's weight by noise level": ESTIMATED,
        "the noisy action's weight": ESTIMATED,
        "the standard deviation of the fresh noise": ESTIMATED,
        "the fresh noise": Sample(),
    },
    facts=ancestry_facts,
    guessable=True,
)
@torch.no_grad()
def ancestry(hw1: Homework, inputs: Arrays) -> dict:
    """The noisy actions of ancestral sampling, the sample first, and the clean action predicted at each level."""
    head, features, noise = head_of(hw1, inputs, LEVELS), features_of(inputs), tensor(inputs, "noise")
    calls = watch(head)
    action = head.ancestral(features, noise, generator(inputs))
    noisy = {int(level[0]): point for _, point, level, _ in calls}
    if set(noisy) != set(range(LEVELS)):
        raise ValueError(f"ancestral asks the network about the noise levels {sorted(noisy)} instead of all {LEVELS}")
    return {
        "noisy": torch.stack([action, *(noisy[n] for n in range(LEVELS))]),
        "clean": torch.stack([head._denoise(features, noisy[n], n)[0] for n in range(LEVELS)]),
    }


@probe(
    "E.2.6",
    "ancestral samples repeat with the generator",
    points=0.25,
    draw=partial(draw_batch, batch=2, action_dim=2),
    facts=repeats,
    guessable=True,
)
def ancestral_repeats(hw1: Homework, inputs: Arrays) -> dict:
    return draw_again(head_of(hw1, inputs, LEVELS, clip=100.0), inputs)
