"""Probes of the extra credit, E.1 to E.3: heads with given weights, asked for logits, gradients, modes and samples."""

import inspect

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.autograder.probes.base import Arrays, Close, Homework, Probe, Sample, stand_in
from tests.autograder.probes.heads import draw_again, features_of, generator, modes, repeats, sample_pairs
from tests.autograder.probes.losses import float32

FEATURES = 8


# --- heads and inputs ------------------------------------------------------------------------------------------------
def with_weights(head: nn.Module, inputs: Arrays) -> nn.Module:
    """The head with weights drawn from a seed, so large that whatever goes in shows in what comes out."""
    rng = np.random.default_rng(int(inputs["weights"]))
    with torch.no_grad():
        for weight in head.parameters():
            weight.copy_(torch.from_numpy(rng.normal(scale=2 * weight.shape[-1] ** -0.5, size=tuple(weight.shape))))
    return head


def draw_batch(rng: np.random.Generator, batch: int, action_dim: int, scale: float = 1.0) -> Arrays:
    """Features, actions in [-scale, scale], normal noise, the seeds of the weights and of a generator."""
    return float32(
        features=rng.normal(size=(batch, FEATURES)),
        action=rng.uniform(-scale, scale, (batch, action_dim)),
        noise=rng.normal(size=(batch, action_dim)),
        weights=rng.integers(2**31),
        seed=rng.integers(2**31),
    )


def tensor(inputs: Arrays, name: str) -> Tensor:
    return torch.from_numpy(np.array(inputs[name]))


def autoregressive(hw1: Homework, inputs: Arrays, bins: int) -> nn.Module:
    head = with_weights(hw1.heads.AutoregressiveHead(FEATURES, inputs["action"].shape[1], bins), inputs)
    head.from_prefix.weight.data *= 3  # what was chosen before matters
    return head


def diffusion(hw1: Homework, inputs: Arrays, steps: int, sampling_steps: int | None = None, **more) -> nn.Module:
    dims = inputs["action"].shape[1]
    return with_weights(hw1.heads.DiffusionHead(FEATURES, dims, steps, sampling_steps, **more), inputs)


def flow(hw1: Homework, inputs: Arrays, steps: int) -> nn.Module:
    return with_weights(hw1.heads.FlowMatchingHead(FEATURES, inputs["action"].shape[1], steps), inputs)


def checked(answer: Arrays, name: str, shape: tuple[int, ...], kind: str = "f") -> np.ndarray:
    """An array of an answer, in float64. Raises ValueError unless it has the shape and holds finite numbers."""
    array = answer[name]
    if array.shape != shape or array.dtype.kind != kind:
        raise ValueError(f"{name}: expected shape {shape}, got {array.dtype} of shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers")
    return array.astype(np.float64)


# --- losses that train a network on noisy points ---------------------------------------------------------------------
OTHER_MULTIPLE = 5.0


def other_mse(pred: Tensor, action: Tensor) -> Tensor:
    """In the place of exercise 1.1: another multiple of the squared error, which shows who calls it."""
    return OTHER_MULTIPLE * functional.mse_loss(pred, action)


def watch(head: nn.Module) -> list[tuple]:
    """A list to which every call of the network adds its arguments and its prediction. The prediction starts a new
    graph, so that a loss can be differentiated by it."""
    calls, forward = [], head.forward
    signature = inspect.signature(forward)

    def watched(*args, **kwargs):
        prediction = forward(*args, **kwargs).detach().requires_grad_()
        calls.append((*signature.bind(*args, **kwargs).args, prediction))
        return prediction

    head.forward = watched
    return calls


