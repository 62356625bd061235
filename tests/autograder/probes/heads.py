"""Probes of part 2: heads with known weights, so that their parameters are known and only their methods are judged.

The weights are chosen so that the head has known parameters in a few situations. Features are dense and of both signs.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Independent, Laplace, MixtureSameFamily

from tests.autograder import forms
from tests.autograder.probes.base import Arrays, Close, Homework, Sample, probe, stand_in
from tests.autograder.probes.draws import (
    OUTSIDE,
    SEEDS,
    draw_again,
    global_stream,
    nearly,
    noise_facts,
    repeats,
    reseeds,
    unrelated,
)
from tests.autograder.probes.head_answers import checked, features_of, generator, normalised
from tests.autograder.probes.sizes import cases, drawn, in_each_case, unchanged
from tests.autograder.probes.tensors import float32, spread, tensor, with_gradients
from tests.autograder.probes.tiny_fit import draw_demos, fitted

MANY = " if there are many"  # names of cases
CERTAIN = " if all stds are small"
DISTANT = " if actions are far away"
ROUNDED = Close(dtype=True)
TRAINED = Close(rtol=0, atol=0.02)
"""After 20 gradient steps two formulas for the same loss are 2e-5 apart (the most of 150 seeds). If a rounding error
decides the sign of a gradient, a weight moves by 0.02. A mistake in the loss moves the outputs by 0.5."""


# --- layers with known outputs ---------------------------------------------------------------------------------------
def linear_layer(rng: np.random.Generator, outputs: np.ndarray, F: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weight, bias and features: the layer gives row i of `outputs [situations, numbers]` for row i of the features."""
    ones = np.ones((len(outputs), 1))
    while True:
        features = np.concatenate([spread(rng, len(outputs), F), ones], axis=1)
        if np.linalg.cond(features) < 20:
            break
    solution = np.linalg.pinv(features) @ outputs
    return solution[:-1].T, solution[-1], features[:, :-1]


def head_inputs(rng: np.random.Generator, which: np.ndarray, F: int, **parts: np.ndarray) -> Arrays:
    """A layer that gives these `parts`, each `[situations, ...]`, one after the other; row b is situation `which[b]`.

    The parts are returned too, row by row.
    """
    table = np.concatenate([part.reshape(len(part), -1) for part in parts.values()], axis=1)
    weight, bias, features = linear_layer(rng, table, F)
    rows = {name: part[which] for name, part in parts.items()}
    return {"weight": weight, "bias": bias, "features": features[which], "seed": rng.integers(2**31)} | rows


def situations(rng: np.random.Generator, B: int, F: int) -> np.ndarray:
    """The situation of each row: as many different ones as F numbers and a bias can tell apart, at most 5."""
    count = min(B, F + 1, 5)
    return np.concatenate([rng.permutation(count), rng.integers(count, size=B - count)])


