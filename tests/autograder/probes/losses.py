"""Probes of part 1: values and gradients of the losses, on inputs that expose mistakes.

A probe has several cases. The names of a case's inputs and answers have the same end, such as " if B = 1".
"""

from collections.abc import Callable
from functools import partial
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from tests.autograder import forms
from tests.autograder.probes.base import Arrays, Close, Homework, probe
from tests.autograder.probes.sizes import cases, drawn
from tests.autograder.probes.tensors import different, float32, spread, tensor, with_gradients

# What a network puts out, for each loss; the last argument is the expert's action.
OUTPUTS = {
    "mse_loss": ("pred",),
    "categorical_nll": ("logits",),
    "gaussian_nll": ("mean", "log_std"),
    "mixture_nll": ("logits", "means", "log_stds"),
}
ACTION = {"categorical_nll": "index"}  # "action" for the others

# --- sentences of the exercises --------------------------------------------------------------------------------------
LOSSES = "Every loss is a differentiable scalar tensor of the dtype of its arguments: the mean over the batch."
STATELESS = "It depends on its arguments alone and does not change them."
SQUARED = "The squared l2 norm is summed over the action dimensions, not averaged."
CLASSES = "Mean over the batch of -log softmax(logits)[index]."
GAUSSIAN = "-log N = sum over A of [ 1/2 ((action - mean) / std)^2 + log std + 1/2 log(2 pi) ]"
MIXTURE = "Mean over the batch of -log sum_k w_k N(action; mean_k, diag(std_k^2)), w = softmax(logits)."


# --- what the losses are asked for -----------------------------------------------------------------------------------
def called(hw1: Homework, name: str, inputs: Arrays, fixed: tuple[str, ...] = ()) -> tuple[Tensor, dict[str, Tensor]]:
    """The loss, and the outputs of the network, which record gradients, except those that are `fixed`."""
    leaves = {of: tensor(inputs, of).requires_grad_(of not in fixed) for of in OUTPUTS[name]}
    outputs = [x.clone() for x in leaves.values()]  # as they come from a layer
    leaves = {of: x for of, x in leaves.items() if of not in fixed}
    loss = getattr(hw1.losses, name)(*outputs, tensor(inputs, ACTION.get(name, "action")))
    if fixed:  # the others may have no effect, which is not a loss without a gradient
        return forms.loss(loss, name) + sum(0 * x.sum() for x in leaves.values()), leaves
    return forms.trained(loss, name), leaves


def values(hw1: Homework, name: str, inputs: Arrays) -> dict:
    return {f"loss{case}": called(hw1, name, own)[0] for case, own in cases(inputs)}


def full(hw1: Homework, name: str, inputs: Arrays) -> dict:
    """The value, and the gradient by every output of the network. All losses are computed before the first gradient."""
    losses = {case: called(hw1, name, own) for case, own in cases(inputs)}
    return {f"{of}{case}": array for case, loss in losses.items() for of, array in with_gradients(*loss).items()}


def gradients(hw1: Homework, name: str, inputs: Arrays) -> dict:
    """The gradients alone: they are right even if the value is wrong by a constant.

    Also by each output of the network while the others are constants.
    """
    answers = full(hw1, name, inputs)
    first, outputs = dict(cases(inputs))[""], OUTPUTS[name]
    for own in outputs if len(outputs) > 1 else ():
        alone = with_gradients(*called(hw1, name, first, fixed=tuple(of for of in outputs if of != own)))
        answers |= {f"{of} alone": array for of, array in alone.items()}
    return {of: array for of, array in answers.items() if not of.startswith("loss")}


def edges(hw1: Homework, name: str, inputs: Arrays) -> dict:
    """The values; where a size is 1, the gradients, too."""
    ones = {of: x for of, x in inputs.items() if of.endswith((" = 1", " are 1"))}
    return values(hw1, name, inputs) | full(hw1, name, ones)


def one_by_one(hw1: Homework, name: str, inputs: Arrays) -> dict:
    """Value and gradients of every row as a batch of its own."""
    answers = {}
    for case, own in cases(inputs):
        batches = [{of: x[[row]] for of, x in own.items()} for row in range(len(own[OUTPUTS[name][0]]))]
        rows = [with_gradients(*called(hw1, name, batch)) for batch in batches]
        answers |= {f"{of} of each row{case}": torch.stack([row[of] for row in rows]) for of in rows[0]}
    return answers


