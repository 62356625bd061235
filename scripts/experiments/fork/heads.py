"""Every head on demonstrations from two drivers, and the ablations that explain the differences.

An average of modes is no mode; dimensions must be joint; the size of the network is not the size of the distribution.

Shapes: L learners (training seeds), T time steps, S starts, R repetitions of each.
"""

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from hw1.envs.fork import TREE_HALF_WIDTH
from hw1.learners import by_learner
from hw1.rollout import Rollout
from hw1.tasks import FORK
from scripts.experiments.base import Arrays, Claim, Drawing, Job, Results, Table, grid, interval, table_of_means
from scripts.experiments.fork.drawing import EXPRESSIVE, LABELS, policies
from scripts.experiments.fork.lab import BOTH, TREES, Drive, driven_by, driven_by_both, evaluate, success, train
from scripts.experiments.fork.sides import offsets_at_tree
from scripts.experiments.style import BLACK, BLUE, GREEN, VERMILION

SHOWN = 24  # trajectories kept for the figure, from the first seed


def drivers(seeds: tuple[int, ...], evaluations: int) -> Arrays:
    """The two drivers themselves, as they demonstrate."""
    return driven(driven_by_both, seeds, evaluations)


def clone(seeds: tuple[int, ...], policy: str, drivers: int, episodes: int, steps: int, evaluations: int) -> Arrays:
    """A policy by its recipe, trained in `steps` gradient steps on 1 driver (the left one) or on 2."""
    actor = train(seeds, FORK.recipes[policy], [(episodes, drivers)], steps)
    parameters = sum(p.numel() for p in actor.networks[0][0].parameters())
    return driven(driven_by(actor), seeds, evaluations) | {"parameters": np.full(len(seeds), parameters)}


def driven(drive: Drive, seeds: tuple[int, ...], evaluations: int) -> Arrays:
    """Success on new roads, trajectories, and the sides that are chosen from one start."""
    drives = evaluate(drive, seeds, len(seeds), evaluations)
    passed = drives.info["passed"]
    met = passed + ~drives.running[-1]  # the tree of the crash was met as well
    passed, met = (by_learner(each, len(seeds)).sum(axis=1) for each in (passed, met))
    return {
        "success": success(drives),
        "per_tree": passed / np.maximum(met, 1),
        "offsets": offsets_at_tree(drive, seeds).astype(np.float32),
        **_trajectories(drives),
    }


def _trajectories(drives: Rollout) -> Arrays:
    """Distance to the tree and offset around the first tree, `[L, shown, T]`; nan after a crash."""
    first = (drives.state[..., 5] == 0) & drives.running
    kept = {"distance": drives.state[..., 4], "offset": drives.state[..., 0]}
    by_drive = {name: drives.by_learner(np.where(first, values, np.nan)) for name, values in kept.items()}
    return {name: values.swapaxes(1, 2)[:, :SHOWN].astype(np.float32) for name, values in by_drive.items()}


def jobs(quick: bool) -> list[Job]:
    """The drivers, one job for each policy on both of them, and l2 on the left one."""
    evaluations = {"evaluations": 50 if quick else 100}
    common = evaluations | {"episodes": 60 if quick else 300}
    listed = [Job("fork drivers", drivers, evaluations)]
    policies = {name: (name, BOTH) for name in FORK.recipes} | {"left l2": ("l2", 1)}
    for name, (policy, number) in policies.items():
        recipe = FORK.recipes[policy]
        steps = recipe.quick_steps if quick else recipe.train.steps
        listed.append(Job(f"fork {name}", clone, common | {"policy": policy, "drivers": number, "steps": steps}))
    return listed


# --- claims ----------------------------------------------------------------------------------------------------------
def claim(text: str, name: str, **bound: float) -> Callable[[Results], list[Claim]]:
    """A bound on the success of one policy."""
    job = f"fork {name}"
    return lambda results: [Claim(text, results[job]["success"], unit="%", jobs=(job,), **bound)]


