"""Why errors compound, and how corrections stop them (parts 3 and 4): behaviour cloning against DAgger.

Shapes: L learners, T time steps. The axes "ends" and "horizons" are those of `lane.methods`.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from hw1.compounding import growth_exponent
from hw1.envs.lane import DT, HALF_WIDTH
from scripts.experiments.base import Arrays, Claim, Drawing, Job, Results
from scripts.experiments.lane.drawing import COLOURS, COST, DOTS, NAMES, among, band, panels
from scripts.experiments.lane.lab import STEPS, Lab, Plan, plan_options
from scripts.experiments.lane.methods import HORIZONS, METHODS, method_job, reference, trajectories, variation

# Growth ends when hardly any car is left to be lost: only horizons with J(T) / T below this share enter an exponent.
SATURATION = 0.1
# Total variation: how much the clone's must grow, and how close to the sampling floor DAgger's must stay.
GROWTH, NEAR = 0.2, 0.05


def floor(seeds: tuple[int, ...], **plan: int) -> Arrays:
    """The expert against the expert: the total variation that sampling alone causes, and the expert's own cost."""
    lab = Lab(seeds, Plan(**plan))
    drives = lab.test(None, lab.plan.evaluations)
    return {"variation": variation(drives, reference(lab)), "cost": lab.cost(drives), "e": trajectories(drives)}


def jobs(quick: bool) -> list[Job]:
    return [method_job("bc", quick), method_job("dagger", quick), Job("lane expert", floor, plan_options(quick))]


# --- claims ----------------------------------------------------------------------------------------------------------
def exponents(J: np.ndarray) -> np.ndarray:
    """The growth exponent of each learner before saturation: `[L, horizons] -> [L]`.

    nan, and therefore no claim that holds, for a learner that disagreed at fewer than two of the horizons.
    """
    usable = (J > 0) & (J / HORIZONS < SATURATION)
    return np.array([_exponent(HORIZONS[keep], j[keep]) for j, keep in zip(J, usable, strict=True)])


def _exponent(horizons: np.ndarray, cost: np.ndarray) -> float:
    return growth_exponent(horizons, cost) if len(horizons) > 1 else np.nan


def claims(results: Results) -> list[Claim]:
    bc, dagger = results["lane bc"], results["lane dagger"]
    jobs = ("lane bc", "lane dagger")
    # DAgger's cost may be 0 for single learners: compare with its mean over learners, and that with one step off the
    # lane in all of its test episodes, below which nothing could be measured.
    least = 1 / dagger["episodes"].sum()
    ratio = bc["cost"][:, -1] / max(dagger["cost"][:, -1].mean(), least)
    early, late = slice(0, STEPS // 4), slice(-STEPS // 4, None)
    clone = bc["variation"][:, 0]
    growth = clone[:, late].mean(axis=1) - clone[:, early].mean(axis=1)
    excess = (dagger["variation"][:, 1] - results["lane expert"]["variation"])[:, late].mean(axis=1)
    return [
        Claim(
            "errors compound: exponent of the clone's disagreement", exponents(bc["J"][:, 0]), 1.6, 2.4, jobs=jobs[:1]
        ),
        Claim("errors do not compound: DAgger's exponent", exponents(dagger["J"][:, 1]), at_most=1.2, jobs=jobs[1:]),
        Claim("more demonstrations are not the answer: cost against DAgger's at equal labels", ratio, 20.0, jobs=jobs),
        Claim(
            "p_expert(s) is not p_pi(s): total variation, last quarter minus first, clone",
            growth,
            GROWTH,
            jobs=jobs[:1],
        ),
        Claim(
            "p_expert(s) is almost p_pi(s): total variation above the floor, last quarter, DAgger",
            excess,
            at_most=NEAR,
            jobs=(*jobs[1:], "lane expert"),
        ),
    ]


# --- figures ---------------------------------------------------------------------------------------------------------
def draw_states(axes: Sequence[Axes], results: Results) -> None:
    time = DT * np.arange(STEPS)
    shown = {
        "expert": results["lane expert"]["e"][0],
        "bc": results["lane bc"]["e"][0, 0],
        "dagger": results["lane dagger"]["e"][0, 1],
    }
    for ax, (method, e) in zip(axes, shown.items(), strict=True):
        ax.axhspan(-HALF_WIDTH, HALF_WIDTH, color="0.92", zorder=0)
        ax.plot(time, e, color=COLOURS[method], alpha=0.4, linewidth=0.7)
        ax.set(title=NAMES[method], xlabel="time (s)")
    axes[0].set_ylabel("distance left of the centre (m)")


def draw_disagreement(ax: Axes, results: Results) -> None:
    first, last = results["lane bc"]["J"][:, 0], results["lane bc"]["J"][:, 1]
    corrected = results["lane dagger"]["J"][:, 1]
    band(ax, HORIZONS, first, "bc", f"clone of the demonstrations, T^{exponents(first).mean():.2f}", **DOTS)
    band(ax, HORIZONS, last, "bc", "clone of as many labels as DAgger", linestyle="--", **DOTS)
    band(ax, HORIZONS, corrected, "dagger", f"DAgger, T^{exponents(corrected).mean():.2f}", **DOTS)
    for values, power in ((first, 2), (corrected, 1)):
        start = values[:, 0].mean()
        ax.plot(HORIZONS, start * (HORIZONS / HORIZONS[0]) ** power, color="grey", linestyle=":", linewidth=1)
    ax.set(xscale="log", yscale="log", xlabel="horizon T (steps)", ylabel="disagreements with the expert, J(T)")
    ax.set_xticks(HORIZONS, [str(T) for T in HORIZONS], minor=False)
    ax.minorticks_off()
    ax.legend(frameon=False)


def draw_labels(ax: Axes, results: Results) -> None:
    for method in among(METHODS, results):
        result = results[f"lane {method}"]
        band(ax, result["labels"].mean(axis=0), result["cost"], method, **DOTS)
    ax.set(xlabel="expert labels", ylabel=COST, ylim=(0, None))
    ax.legend(frameon=False)


def draw_variation(ax: Axes, results: Results) -> None:
    time = DT * np.arange(STEPS)
    band(ax, time, results["lane bc"]["variation"][:, 0], "bc")
    band(ax, time, results["lane dagger"]["variation"][:, 1], "dagger")
    band(ax, time, results["lane expert"]["variation"], "expert", "expert against itself")
    ax.set(xlabel="time (s)", ylabel="total variation to the expert's states", ylim=(0, None))
    ax.legend(frameon=False)


CLAIMS = (claims,)
DRAWINGS = (
    Drawing(
        "lane_states",
        "Distance from the centre line over time, 40 drives of the first learner. The clone looks like the expert for "
        "some seconds; then single cars drift to places where no demonstration shows the way back.",
        panels(draw_states, 3, sharey=True),
    ),
    Drawing(
        "lane_disagreement",
        "J(T), the disagreements with the expert in the first T steps. The clone's grow almost like T squared until "
        "few cars are left to be lost, DAgger's like T. The dotted lines have slopes 1 and 2.",
        panels(draw_disagreement),
    ),
    Drawing(
        "lane_labels",
        "Cost against expert labels, round by round. More demonstrations help behaviour cloning slowly; labels for "
        "the states that the policy visits remove the cost.",
        panels(draw_labels),
    ),
    Drawing(
        "lane_variation",
        "Distance between p(e, psi) of the policy and of the expert, step by step. The expert against other drives of "
        "the expert shows the floor: the distance that sampling alone causes.",
        panels(draw_variation),
    ),
)
