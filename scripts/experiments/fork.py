"""Fork: one head after the other on demonstrations of two drivers, and the ablations that say why.

An average of modes is no mode; dimensions must be joint; the size of the network is not the size of the distribution.
"""

from collections.abc import Callable, Mapping

import gymnasium as gym
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle

import hw1.envs
from hw1.bc import TrainConfig, fit
from hw1.demos import Dataset, collect
from hw1.experts import ForkDriver, two_drivers
from hw1.policy import PolicyConfig
from hw1.rollout import rollout
from scripts.experiments.base import Arrays, Claim, Experiment, Job, Results, interval

HORIZON = hw1.envs.HORIZON["Fork"]
NOISE = 0.1  # deviation of the drivers' wobble, as a share of full steering and full acceleration
SHOWN = 24  # trajectories kept for the figure, of the first seed
TREES = 4

# Every head plans 8 steps (1.6 s) and carries out 4 of them.
CHUNK = {"chunk": 8, "execute": 4}
SMALL, WIDE = (64, 64), (128, 128)
# 16 times the parameters of the small l2 policy; a test counts them.
HUGE = (290, 290)

# Flow and diffusion start from noise of deviation 1: on actions scaled to deviation 1 the two modes then lie far apart
# compared with the noise, and few samples end up between them.
POLICIES: Mapping[str, PolicyConfig] = {
    "l2": PolicyConfig("l2", SMALL, **CHUNK),
    "l2 x16": PolicyConfig("l2", HUGE, **CHUNK),
    "gaussian": PolicyConfig("gaussian", SMALL, **CHUNK),
    "independent": PolicyConfig("independent", WIDE, bins=31, **CHUNK),
    "mixture": PolicyConfig("mixture", WIDE, components=5, action_scale="standard", **CHUNK),
    "autoregressive": PolicyConfig("autoregressive", WIDE, bins=31, **CHUNK),
    "diffusion": PolicyConfig("diffusion", WIDE, sampling_steps=0, action_scale="standard", **CHUNK),
    "flow": PolicyConfig("flow", WIDE, sampling_steps=10, action_scale="standard", **CHUNK),
}
EXPRESSIVE = ("mixture", "autoregressive", "diffusion", "flow")
LABELS = {"left l2": "l2, left driver only", "l2 x16": "l2, 16x parameters", "independent": "independent categorical"}


def demonstrations(seeds: tuple[int, ...], episodes: int, driver: str) -> Dataset:
    """Episodes of two drivers who share the wheel ("both"), or of the "left" one, for each seed."""
    num = len(seeds) * episodes
    env = gym.make_vec("hw1/Fork-v0", num_envs=num, trees=TREES)
    who = two_drivers(num, TREES, np.random.default_rng([seeds[0], 2])) if driver == "both" else ForkDriver(1.0)
    return collect(env, who, HORIZON, seed=1_000 + seeds[0], noise=NOISE, learners=len(seeds))


def clone(
    seeds: tuple[int, ...], policy: str, driver: str, episodes: int, steps: int, learning_rate: float, evaluations: int
) -> Arrays:
    """Train one kind of policy and drive it past the trees on roads that it has not seen."""
    config = POLICIES[policy]
    ema = 0.75 if config.head in ("diffusion", "flow") else 0.0
    train = TrainConfig(steps=steps, learning_rate=learning_rate, ema=ema, seed=seeds[0])
    actor = fit(demonstrations(seeds, episodes, driver), config, train).policy
    env = gym.make_vec("hw1/Fork-v0", num_envs=len(seeds) * evaluations, trees=TREES)
    steps_driven = rollout(env, actor, HORIZON, seed=2_000_000 + seeds[0])

    passed = steps_driven.info["passed"].reshape(len(seeds), evaluations)
    met = passed + ~steps_driven.running[-1].reshape(len(seeds), evaluations)  # the tree of the crash was met as well
    shown = slice(0, min(SHOWN, evaluations))
    return {
        "success": steps_driven.info["success"].reshape(len(seeds), evaluations).mean(axis=1),
        "per_tree": passed.sum(axis=1) / np.maximum(met.sum(axis=1), 1),
        "parameters": np.full(len(seeds), sum(p.numel() for p in actor.learners[0][0].parameters())),
        **_trajectories(steps_driven, env, len(seeds), evaluations, shown),
    }