def size_does_not_help(results: Results) -> list[Claim]:
    return [
        Claim(
            "Network size is not distribution size: what l2 gains from 16x the parameters",
            results["fork l2 x16"]["success"] - results["fork l2"]["success"],
            at_least=-0.10,
            at_most=0.10,
            unit="points",
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
    """Share of episodes past all trees, and share of single trees passed, with intervals over seeds."""
    names = policies(results)
    figure = Figure(figsize=(9.0, 4.2), layout="constrained")
    ax = figure.add_subplot()
    for shift, key, label, style in (
        (-0.2, "success", f"all {TREES} trees and back on the road", {"color": BLUE}),
        (0.2, "per_tree", "one tree", {"color": "white", "edgecolor": BLACK, "hatch": "///"}),
    ):
        values = [results[f"fork {name}"][key] for name in names]
        means = np.array([v.mean() for v in values])
        reach = np.abs(np.array([interval(v) for v in values]).T - means)
        place = np.arange(len(names)) + shift
        ax.bar(place, 100 * means, width=0.38, yerr=100 * reach, label=label, capsize=2, **style)
    labels = [LABELS.get(name, name).replace(", ", ",\n").replace(" cat", "\ncat") for name in names]
    ax.set_xticks(range(len(names)), labels, rotation=30, ha="right", rotation_mode="anchor")
    ax.set(ylabel="success (%)", ylim=(0, 105))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


def table(results: Results) -> Table:
    """The numbers of the bars."""
    names = policies(results)
    bars = {"success": "success", "one tree": "per_tree"}
    curves = {label: np.stack([results[f"fork {n}"][key] for n in names], axis=1) for label, key in bars.items()}
    return table_of_means("policy", [LABELS.get(name, name) for name in names], curves)


def crashes(distance: np.ndarray) -> bool:
    """Whether a drive ends before the first tree; `distance [T]` to it is nan where the drive is over."""
    return bool(np.isfinite(distance).any() and np.nanmin(distance) > 0.0)


def draw_trajectories(results: Results) -> Figure:
    """Where the cars drive around the first tree, one panel for each policy."""
    names = policies(results)
    labels = {"xlabel": "metres past the tree", "ylabel": "left of the centre (m)"}
    figure, axes = grid(len(names), columns=3, panel=(3.0, 2.2), **labels, sharex=True, sharey=True)
    figure.suptitle(f"Around the first tree, one seed; in percent: drives past all {TREES} trees, all seeds")
    for ax, name in zip(axes, names, strict=True):
        arrays = results[f"fork {name}"]
        for distance, offset in zip(arrays["distance"][0], arrays["offset"][0], strict=True):
            style = {"color": VERMILION, "linestyle": "--"} if crashes(distance) else {"color": BLUE}
            ax.plot(-distance, offset, linewidth=0.8, alpha=0.7, **style)
        ax.axhspan(-5, 5, color="#8d9399", alpha=0.15, zorder=0)
        ax.add_patch(Circle((0, 0), TREE_HALF_WIDTH, color=GREEN, zorder=5))
        ax.set_title(f"{LABELS.get(name, name)}: {100 * arrays['success'].mean():.0f} %")
        ax.set(xlim=(-30, 8), ylim=(-5, 5))
    return figure


def table_of_trajectories(results: Results) -> Table:
    """How many of the drawn cars pass the first tree on which side."""
    rows = []
    for name in policies(results):
        arrays = results[f"fork {name}"]
        pairs = list(zip(arrays["distance"][0], arrays["offset"][0], strict=True))
        there = [offset[np.argmax(distance <= 0.0)] for distance, offset in pairs if not crashes(distance)]
        left = sum(offset > 0 for offset in there)
        rows.append((LABELS.get(name, name), left, len(there) - left, len(pairs) - len(there)))
    return ("policy", "left of the first tree", "right of it", "crash there"), rows


DRAWINGS = [
    Drawing(
        "fork_success",
        "Two drivers pass each tree on the left and fast, or on the right and slow. The mean of the two (l2), one "
        "bell around it (Gaussian) and a network 16 times as large sooner or later hit a tree; heads that can "
        "represent two modes seldom do.",
        draw_success,
        "Two bars for each policy: the share of drives past all four trees, and of single trees passed. For drivers, "
        "mixture, autoregressive, diffusion, flow and l2 on the left driver both are close to 100 %. l2, whatever its "
        "size, passes four trees almost never, the Gaussian seldom, independent categoricals in about half.",
        table,
    ),
    Drawing(
        "fork_trajectories",
        "Distance from the centre line on the way past the first tree; dashed red cars crash there. The green disc is "
        "where a car hits the tree. In percent: the share of drives past all four trees, over all seeds. Look at where "
        "l2 drives, at what happens if each dimension is sampled independently, and at how the expressive heads choose "
        "a side.",
        draw_trajectories,
        "One panel for each policy: 24 cars on the last 30 metres before the first tree, which is a circle in the "
        "middle, and on 8 metres behind it. Drivers and expressive heads split into a bundle on the left and one on "
        "the right. l2 on both drivers drives on straight into the tree.",
        table_of_trajectories,
    ),
]
