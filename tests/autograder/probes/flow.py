"""Probes of exercise E.3: the flow matching head with given weights, its training, and Euler's method."""

from functools import partial

import numpy as np
import torch
from torch import nn

from tests.autograder.probes.base import Arrays, Close, Homework, Sample, probe
from tests.autograder.probes.head_answers import checked, draw_batch, features_of, modes, sample_pairs, with_weights
from tests.autograder.probes.noisy_training import EXACT, ITERATED, TARGET_RULES, shares, target_facts, training


def head_of(hw1: Homework, inputs: Arrays, steps: int) -> nn.Module:
    """`steps`: Euler steps."""
    return with_weights(
        hw1.heads.FlowMatchingHead(inputs["features"].shape[1], inputs["action"].shape[1], steps), inputs
    )


# --- training --------------------------------------------------------------------------------------------------------
def point_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """The weights of the action and of the velocity in each point: starting from the action with this velocity, after
    what time is the point reached?"""
    time = checked(answer, "time", inputs["action"].shape[:1])
    action, velocity = shares(inputs, answer).T
    return {
        "the action's weight in the point": action,
        "the target's weight, minus the time": np.round(velocity - time, 5) + 0.0,  # never -0
        "the times": time[:, None].astype(np.float32),
    }


@probe(
    "E.3.1",
    "the point on the path that the network sees, and its time",
    points=1.25,
    draw=partial(draw_batch, batch=200, action_dim=6),
    rules={
        "the action's weight in the point": EXACT,
        "the target's weight, minus the time": EXACT,
        "the times": Sample(),
    },
    facts=point_facts,
)
def point(hw1: Homework, inputs: Arrays) -> dict:
    return training(hw1, head_of(hw1, inputs, steps=5), inputs)


@probe(
    "E.3.2",
    "the loss: squared error against the velocity",
    points=1.25,
    draw=partial(draw_batch, batch=4000, action_dim=2, scale=3.0),
    rules=TARGET_RULES,
    facts=target_facts,
)
def target(hw1: Homework, inputs: Arrays) -> dict:
    return training(hw1, head_of(hw1, inputs, steps=5), inputs)


# --- sampling --------------------------------------------------------------------------------------------------------
@probe(
    "E.3.3",
    "Euler's method from noise to action",
    points=1.5,
    draw=partial(draw_batch, batch=6, action_dim=3),
    rules={name: ITERATED for name in ("mode in 1 Euler step", "mode in 4 Euler steps", "mode for a batch of one")}
    | {"mode": Close(1e-3, 1e-3, dtype=True)},
)
@torch.no_grad()
def euler(hw1: Homework, inputs: Arrays) -> dict:
    one, four = (head_of(hw1, inputs, steps).mode(features_of(inputs)) for steps in (1, 4))
    return {"mode in 1 Euler step": one, "mode in 4 Euler steps": four} | modes(head_of(hw1, inputs, 7), inputs)


@probe(
    "E.3.4",
    "samples start from noise",
    points=1.0,
    draw=partial(draw_batch, batch=2, action_dim=2),
    rules={"actions": Sample()},
)
@torch.no_grad()
def samples(hw1: Homework, inputs: Arrays) -> dict:
    return sample_pairs(head_of(hw1, inputs, steps=5), inputs)