def again(hw1: Homework, name: str, inputs: Arrays) -> dict:
    """The loss in double precision, of the same tensors with other numbers, then with the first ones again."""
    (_, first), (_, second) = cases(inputs)
    given = {of: tensor(first, of) for of in (*OUTPUTS[name], ACTION.get(name, "action"))}
    given = {of: x.double() if x.is_floating_point() else x for of, x in given.items()}
    answers = {}
    for call, own in {"": first, " of the second call": second, " of the third call": first}.items():
        for of, x in given.items():
            x.copy_(tensor(own, of))
        answers[f"loss{call}"] = forms.loss(getattr(hw1.losses, name)(*given.values()), name).clone()
    return answers | {f"{of} afterwards": x for of, x in given.items()}


def trained(hw1: Homework, name: str, inputs: Arrays, outputs: Callable[[Tensor], tuple[Tensor, ...]]) -> dict:
    """A linear layer after two epochs of gradient descent, and its loss on all samples after each.

    `outputs` splits what the layer puts out into the arguments of the loss. The last batch has one sample. The tensors
    are parts of larger ones, so their numbers do not lie one after the other in memory.
    """
    features, action = tensor(inputs, "features"), tensor(inputs, "action")
    demos = torch.stack([action, action.flip(0)], dim=1)
    layer = [tensor(inputs, of).requires_grad_() for of in ("weight", "bias")]

    def loss_of(rows: Tensor) -> Tensor:
        out = (layer[0] @ features[rows].T + layer[1][:, None]).T
        return getattr(hw1.losses, name)(*outputs(out), demos[rows][:, 0])

    validation = []
    for order in tensor(inputs, "orders"):
        for rows in order.split(int(inputs["batch"])):
            forms.trained(loss_of(rows), name).backward()
            with torch.no_grad():
                for x in layer:
                    x -= 0.05 * x.grad
                    x.grad = None
        with torch.no_grad():
            validation.append(forms.loss(loss_of(order), name))
    return {
        "weight after training": layer[0],
        "bias after training": layer[1],
        "loss after each epoch": torch.stack(validation),
    }


# --- how inputs are drawn --------------------------------------------------------------------------------------------
def kinds(rng: np.random.Generator, draw: Callable[..., Arrays], sizes: dict, **options: dict) -> Arrays:
    """A case for each of the `options` of `draw`, with the option's name; `first` has none. All have the same sizes,
    unless an option is a size.
    """
    return {
        name + ("" if case == "first" else f" if {case.replace('_', ' ')}"): array
        for case, own in options.items()
        for name, array in draw(rng, **sizes | own).items()
    }


def draw_sizes(rng: np.random.Generator, draw: Callable[..., Arrays], **most: int) -> Arrays:
    """Random sizes, each size 1, any two, all of them 1, all equal, each large; a batch of equal rows, a special row.

    A large batch is not a multiple of 8.
    """
    first = {name: x[:1] for name, x in draw(rng, **most).items()}
    rows = rng.integers(2, 6)
    small = dict(zip(most, different(rng, len(most), most=4), strict=True))
    large = {
        letter: int(8 * rng.integers(128, 140) + 3 if letter == "B" else rng.integers(257, 300)) for letter in most
    }
    others = {f"{letter} is large": draw(rng, **small | {letter: large[letter]}) for letter in most} | {
        **{f"{one} and {other} are 1": draw(rng, **small | {one: 1, other: 1}) for one, other in combinations(most, 2)},
        "all sizes are 1": draw(rng, **dict.fromkeys(most, 1)),
        "all sizes are equal": draw(rng, **dict.fromkeys(most, int(rng.integers(2, 5)))),
        "all rows are equal": {name: np.repeat(x, rows, axis=0) for name, x in first.items()},
        "the numbers of the first row are equal": {
            name: np.concatenate([np.full_like(x[:1], x[0].flat[0]), x[1:]]) for name, x in draw(rng, **small).items()
        },
    }
    named = {f"{name} if {case}": x for case, inputs in others.items() for name, x in inputs.items()}
    return drawn(rng, draw, **most) | named


def draw_twice(rng: np.random.Generator, draw: Callable[..., Arrays], letters: str) -> Arrays:
    """Two cases of the same sizes."""
    sizes = dict(zip(letters, different(rng, len(letters)), strict=True))
    return kinds(rng, draw, sizes, first={}, second={})


