"""Probes of exercise E.3: the flow matching head with given weights, its training, and Euler's method."""

from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from tests.autograder import forms
from tests.autograder.probes.base import Arrays, Close, Homework, Sample, probe, stand_in
from tests.autograder.probes.draws import OUTSIDE, drawing, fresh_draws, nearly, normal_facts
from tests.autograder.probes.head_answers import checked, features_of, with_weights
from tests.autograder.probes.noisy_training import (
    EXACT,
    ITERATED,
    TARGET_RULES,
    in_numbers,
    joint_facts,
    many_draws,
    many_facts,
    multiple_facts,
    parts_of,
    repetition,
    training,
)
from tests.autograder.probes.sizes import cases, draw_batch, drawn, in_each_case, unchanged
from tests.autograder.probes.tensors import tensor
from tests.autograder.probes.tiny_fit import IMITATION, draw_demos, imitation

HEAD = "FlowMatchingHead"


def head_of(hw1: Homework, inputs: Arrays, steps: int) -> nn.Module:
    """`steps`: Euler steps."""
    sizes = inputs["features"].shape[1], inputs["action"].shape[1]
    with drawing:
        return with_weights(hw1.heads.FlowMatchingHead(*sizes, steps), inputs)


# --- training --------------------------------------------------------------------------------------------------------
def draw_points(rng: np.random.Generator, B: int, A: int, F: int) -> Arrays:
    return draw_batch(rng, B=B + 12 if B > 1 else 1, A=A, F=F, scale=2.0)


def draw_near_and_far(rng: np.random.Generator) -> Arrays:
    """Also actions that are far away, so a point or velocity that is clipped shows."""
    far = draw_batch(rng, B=19, A=5, F=7, scale=30.0)
    return drawn(rng, draw=draw_points, B=9, A=6, F=9) | {f"{name} if actions are far": x for name, x in far.items()}


def point_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """The weights of the action and of the velocity in the points: starting from the action with this velocity, after
    what time is a point reached?"""
    found, answers = {}, dict(cases(answer))
    for case, own in cases(inputs):
        target, facts = multiple_facts(own, answers[case])
        time = checked(answers[case], "time", target.shape[:1])
        point = checked(answers[case], "point", target.shape)
        parts = [own["action"].astype(np.float64), time[:, None] * target]
        weights, rest = parts_of(point, parts, np.zeros(len(time), int), 1)
        facts |= {
            "weight of the action in the point": weights[0, 0],
            "weight of t x velocity (what the loss compares with) in the point": weights[0, 1],
            "what is in the point beside them": np.array(rest),
        }
        found |= {name + case: np.asarray(value) for name, value in facts.items()}
    return found


@probe(
    "E.3.1",
    "where on the path the network is asked: the point and the time",
    points=1.0,
    draw=draw_near_and_far,
    rules={
        name + case: rule
        for case in ("", " if B = 1", " if A = 1", " if F = 1", " if actions are far")
        for name, rule in {
            "weight of the action in the point": EXACT,
            "weight of t x velocity (what the loss compares with) in the point": EXACT,
            "what is in the point beside them": EXACT,
            "multiple of the squared error": Close(rtol=1e-3),
        }.items()
    },
    facts=point_facts,
    asked="x_t = t noise + (1 - t) action,     dx/dt = noise - action,",
)
def point(hw1: Homework, inputs: Arrays) -> dict:
    return {
        name + case: value
        for case, own in cases(inputs)
        for name, value in training(hw1, head_of(hw1, own, steps=5), own).items()
    }