def _trajectories(steps, env, seeds: int, evaluations: int, shown: slice) -> Arrays:
    """Distance to the tree and offset around the first tree, `[S, shown, T]`; nan after a crash."""
    first = (steps.state[..., 5] == 0) & steps.running
    distance = np.where(first, steps.state[..., 4], np.nan).T.reshape(seeds, evaluations, -1)
    offset = np.where(first, steps.state[..., 0], np.nan).T.reshape(seeds, evaluations, -1)
    return {"distance": distance[:, shown].astype(np.float32), "offset": offset[:, shown].astype(np.float32)}


def jobs(quick: bool) -> list[Job]:
    """One job for each head. Heads that have to find several modes train longer; all converge."""
    short, long = (600, 1_500) if quick else (2_000, 6_000)
    steps = {"l2": short, "gaussian": short, "l2 x16": short}
    rate = {"autoregressive": 1e-2, "l2 x16": 1e-3}
    common = {"episodes": 50 if quick else 150, "evaluations": 50 if quick else 100}
    listed = [
        Job(
            f"fork {name}",
            clone,
            common
            | {
                "policy": name,
                "driver": "both",
                "steps": steps.get(name, long),
                "learning_rate": rate.get(name, 3e-3),
            },
        )
        for name in POLICIES
    ]
    left = common | {"policy": "l2", "driver": "left", "steps": short, "learning_rate": 3e-3}
    return [*listed, Job("fork left l2", clone, left)]


# --- claims ----------------------------------------------------------------------------------------------------------
def success(results: Results, name: str) -> np.ndarray:
    """Share of episodes, `[S]`."""
    return results[f"fork {name}"]["success"]


def claim(text: str, name: str, **bound: float) -> Callable[[Results], list[Claim]]:
    """What one policy's success must be."""
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
CLAIMS = [
    claim(f"{AVERAGE} l2", "l2", at_most=0.10),
    claim(f"{AVERAGE} a Gaussian", "gaussian", at_most=0.50),
    *[claim(f"{AVERAGE} {name}", name, at_least=0.95) for name in EXPRESSIVE],
    claim("Dimensions must be joint: success of independent categoricals", "independent", at_most=0.60),
    size_does_not_help,
    claim("One consistent driver needs no more: success of l2 on the left driver", "left l2", at_least=0.95),
]


# --- figures ---------------------------------------------------------------------------------------------------------
def draw_success(results: Results) -> Figure:
    """Share of episodes past all trees, and of single trees passed, with intervals over seeds."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    ax = figure.add_subplot()
    names = [name.removeprefix("fork ") for name in results.among(job.name for job in jobs(False))]
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
    ax.set(ylabel="success in %", ylim=(0, 105))
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=2, frameon=False)
    return figure


def draw_trajectories(results: Results) -> Figure:
    """Where the cars go around the first tree, one panel for each head."""
    names = [name.removeprefix("fork ") for name in results.among(job.name for job in jobs(False))]
    figure = Figure(figsize=(9, 6.2), layout="constrained")
    axes = figure.subplots(3, 3, sharex=True, sharey=True)
    for ax, name in zip(axes.flat, names, strict=False):
        arrays = results[f"fork {name}"]
        for distance, offset in zip(arrays["distance"][0], arrays["offset"][0], strict=True):
            crashed = np.nanmin(distance) > 0.0 if np.isfinite(distance).any() else False
            ax.plot(-distance, offset, color="tab:red" if crashed else "tab:blue", linewidth=0.8, alpha=0.7)
        ax.axhspan(-5, 5, color="#8d9399", alpha=0.15, zorder=0)
        ax.add_patch(Circle((0, 0), 0.9, color="#3b7a45", zorder=5))
        success = 100 * arrays["success"].mean()
        ax.set_title(f"{LABELS.get(name, name)}: {success:.0f} %", fontsize=9)
        ax.set(xlim=(-30, 8), ylim=(-5, 5))
    for ax in axes[:, 0]:
        ax.set_ylabel("left of centre in m", fontsize=8)
    for ax in axes[-1]:
        ax.set_xlabel("metres behind the tree", fontsize=8)
    return figure


EXPERIMENT = Experiment(
    name="fork",
    title="Fork: expressive distributions",
    jobs=jobs,
    claims=CLAIMS,
    figures={"fork_success": draw_success, "fork_trajectories": draw_trajectories},
    captions={
        "fork_success": "Two drivers pass a tree left and fast or right and slow. The mean of the two (l2), one bell "
        "around it (Gaussian) and a network 16 times as large all hit the tree; heads that can hold two modes do not.",
        "fork_trajectories": "Offset from the centre line on the way to the first tree; red cars crash at it. Look at "
        "where l2 goes, at what sampling each dimension by itself does, and at how the expressive heads choose a side.",
    },
)