def training(hw1: Homework, head: nn.Module, inputs: Arrays) -> dict:
    """What the loss asks the network, what that predicts, and the loss with its gradient by the prediction."""
    calls = watch(head)
    with stand_in(hw1, user="heads", owner="losses", mse_loss=other_mse):
        loss = head.loss(features_of(inputs), tensor(inputs, "action"), generator(inputs))
    if not calls:
        raise ValueError("the loss does not ask the network: self(features, ...)")
    gradients = torch.autograd.grad(loss, [prediction for *_, prediction in calls])
    _, point, time, prediction = (torch.cat(column) for column in zip(*calls, strict=True))
    return {"point": point, "time": time, "prediction": prediction, "loss": loss, "gradient": torch.cat(gradients)}


def trained_towards(inputs: Arrays, answer: Arrays) -> tuple[np.ndarray, float]:
    """What the loss compares the prediction with, `[B, A]`, and which multiple of the squared error it is.

    A loss c |p - y|^2 has the gradient 2 c (p - y), whose square is 4 c times the loss: that gives c, then y.
    """
    shape = inputs["action"].shape
    prediction, gradient = (checked(answer, name, shape) for name in ("prediction", "gradient"))
    loss, square = float(checked(answer, "loss", ())), float((gradient**2).sum())
    if loss <= 0 or square == 0:
        raise ValueError("the loss is no distance between the prediction and something else")
    multiple = square / (4 * loss)
    return prediction - gradient / (2 * multiple), multiple * len(gradient)


def judged_target(inputs: Arrays, answer: Arrays) -> Arrays:
    """What the network is trained towards, beside the action: a matter of distribution, whatever noise was drawn."""
    target, multiple = trained_towards(inputs, answer)
    called = np.isclose(multiple, OTHER_MULTIPLE / target.shape[1], rtol=1e-3)
    return {
        "the target of the prediction": np.concatenate([target, inputs["action"]], axis=1).astype(np.float32),
        "multiple of the squared error": np.array(1.0 if called else multiple),
    }


COMPARED = {
    "the target of the prediction": Sample("the prediction is compared with something else"),
    "multiple of the squared error": Close(rtol=1e-3),
}


def shares(inputs: Arrays, answer: Arrays) -> np.ndarray:
    """How much of the action and of the target lies in each point that the network is asked about: `[B, 2]`."""
    target, _ = trained_towards(inputs, answer)
    parts = np.stack([inputs["action"].astype(np.float64), target], axis=-1)  # (B, A, 2)
    point = checked(answer, "point", target.shape)
    return np.einsum("bka,ba->bk", np.linalg.pinv(parts, rcond=1e-3), point)


EXACT = Close(rtol=0, atol=2e-3)
# Rounding grows where abar is small and in the high frequencies of the time.
ITERATED = Close(rtol=1e-3, atol=1e-3)


# --- E.1 -------------------------------------------------------------------------------------------------------------
BINS = 7


@torch.no_grad()
def logits(hw1: Homework, inputs: Arrays) -> dict:
    head, features, action = autoregressive(hw1, inputs, BINS), features_of(inputs), tensor(inputs, "action")
    return {
        "logits": head(features, action),
        "logits of one row": head(features[:1], action[:1]),
        "the action afterwards": action,
    }


@torch.no_grad()
def dependence(hw1: Homework, inputs: Arrays) -> dict:
    """The largest change of each dimension's logits when one dimension of the action changes, `[A, A]`."""
    head, features, action = autoregressive(hw1, inputs, BINS), features_of(inputs), tensor(inputs, "action")
    before = head(features, action)
    after = torch.stack([head(features, action + 0.5 * one) for one in torch.eye(action.shape[1])])
    return {
        "change": (after - before).abs().amax(dim=(1, 3)),
        "logits without action": head(features, torch.zeros_like(action)),
    }


def judged_dependence(inputs: Arrays, answer: Arrays) -> Arrays:
    batch, dims = inputs["action"].shape
    depends = checked(answer, "change", (dims, dims)) > 1e-4  # [j, i]: the logits of i on the action of j
    blank = checked(answer, "logits without action", (batch, dims, BINS))
    later = np.tri(dims, dtype=bool)  # j >= i
    return {
        "whether logits depend on the actions before": depends[~later],
        "whether logits depend on their own or later actions": depends[later],
        "whether dimensions are told apart": np.array(np.ptp(blank, axis=1).max() > 1e-4),
    }


