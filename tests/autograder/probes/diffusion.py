"""Probes of exercise E.2: the diffusion head with given weights, its training, and both ways to sample."""

from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from tests.autograder import forms
from tests.autograder.probes.base import Arrays, Close, Homework, Sample, probe
from tests.autograder.probes.draws import OUTSIDE, drawing, fresh_draws, global_stream, nearly, normal_facts
from tests.autograder.probes.head_answers import checked, features_of, generator, with_weights
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
    watch,
)
from tests.autograder.probes.sizes import cases, draw_batch, drawn, in_each_case, unchanged
from tests.autograder.probes.tensors import tensor
from tests.autograder.probes.tiny_fit import IMITATION, draw_demos, imitation

HEAD = "DiffusionHead"


def head_of(hw1: Homework, inputs: Arrays, sampling_steps: int | None = None) -> nn.Module:
    sizes = inputs["features"].shape[1], inputs["action"].shape[1]
    clip = float(inputs["clip"])
    with drawing:
        return with_weights(hw1.heads.DiffusionHead(*sizes, int(inputs["levels"]), sampling_steps, clip), inputs)


def draw_levels(rng: np.random.Generator, **sizes: int) -> Arrays:
    """`levels`: noise levels in training. Actions lie within the clip, predictions on both sides of it."""
    clip = rng.integers(4, 26) / 10
    return draw_batch(rng, **{"scale": clip, "clip": np.float32(clip)} | sizes)


# --- training --------------------------------------------------------------------------------------------------------
ROWS = 30  # for each noise level: one of 120 levels is without any in 1 of 10^11 grades


def draw_schedules(rng: np.random.Generator) -> Arrays:
    """Few and many noise levels and a single one, with one number in an action, one feature, one row, far actions."""
    few, many = int(rng.integers(2, 10)), int(rng.integers(50, 121))
    sizes = {
        " if levels are few": {"levels": few, "B": ROWS * few, "A": 4, "F": 5},
        " if levels are many": {"levels": many, "B": ROWS * many, "A": 3, "F": 1},
        " if A = 1": {"levels": few + 1, "B": ROWS * (few + 1), "A": 1, "F": 6},
        " if B = 1": {"levels": 1, "B": 1, "A": 5, "F": 4},
    }
    far = {"levels": few, "B": ROWS * few, "A": 4, "F": 3, "scale": 30.0, "clip": np.float32(30.0)}
    sizes |= {" if actions are far": far}
    return {name + case: x for case, own in sizes.items() for name, x in draw_levels(rng, **own).items()}


def levels_of(inputs: Arrays, answer: Arrays) -> np.ndarray:
    level = checked(answer, "time", inputs["action"].shape[:1], kind="i").astype(int)
    if not ((level >= 0) & (level < inputs["levels"])).all():
        raise ValueError("the loss asks the network about noise levels outside 0 .. steps - 1")
    return level


def level_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """The weights in the noisy actions of each noise level; zeros if the network is never asked about the level."""
    found = {}
    answers = dict(cases(answer))
    for case, own in cases(inputs):
        target, facts = multiple_facts(own, answers[case])
        level = levels_of(own, answers[case])
        point = checked(answers[case], "point", target.shape)
        weights, rest = parts_of(point, [own["action"].astype(np.float64), target], level, int(own["levels"]))
        facts |= {
            "weight of the action in the noisy action, by noise level": weights[:, 0],
            "weight of the noise (what the loss compares with), by noise level": weights[:, 1],
            "what is in the noisy action beside them": np.array(rest),
        }
        found |= {name + case: value for name, value in facts.items()}
    return found


@probe(
    "E.2.1",
    "the noisy action that the network sees, at every noise level",
    points=1.0,
    draw=draw_schedules,
    rules={
        name + case: rule
        for case in (" if levels are few", " if levels are many", " if A = 1", " if B = 1", " if actions are far")
        for name, rule in {
            "weight of the action in the noisy action, by noise level": EXACT,
            "weight of the noise (what the loss compares with), by noise level": EXACT,
            "what is in the noisy action beside them": EXACT,
            "multiple of the squared error": Close(rtol=1e-3),
        }.items()
    },
    facts=level_facts,
    asked="noisy_n = sqrt(abar_n) action + sqrt(1 - abar_n) noise,",
)
def noisy_action(hw1: Homework, inputs: Arrays) -> dict:
    return {
        name + case: value
        for case, own in cases(inputs)
        for name, value in training(hw1, head_of(hw1, own), own).items()
    }


