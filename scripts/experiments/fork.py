"""Fork: every head on demonstrations from two drivers, and the ablations that explain the differences.

An average of modes is no mode; dimensions must be joint; the size of the network is not the size of the distribution.

Shapes: L learners (training seeds), T time steps.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from hw1.bc import fit
from hw1.demos import Dataset, collect
from hw1.experts import ForkDriver
from hw1.learners import by_learner
from hw1.rollout import Rollout, rollout
from hw1.tasks import FORK
from scripts.experiments.base import Arrays, Claim, Drawing, Experiment, Job, Results, grid, interval

NOISE = 0.1  # standard deviation of the drivers' wobble, as a share of full steering and full acceleration
SHOWN = 24  # trajectories kept for the figure, from the first seed
TREES = 4
LABELS = {"left l2": "l2, left driver only", "l2 x16": "l2, 16x parameters", "independent": "independent categorical"}


def demonstrations(seeds: tuple[int, ...], episodes: int, driver: str) -> Dataset:
    """Episodes for each seed, from the driver on the "left" or from "both".

    With both, a coin decides at every tree which of the two drivers drives.
    """
    env = FORK.env(len(seeds) * episodes, learners=len(seeds), trees=TREES)
    who = FORK.expert(env, np.random.default_rng([seeds[0], 2])) if driver == "both" else ForkDriver(1.0)
    return collect(env, who, FORK.horizon, seed=1_000 + seeds[0], noise=NOISE)


def clone(seeds: tuple[int, ...], policy: str, driver: str, episodes: int, steps: int, evaluations: int) -> Arrays:
    """Train a policy by its recipe in `steps` gradient steps, then drive it past trees on roads that are new to it."""
    recipe = FORK.recipes[policy]
    train = replace(recipe.train, steps=steps, seed=seeds[0])
    actor = fit(demonstrations(seeds, episodes, driver), recipe.policy, train).policy
    env = FORK.env(len(seeds) * evaluations, learners=len(seeds), trees=TREES)
    drives = rollout(env, actor, FORK.horizon, seed=2_000_000 + seeds[0])

    passed = drives.info["passed"]
    met = passed + ~drives.running[-1]  # the tree of the crash was met as well
    success, passed, met = (by_learner(each, len(seeds)) for each in (drives.info["success"], passed, met))
    return {
        "success": success.mean(axis=1),
        "per_tree": passed.sum(axis=1) / np.maximum(met.sum(axis=1), 1),
        "parameters": np.full(len(seeds), sum(p.numel() for p in actor.networks[0][0].parameters())),
        **_trajectories(drives),
    }


def _trajectories(drives: Rollout) -> Arrays:
    """Distance to the tree and offset around the first tree, `[L, shown, T]`; nan after a crash."""
    first = (drives.state[..., 5] == 0) & drives.running
    kept = {"distance": drives.state[..., 4], "offset": drives.state[..., 0]}
    by_drive = {name: drives.by_learner(np.where(first, values, np.nan)) for name, values in kept.items()}
    return {name: values.swapaxes(1, 2)[:, :SHOWN].astype(np.float32) for name, values in by_drive.items()}


def jobs(quick: bool) -> list[Job]:
    """One job for each policy on both drivers, and l2 on the left one."""
    policies = {f"fork {name}": (name, "both") for name in FORK.recipes} | {"fork left l2": ("l2", "left")}
    common = {"episodes": 50 if quick else 150, "evaluations": 50 if quick else 100}
    listed = []
    for job, (policy, driver) in policies.items():
        recipe = FORK.recipes[policy]
        steps = recipe.quick_steps if quick else recipe.train.steps
        listed.append(Job(job, clone, common | {"policy": policy, "driver": driver, "steps": steps}))
    return listed


# --- claims ----------------------------------------------------------------------------------------------------------
def success(results: Results, name: str) -> np.ndarray:
    """Share of episodes, `[L]`."""
    return results[f"fork {name}"]["success"]


def claim(text: str, name: str, **bound: float) -> Callable[[Results], list[Claim]]:
    """A bound on the success of one policy."""
    return lambda results: [Claim(text, success(results, name), unit="%", jobs=(f"fork {name}",), **bound)]


def size_does_not_help(results: Results) -> list[Claim]:
    return [
        Claim(
            "Network size is not distribution size: what l2 gains from 16x the parameters",
            success(results, "l2 x16") - success(results, "l2"),
            at_least=-0.10,
            at_most=0.10,
            unit="%",
            jobs=("fork l2", "fork l2 x16"),
        )
    ]


AVERAGE = "An average of modes is no mode: success of"
EXPRESSIVE = ("mixture", "autoregressive", "diffusion", "flow")
CLAIMS = [
    claim(f"{AVERAGE} l2", "l2", at_most=0.10),
    claim(f"{AVERAGE} a Gaussian", "gaussian", at_most=0.50),
    *[claim(f"{AVERAGE} {name}", name, at_least=0.95) for name in EXPRESSIVE],
    claim("Dimensions must be joint: success of independent categoricals", "independent", at_most=0.60),
    size_does_not_help,
    claim("One consistent driver needs no more: success of l2 on the left driver", "left l2", at_least=0.95),
]


# --- figures ---------------------------------------------------------------------------------------------------------
def _policies(results: Results) -> list[str]:
    """The policies whose jobs could be run."""
    return [name.removeprefix("fork ") for name in results.among(job.name for job in jobs(False))]


def draw_success(results: Results) -> Figure:
    """Share of episodes past all trees, and share of single trees passed, with intervals over seeds."""
    names = _policies(results)
    figure = Figure(figsize=(max(8.0, 0.85 * len(names)), 4.0), layout="constrained")
    ax = figure.add_subplot()
    for shift, key, colour, label in (
        (-0.2, "success", "tab:blue", f"all {TREES} trees and back on the road"),
        (0.2, "per_tree", "tab:gray", "one tree"),
    ):
        values = [results[f"fork {name}"][key] for name in names]
        means = np.array([v.mean() for v in values])
        bounds = np.array([interval(v) for v in values]).T
        ax.bar(
            np.arange(len(names)) + shift,
            100 * means,
            width=0.38,
            yerr=100 * np.abs(bounds - means),
            color=colour,
            label=label,
            capsize=2,
        )
    ax.set_xticks(range(len(names)), [LABELS.get(n, n).replace(", ", ",\n").replace(" cat", "\ncat") for n in names])
    ax.tick_params(axis="x", labelsize=8)
    ax.set(ylabel="success (%)", ylim=(0, 105))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=2, frameon=False)
    return figure


def draw_trajectories(results: Results) -> Figure:
    """Where the cars drive around the first tree, one panel for each policy."""
    names = _policies(results)
    labels = {"xlabel": "metres past the tree", "ylabel": "left of the centre (m)"}
    figure, axes = grid(len(names), columns=3, panel=(3.0, 6.2 / 3), **labels, sharex=True, sharey=True)
    for ax, name in zip(axes, names, strict=True):
        arrays = results[f"fork {name}"]
        for distance, offset in zip(arrays["distance"][0], arrays["offset"][0], strict=True):
            crashed = np.nanmin(distance) > 0.0 if np.isfinite(distance).any() else False
            ax.plot(-distance, offset, color="tab:red" if crashed else "tab:blue", linewidth=0.8, alpha=0.7)
        ax.axhspan(-5, 5, color="#8d9399", alpha=0.15, zorder=0)
        ax.add_patch(Circle((0, 0), 0.9, color="#3b7a45", zorder=5))
        ax.set_title(f"{LABELS.get(name, name)}: {100 * arrays['success'].mean():.0f} %", fontsize=9)
        ax.set(xlim=(-30, 8), ylim=(-5, 5))
    return figure


EXPERIMENT = Experiment(
    name="fork",
    title="Fork: expressive distributions",
    jobs=jobs,
    claims=CLAIMS,
    drawings=[
        Drawing(
            "fork_success",
            "Two drivers pass each tree on the left and fast, or on the right and slow. The mean of the two (l2), one "
            "bell around it (Gaussian) and a network 16 times as large all hit the tree; heads that can represent two "
            "modes do not.",
            draw_success,
        ),
        Drawing(
            "fork_trajectories",
            "Distance from the centre line on the way past the first tree; red cars crash there. Look at where l2 "
            "drives, at what happens if each dimension is sampled independently, and at how the expressive heads "
            "choose a side.",
            draw_trajectories,
        ),
    ],
)