def draw_training(rng: np.random.Generator, numbers: Callable[..., int], classes: bool = False) -> Arrays:
    """Samples, the weights of a layer with `numbers(A, K)` outputs, and the order of the samples in each epoch."""
    batch, F, A, K = different(rng, 4, most=6)
    rows = 2 * batch + 1
    outputs = numbers(A, K)
    return float32(
        features=rng.uniform(-1, 1, (rows, F)),
        action=rng.integers(K, size=rows) if classes else rng.uniform(-1.5, 1.5, (rows, A)),
        weight=rng.uniform(-0.3, 0.3, (outputs, F)),
        bias=rng.uniform(-0.5, 0.5, outputs),
        orders=np.stack([rng.permutation(rows) for _ in range(2)]),
        batch=np.asarray(batch),
    )


def far_apart(rng: np.random.Generator, batch: int, classes: int) -> np.ndarray:
    """Logits up to 1e4, more than 1e3 apart: one of them has all the weight."""
    ranks = rng.permuted(np.tile(np.arange(classes), (batch, 1)), axis=1)
    return 1e4 * (2 * ranks / (classes - 1) - 1) + rng.uniform(-300, 300, (batch, classes))


def met_exactly(errors: np.ndarray, exact: bool) -> np.ndarray:
    """If `exact`, the last row becomes 0, and a single number in the first row."""
    if exact:
        errors[0].flat[0] = 0
        errors[-1] = 0
    return errors


# --- 1.1 -------------------------------------------------------------------------------------------------------------
def draw_actions(
    rng: np.random.Generator, B: int, A: int, error: float = 1.0, centre: float = 0.0, exact: bool = False
) -> Arrays:
    """Errors from 0.3 to 1.7 times `error`; predictions around `centre`; `exact`: see `met_exactly`."""
    errors = met_exactly(error * spread(rng, B, A), exact)
    pred = np.float32(centre + 3 * rng.normal(size=(B, A)))
    return float32(pred=pred, action=pred + errors)


def draw_errors(rng: np.random.Generator) -> Arrays:
    """A difference of numbers near 3000 is exact in float32; a difference of their squares is not."""
    sizes = dict(zip("BA", different(rng, 2), strict=True))
    return kinds(
        rng,
        draw_actions,
        sizes,
        first={},
        errors_are_small={"error": 5e-4},
        errors_are_large={"error": 1e5},
        predictions_are_far_from_0={"centre": 3e3},
        one_action_is_met_exactly={"exact": True},
    )


@probe(
    "1.1.1",
    "the value",
    points=1.0,
    draw=draw_errors,
    rules={"loss": Close(dtype=True)},
    asked="mean over the batch of ||action - pred||^2.",
    axes={"pred": "B A"},
)
def mse_value(hw1: Homework, inputs: Arrays) -> dict:
    return values(hw1, "mse_loss", inputs)


@probe(
    "1.1.2",
    "the gradient",
    points=1.0,
    draw=draw_errors,
    rules={"gradient by pred if errors are small": Close(atol=1e-12)},
    asked=LOSSES,
    axes={"pred": "B A"},
)
def mse_gradient(hw1: Homework, inputs: Arrays) -> dict:
    return gradients(hw1, "mse_loss", inputs)


@probe(
    "1.1.3",
    "batches of any size; actions with one dimension; equal rows",
    points=1.0,
    draw=partial(draw_sizes, draw=draw_actions, B=9, A=7),
    asked=SQUARED,
)
def mse_edges(hw1: Homework, inputs: Arrays) -> dict:
    return edges(hw1, "mse_loss", inputs)


@probe(
    "1.1.4",
    "double precision; a call changes neither its arguments nor the next call",
    points=0.5,
    draw=partial(draw_twice, draw=draw_actions, letters="BA"),
    rules={"loss": Close(dtype=True)},
    asked=STATELESS,
)
def mse_again(hw1: Homework, inputs: Arrays) -> dict:
    return again(hw1, "mse_loss", inputs)


@probe(
    "1.1.5",
    "a network trained with it",
    points=0.5,
    draw=partial(draw_training, numbers=lambda A, K: A),
    asked=LOSSES,
)
def mse_trained(hw1: Homework, inputs: Arrays) -> dict:
    return trained(hw1, "mse_loss", inputs, lambda out: (out,))


