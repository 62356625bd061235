"""Whose demonstrations, and how many: version 0 of behaviour cloning (l2) and version 1 (a mixture) by the number of
drivers, and their success by the number of demonstrations.

Shapes: L learners (training seeds), V kinds of data.
"""

from dataclasses import replace

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from hw1.tasks import FORK, Recipe
from scripts.experiments.base import Arrays, Claim, Drawing, Job, Results, band, table_of_means
from scripts.experiments.fork.lab import BOTH, TREES, driven_by, evaluate, success, train
from scripts.experiments.style import look

_L2, _MIXTURE = FORK.recipes["l2"], FORK.recipes["mixture"]
# With the same small trunk, so that its size makes no difference; each is trained by its own recipe.
RECIPES = {
    "l2": _L2,
    "mixture": Recipe(
        replace(_MIXTURE.policy, hidden=_L2.policy.hidden), replace(_MIXTURE.train, steps=2_000), quick_steps=300
    ),
}
VERSIONS = {"l2": 1, "mixture": BOTH}
"""The two policies, and from how many drivers each gets more and more demonstrations."""
DRIVERS = (1, 2, 4, 8)
EPISODES = (3, 10, 30, 100, 300)
MOST = EPISODES[-1]


def kinds(policy: str) -> list[tuple[int, int]]:
    """All kinds of data (episodes, drivers): first by the number of episodes, then by the number of drivers."""
    own = VERSIONS[policy]
    return [(episodes, own) for episodes in EPISODES] + [(MOST, drivers) for drivers in DRIVERS if drivers != own]


def by_data(
    seeds: tuple[int, ...], policy: str, data: tuple[tuple[int, int], ...], steps: int, evaluations: int
) -> Arrays:
    """Success `[L, V]` of a policy on each kind of data; V L policies are trained side by side."""
    actor = train(seeds, RECIPES[policy], data, steps)
    drives = evaluate(driven_by(actor), seeds, len(data) * len(seeds), evaluations)
    return {"success": success(drives).reshape(len(data), len(seeds)).T}


def jobs(quick: bool) -> list[Job]:
    """One for each version."""
    listed = []
    for policy in VERSIONS:
        steps = RECIPES[policy].quick_steps if quick else RECIPES[policy].train.steps
        options = {"policy": policy, "data": kinds(policy), "steps": steps, "evaluations": 20 if quick else 50}
        listed.append(Job(f"fork data {policy}", by_data, options))
    return listed


# --- claims ----------------------------------------------------------------------------------------------------------
def by_drivers(results: Results, policy: str) -> Float[np.ndarray, "L drivers"]:
    """Success with demonstrations from each number of DRIVERS, of the same number of episodes."""
    return _success(results, policy, [(MOST, drivers) for drivers in DRIVERS])


def by_episodes(results: Results, policy: str) -> Float[np.ndarray, "L episodes"]:
    """Success with each number of EPISODES."""
    return _success(results, policy, [(episodes, VERSIONS[policy]) for episodes in EPISODES])


def _success(results: Results, policy: str, wanted: list[tuple[int, int]]) -> Float[np.ndarray, "L wanted"]:
    return results[f"fork data {policy}"]["success"][:, [kinds(policy).index(kind) for kind in wanted]]


JOBS = tuple(f"fork data {policy}" for policy in VERSIONS)


def version_1_gains(results: Results) -> list[Claim]:
    gains = (by_drivers(results, "mixture") - by_drivers(results, "l2")).T
    what = "Version 1 against version 0: what a mixture gains over l2 on demonstrations from"
    return [
        Claim(f"{what} 1 driver", gains[0], at_least=-0.10, at_most=0.10, unit="points", jobs=JOBS),
        *[
            Claim(f"{what} {drivers} drivers", gain, at_least=0.50, unit="points", jobs=JOBS)
            for drivers, gain in zip(DRIVERS[1:], gains[1:], strict=True)
        ],
    ]


def a_lot_of_data(results: Results) -> list[Claim]:
    curve = by_episodes(results, "mixture")
    gain = f"what a mixture gains from {EPISODES[-1]} demonstrations instead of {EPISODES[0]}"
    values = curve[:, -1] - curve[:, 0]
    return [
        Claim(f"The price of a lot of data: {gain}", values, at_least=0.30, unit="points", jobs=("fork data mixture",))
    ]


CLAIMS = [version_1_gains, a_lot_of_data]


# --- figures ---------------------------------------------------------------------------------------------------------
def draw_drivers(results: Results) -> Figure:
    """Success of both versions by the number of drivers."""
    return _draw("drivers who demonstrate", DRIVERS, curves_by_drivers(results))


def draw_amount(results: Results) -> Figure:
    """Success of both versions by the number of demonstrations."""
    return _draw("demonstrations", EPISODES, curves_by_episodes(results))


def curves_by_drivers(results: Results) -> dict[str, Float[np.ndarray, "L drivers"]]:
    return {NAMES[policy]: by_drivers(results, policy) for policy in _policies(results)}


def curves_by_episodes(results: Results) -> dict[str, Float[np.ndarray, "L episodes"]]:
    who = {1: "one driver", 2: "two drivers"}
    return {f"{NAMES[p]}, {who[VERSIONS[p]]}": by_episodes(results, p) for p in _policies(results)}


NAMES = {"l2": "version 0: l2", "mixture": "version 1: mixture"}


def _policies(results: Results) -> list[str]:
    return [job.removeprefix("fork data ") for job in results.among(JOBS)]


def _draw(xlabel: str, x: tuple[int, ...], curves: dict[str, Float[np.ndarray, "L x"]]) -> Figure:
    """Success in percent over a logarithmic axis, with intervals over seeds."""
    figure = Figure(figsize=(7.0, 4.0), layout="constrained")
    ax = figure.add_subplot()
    for number, (label, values) in enumerate(curves.items(), start=1):
        band(ax, x, 100 * values, label, **look(number, len(x)))
    ax.set(xscale="log", xlabel=xlabel, ylabel=f"success: all {TREES} trees (%)", ylim=(-3, 103))
    ax.set_xticks(x, x)
    ax.minorticks_off()
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return figure


DRAWINGS = [
    Drawing(
        "fork_drivers",
        f"{MOST} demonstrations in all, from one driver, two, four or eight, each of them consistent. With one driver "
        "version 0 (l2) is as good as version 1 (a mixture). As soon as two drivers take different sides, l2 does what "
        "nobody does: the mean.",
        draw_drivers,
        "Success in percent against 1, 2, 4 and 8 drivers. The curve of the mixture stays near 100 %; that of l2 falls "
        "from 100 % with one driver to nearly 0 with two or more.",
        lambda results: table_of_means("drivers", DRIVERS, curves_by_drivers(results)),
    ),
    Drawing(
        "fork_amount",
        "The price of a lot of data: success by the number of demonstrations. Look at how few are enough for l2 and "
        "one driver, and how many a mixture needs for two.",
        draw_amount,
        f"Success in percent against {EPISODES[0]} to {MOST} demonstrations on a logarithmic axis. The curve "
        "of l2 on one driver is high from the beginning; that of the mixture, which learns from two drivers, rises.",
        lambda results: table_of_means("demonstrations", EPISODES, curves_by_episodes(results)),
    ),
]