def other_categorical(logits: Tensor, index: Tensor) -> Tensor:
    """In the place of exercise 1.2: another value, but the same gradient by the logits, so that who calls it and who
    writes the likelihood out train alike."""
    pull = torch.softmax(logits, dim=-1) - functional.one_hot(index, logits.shape[-1])
    return (pull.detach() * logits).sum() / len(logits)


def draw_exact(rng: np.random.Generator) -> Arrays:
    """Features that are multiples of 1/4; actions, some beyond [-1, 1], of which none is near the edge of a bin."""
    inputs = draw_batch(rng, 16, 4)
    bins = rng.integers(-1, 9, inputs["action"].shape) + rng.uniform(0.1, 0.9, inputs["action"].shape)
    return inputs | float32(features=np.round(4 * inputs["features"]) / 4, action=bins / 4 - 1)


@torch.no_grad()
def exact(hw1: Homework, inputs: Arrays) -> nn.Module:
    """A head of 8 bins whose sums are exact in any order, as its weights are multiples of 1/4. Fractions added to the
    biases keep hidden units from 0 and logits from each other, so that no relu or argmax is a matter of rounding."""
    head = autoregressive(hw1, inputs, bins=8)
    for weight in head.parameters():
        weight.copy_((4 * weight).round() / 4)
    head.from_features.bias += 1 / 64
    head.to_logits.bias += torch.arange(8) / 4096
    return head


def autoregressive_gradient(hw1: Homework, inputs: Arrays) -> dict:
    head = exact(hw1, inputs)
    with stand_in(hw1, user="heads", owner="losses", categorical_nll=other_categorical):
        loss = head.loss(features_of(inputs), tensor(inputs, "action"))
    gradients = torch.autograd.grad(loss, list(head.parameters()))
    return {"the gradient by the weights": torch.cat([gradient.flatten() for gradient in gradients])}


@torch.no_grad()
def autoregressive_mode(hw1: Homework, inputs: Arrays) -> dict:
    return modes(exact(hw1, inputs), inputs)


@torch.no_grad()
def autoregressive_samples(hw1: Homework, inputs: Arrays) -> dict:
    """Nothing is certain, but what was chosen before decides much of what follows."""
    head = autoregressive(hw1, inputs, bins=4)
    head.to_logits.weight *= 0.2
    head.to_logits.bias *= 0.2
    head.from_prefix.weight[:, : head.action_dim] *= 3
    return sample_pairs(head, inputs)


AUTOREGRESSIVE = [
    Probe(
        "E.1.1",
        "the logits of every dimension, all in one pass",
        1.25,
        lambda rng: draw_batch(rng, 6, 4),
        logits,
        {"logits": Close(dtype=True)},
    ),
    Probe(
        "E.1.2",
        "the logits of a dimension depend on the actions before it and on no others",
        1.0,
        lambda rng: draw_batch(rng, 16, 4),
        dependence,
        facts=judged_dependence,
        guessable=True,
    ),
    Probe(
        "E.1.3",
        "the loss teaches every dimension, given the bins before it",
        1.25,
        draw_exact,
        autoregressive_gradient,
    ),
    Probe("E.1.4", "the mode is unrolled greedily", 0.75, draw_exact, autoregressive_mode),
    Probe(
        "E.1.5",
        "samples follow the joint distribution",
        0.75,
        lambda rng: draw_batch(rng, 2, 3),
        autoregressive_samples,
        {"actions": Sample()},
    ),
]


# --- E.2 -------------------------------------------------------------------------------------------------------------
LEVELS = 6  # diffusion steps where the loss is looked at
POSTERIORS = 6  # and where ancestral sampling is


def diffusion_training(hw1: Homework, inputs: Arrays) -> dict:
    return training(hw1, diffusion(hw1, inputs, LEVELS), inputs)