def draw_many(rng: np.random.Generator) -> Arrays:
    dims = int(rng.integers(2, 4))
    return draw_levels(
        rng, B=8_000 // dims // 4 * 4, A=dims, F=int(rng.integers(3, 7)), levels=int(rng.integers(3, 13))
    )


def target_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """The target must be the noise. A level's share is normal: OUTSIDE standard errors are less than half of it."""
    target, facts = multiple_facts(inputs, answer)
    level, levels = levels_of(inputs, answer), int(inputs["levels"])
    share = np.bincount(level, minlength=levels) * levels / len(level)
    tolerance = OUTSIDE * np.sqrt((levels - 1) / len(level))
    time = ((level + 0.5) / levels - 0.5) * np.sqrt(12)
    often = {"how often each noise level is drawn, 1 is right": nearly(share, 1.0, tolerance)}
    repeats = {name: value for name, value in answer.items() if name.startswith("draws")}
    return facts | joint_facts(inputs, target, time) | often | repeats | many_facts(answer)


@probe(
    "E.2.2",
    "the loss: squared error against the noise",
    points=0.75,
    draw=draw_many,
    rules=TARGET_RULES,
    facts=target_facts,
    axes={"action": "B A"},
    guessable=True,
    asked="make the noisy action, predict the noise, return the squared error (exercise 1.1).",
)
def target(hw1: Homework, inputs: Arrays) -> dict:
    answer = training(hw1, head_of(hw1, inputs), inputs) | repetition(hw1, head_of(hw1, inputs), inputs)
    head = head_of(hw1, inputs)
    points, level = many_draws(hw1, head, inputs)
    return answer | in_numbers(points / (1 - head.abar[level]).sqrt()[:, None])


# --- deterministic sampling ------------------------------------------------------------------------------------------
def draw_path(rng: np.random.Generator, B: int, A: int, F: int) -> Arrays:
    """`some`: denoising steps that do not divide the number of noise levels. Some of the noise is far from 0."""
    levels = int(rng.integers(6, 21))
    some = int(rng.choice([n for n in range(2, levels) if levels % n]))
    inputs = draw_levels(rng, B=B, A=A, F=F, levels=levels, some=some)
    return inputs | {"noise": 4 * inputs["noise"]}


def paths(inputs: Arrays, case: str) -> dict[str, int | None]:
    """Denoising steps: some in each case; without a case also one, as many as noise levels, more, and None."""
    levels, some = int(inputs["levels"]), int(inputs["some"])
    if case:
        return {"some denoising steps": some}
    return {
        "some denoising steps": some,
        "1 denoising step": 1,
        "all noise levels": levels,
        "more denoising steps than noise levels": levels + 3,
        "all noise levels, by sampling_steps=None": None,
    }


@probe(
    "E.2.3",
    "deterministic sampling: denoise, then mix again at the next noise level",
    points=1.0,
    draw=partial(drawn, draw=draw_path, B=7, A=5, F=9),
    rules={f"from noise through {name}": ITERATED for name in paths({"levels": 9, "some": 2}, "")}
    | in_each_case("BAF", mode=Close(1e-3, 1e-3, dtype=True))
    | {f"from noise through some denoising steps if {letter} = 1": ITERATED for letter in "BAF"},
    asked="predict clean action and noise, mix them again at the level `following` (-1: no noise, abar 1).",
)
@torch.no_grad()
def jumps(hw1: Homework, inputs: Arrays) -> dict:
    found = {}
    for case, own in cases(inputs):
        features, shape = features_of(own), own["action"].shape
        for name, count in paths(own, case).items():
            head = head_of(hw1, own, count)
            noise = tensor(own, "noise")
            action = head.deterministic(features, noise)
            action = forms.tensor(action, f"{HEAD}.deterministic", "B A", *shape)
            found[f"from noise through {name}{case}"] = action
        if not case:
            head.mode(-features)  # of which nothing may be kept
        found[f"mode{case}"] = forms.tensor(head.mode(features), f"{HEAD}.mode", "B A", *shape)
        found[f"the inputs are as before{case}"] = unchanged(own, features=features, noise=noise)
    return found


