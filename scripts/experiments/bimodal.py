"""The picture in the lecture: a one-dimensional action with two modes, and what each head makes of it."""

import numpy as np
import torch
from matplotlib.figure import Figure

from hw1.bc import TrainConfig, fit
from hw1.demos import Dataset
from hw1.policy import PolicyConfig
from scripts.experiments.base import Arrays, Experiment, Job, Results

MODE, SPREAD = 1.0, 0.12  # actions lie around -1 and +1, with this deviation
SAMPLES = 4_000
EDGES = np.linspace(-1.6, 1.6, 65)
HEADS: dict[str, PolicyConfig] = {
    "l2": PolicyConfig("l2"),
    "gaussian": PolicyConfig("gaussian"),
    "mixture": PolicyConfig("mixture", components=5),
    "autoregressive": PolicyConfig("autoregressive", bins=31),
    "diffusion": PolicyConfig("diffusion", action_scale="standard"),
    "flow": PolicyConfig("flow", action_scale="standard"),
}


def _demonstrations(seeds: tuple[int, ...]) -> Dataset:
    """Actions from two experts in one and the same state."""
    actions = []
    for seed in seeds:
        rng = np.random.default_rng([seed, 4])
        actions.append(rng.choice([-MODE, MODE], SAMPLES) + SPREAD * rng.standard_normal(SAMPLES))
    total = SAMPLES * len(seeds)
    return Dataset(
        obs=np.ones((total, 1), np.float32),
        action=np.concatenate(actions)[:, None].astype(np.float32),
        episode=np.arange(total),
        learner=np.repeat(np.arange(len(seeds)), SAMPLES),
        driver=np.zeros(total, np.int64),
    )


def fit_head(seeds: tuple[int, ...], head: str, steps: int) -> Arrays:
    """Histogram of 4,000 samples from the fitted head, and the share that lies near neither mode."""
    policy = fit(
        _demonstrations(seeds), HEADS[head], TrainConfig(steps=steps, learning_rate=3e-3, seed=seeds[0])
    ).policy
    density, between = [], []
    for learner, seed in zip(policy.learners, seeds, strict=True):
        with torch.no_grad():
            action = learner[0].act(torch.ones(SAMPLES, 1, 1), torch.Generator().manual_seed(seed)).numpy().ravel()
        density.append(np.histogram(action, EDGES)[0] / SAMPLES)
        between.append(np.mean(np.abs(action) < MODE / 2))
    return {"density": np.array(density), "between": np.array(between)}


def jobs(quick: bool) -> list[Job]:
    # Half-trained, diffusion and flow look like a Gaussian: they need their steps even in a quick run.
    few = {head: 400 for head in ("l2", "gaussian", "mixture", "autoregressive")} if quick else {}
    return [Job(f"bimodal {head}", fit_head, {"head": head, "steps": few.get(head, 1_500)}) for head in HEADS]


def draw(results: Results) -> Figure:
    """One panel for each head that there is."""
    figure = Figure(figsize=(9, 4.4), layout="constrained")
    axes = figure.subplots(2, 3, sharex=True)
    centres = (EDGES[1:] + EDGES[:-1]) / 2
    expert = 0.5 * sum(np.exp(-(((centres - m) / SPREAD) ** 2) / 2) for m in (-MODE, MODE))
    expert /= SPREAD * np.sqrt(2 * np.pi)
    heads = [job.removeprefix("bimodal ") for job in results.among(f"bimodal {head}" for head in HEADS)]
    for ax in axes.flat[len(heads) :]:
        ax.set_visible(False)
    for ax, head in zip(axes.flat, heads, strict=False):
        arrays = results[f"bimodal {head}"]
        density = arrays["density"].mean(axis=0) / np.diff(EDGES)
        # l2 puts everything into one bin: cut it off rather than flatten the expert's curve.
        ax.fill_between(centres, np.minimum(density, 3.2), step="mid", color="tab:blue", alpha=0.6, label="head")
        ax.plot(centres, expert, color="black", linewidth=1, label="experts")
        ax.set(ylim=(0, 3), xlim=(-1.6, 1.6), yticks=[])
        ax.set_title(f"{head}: {100 * arrays['between'].mean():.1f} % where no expert goes", fontsize=9)
    for ax in axes.flat[: len(heads)][-3:]:
        ax.set_xlabel("action", fontsize=8)
    axes[0, 0].legend(frameon=False, fontsize=8)
    return figure


EXPERIMENT = Experiment(
    name="bimodal",
    title="What each head makes of two modes",
    jobs=jobs,
    claims=(),
    figures={"bimodal": draw},
    captions={
        "bimodal": "Two experts do -1 or +1 in the same state. The l2 policy does 0, which neither ever did; the "
        "Gaussian covers both and everything between; the others find the two modes."
    },
)