def judged_levels(inputs: Arrays, answer: Arrays) -> Arrays:
    """What the points of each diffusion step hold on average; nothing if the step is never asked about."""
    step, share = checked(answer, "time", inputs["action"].shape[:1], kind="i"), shares(inputs, answer)
    mean = [share[step == n].mean(axis=0) if (step == n).any() else np.zeros(2) for n in range(LEVELS)]
    action, target = np.array(mean).T
    return {"the action's weight in the noisy action, step by step": action, "the target's weight": target}


@torch.no_grad()
def jumps(hw1: Homework, inputs: Arrays) -> dict:
    features, noise = features_of(inputs), tensor(inputs, "noise")
    paths = {
        f"from noise in {count} of 12 steps": diffusion(hw1, inputs, 12, count).deterministic(features, noise)
        for count in (1, 5, 12)
    }
    return paths | modes(diffusion(hw1, inputs, 12, 5), inputs)


@torch.no_grad()
def last_step(hw1: Homework, inputs: Arrays) -> dict:
    head = diffusion(hw1, inputs, steps=1)
    return {"action": head.ancestral(features_of(inputs), tensor(inputs, "noise"), generator(inputs))}


@torch.no_grad()
def ancestry(hw1: Homework, inputs: Arrays) -> dict:
    """What ancestral sampling passes through, the sample first, and the clean action predicted at each step."""
    head, features, noise = diffusion(hw1, inputs, POSTERIORS), features_of(inputs), tensor(inputs, "noise")
    calls = watch(head)
    action = head.ancestral(features, noise, generator(inputs))
    noisy = {int(step[0]): point for _, point, step, _ in calls}
    if set(noisy) != set(range(POSTERIORS)):
        raise ValueError(f"of {POSTERIORS} steps the network is asked about {sorted(noisy)} alone")
    return {
        "noisy": torch.stack([action, *(noisy[n] for n in range(POSTERIORS))]),
        "clean": torch.stack([head._denoise(features, noisy[n], n)[0] for n in range(POSTERIORS)]),
    }