def draw_many(rng: np.random.Generator) -> Arrays:
    dims = int(rng.integers(2, 4))
    return draw_batch(rng, B=8_000 // dims // 4 * 4, A=dims, F=int(rng.integers(3, 7)), scale=3.0)


def target_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """The target plus the action must be the noise.

    The distribution function of the times makes them uniform. Times that are uniform by themselves are then 0.35
    standard deviations off on average: 17 standard errors or more, since there are at least 2,600 rows.

    In a large batch no time is above 0.9979 with p = 2e-14, none below 0.022 with p = 6e-14. The times' numbers in
    1,000 bins give a chi-square of 999 +- 45: above 1,350 with p = 6e-13, but above 3,000 if times are rounded to 0.01
    or clipped to [0.01, 0.99].
    """
    target, facts = multiple_facts(inputs, answer)
    time, (low, high) = checked(answer, "time", target.shape[:1]), checked(answer, "range", (2,))
    uniform = (made_uniform(time) - 0.5) * np.sqrt(12)
    chi_square = float(checked(answer, "many: chi-square of the times", ()))
    repeats = {name: value for name, value in answer.items() if name.startswith("draws")}
    times = {
        "the times": uniform[:, None].astype(np.float32),
        "the times' average, made uniform": nearly(uniform.mean(), 0.0, OUTSIDE * len(time) ** -0.5),
        "the times' average square, made uniform": nearly((uniform**2).mean(), 1.0, OUTSIDE * (0.8 / len(time)) ** 0.5),
        "no time is below 0.001 or above 1": np.array(low > 0.000999 and high < 1.000001),
        "the times reach almost from 0.001 to 1": np.array(low < 0.022 and high > 0.9979),
        "the times of a large batch are spread as they should be": np.array(chi_square < 1_350),
    }
    noise = joint_facts(inputs, target + inputs["action"], uniform) | many_facts(answer)
    return facts | noise | times | repeats


def made_uniform(time):
    """By their distribution function; an array or a tensor of the same shape."""
    return ((time - 0.001) / 0.999).clip(0, 1) ** 1.5


@probe(
    "E.3.2",
    "the loss: squared error against the velocity, at times from Beta(1.5, 1)",
    points=1.0,
    draw=draw_many,
    rules=TARGET_RULES | {"the times": Sample("they are not drawn from 0.999 Beta(1.5, 1) + 0.001")},
    facts=target_facts,
    axes={"action": "B A"},
    asked="t ~ 0.999 Beta(1.5, 1) + 0.001",
)
def target(hw1: Homework, inputs: Arrays) -> dict:
    given, draw = [], hw1.sampling.draw_flow_time

    def noticed(*args, **kwargs) -> Tensor:
        given.append(draw(*args, **kwargs))
        return given[-1]

    with stand_in(hw1, user="heads", owner="sampling", draw_flow_time=noticed):
        points, time = many_draws(hw1, head_of(hw1, inputs, steps=5), inputs)
    bins = (made_uniform(time) * 1_000).long().clamp(0, 999)
    shares = torch.bincount(bins, minlength=1_000) * (1_000 / len(time))
    own = not any(torch.equal(time, each) for each in given)
    all_times = torch.cat([time, many_own_times(hw1, inputs)]) if own else time
    answer = training(hw1, head_of(hw1, inputs, steps=5), inputs)
    return (
        answer
        | repetition(hw1, head_of(hw1, inputs, steps=5), inputs)
        | in_numbers(points / time[:, None])
        | {
            "range": torch.stack([all_times.min(), all_times.max()]),
            "many: chi-square of the times": ((shares - 1).square().sum() * (len(time) / 1_000)).double(),
        }
    )


def many_own_times(hw1: Homework, inputs: Arrays) -> Tensor:
    """Times that the student draws without the given function, in so large a batch that some of them should be near
    0.001: without this offset 1 in 30,000 would lie below, so 99.9 % of such batches have one."""
    return many_draws(hw1, head_of(hw1, inputs, steps=1), inputs, rows=220_000, dims=1)[1]


# --- sampling --------------------------------------------------------------------------------------------------------
def draw_euler(rng: np.random.Generator, **sizes: int) -> Arrays:
    """The noise is as far away as the points on the way to an action may be."""
    inputs = draw_batch(rng, **sizes, few=int(rng.integers(2, 6)), many=int(rng.integers(6, 14)))
    return inputs | {"noise": 4 * inputs["noise"]}


EULER = {"1 Euler step": 1, "a few Euler steps": "few", "more Euler steps": "many", "10 Euler steps": 10}


@probe(
    "E.3.3",
    "Euler's method from noise to action",
    points=1.25,
    draw=partial(drawn, draw=draw_euler, B=7, A=5, F=9),
    rules=in_each_case("BAF", **{f"mode in {name}": Close(1e-3, 1e-3, dtype=True) for name in EULER})
    | in_each_case("BAF", from_noise=ITERATED),
    asked="at t = 1, 1 - 1/steps, ..., 1/steps, for all B rows: x <- x - velocity / steps.",
)
@torch.no_grad()
def euler(hw1: Homework, inputs: Arrays) -> dict:
    found = {}
    for case, own in cases(inputs):
        features, shape = features_of(own), own["action"].shape
        for name, steps in EULER.items():
            head = head_of(hw1, own, int(own.get(steps, steps)))
            found[f"mode in {name}{case}"] = forms.tensor(head.mode(features), f"{HEAD}.mode", "B A", *shape)
        if not case:
            head.mode(-features)  # of which nothing may be kept
        moved = head._integrate(features, tensor(own, "noise"))
        found[f"from noise{case}"] = forms.tensor(moved, f"{HEAD}._integrate", "B A", *shape)
        found[f"the inputs are as before{case}"] = unchanged(own, features=features)
    return found


DRAWS = 2_000  # in each of three calls


def draw_sampling(rng: np.random.Generator) -> Arrays:
    """Two situations, which alternate in the batch."""
    return draw_euler(rng, B=2, A=int(rng.integers(2, 4)), F=int(rng.integers(3, 7)))


def sample_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    return answer | normal_facts("first noise", answer["first noise"])


@probe(
    "E.3.4",
    "samples start from noise, drawn for each row and each call",
    points=0.75,
    draw=draw_sampling,
    rules={"actions": Sample(), "first noise": Sample()},
    facts=sample_facts,
    asked="sample(features, generator)         draw an action",
)
@torch.no_grad()
def samples(hw1: Homework, inputs: Arrays) -> dict:
    """Where the velocity is the same everywhere, a sample is the noise that it starts from, moved by this velocity."""
    features = features_of(inputs).repeat(DRAWS // 2, 1)
    head = head_of(hw1, inputs, int(inputs["few"]))
    actions, _ = fresh_draws(head, inputs, features[:1_000], f"{HEAD}.sample")
    nn.init.zeros_(head.net[-1].weight)
    noise, repeats = fresh_draws(head, inputs, features, f"{HEAD}.sample")
    return {"actions": actions, "first noise": noise + head.net[-1].bias.repeat(3)} | repeats


# --- use -------------------------------------------------------------------------------------------------------------
@probe(
    "E.3.5",
    "trained on a few demonstrations by `hw1.bc.fit`, in chunks, for two learners",
    points=1.0,
    draw=draw_demos,
    rules=IMITATION,
    guessable=True,
    asked="a chunk of actions is one long action to it",
)
def use(hw1: Homework, inputs: Arrays) -> dict:
    return imitation(hw1, inputs, "flow", sampling_steps=int(inputs["bins"]) - 1)
