"""The picture in the lecture: a one-dimensional action with two modes, and what each head learns from it."""

from dataclasses import replace

import numpy as np
import torch
from matplotlib.figure import Figure

from hw1.bc import fit
from hw1.demos import Dataset
from hw1.learners import learner_of
from hw1.tasks import BIMODAL
from scripts.experiments.base import Arrays, Drawing, Experiment, Job, Results, grid

MODE, SPREAD = 1.0, 0.12  # actions lie around -1 and +1, with this standard deviation
SAMPLES = 4_000
EDGES = np.linspace(-1.6, 1.6, 65)


def _demonstrations(seeds: tuple[int, ...]) -> Dataset:
    """Actions from two experts in the same state."""
    actions = []
    for seed in seeds:
        rng = np.random.default_rng([seed, 4])
        actions.append(rng.choice([-MODE, MODE], SAMPLES) + SPREAD * rng.standard_normal(SAMPLES))
    total = SAMPLES * len(seeds)
    return Dataset(
        obs=np.ones((total, 1), np.float32),
        action=np.concatenate(actions)[:, None].astype(np.float32),
        episode=np.arange(total),
        learner=learner_of(total, len(seeds)),
        driver=np.zeros(total, np.int64),
    )


def fit_head(seeds: tuple[int, ...], head: str, steps: int) -> Arrays:
    """Histogram of 4,000 samples after `steps` gradient steps, and the share of samples that lie near neither mode."""
    recipe = BIMODAL[head]
    train = replace(recipe.train, steps=steps, seed=seeds[0])
    policy = fit(_demonstrations(seeds), recipe.policy, train).policy
    density, between = [], []
    for members, seed in zip(policy.networks, seeds, strict=True):
        with torch.no_grad():
            action = members[0].act(torch.ones(SAMPLES, 1, 1), torch.Generator().manual_seed(seed)).numpy().ravel()
        density.append(np.histogram(action, EDGES)[0] / SAMPLES)
        between.append(np.mean(np.abs(action) < MODE / 2))
    return {"density": np.array(density), "between": np.array(between)}


def jobs(quick: bool) -> list[Job]:
    """One job for each head."""
    return [
        Job(f"bimodal {head}", fit_head, {"head": head, "steps": recipe.quick_steps if quick else recipe.train.steps})
        for head, recipe in BIMODAL.items()
    ]


def draw(results: Results) -> Figure:
    """One panel for each head whose job could be run."""
    centres = (EDGES[1:] + EDGES[:-1]) / 2
    expert = 0.5 * sum(np.exp(-(((centres - m) / SPREAD) ** 2) / 2) for m in (-MODE, MODE))
    expert /= SPREAD * np.sqrt(2 * np.pi)
    names = results.among(f"bimodal {head}" for head in BIMODAL)
    figure, axes = grid(len(names), columns=3, panel=(3.0, 2.2), xlabel="action", sharex=True)
    for ax, name in zip(axes, names, strict=True):
        arrays = results[name]
        density = arrays["density"].mean(axis=0) / np.diff(EDGES)
        # l2 puts everything into one bin: cut it off rather than flatten the experts' curve.
        ax.fill_between(centres, np.minimum(density, 3.2), step="mid", color="tab:blue", alpha=0.6, label="head")
        ax.plot(centres, expert, color="black", linewidth=1, label="experts")
        ax.set(ylim=(0, 3), xlim=(-1.6, 1.6), yticks=[])
        share = 100 * arrays["between"].mean()
        ax.set_title(f"{name.removeprefix('bimodal ')}: {share:.1f} % where no expert acts", fontsize=9)
    axes[0].legend(frameon=False, fontsize=8)
    return figure


EXPERIMENT = Experiment(
    name="bimodal",
    title="What each head learns from two modes",
    jobs=jobs,
    claims=(),
    drawings=[
        Drawing(
            "bimodal",
            "In the same state two experts choose -1 or +1. The l2 policy chooses 0, which neither of them ever did; "
            "the Gaussian covers both and everything in between; the other heads find the two modes.",
            draw,
        )
    ],
)