# --- 1.2 -------------------------------------------------------------------------------------------------------------
def draw_classes(rng: np.random.Generator, B: int, K: int, spreads: float = 2.0, level: float = 0.0) -> Arrays:
    """The logits of a row are near `level` or -`level`. The expert chose the first and the last class, at least."""
    logits = spreads * (spread(rng, B, K) + rng.uniform(-0.1, 0.1, (B, K))) + level * rng.choice([-1, 1], (B, 1))
    index = rng.integers(K, size=B)
    index[:2] = [0, K - 1][:B]
    return float32(logits=logits, index=rng.permutation(index))


def draw_levels(rng: np.random.Generator) -> Arrays:
    """With more rows than classes: so an index of the wrong axis gives a number, and the mistake is named."""
    sizes = dict(zip("KB", sorted(different(rng, 2)), strict=True))
    return kinds(
        rng,
        draw_classes,
        sizes,
        first={},
        the_logits_are_equal={"spreads": 0.0, "level": 1.0},
        the_logits_are_far_from_0={"level": 30.0},
        the_logits_are_far_apart={"spreads": 10.0},
    )


def draw_extreme_classes(rng: np.random.Generator) -> Arrays:
    """The expert chose the most likely class in one row, the least likely in the next, any in the third, and so on."""
    batch, classes = different(rng, 2)
    logits = far_apart(rng, batch + 2, classes)
    chosen = np.stack([logits.argmax(axis=1), logits.argmin(axis=1), rng.integers(classes, size=len(logits))])
    return float32(logits=logits, index=chosen[np.arange(len(logits)) % 3, np.arange(len(logits))])


@probe(
    "1.2.1",
    "the value",
    points=1.0,
    draw=draw_levels,
    rules={"loss": Close(dtype=True)},
    asked=CLASSES,
    axes={"logits": "B K"},
)
def categorical_value(hw1: Homework, inputs: Arrays) -> dict:
    return values(hw1, "categorical_nll", inputs)


@probe("1.2.2", "the gradient", points=0.75, draw=draw_levels, asked=LOSSES, axes={"logits": "B K"})
def categorical_gradient(hw1: Homework, inputs: Arrays) -> dict:
    return gradients(hw1, "categorical_nll", inputs)


@probe(
    "1.2.3",
    "logits of 1e4",
    points=1.0,
    draw=draw_extreme_classes,
    asked="Logits of 1e4 must not overflow: never exponentiate by hand.",
)
def categorical_extremes(hw1: Homework, inputs: Arrays) -> dict:
    return full(hw1, "categorical_nll", inputs) | one_by_one(hw1, "categorical_nll", inputs)


@probe(
    "1.2.4",
    "batches of any size; a single class; equal rows",
    points=0.5,
    draw=partial(draw_sizes, draw=draw_classes, B=9, K=7),
    asked=CLASSES,
)
def categorical_edges(hw1: Homework, inputs: Arrays) -> dict:
    return edges(hw1, "categorical_nll", inputs)


@probe(
    "1.2.5",
    "double precision; a call changes neither its arguments nor the next call",
    points=0.25,
    draw=partial(draw_twice, draw=draw_classes, letters="BK"),
    rules={"loss": Close(dtype=True)},
    asked=STATELESS,
)
def categorical_again(hw1: Homework, inputs: Arrays) -> dict:
    return again(hw1, "categorical_nll", inputs)


@probe(
    "1.2.6",
    "a network trained with it",
    points=0.5,
    draw=partial(draw_training, numbers=lambda A, K: K, classes=True),
    asked=LOSSES,
)
def categorical_trained(hw1: Homework, inputs: Arrays) -> dict:
    return trained(hw1, "categorical_nll", inputs, lambda out: (out,))


def free_log_std(standardised: np.ndarray) -> np.ndarray:
    """That of a Gaussian whose density is 1 so many standard deviations from its mean."""
    return -0.5 * (standardised**2 + np.log(2 * np.pi))