def either_side(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """log_stds well inside LOG_STD_RANGE: standard deviations from 0.05 to 0.4 and from 1.5 to 4."""
    small, large = rng.uniform(-3.0, -0.9, shape), rng.uniform(0.4, 1.4, shape)
    return np.where(rng.permutation(np.arange(small.size) % 2).reshape(shape) == 0, small, large)


def beyond(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Numbers below, inside and above LOG_STD_RANGE, each in a third of the places."""
    levels = np.array([-8.0, -1.0, 4.5])[np.arange(math.prod(shape)) % 3]
    return rng.permutation(levels).reshape(shape) + rng.uniform(-0.8, 0.8, shape)


def filled(head: nn.Module, inputs: Arrays) -> nn.Module:
    """The head with the weights of its linear layer from `inputs`."""
    with torch.no_grad():
        for name in ("weight", "bias"):
            getattr(head.linear, name).copy_(torch.from_numpy(inputs[name]))
    return head


def after_use(head: nn.Module, method: Callable, *arguments):
    """What a method returns if it was called before, when the head had other weights: it must not remember anything."""
    negate(head)
    with torch.no_grad():
        method(*arguments)
    negate(head)
    return method(*arguments)


@torch.no_grad()
def negate(head: nn.Module) -> None:
    for weight in head.linear.parameters():
        weight.neg_()


@contextmanager
def in_use(head: nn.Module) -> Iterator[None]:
    """The head as a policy that drives: without gradients, and set to evaluation, where a head does the same."""
    head.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        head.train()


def as_before(head: nn.Module, inputs: Arrays, **tensors: Tensor) -> bool:
    return unchanged(inputs, weight=head.linear.weight, bias=head.linear.bias, **tensors)


# --- the loss --------------------------------------------------------------------------------------------------------
# Exercises 1.3 and 1.4 are replaced by losses with the right gradient, and with the right value where an action is two
# standard deviations from a mean. So a head that calls them can be judged before they are done, and a head that writes
# the formula out is right as well. Two standard deviations from its mean, a Gaussian is as high as the Laplace density
# of scale std / 2, times a constant.
LIFT = 2 - 0.5 * math.log(2 * math.pi)  # nats per dimension: there the log density of the Laplace is smaller by this


def with_slopes(value: Tensor, *slopes: tuple[Tensor, Tensor]) -> Tensor:
    """The number `value`, whose gradient by each tensor is the one next to it, as the mean over rows."""
    pull = sum((x * slope.detach()).sum() / len(x) for x, slope in slopes)
    return value.detach() + pull - pull.detach()


def slopes_of_gaussian(mean: Tensor, log_std: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
    """By mean and log_std, in each dimension."""
    z = (action - mean) / log_std.exp()
    return -z / log_std.exp(), 1 - z**2


def other_gaussian(mean, log_std, action):
    for name, each in {"mean": mean, "log_std": log_std}.items():
        forms.tensor(each, f"gaussian_nll.{name}", "B A", *action.shape)
    laplace = Independent(Laplace(mean, log_std.exp() / 2, validate_args=False), 1)
    value = -laplace.log_prob(action).mean() - LIFT * action.shape[-1]
    by_mean, by_log_std = slopes_of_gaussian(mean, log_std, action)
    return with_slopes(value, (mean, by_mean), (log_std, by_log_std), (action, -by_mean))


def other_mixture(logits, means, log_stds, action):
    shape = len(action), logits.shape[-1], action.shape[-1]
    for name, each in {"means": means, "log_stds": log_stds}.items():
        forms.tensor(each, f"mixture_nll.{name}", "B K A", *shape)
    components = Independent(Laplace(means, log_stds.exp() / 2, validate_args=False), 1)
    mixture = MixtureSameFamily(Categorical(logits=logits, validate_args=False), components, validate_args=False)
    value = -mixture.log_prob(action).mean() - LIFT * action.shape[-1]
    by_means, by_log_stds = slopes_of_gaussian(means, log_stds, action[:, None])
    share = responsibility(logits.double(), means.double(), log_stds.double(), action.double()).to(logits.dtype)
    slopes = (means, share[..., None] * by_means), (log_stds, share[..., None] * by_log_stds)
    return with_slopes(value, (logits, logits.softmax(dim=-1) - share), *slopes)


# Python's message about wrong arguments names the function.
other_gaussian.__qualname__, other_mixture.__qualname__ = "gaussian_nll", "mixture_nll"


def responsibility(logits: Tensor, means: Tensor, log_stds: Tensor, action: Tensor) -> Tensor:
    """The probability that each component made the action, `[B, K]`, by the rule of Bayes."""
    stds = log_stds.exp()
    distance = (((action[:, None] - means) / stds) ** 2).sum(dim=-1) / 2
    nearer = distance - distance.amin(dim=-1, keepdim=True)  # than the others: some density is not 0
    joint = logits.softmax(dim=-1) * nearer.neg().exp() / stds.prod(dim=-1)
    return joint / (joint.sum(dim=-1, keepdim=True) + 1e-300)


def two_stds_away(mean: np.ndarray, log_std: np.ndarray) -> np.ndarray:
    """Actions on either side of the mean, in turn."""
    side = 1 - 2 * (np.arange(mean.size) % 2).reshape(mean.shape)
    return mean + 2 * side * np.exp(log_std)


def loss_of(hw1: Homework, head: nn.Module, inputs: Arrays, name: str, of: str, **instead) -> dict:
    """The loss of the actions `name`, with its gradients, where `instead` replaces functions of part 1.

    In double precision, because the standard deviations are small.
    """
    features, action = features_of(inputs).double().requires_grad_(), tensor(inputs, name).double()
    with stand_in(hw1, user="heads", owner="losses", **instead):
        loss = forms.trained(head.loss(features, action, generator(inputs)), of)
        slopes = with_gradients(loss, {"features": features, "weight": head.linear.weight, "bias": head.linear.bias})
    of_layer = slopes["gradient by weight"], slopes["gradient by bias"][:, None]
    return {
        "loss": loss,
        "gradient by the features": slopes["gradient by features"].float(),
        "gradient by the layer's weights and biases": torch.cat(of_layer, dim=1).float(),
        "the inputs are as before": as_before(head, inputs, features=features, **{name: action}),
    }


# --- samples ---------------------------------------------------------------------------------------------------------
def many_rows(inputs: Arrays, count: int) -> np.ndarray:
    """Rows of the inputs in random order, the same at every call."""
    return np.random.default_rng(int(inputs["seed"])).integers(len(inputs["features"]), size=count)


def four_calls(head: nn.Module, inputs: Arrays, rows: int, of: str, dims: int) -> Tensor:
    """Actions `[4, rows, A]` of two calls with one generator and of two calls without it; one of each as in use."""
    features = features_of(inputs)[many_rows(inputs, rows)]
    before = features.clone()
    first = generator(inputs)
    with global_stream(int(inputs["seed"]) + 1):
        after_use(head, head.sample, features[:8])
        calls = [head.sample(features, *own) for own in ((first,), ())]
        with in_use(head):
            calls += [head.sample(features, *own) for own in ((first,), ())]
    if not (torch.equal(before, features) and as_before(head, inputs)):
        raise ValueError(f"{of} changes its features or the head's weights")
    return torch.stack([forms.tensor(calls[i], of, "B A", rows, dims) for i in (0, 2, 1, 3)])


def nearly_std(z: np.ndarray) -> np.ndarray:
    """The standard deviation of draws from N(0, 1) if it is not nearly 1; its standard error is 1 / sqrt(2 n)."""
    return nearly(np.std(z), 1.0, OUTSIDE / np.sqrt(2 * z.size))


def alternating(values: np.ndarray) -> np.ndarray:
    """Rows `[4 calls, rows, d]` in another order: neighbours are, in turn, neighbours in a call and a row of two calls.

    So anything that the rows of a call, or calls, have in common shows as dependence between neighbours.
    """
    pairs = values.reshape(4, -1, 2, values.shape[-1]).transpose(1, 0, 2, 3)  # (pairs of rows, calls, 2, d)
    pairs[:, 1::2] = pairs[:, 1::2, ::-1].copy()
    return pairs.reshape(-1, values.shape[-1]).clip(-50, 50).round(4)


def plausible(z: np.ndarray) -> np.ndarray:
    """Whether a few normal draws may have the standard deviation 1: 16 of them fail with a probability of 3e-11."""
    return np.array(0.15 < np.sqrt(np.mean(z**2)) < 2.6)


# --- 2.1 -------------------------------------------------------------------------------------------------------------
GAUSSIAN = "GaussianHead"
GAUSSIAN_ROWS = 2_048  # in each of four calls; a multiple of 64, so that a part of the sample is in the same order
GAUSSIAN_SIZES = {"B": 7, "A": 5, "F": 6}  # the largest


def draw_gaussian(rng: np.random.Generator, B: int, A: int, F: int, certain: bool = False, size=1.0) -> Arrays:
    """`action`: two standard deviations away; `elsewhere`: from 0 to 3. `size`: of the means.

    `certain`: so small standard deviations that the loss is negative; and elsewhere, the density of actions is 0.
    """
    which = situations(rng, B, F)
    shape = which.max() + 1, A
    log_std = rng.uniform(-4.8, -4.5, shape) if certain else either_side(rng, *shape)
    inputs = head_inputs(rng, which, F, mean=size * spread(rng, *shape), log_std=log_std)
    mean, log_std = inputs["mean"], inputs["log_std"]
    away = 40 * spread(rng, *mean.shape) if certain else rng.uniform(-3, 3, mean.shape)
    away += 30 * np.sign(away) * certain
    return float32(**inputs, action=two_stds_away(mean, log_std), elsewhere=mean + np.exp(log_std) * away)


def draw_gaussian_losses(rng: np.random.Generator) -> Arrays:
    certain = draw_gaussian(rng, B=3, A=2, F=4, certain=True)
    return drawn(rng, draw_gaussian, **GAUSSIAN_SIZES) | {name + CERTAIN: array for name, array in certain.items()}


def draw_gaussian_beyond(rng: np.random.Generator) -> Arrays:
    """Every case is below, inside and above LOG_STD_RANGE. The largest mean is above it, the smallest below."""
    A = int(rng.integers(2, 5))
    F = int(rng.integers(4, 7))
    which = situations(rng, 6, F)
    shape = which.max() + 1, A
    inputs = head_inputs(rng, which, F, mean=8 * beyond(rng, *shape), log_std=beyond(rng, *shape))
    clamped = inputs["log_std"].clip(-5.0, 2.0)
    return float32(**inputs, clamped=clamped, action=two_stds_away(inputs["mean"], clamped))


def gaussian_head(hw1: Homework, inputs: Arrays) -> nn.Module:
    return filled(hw1.heads.GaussianHead(inputs["features"].shape[1], len(inputs["bias"]) // 2), inputs)


def gaussian_parts(head: nn.Module, features: Tensor, dims: int) -> dict:
    parts = forms.parts(head(features), f"{GAUSSIAN}.forward", "mean, log_std")
    return {
        name: forms.tensor(part, f"{GAUSSIAN}.forward.{name}", "B A", len(features), dims)
        for name, part in zip(("mean", "log_std"), parts, strict=True)
    }


def gaussian_parameters(head: nn.Module, inputs: Arrays) -> dict:
    return parameters(head, inputs, partial(gaussian_parts, dims=inputs["mean"].shape[1]))


def parameters(head: nn.Module, inputs: Arrays, parts_of: Callable[[nn.Module, Tensor], dict]) -> dict:
    """What forward gives, and whether it is the same in use, for the rows in reverse."""
    features = features_of(inputs)
    parts = after_use(head, parts_of, head, features)
    with in_use(head):
        turned = parts_of(head, features.flip(0))
    same = all(
        torch.allclose(turned[name].flip(0), part, 1e-4, 5e-3 if name == "logits" else 1e-5, equal_nan=True)
        for name, part in parts.items()
    )
    return parts | {
        "every row has its own parameters": same,
        "the inputs are as before": as_before(head, inputs, features=features),
    }


@probe(
    "2.1.1",
    "mean and log_std",
    points=1.25,
    draw=partial(drawn, draw=draw_gaussian, **GAUSSIAN_SIZES),
    rules=in_each_case("BAF", mean=ROUNDED, log_std=ROUNDED),
    asked="split the output of the linear layer into two halves, the mean first",
)
def gaussian_forward(hw1: Homework, inputs: Arrays) -> dict:
    return {
        name + case: value
        for case, own in cases(inputs)
        for name, value in gaussian_parameters(gaussian_head(hw1, own), own).items()
    }


STD_OF_SAMPLES = "std of samples, divided by the right one, where log_std is"


def gaussian_clamped_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """The noise in samples by where log_std is. With 400 draws or more, at 6.5 standard errors, 25 % are too much."""
    actions = checked(answer, "actions", (1200, inputs["mean"].shape[1]))
    rows = many_rows(inputs, len(actions))
    z = (actions - inputs["mean"][rows]) / np.exp(inputs["clamped"][rows].astype(np.float64))
    raw = inputs["log_std"][rows]
    places = {"below": raw < -5, "inside": (raw >= -5) & (raw <= 2), "above": raw > 2}
    noise = {f"{STD_OF_SAMPLES} {name} the range": nearly_std(z[where]) for name, where in places.items()}
    return {name: array for name, array in answer.items() if name != "actions"} | noise


PLACES = {f"{STD_OF_SAMPLES} {place} the range": Close(rtol=0.3) for place in ("below", "inside", "above")}


@probe(
    "2.1.2",
    "log_std is clamped, the mean is not",
    points=0.75,
    draw=draw_gaussian_beyond,
    rules=PLACES,
    facts=gaussian_clamped_facts,
    asked="mean and log_std, with log_std clamped to LOG_STD_RANGE.",
)
def gaussian_clamped(hw1: Homework, inputs: Arrays) -> dict:
    answer = gaussian_parameters(head := gaussian_head(hw1, inputs), inputs)
    features = features_of(inputs)[many_rows(inputs, 1200)]
    actions = head.sample(features, generator(inputs))
    answer["actions"] = forms.tensor(actions, f"{GAUSSIAN}.sample", "B A", 1200, inputs["mean"].shape[1])
    with stand_in(hw1, user="heads", owner="losses", gaussian_nll=other_gaussian, mixture_nll=other_mixture):
        loss = head.double().loss(features_of(inputs).double(), tensor(inputs, "action").double(), generator(inputs))
    return answer | {"loss": forms.loss(loss, f"{GAUSSIAN}.loss")}


@probe(
    "2.1.3",
    "the loss and its gradients",
    points=1.5,
    draw=draw_gaussian_losses,
    axes={"features": "B F", "mean": "B A"},
    asked="the loss of exercise 1.3, gaussian_nll",
)
def gaussian_loss(hw1: Homework, inputs: Arrays) -> dict:
    """The value where it is known, and the gradients there and elsewhere."""
    instead = {"gaussian_nll": other_gaussian, "mixture_nll": other_mixture}
    answer = {}
    for case, own in cases(inputs):
        head = gaussian_head(hw1, own).double()
        answer |= {k + case: v for k, v in loss_of(hw1, head, own, "action", f"{GAUSSIAN}.loss", **instead).items()}
        head.eval()
        elsewhere = loss_of(hw1, head, own, "elsewhere", f"{GAUSSIAN}.loss", **instead)
        answer |= {f"{k} elsewhere{case}": v for k, v in elsewhere.items() if k != "loss"}
    certain = dict(cases(inputs))[CERTAIN]
    head = gaussian_head(hw1, certain)
    return answer | single_precision(hw1, head, certain, "elsewhere", f"{GAUSSIAN}.loss", **instead)


def single_precision(hw1: Homework, head: nn.Module, inputs: Arrays, name: str, of: str, **instead) -> dict:
    """Whether the loss far away is the same in float32, where a density or its inverse would be 0 or infinite; and
    whether it leaves draws without a generator alone."""
    features, action = features_of(inputs), tensor(inputs, name)
    losses = []
    with stand_in(hw1, user="heads", owner="losses", **instead), torch.no_grad():
        seeded = reseeds(lambda: losses.append(head.loss(features, action, generator(inputs))))
        losses.append(head.double().loss(features.double(), action.double(), generator(inputs)))
    single, _, double = (forms.loss(loss, of) for loss in losses)
    close = bool((single - double).abs() < 0.01 * double.abs())
    return {"the loss far away is the same in float32": close, SEEDS: seeded}


def draw_gaussian_samples(rng: np.random.Generator) -> Arrays:
    sizes = {"B": 4, "A": int(rng.integers(2, 5)), "F": int(rng.integers(3, 7))}
    many = {name + MANY: array for name, array in draw_gaussian(rng, **sizes).items()}
    return drawn(rng, draw_gaussian, **GAUSSIAN_SIZES) | many


def gaussian_sample_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """Whitened noise, which is standard normal in every dimension and row.

    8,192 rows of 2 dimensions or more: a standard deviation off by 10 % moves the mean square, pooled over dimensions,
    by 0.19 or more, 12 standard errors of the difference between two samples, sqrt(2 * 2 / 16,384).
    """
    facts = {"samples are float32": np.array(all(array.dtype == np.float32 for array in answer.values()))}
    for case, own in cases(inputs):
        rows = many_rows(own, GAUSSIAN_ROWS if case == MANY else len(own["features"]))
        actions = checked(answer, f"actions{case}", (4, len(rows), own["mean"].shape[1]))
        z = (actions - own["mean"][rows]) / np.exp(own["log_std"][rows].astype(np.float64))
        if case == MANY:
            facts |= noise_facts(z) | {"noise": alternating(z), "no two draws are related": unrelated(z)}
        else:
            facts[f"noise has the right size{case}"] = plausible(z)
    return facts


@probe(
    "2.1.4",
    "samples come from the Gaussian",
    points=1.75,
    draw=draw_gaussian_samples,
    rules={"noise": Sample(says="not mean + std * noise, with new noise for every row, dimension and call")},
    facts=gaussian_sample_facts,
    asked="mean + std * noise, with the noise from draw_normal.",
)
def gaussian_samples(hw1: Homework, inputs: Arrays) -> dict:
    answer = {}
    for case, own in cases(inputs):
        rows = GAUSSIAN_ROWS if case == MANY else len(own["features"])
        head, dims = gaussian_head(hw1, own), own["mean"].shape[1]
        answer[f"actions{case}"] = four_calls(head, own, rows, f"{GAUSSIAN}.sample", dims)
    return answer


def draw_gaussian_again(rng: np.random.Generator) -> Arrays:
    return draw_gaussian(rng, B=2, A=int(rng.integers(2, 6)), F=int(rng.integers(2, 6)))


@probe(
    "2.1.5",
    "samples repeat with the generator",
    points=0.75,
    draw=draw_gaussian_again,
    facts=repeats,
    guessable=True,
    asked="`generator` makes draws repeatable",
)
def gaussian_repeats(hw1: Homework, inputs: Arrays) -> dict:
    head, twin = gaussian_head(hw1, inputs), gaussian_head(hw1, inputs)
    return draw_again(head, twin, inputs, f"{GAUSSIAN}.sample", inputs["mean"].shape[1])


def modes(head: nn.Module, inputs: Arrays, of: str, dims: int) -> dict:
    features = features_of(inputs)
    mode = forms.tensor(after_use(head, head.mode, features), of, "B A", len(features), dims)
    with in_use(head):
        again = forms.tensor(head.mode(features), of, "B A", len(features), dims)
    unchanged = as_before(head, inputs, features=features)
    return {"mode": mode, f"{AGAIN}mode": again, "the inputs are as before": unchanged}


AGAIN = "again: "  # before the name of the answer of a second call, as in use


def steady(inputs: Arrays, answer: Arrays) -> Arrays:
    """Without the answers of second calls, which must be the same."""
    for name, array in answer.items():
        if name.startswith(AGAIN) and not np.array_equal(array, answer[name.removeprefix(AGAIN)]):
            raise ValueError("mode gives other actions when it is called again, after eval(): it must not draw")
    return {name: array for name, array in answer.items() if not name.startswith(AGAIN)}


@probe(
    "2.1.6",
    "the mode",
    points=1.0,
    draw=partial(drawn, draw=partial(draw_gaussian, size=40.0), **GAUSSIAN_SIZES),
    rules=in_each_case("BAF", mode=ROUNDED),
    facts=steady,
    asked="where does a Gaussian peak?",
)
def gaussian_mode(hw1: Homework, inputs: Arrays) -> dict:
    return {
        name + case: value
        for case, own in cases(inputs)
        for name, value in modes(gaussian_head(hw1, own), own, f"{GAUSSIAN}.mode", own["mean"].shape[1]).items()
    } | {SEEDS: reseeds(lambda: gaussian_head(hw1, inputs).mode(features_of(inputs)))}


@probe(
    "2.1.7",
    "trained on a few demonstrations by `hw1.bc.fit`, in chunks, for two learners",
    points=1.0,
    draw=draw_demos,
    rules={f"{name} of learner {i}": TRAINED for i in (0, 1) for name in ("mean", "log_std")},
    asked="a chunk of actions is one long action to it",
)
def gaussian_use(hw1: Homework, inputs: Arrays) -> dict:
    """Training draws no numbers, so everybody's weights become the same, up to rounding errors."""
    with stand_in(hw1, user="heads", owner="losses", gaussian_nll=other_gaussian, mixture_nll=other_mixture):
        policies, features, actions = fitted(hw1, inputs, reload=True, head="gaussian")
    answer = {}
    for i, (policy, own, action) in enumerate(zip(policies, features, actions, strict=True)):
        parts = gaussian_parts(policy.head, own, action.shape[1])
        answer |= {f"{name} of learner {i}": part for name, part in parts.items()}
    return answer


# --- 2.2 -------------------------------------------------------------------------------------------------------------
MIXTURE = "MixtureHead"
MIXTURE_ROWS = 3_200  # as above
MIXTURE_SIZES = {"B": 8, "K": 6, "A": 4, "F": 7}  # the largest
LETTERS = "".join(MIXTURE_SIZES)
LOGITS = Close(atol=5e-3, dtype=True)  # they are up to 160 away from 0
OVERFLOW = 105.0  # of logits: in float32, exp is 0 below -104 and infinite above 89
# Between components: 40 of the largest standard deviation, so that an action tells its component, also where another
# one has e^45 times its weight and the tails of a Laplace density (`other_mixture`).
FAR = 160.0


def draw_mixture(rng: np.random.Generator, B: int, K: int, A: int, F: int) -> Arrays:
    """Components far apart. Their order by weight depends on the situation; each is wide or narrow.

    In some situations the weights are very different, in others almost equal. `action`: two standard deviations from
    a component, a different one in each row.
    """
    which = situations(rng, B, F)
    return separate(rng, which, K, A, F, apart=rng.permutation([1.4, 0.1, 9.0, 0.1, 0.1])[: which.max() + 1, None])


def separate(
    rng: np.random.Generator, which: np.ndarray, K: int, A: int, F: int, apart=1.4, last=(), outside=False
) -> Arrays:
    """`apart`: the distance of logits. `last`: in these situations, the last ones, all weights are "equal"; or two of
    them are "rare", 0.8 % and 1e-7.

    `outside`: some log_stds lie outside LOG_STD_RANGE.
    """
    count = which.max() + 1
    rank = (rng.permutation(K) + np.arange(count)[:, None]) % K  # (situations, K)
    logits = apart * (rank - (K - 1) / 2) + rng.uniform(-0.02, 0.02, rank.shape)
    for i, kind in enumerate(last, start=count - len(last)):
        logits[i] = 0 if kind == "equal" else np.array([-15.0, math.log(0.008 * (K - 2)), *np.zeros(K)])[rank[i]]
    # All below in some situations, all above in others; the exponential function is 0 there, or infinite.
    logits[0::3] -= logits[0::3].max(initial=0) + OVERFLOW
    logits[1::3] -= logits[1::3].min(initial=0) - OVERFLOW
    shift = np.concatenate([[0], rng.permutation(np.arange(A - 1) % max(K - 1, 1) + 1)])  # none outermost in all
    places = (rng.permutation(K)[:, None] + shift[:A]) % K  # (K, A)
    means = FAR * (places - (K - 1) / 2) + rng.uniform(3, 30, (count, K, A))
    log_stds = (beyond if outside else either_side)(rng, count, K, A)
    inputs = head_inputs(rng, which, F, logits=logits, means=means, log_stds=log_stds)
    near = np.arange(len(which)) % K
    mean, log_std = (inputs[name][np.arange(len(which)), near] for name in ("means", "log_stds"))
    return float32(**inputs, action=two_stds_away(mean, log_std.clip(-5.0, 2.0)))


def draw_crowded_mixture(
    rng: np.random.Generator, B: int, K: int, A: int, F: int, log_unit: float = 0.0, distant: bool = False
) -> Arrays:
    """Components that overlap, so that each explains a part of the action. `log_unit`: of all lengths.

    `distant`: actions so far away that every density is 0, and logits whose exponential function is 0 or infinite.
    """
    which = situations(rng, B, F)
    shape = which.max() + 1, K, A
    parts = {
        "logits": spread(rng, *shape[:2]) + distant * OVERFLOW * (1 - 2 * (np.arange(shape[0]) % 2))[:, None],
        "means": 0.5 * spread(rng, *shape) * math.exp(log_unit),
        "log_stds": rng.uniform(-0.6, 0.6, shape) + log_unit,
    }
    action = spread(rng, B, A) * math.exp(log_unit) * (1 + 300 * distant)
    return float32(**head_inputs(rng, which, F, **parts), action=action)


def draw_crowded_mixtures(rng: np.random.Generator) -> Arrays:
    certain = draw_crowded_mixture(rng, B=3, K=4, A=2, F=5, log_unit=-4.0)  # where the loss is negative
    distant = draw_crowded_mixture(rng, B=3, K=4, A=2, F=5, distant=True)
    inputs = drawn(rng, draw_crowded_mixture, **MIXTURE_SIZES) | {name + CERTAIN: x for name, x in certain.items()}
    return inputs | {name + DISTANT: x for name, x in distant.items()}


def mixture_head(hw1: Homework, inputs: Arrays) -> nn.Module:
    components, dims = inputs["means"].shape[1:]
    return filled(hw1.heads.MixtureHead(inputs["features"].shape[1], dims, components), inputs)


def mixture_parts(head: nn.Module, features: Tensor, sizes: tuple[int, int]) -> dict:
    """`sizes`: K, A."""
    parts = forms.parts(head(features), f"{MIXTURE}.forward", "logits, means, log_stds")
    axes = {"logits": "B K", "means": "B K A", "log_stds": "B K A"}
    shape = len(features), *sizes
    return {
        name: forms.tensor(part, f"{MIXTURE}.forward.{name}", letters, *shape[: len(letters.split())])
        for (name, letters), part in zip(axes.items(), parts, strict=True)
    }


def mixture_parameters(head: nn.Module, inputs: Arrays) -> dict:
    return parameters(head, inputs, partial(mixture_parts, sizes=inputs["means"].shape[1:]))


@probe(
    "2.2.1",
    "logits, means and log_stds",
    points=2.0,
    draw=partial(drawn, draw=draw_mixture, **MIXTURE_SIZES),
    rules=in_each_case(LETTERS, logits=LOGITS, means=ROUNDED, log_stds=ROUNDED),
    facts=normalised,
    asked="the linear layer gives K logits, then K x A means, then K x A log_stds: split and reshape.",
)
def mixture_forward(hw1: Homework, inputs: Arrays) -> dict:
    return {
        name + case: value
        for case, own in cases(inputs)
        for name, value in mixture_parameters(mixture_head(hw1, own), own).items()
    }


def draw_mixture_beyond(rng: np.random.Generator) -> Arrays:
    K, A, F = int(rng.integers(2, 5)), int(rng.integers(2, 4)), int(rng.integers(4, 7))
    return separate(rng, situations(rng, 6, F), K, A, F, outside=True)


def chosen_components(inputs: Arrays, actions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The component that made each action `[rows, A]`, the noise that it added in standard deviations, and the row of
    each action in the inputs."""
    rows = many_rows(inputs, len(actions))
    means, log_stds = (inputs[name].astype(np.float64) for name in ("means", "log_stds"))
    away = actions[:, None] - means[rows]  # (rows, K, A)
    k = np.abs(away).sum(axis=2).argmin(axis=1)
    each = np.arange(len(rows))
    return k, away[each, k] / np.exp(log_stds.clip(-5.0, 2.0)[rows, k]), rows


def mixture_clamped_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """As for the Gaussian. Each place has 100 draws or more: at 6.5 standard errors, 46 % are too much."""
    k, z, rows = chosen_components(inputs, checked(answer, "actions", (1200, inputs["means"].shape[2])))
    raw = inputs["log_stds"][rows, k]
    places = {"below": raw < -5, "inside": (raw >= -5) & (raw <= 2), "above": raw > 2}
    noise = {
        f"{STD_OF_SAMPLES} {name} the range": nearly_std(z[where]) if where.sum() > 100 else np.array(1.0)
        for name, where in places.items()
    }
    return normalised(inputs, {name: array for name, array in answer.items() if name != "actions"}) | noise


@probe(
    "2.2.2",
    "log_stds are clamped, nothing else is",
    points=1.0,
    draw=draw_mixture_beyond,
    rules=PLACES | {"logits": LOGITS},
    facts=mixture_clamped_facts,
    asked="logits, means and log_stds, with log_stds clamped to LOG_STD_RANGE.",
)
def mixture_clamped(hw1: Homework, inputs: Arrays) -> dict:
    answer = mixture_parameters(head := mixture_head(hw1, inputs), inputs)
    features = features_of(inputs)[many_rows(inputs, 1200)]
    actions = head.sample(features, generator(inputs))
    answer["actions"] = forms.tensor(actions, f"{MIXTURE}.sample", "B A", 1200, inputs["means"].shape[2])
    with stand_in(hw1, user="heads", owner="losses", mixture_nll=other_mixture):
        loss = head.double().loss(features_of(inputs).double(), tensor(inputs, "action").double(), generator(inputs))
    return answer | {"loss": forms.loss(loss, f"{MIXTURE}.loss")}


@probe(
    "2.2.3",
    "the loss and its gradients",
    points=1.25,
    draw=partial(drawn, draw=draw_mixture, **MIXTURE_SIZES),
    axes={"features": "B F", "means": "B K A"},
    asked="the loss of exercise 1.4, mixture_nll",
)
def mixture_loss(hw1: Homework, inputs: Arrays) -> dict:
    """Each action is near one component; the others are too far away to matter."""
    return {
        name + case: value
        for case, own in cases(inputs)
        for name, value in loss_of(
            hw1, mixture_head(hw1, own).double(), own, "action", f"{MIXTURE}.loss", mixture_nll=other_mixture
        ).items()
    }


@probe(
    "2.2.4",
    "the gradients of the loss where components overlap",
    points=0.75,
    draw=draw_crowded_mixtures,
    axes={"features": "B F", "means": "B K A"},
    asked="the loss of exercise 1.4, mixture_nll",
)
def mixture_gradients(hw1: Homework, inputs: Arrays) -> dict:
    answer = {}
    for case, own in cases(inputs):
        head, of = mixture_head(hw1, own).double().eval(), f"{MIXTURE}.loss"
        for name, value in loss_of(hw1, head, own, "action", of, mixture_nll=other_mixture).items():
            if name != "loss":
                answer[name + case] = value
    distant = dict(cases(inputs))[DISTANT]
    return answer | single_precision(hw1, mixture_head(hw1, distant), distant, "action", of, mixture_nll=other_mixture)


def draw_mixture_samples(rng: np.random.Generator) -> Arrays:
    """Small cases, and one with many rows: in 4 of 8 weights differ, in 3 two are rare, in the last all are equal."""
    K, A, F = int(rng.integers(4, 7)), int(rng.integers(2, 4)), int(rng.integers(3, 7))
    many = separate(rng, np.array([0, 1, 2, 0, 1, 2, 2, 3]), K, A, F, last=("rare", "equal"))
    return drawn(rng, draw_mixture, **MIXTURE_SIZES) | {name + MANY: array for name, array in many.items()}


def mixture_sample_facts(inputs: Arrays, answer: Arrays) -> Arrays:
    """For each action the log weight of its component, standardised, then the noise in each dimension. 12,800 rows.

    The comparison with another sample says how these are distributed together; that of the known distribution finds
    smaller differences: a standard deviation off by 5 % is 11 standard errors away.
    """
    facts = {"samples are float32": np.array(all(array.dtype == np.float32 for array in answer.values()))}
    for case, own in cases(inputs):
        count = MIXTURE_ROWS if case == MANY else len(own["features"])
        actions = checked(answer, f"actions{case}", (4, count, own["means"].shape[2]))
        k, z, rows = (np.stack(each) for each in zip(*(chosen_components(own, call) for call in actions), strict=True))
        if case == MANY:
            choices = log_weights(own)[rows, k][..., None]
            facts |= noise_facts(z) | component_facts(own, k, z, rows)
            facts["component and noise"] = alternating(np.concatenate([choices, z], axis=2))
            facts["shares of the components"] = shares(own, k.ravel(), rows.ravel())
            facts["no two draws are related"] = unrelated(np.concatenate([choices.clip(-3, 3), z], axis=2))
        else:
            facts[f"noise has the right size{case}"] = plausible(z)
    return facts


def component_facts(inputs: Arrays, k: np.ndarray, z: np.ndarray, rows: np.ndarray) -> Arrays:
    """What is known of the components `k [calls, rows]` and their noise `z [calls, rows, A]`; p < 1e-9 each by chance.

    Numbers of rare draws have a Poisson distribution, whose square root has the standard deviation 1/2.
    """
    log_weight = log_weights_of(inputs)
    weight = np.exp(log_weight)
    mean = (weight * log_weight).sum(axis=1)
    variance = (weight * log_weight**2).sum(axis=1) - mean**2
    surprise = (log_weight[rows, k] - mean[rows]).sum() / np.sqrt(variance[rows].sum())
    rare = [
        np.sqrt((weight[rows, k] < below).sum()) - np.sqrt(np.where(weight < below, weight, 0)[rows].sum())
        for below in (0.01, 0.02)
    ]
    count = np.array([(k == each).sum() for each in range(weight.shape[1])]) * z.shape[-1]
    totals = [np.array([x[k == each].sum() for each in range(len(count))]) for x in (z, (z**2 - 1) / 2**0.5)]
    return {
        "components are as random as your logits say": np.array(abs(surprise) < OUTSIDE),
        "rare components are drawn as often as your logits say": np.array((np.abs(rare) < OUTSIDE / 2).all()),
        "components of weight 1e-7 are never drawn": np.array((weight[rows, k] < 1e-5).sum() < 3),
        "noise is the same for every component": np.array((np.abs(totals) < OUTSIDE * np.sqrt(count)).all()),
    }


def log_weights_of(inputs: Arrays) -> np.ndarray:
    """Of the components in each row, `[B, K]`."""
    logits = inputs["logits"].astype(np.float64)
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def log_weights(inputs: Arrays) -> np.ndarray:
    """The same, standardised; 0 where they are equal."""
    log_weight = log_weights_of(inputs)
    away = log_weight - (np.exp(log_weight) * log_weight).sum(axis=1, keepdims=True)
    return away / np.maximum(np.sqrt((np.exp(log_weight) * away**2).sum(axis=1, keepdims=True)), 1e-3)


def shares(inputs: Arrays, k: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """How often each component was drawn in each row, `[B, K]`, in standard errors above the right number.

    The arcsine of the root of a share of n draws has the standard error 1 / (2 sqrt n), whether the share is right or
    wrong.
    """
    count = np.zeros(inputs["logits"].shape)
    np.add.at(count, (rows, k), 1)
    draws = count.sum(axis=1, keepdims=True)
    weight = np.exp(log_weights_of(inputs))
    return 2 * np.sqrt(draws) * (np.arcsin(np.sqrt(count / draws)) - np.arcsin(np.sqrt(weight)))


# Two right samples: the difference of two numbers has a standard deviation of 1.41, 9.2 is 6.5 of it.
SHARES = Close(rtol=0, atol=9.2, says="some components are drawn too often, others too seldom")


@probe(
    "2.2.5",
    "samples come from the mixture",
    points=2.5,
    draw=draw_mixture_samples,
    rules={
        "shares of the components": SHARES,
        "component and noise": Sample(says="not a component drawn by its weight, then noise in each dimension"),
    },
    facts=mixture_sample_facts,
    asked="draw a component (sample_index), then an action from that component's Gaussian (draw_normal).",
)
def mixture_samples(hw1: Homework, inputs: Arrays) -> dict:
    answer = {}
    for case, own in cases(inputs):
        rows = MIXTURE_ROWS if case == MANY else len(own["features"])
        head, dims = mixture_head(hw1, own), own["means"].shape[2]
        answer[f"actions{case}"] = four_calls(head, own, rows, f"{MIXTURE}.sample", dims)
    return answer


def mixture_repeated(inputs: Arrays, answer: Arrays) -> Arrays:
    """`repeats`, and whether the component differs or the noise."""
    facts = repeats(inputs, answer)
    rows = inputs | {name: inputs[name][:2] for name in ("features", "means", "log_stds")}  # those of `draw_again`
    first, again = (chosen_components(rows, answer[name])[0] for name in ("first", "again"))
    return facts | {"the same seed gives the same components": (first == again).all()}


def draw_mixture_again(rng: np.random.Generator) -> Arrays:
    return draw_mixture(rng, B=2, K=int(rng.integers(3, 7)), A=int(rng.integers(2, 4)), F=int(rng.integers(2, 6)))


@probe(
    "2.2.6",
    "samples repeat with the generator",
    points=1.0,
    draw=draw_mixture_again,
    facts=mixture_repeated,
    guessable=True,
    asked="`generator` makes draws repeatable",
)
def mixture_repeats(hw1: Homework, inputs: Arrays) -> dict:
    head, twin = mixture_head(hw1, inputs), mixture_head(hw1, inputs)
    return draw_again(head, twin, inputs, f"{MIXTURE}.sample", inputs["means"].shape[2])


@probe(
    "2.2.7",
    "the mode: the mean of the component with the largest weight",
    points=2.0,
    draw=partial(drawn, draw=draw_mixture, **MIXTURE_SIZES),
    rules=in_each_case(LETTERS, mode=ROUNDED),
    facts=steady,
    asked="the mean of the component with the largest weight",
)
def mixture_mode(hw1: Homework, inputs: Arrays) -> dict:
    return {
        name + case: value
        for case, own in cases(inputs)
        for name, value in modes(mixture_head(hw1, own), own, f"{MIXTURE}.mode", own["means"].shape[2]).items()
    } | {SEEDS: reseeds(lambda: mixture_head(hw1, inputs).mode(features_of(inputs)))}


@probe(
    "2.2.8",
    "trained on a few demonstrations by `hw1.bc.fit`, in chunks, for two learners",
    points=1.5,
    draw=draw_demos,
    rules={f"{name} of learner {i}": TRAINED for i in (0, 1) for name in ("logits", "means", "log_stds")},
    facts=normalised,
    asked="a chunk of actions is one long action to it",
)
def mixture_use(hw1: Homework, inputs: Arrays) -> dict:
    with stand_in(hw1, user="heads", owner="losses", mixture_nll=other_mixture):
        components = 2 + int(inputs["seed"]) % 3
        policies, features, actions = fitted(hw1, inputs, reload=True, head="mixture", components=components)
    answer = {}
    for i, (policy, own, action) in enumerate(zip(policies, features, actions, strict=True)):
        parts = mixture_parts(policy.head, own, (policy.config.components, action.shape[1]))
        answer |= {f"{name} of learner {i}": part for name, part in parts.items()}
    return answer