# --- ancestral sampling ----------------------------------------------------------------------------------------------
def draw_last(rng: np.random.Generator, **sizes: int) -> Arrays:
    return draw_levels(rng, levels=1, **sizes)


@probe(
    "E.2.4",
    "ancestral sampling: the last denoising step adds no noise",
    points=0.25,
    draw=partial(drawn, draw=draw_last, B=7, A=5, F=9),
    rules=in_each_case("BAF", action=Close(1e-3, 1e-3, dtype=True)),
    asked="the posterior q(noisy_{n-1} | noisy_n, clean), with the predicted clean action (_denoise)",
)
@torch.no_grad()
def last_step(hw1: Homework, inputs: Arrays) -> dict:
    found = {}
    for case, own in cases(inputs):
        features, noise = features_of(own), tensor(own, "noise")
        action = head_of(hw1, own).ancestral(features, noise, generator(own))
        found[f"action{case}"] = forms.tensor(action, f"{HEAD}.ancestral", "B A", *own["action"].shape)
        found[f"the inputs are as before{case}"] = unchanged(own, features=features, noise=noise)
    return found


def draw_ancestry(rng: np.random.Generator) -> Arrays:
    dims = int(rng.integers(2, 4))
    sizes = {"B": 12_000 // dims // 4 * 4, "A": dims, "F": int(rng.integers(3, 7))}
    inputs = draw_levels(rng, **sizes, levels=int(rng.integers(4, 7)))  # 3: alpha is nearly abar
    return inputs | {"noise": 3 * inputs["noise"]}


def one_ancestry(head: nn.Module, inputs: Arrays, features: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """The noisy actions of ancestral sampling, the sample first, and the clean action predicted at each noise level.

    Whatever is drawn, with or without the generator, is the same in each call.
    """
    forward, calls = head.forward, watch(head)
    with global_stream(int(inputs["seed"])):
        action = head.ancestral(features, noise.clone(), generator(inputs))
    head.forward = forward
    forms.tensor(action, f"{HEAD}.ancestral", "B A", *noise.shape)
    noisy = {int(level[0]): point for _, point, level, _ in calls}
    if set(noisy) != set(range(head.steps)):
        raise ValueError(
            f"ancestral asks the network about the noise levels {sorted(noisy)} instead of all {head.steps}"
        )
    if any(point.shape != noise.shape for point in noisy.values()):
        raise ValueError("ancestral must ask the network about the noisy actions of the whole batch, [B, A]")
    clean = [head._denoise(features, noisy[n], n)[0] for n in range(head.steps)]
    return torch.stack([action, *(noisy[n] for n in range(head.steps))]).double(), torch.stack(clean).double()


def standardise(head: nn.Module, inputs: Arrays) -> None:
    """Corrections of mean 0 and standard deviation 1: some predictions are clipped, at either end, and some are not."""
    drawn = head.net(torch.randn(500, head.net[0].in_features, generator=generator(inputs)))
    head.net[-1].bias -= drawn.mean(dim=0)
    for part in (head.net[-1].weight.T, head.net[-1].bias):
        part /= drawn.std(dim=0)


# Standard deviations of 12,000 draws differ by 0.9 % between two right answers, so 6 % is 6.6 standard errors, and 10 %
# are seen with a probability above 99.99 %.
ESTIMATED = Close(rtol=0.06, atol=2e-3)


@probe(
    "E.2.5",
    "ancestral sampling: mean and standard deviation at each noise level",
    points=0.75,
    draw=draw_ancestry,
    rules={
        "the clean action's weight by noise level": EXACT,
        "the noisy action's weight": EXACT,
        "what else the mean depends on": EXACT,
        "the standard deviation of the fresh noise": ESTIMATED,
        "the mean distance of the fresh noise from 0": ESTIMATED,
        "the fresh noise of two noise levels": Sample(),
    },
    guessable=True,  # the weights depend only on the number of levels
    asked="from pure noise back to an action through all noise levels, with fresh noise at each.",
)
@torch.no_grad()
def ancestry(hw1: Homework, inputs: Arrays) -> dict:
    """Two starts and the same draws: what the results differ by contains no fresh noise, which gives exact weights."""
    head, features, noise = head_of(hw1, inputs), features_of(inputs), tensor(inputs, "noise")
    standardise(head, inputs)
    noisy, clean = one_ancestry(head, inputs, features, noise)
    other, other_clean = one_ancestry(head, inputs, features.flip(0), noise.flip(0))
    parts = [(clean - other_clean).flatten(1).numpy(), (noisy - other)[1:].flatten(1).numpy()]
    levels = np.arange(head.steps)
    weights, rest = parts_of((noisy - other)[:-1].flatten(1).numpy(), parts, levels, head.steps)
    of_clean, of_noisy = torch.from_numpy(weights)[:, :, None, None].unbind(dim=1)
    fresh = noisy[:-1] - of_clean * clean - of_noisy * noisy[1:]
    std = fresh.std(dim=(1, 2))
    first, last = fresh[1] / (std[1] + 1e-9), fresh[-1] / (std[-1] + 1e-9)
    return {
        "the clean action's weight by noise level": weights[:, 0],
        "the noisy action's weight": weights[:, 1],
        "what else the mean depends on": rest,
        "the standard deviation of the fresh noise": std,
        "the mean distance of the fresh noise from 0": fresh.abs().mean(dim=(1, 2)),
        "the fresh noise of two noise levels": torch.cat([first, last], dim=1).float(),
    }


# --- samples ---------------------------------------------------------------------------------------------------------
DRAWS = 2_000  # in each of three calls


def draw_sampling(rng: np.random.Generator) -> Arrays:
    """Two situations, which alternate in the batch."""
    levels = int(rng.integers(3, 9))
    sizes = {"B": 2, "A": int(rng.integers(2, 4)), "F": int(rng.integers(3, 7))}
    return draw_levels(rng, **sizes, levels=levels, some=int(rng.integers(1, levels + 1)))


def sampling_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    return answer | normal_facts("first noise", answer["first noise"])


@probe(
    "E.2.6",
    "samples are drawn for each row and each call, and repeat with the generator",
    points=0.25,
    draw=draw_sampling,
    rules={"ancestral samples": Sample(), "first noise": Sample()},
    facts=sampling_facts,
    guessable=True,
    asked="`generator` makes draws repeatable",
)
@torch.no_grad()
def repeated(hw1: Homework, inputs: Arrays) -> dict:
    """Where the network corrects nothing, every step is linear, so samples are normal, and a deterministic sample is a
    multiple of the noise that it starts from."""
    features = features_of(inputs).repeat(DRAWS // 2, 1)
    ancestral, deterministic = (linear_head(hw1, inputs, count) for count in (None, int(inputs["some"])))
    by_levels, repeats = fresh_draws(ancestral, inputs, features, f"{HEAD}.sample")
    by_jumps, others_repeat = fresh_draws(deterministic, inputs, features, f"{HEAD}.sample")
    factor = deterministic.deterministic(features[:1], torch.ones(1, inputs["action"].shape[1])).mean()
    of_jumps = {f"deterministic {name}": repeat for name, repeat in others_repeat.items()}
    start = torch.ones(8, inputs["action"].shape[1])
    with global_stream(int(inputs["seed"]) + 2):
        one, other = (ancestral.ancestral(features[:8], start.clone(), None) for _ in range(2))
    of_jumps["the fresh noise of two samples without a generator is the same"] = torch.equal(one, other)
    return {"ancestral samples": by_levels, "first noise": by_jumps / factor} | repeats | of_jumps


def linear_head(hw1: Homework, inputs: Arrays, sampling_steps: int | None) -> nn.Module:
    head = head_of(hw1, inputs | {"clip": np.float32(1e6)}, sampling_steps)
    nn.init.zeros_(head.net[-1].weight)
    nn.init.zeros_(head.net[-1].bias)
    return head


# --- use -------------------------------------------------------------------------------------------------------------
@probe(
    "E.2.7",
    "trained on a few demonstrations by `hw1.bc.fit`, in chunks, for two learners",
    points=1.0,
    draw=draw_demos,
    rules=IMITATION,
    guessable=True,
    asked="a chunk of actions is one long action to it",
)
def use(hw1: Homework, inputs: Arrays) -> dict:
    return imitation(hw1, inputs, "diffusion", sampling_steps=3, diffusion_steps=int(inputs["bins"]) + 4)