# --- 1.3 -------------------------------------------------------------------------------------------------------------
def draw_gaussian(
    rng: np.random.Generator,
    B: int,
    A: int,
    log_std: tuple[float, float] | None = None,
    z: float = 1.0,
    distance: float = 0.0,
    met: bool = False,
    centre: float = 0.0,
    free: bool = False,
) -> Arrays:
    """Standard deviations on both sides of 1, or in a range, and actions 0.3 to 1.7 times z of them from the mean.

    `distance`: instead of z standard deviations, if it is not 0. `met`: see `met_exactly`. `centre`: of the means.
    `free`: the loss of every number is 0.
    """
    log_stds = spread(rng, B, A) if log_std is None else rng.uniform(*log_std, (B, A))
    side = spread(rng, B, A)
    if free:
        log_stds = free_log_std(side)
    error = met_exactly((distance or z * np.exp(log_stds)) * side, met)
    mean = np.float32(centre + rng.normal(size=(B, A)) * np.exp(log_stds.min().clip(max=0)))
    return float32(mean=mean, log_std=log_stds, action=mean + error)


def draw_stds(rng: np.random.Generator) -> Arrays:
    sizes = dict(zip("BA", different(rng, 2), strict=True))
    return kinds(
        rng,
        draw_gaussian,
        sizes,
        first={},
        the_standard_deviations_are_small={"log_std": (-6.0, -5.1)},
        the_standard_deviations_are_large={"log_std": (2.2, 4.0)},
        the_actions_are_near={"z": 0.1},
        every_density_is_1={"free": True, "A": 3},
    )


def draw_met(rng: np.random.Generator) -> Arrays:
    sizes = dict(zip("BA", different(rng, 2), strict=True))
    return draw_stds(rng) | kinds(rng, draw_gaussian, sizes, one_action_is_the_mean={"met": True})


def draw_far_gaussian(rng: np.random.Generator) -> Arrays:
    """Actions about 1e3 and 1e5 of the smallest standard deviations of a head away; also very large and small ones.

    The density is 0 in float32. Below log_std = -20 actions are so near that torch.distributions.Normal, which divides
    by the variance, still has finite gradients. Above 18 the product of an action's standard deviations is infinite. A
    mean that is 1e4 standard deviations from 0 must be subtracted before anything is squared or divided.
    """
    sizes = dict(zip("BA", different(rng, 2, most=4), strict=True))
    small = {"log_std": (-5.0, -4.5)}
    return kinds(
        rng,
        draw_gaussian,
        sizes,
        first=small | {"z": 1e3},
        they_are_farther=small | {"z": 1e5},
        log_std_is_above_18={"log_std": (18.0, 25.0), "z": 3.0, "A": 6},
        the_mean_is_far_from_0={"log_std": (-9.5, -9.0), "centre": 1.0},
        log_std_is_below_minus_7={"log_std": (-15.0, -7.5), "distance": 1e3},
        log_std_is_below_minus_20={"log_std": (-25.0, -20.0), "z": 1e7},
    )


@probe(
    "1.3.1",
    "the value where the standard deviation is not 1",
    points=1.5,
    draw=draw_stds,
    rules={"loss": Close(dtype=True)},
    asked=GAUSSIAN,
    axes={"mean": "B A"},
)
def gaussian_value(hw1: Homework, inputs: Arrays) -> dict:
    return values(hw1, "gaussian_nll", inputs)


@probe("1.3.2", "the gradients", points=1.0, draw=draw_met, asked=LOSSES, axes={"mean": "B A"})
def gaussian_gradients(hw1: Homework, inputs: Arrays) -> dict:
    return gradients(hw1, "gaussian_nll", inputs)


@probe(
    "1.3.3",
    "batches of any size; actions with one dimension; equal rows",
    points=1.0,
    draw=partial(draw_sizes, draw=draw_gaussian, B=9, A=7),
    asked=GAUSSIAN,
)
def gaussian_edges(hw1: Homework, inputs: Arrays) -> dict:
    return edges(hw1, "gaussian_nll", inputs)


@probe(
    "1.3.4",
    "actions far from the mean",
    points=1.0,
    draw=draw_far_gaussian,
    asked="The formula holds for every standard deviation (log_std from -25 to 25) and at every distance",
)
def gaussian_far_away(hw1: Homework, inputs: Arrays) -> dict:
    return one_by_one(hw1, "gaussian_nll", inputs)


@probe(
    "1.3.5",
    "double precision; a call changes neither its arguments nor the next call",
    points=0.5,
    draw=partial(draw_twice, draw=draw_gaussian, letters="BA"),
    rules={"loss": Close(dtype=True)},
    asked=STATELESS,
)
def gaussian_again(hw1: Homework, inputs: Arrays) -> dict:
    return again(hw1, "gaussian_nll", inputs)