def judged_ancestry(inputs: Arrays, answer: Arrays) -> Arrays:
    """Each step as a linear regression: how much of the clean and of the noisy action it keeps, what it adds."""
    shape = inputs["noise"].shape
    noisy = checked(answer, "noisy", (POSTERIORS + 1, *shape))
    clean = checked(answer, "clean", (POSTERIORS, *shape))
    weights, fresh = [], []
    for following, known in zip(noisy[:-1], np.stack([clean, noisy[1:]], axis=-1), strict=True):  # known: (B, A, 2)
        weight = np.linalg.lstsq(known.reshape(-1, 2), following.ravel(), rcond=None)[0]
        weights.append(weight)
        fresh.append(following - known @ weight)
    return {
        "the clean action's weight, step by step": np.array(weights)[:, 0],
        "the noisy action's weight": np.array(weights)[:, 1],
        "the deviation of the fresh noise": np.std(fresh, axis=(1, 2)),
        "the fresh noise": fresh[1]
        .reshape(shape[0] // 2, -1)
        .astype(np.float32),  # in pairs: what rows share would show
    }


# Over 40 draws the standard error of a weight was 0.02 at most and 0.01 as a rule, that of a deviation 0.006. The
# difference of two is beyond 0.15 in 1e-7 of the grades at the worst, and the bugs are further off at some step.
ESTIMATED = Close(rtol=0, atol=0.15)

DIFFUSION = [
    Probe(
        "E.2.1",
        "the noisy action that the network sees",
        1.0,
        lambda rng: draw_batch(rng, 200, 6),
        diffusion_training,
        {"the action's weight in the noisy action, step by step": EXACT, "the target's weight": EXACT},
        judged_levels,
    ),
    Probe(
        "E.2.2",
        "the loss: squared error against the noise",
        1.0,
        lambda rng: draw_batch(rng, 4000, 2, scale=3.0),
        diffusion_training,
        COMPARED,
        judged_target,
        guessable=True,
    ),
    Probe(
        "E.2.3",
        "deterministic sampling: denoise, then mix at the level that follows",
        1.25,
        lambda rng: draw_batch(rng, 6, 3),
        jumps,
        {f"from noise in {count} of 12 steps": ITERATED for count in (1, 5, 12)}
        | {"mode": Close(1e-3, 1e-3, dtype=True), "mode of one row": ITERATED},
    ),
    Probe(
        "E.2.4",
        "ancestral sampling: the last step adds no noise",
        0.5,
        lambda rng: draw_batch(rng, 6, 3),
        last_step,
        {"action": ITERATED},
    ),
    Probe(
        "E.2.5",
        "ancestral sampling: mean and deviation, step by step",
        1.0,
        lambda rng: draw_batch(rng, 4000, 2),
        ancestry,
        {
            "the clean action's weight, step by step": ESTIMATED,
            "the noisy action's weight": ESTIMATED,
            "the deviation of the fresh noise": ESTIMATED,
            "the fresh noise": Sample(),
        },
        judged_ancestry,
        guessable=True,
    ),
    Probe(
        "E.2.6",
        "ancestral samples repeat with the generator",
        0.25,
        lambda rng: draw_batch(rng, 2, 2),
        lambda hw1, inputs: draw_again(diffusion(hw1, inputs, POSTERIORS, clip=100.0), inputs),
        facts=repeats,
        guessable=True,
    ),
]


# --- E.3 -------------------------------------------------------------------------------------------------------------
def flow_training(hw1: Homework, inputs: Arrays) -> dict:
    return training(hw1, flow(hw1, inputs, steps=5), inputs)


def judged_points(inputs: Arrays, answer: Arrays) -> Arrays:
    """Whoever leaves the action at this velocity is at the point after how long?"""
    time = checked(answer, "time", inputs["action"].shape[:1])
    action, velocity = shares(inputs, answer).T
    return {
        "the action's weight in the point": action,
        "the target's weight, less the time": np.round(velocity - time, 5) + 0.0,  # never -0
        "the times": time[:, None].astype(np.float32),
    }


@torch.no_grad()
def flow_modes(hw1: Homework, inputs: Arrays) -> dict:
    one, four = (flow(hw1, inputs, steps).mode(features_of(inputs)) for steps in (1, 4))
    return {"mode in 1 step": one, "mode in 4 steps": four} | modes(flow(hw1, inputs, 7), inputs)


@torch.no_grad()
def flow_samples(hw1: Homework, inputs: Arrays) -> dict:
    return sample_pairs(flow(hw1, inputs, steps=5), inputs)


FLOW = [
    Probe(
        "E.3.1",
        "the point on the path that the network sees, and its time",
        1.25,
        lambda rng: draw_batch(rng, 200, 6),
        flow_training,
        {
            "the action's weight in the point": EXACT,
            "the target's weight, less the time": EXACT,
            "the times": Sample(),
        },
        judged_points,
    ),
    Probe(
        "E.3.2",
        "the loss: squared error against the velocity",
        1.25,
        lambda rng: draw_batch(rng, 4000, 2, scale=3.0),
        flow_training,
        COMPARED,
        judged_target,
    ),
    Probe(
        "E.3.3",
        "Euler's method from noise to action",
        1.5,
        lambda rng: draw_batch(rng, 6, 3),
        flow_modes,
        {name: ITERATED for name in ("mode in 1 step", "mode in 4 steps", "mode of one row")}
        | {"mode": Close(1e-3, 1e-3, dtype=True)},
    ),
    Probe(
        "E.3.4",
        "samples start from noise",
        1.0,
        lambda rng: draw_batch(rng, 2, 2),
        flow_samples,
        {"actions": Sample()},
    ),
]

PROBES = [*AUTOREGRESSIVE, *DIFFUSION, *FLOW]