@probe(
    "1.3.6",
    "a network trained with it",
    points=1.0,
    draw=partial(draw_training, numbers=lambda A, K: 2 * A),
    asked=LOSSES,
)
def gaussian_trained(hw1: Homework, inputs: Arrays) -> dict:
    return trained(hw1, "gaussian_nll", inputs, lambda out: out.unflatten(1, (2, -1)).unbind(1))


# --- 1.4 -------------------------------------------------------------------------------------------------------------
def draw_mixture(
    rng: np.random.Generator,
    B: int,
    K: int,
    A: int,
    log_std: tuple[float, float] = (0.3, 1.7),
    both: bool = False,
    met: bool = False,
    centre: float = 0.0,
    free: bool = False,
) -> Arrays:
    """Every component explains the action about equally well, so that all of them matter.

    The logarithms of the standard deviations are in a range, on both sides of 0 if `both`, and differ little between
    components. `met`: one component's mean is the action, see `met_exactly`. `centre`: of the actions.
    `free`: the loss of every component and dimension is 0.
    """
    log_stds = rng.uniform(*log_std, (B, 1, A)) * (rng.choice([-1, 1], (B, 1, A)) if both else 1)
    log_stds = log_stds + rng.uniform(-0.25, 0.25, (B, K, A))
    side = spread(rng, B, K, A)
    if free:
        log_stds = free_log_std(side)
    error = np.exp(log_stds) * side
    near = rng.integers(K)
    error[:, near] = met_exactly(error[:, near], met)
    action = np.float32(centre + rng.normal(size=(B, A)) * np.exp(log_stds.min().clip(max=0)))
    return float32(logits=spread(rng, B, K), means=action[:, None] + error, log_stds=log_stds, action=action)


draw_usual_mixture = partial(draw_mixture, both=True)


def draw_mixtures(rng: np.random.Generator) -> Arrays:
    sizes = dict(zip("BKA", different(rng, 3, most=6), strict=True))
    return kinds(
        rng,
        draw_mixture,
        sizes,
        first={"both": True},
        the_standard_deviations_are_small={"log_std": (-6.0, -5.1)},
        the_standard_deviations_are_large={"log_std": (2.2, 4.0)},
        every_density_is_1={"free": True, "A": 3},
    )


def draw_met_mixtures(rng: np.random.Generator) -> Arrays:
    sizes = dict(zip("BKA", different(rng, 3, most=6), strict=True))
    return draw_mixtures(rng) | kinds(rng, draw_usual_mixture, sizes, one_action_is_a_mean={"met": True})


def draw_mixture_sizes(rng: np.random.Generator) -> Arrays:
    """Also a batch whose components are equal: that is the Gaussian, whatever the weights; and one with equal means."""
    equal = draw_usual_mixture(rng, *different(rng, 3, most=6))
    for name in ("means", "log_stds"):
        equal[name] = np.repeat(equal[name][:, :1], equal[name].shape[1], axis=1)
    same = draw_usual_mixture(rng, *different(rng, 3, most=6))
    same["means"] = np.repeat(same["means"][:, :1], same["means"].shape[1], axis=1)
    more = {"the components are equal": equal, "the means are equal": same}
    return draw_sizes(rng, draw_usual_mixture, B=7, K=7, A=5) | {
        f"{name} if {case}": x for case, own in more.items() for name, x in own.items()
    }


def draw_extreme_mixture(rng: np.random.Generator) -> Arrays:
    """log_std -20 and distances from 1e3 to 4e3: in row 0 for all components, in row 1 for all but one.

    In row 2 both are drawn between these and usual ones. Two more batches have log_std above 18 and below -20, one has
    means far from 0.
    """
    components, action_dim = different(rng, 2, most=5)
    shape = (3, components, action_dim)
    distance = 1e3 * rng.permutation(np.linspace(1, 4, components))[:, None] * rng.uniform(1.0, 1.2, shape)
    log_stds = np.full(shape, -20.0)
    log_stds[2] = rng.uniform(-20, -6, shape[1:])
    distance[2] = 10 ** rng.uniform(-1, 3, shape[1:])
    near = rng.integers(components)
    log_stds[1, near] = rng.uniform(-1.2, -0.4, action_dim)
    distance[1, near] = np.exp(log_stds[1, near]) * rng.uniform(0.3, 1.7, action_dim)
    action = rng.normal(size=(shape[0], action_dim))
    means = action[:, None] + rng.choice([-1, 1], shape) * distance
    sizes = dict(zip("BKA", different(rng, 3, most=4), strict=True))
    others = {
        "log_std_is_above_18": {"log_std": (18.0, 25.0), "A": 6},
        "log_std_is_below_minus_20": {"log_std": (-25.0, -20.5)},
        "the_means_are_far_from_0": {"log_std": (-9.5, -9.0), "centre": 1.0},
    }
    extreme = float32(logits=spread(rng, *shape[:2]), means=means, log_stds=log_stds, action=action)
    return extreme | kinds(rng, draw_mixture, sizes, **others)


def draw_certain_mixture(rng: np.random.Generator) -> Arrays:
    """One component has all the weight; or only the one with the least weight is near the action."""
    B, K, A = different(rng, 3, most=6)
    certain = draw_usual_mixture(rng, B, K, A) | float32(logits=far_apart(rng, B, K))
    unlikely = draw_usual_mixture(rng, B, K, A)
    near = rng.integers(K, size=B)
    unlikely["logits"][np.arange(B), near] -= np.geomspace(30, 9e3, B, dtype=np.float32)
    away = np.where(np.arange(K) == near[:, None], 1, 1e3)[:, :, None]
    action = unlikely["action"][:, None]
    unlikely["means"] = np.float32(action + away * (unlikely["means"] - action))
    return certain | {f"{name} if only the least likely component is near": x for name, x in unlikely.items()}


@probe(
    "1.4.1",
    "the value",
    points=1.5,
    draw=draw_mixtures,
    rules={"loss": Close(dtype=True)},
    asked=MIXTURE,
    axes={"means": "B K A"},
)
def mixture_value(hw1: Homework, inputs: Arrays) -> dict:
    return values(hw1, "mixture_nll", inputs)


@probe("1.4.2", "the gradients", points=1.25, draw=draw_met_mixtures, asked=LOSSES, axes={"means": "B K A"})
def mixture_gradients(hw1: Homework, inputs: Arrays) -> dict:
    return gradients(hw1, "mixture_nll", inputs)


@probe(
    "1.4.3",
    "batches of any size; actions with one dimension; one component; equal components; equal rows",
    points=1.0,
    draw=draw_mixture_sizes,
    asked="K = 1 equals `gaussian_nll`. So do K equal components, whatever their weights.",
)
def mixture_edges(hw1: Homework, inputs: Arrays) -> dict:
    return edges(hw1, "mixture_nll", inputs)


@probe(
    "1.4.4",
    "log_std of -20 and distances of 1e3",
    points=1.75,
    draw=draw_extreme_mixture,
    asked="Value and gradient must be finite even for log_std = -20 at a distance of 1e3.",
)
def mixture_extremes(hw1: Homework, inputs: Arrays) -> dict:
    first = dict(cases(inputs))[""]
    return full(hw1, "mixture_nll", inputs) | one_by_one(hw1, "mixture_nll", first)


# float32 resolves 1e4 to 1e-3: adding the logits to the log densities before normalising loses that much precision.
@probe(
    "1.4.5",
    "logits of 1e4; only the least likely component is near",
    points=1.0,
    draw=draw_certain_mixture,
    rules={"loss": Close(rtol=0.0, atol=1e-2)},
    asked="so stay in log space throughout",
)
def mixture_certain(hw1: Homework, inputs: Arrays) -> dict:
    return full(hw1, "mixture_nll", inputs)


@probe(
    "1.4.6",
    "double precision; a call changes neither its arguments nor the next call",
    points=0.5,
    draw=partial(draw_twice, draw=draw_usual_mixture, letters="BKA"),
    rules={"loss": Close(dtype=True)},
    asked=STATELESS,
)
def mixture_again(hw1: Homework, inputs: Arrays) -> dict:
    return again(hw1, "mixture_nll", inputs)


@probe(
    "1.4.7",
    "a network trained with it",
    points=1.0,
    draw=partial(draw_training, numbers=lambda A, K: K + 2 * K * A),
    asked=LOSSES,
)
def mixture_trained(hw1: Homework, inputs: Arrays) -> dict:
    A, out = inputs["action"].shape[1], len(inputs["bias"])
    K = out // (1 + 2 * A)
    return trained(
        hw1,
        "mixture_nll",
        inputs,
        lambda out: (out[:, :K], *out[:, K:].unflatten(1, (2, K, A)).unbind(1)),
    )
