"""Who decides when the expert takes over (part 4): a person, or an ensemble that doubts.

Shapes: L learners, T time steps, N environments, M samples. The axis "rates" has one entry for each of RATES.
"""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes

from hw1.dagger import uncertainty_gate
from scripts.experiments.base import Arrays, Claim, Drawing, Job, Results, interval
from scripts.experiments.lane.drawing import COLOURS, COST, NAMES, among, band, panels
from scripts.experiments.lane.lab import STEPS, Lab, Plan, plan_options
from scripts.experiments.lane.methods import METHODS, method_job

MARGIN = 0.25  # steps off the lane in 400, one in 1,600: two costs that are closer than that are called equal
SOON = 20  # steps ahead that the alarm must foresee
RATES = np.linspace(0.0, 1.0, 101)  # false alarm rates at which the ROC curve is recorded


def detect(seeds: tuple[int, ...], **plan: int) -> Arrays:
    """Does an ensemble that cloned the demonstrations notice that the car will be off the lane within SOON steps?

    Asked in all states on the lane that are followed by SOON more steps. Returns the ROC curve `[L, rates]`, and the
    area below it `[L]`.
    """
    lab = Lab(seeds, Plan(**plan))
    ensemble = lab.fit(lab.demonstrate(lab.plan.demos, "demonstrations"), lab.plan.detectors)
    drives = lab.test(ensemble, lab.plan.evaluations // 2)
    gate = uncertainty_gate(ensemble.members(), np.inf)
    doubt = drives.by_learner(np.stack([gate.doubt(obs) for obs in drives.obs]))  # (L, T, N/L)
    off = drives.by_learner(drives.cost > 0)
    ahead = np.lib.stride_tricks.sliding_window_view(off, SOON + 1, axis=1)  # (L, T - SOON, N/L, SOON + 1)
    asked, soon = ~ahead[..., 0], ahead[..., 1:].any(axis=-1)
    doubt = doubt[:, : asked.shape[1]]
    curves, areas = zip(*(roc(d[a], s[a]) for d, s, a in zip(doubt, soon, asked, strict=True)), strict=True)
    return {"roc": np.stack(curves), "area": np.array(areas)}


def roc(score: np.ndarray, positive: np.ndarray) -> tuple[np.ndarray, float]:
    """Share of the positives that are found at each false alarm rate, `[rates]`, and the area below the curve.

    The area is the probability that a positive scores above a negative (Mann and Whitney), counted by ranks. Both are
    nan if there are only positives, or only negatives.

    Args:
        score, positive: `[M]`.
    """
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return np.full(len(RATES), np.nan), np.nan
    ranks = np.argsort(np.argsort(score))
    area = (ranks[positive].sum() - positives * (positives - 1) / 2) / (positives * negatives)
    falling = positive[np.argsort(-score)]
    return np.interp(RATES, np.cumsum(~falling) / negatives, np.cumsum(falling) / positives), float(area)


def jobs(quick: bool) -> list[Job]:
    gated = [method_job("hg", quick), method_job("uncertainty", quick)]
    return [*gated, Job("lane detector", detect, plan_options(quick))]


# --- claims ----------------------------------------------------------------------------------------------------------
def gate_claims(name: str, who: str, share: float) -> Callable[[Results], list[Claim]]:
    """An intervening method against DAgger: as good, with fewer labels."""

    def make(results: Results) -> list[Claim]:
        gated, dagger = results[f"lane {name}"], results["lane dagger"]
        jobs = (f"lane {name}", "lane dagger")
        worse = gated["cost"][:, -1] - dagger["cost"][:, -1]
        labels = gated["labels"][:, -1] / dagger["labels"][:, -1]
        cost = f"{who} can gate: cost above DAgger's, in {STEPS} steps"
        taken = f"{who} can gate: share of DAgger's labels, demonstrations included"
        return [
            Claim(cost, worse, at_most=MARGIN, unit="steps", jobs=jobs),
            Claim(taken, labels, at_most=share, unit="%", jobs=jobs),
        ]

    return make


def detector_claims(results: Results) -> list[Claim]:
    text = f"a machine can gate: ROC area for off the lane within {SOON} steps"
    return [Claim(text, results["lane detector"]["area"], 0.85, jobs=("lane detector",))]


# --- figures ---------------------------------------------------------------------------------------------------------
def draw_interventions(axes: Sequence[Axes], results: Results) -> None:
    methods = among(METHODS, results)
    quantities = {"cost": (COST, "{:,.3g}"), "labels": ("expert labels", "{:,.0f}")}
    for ax, (key, (label, number)) in zip(axes, quantities.items(), strict=True):
        for i, method in enumerate(methods):
            values = results[f"lane {method}"][key][:, -1]
            low, high = interval(values)
            mean = values.mean()
            ax.bar(i, mean, color=COLOURS[method], yerr=[[mean - low], [high - mean]], capsize=4)
            ax.annotate(number.format(mean), (i, high), (0, 3), textcoords="offset points", ha="center")
        ax.set_xticks(range(len(methods)), [NAMES[m].replace(" ", "\n").replace("-", "-\n") for m in methods])
        ax.set_ylabel(label)


def draw_roc(ax: Axes, results: Results) -> None:
    curves, area = results["lane detector"]["roc"], results["lane detector"]["area"]
    ax.plot(RATES, curves.T, color="0.8", linewidth=0.8)
    band(ax, RATES, curves, "uncertainty", f"doubt of the ensemble, area {area.mean():.2f}")
    ax.plot([0, 1], [0, 1], color="grey", linestyle=":")
    ax.set(xlabel="false alarms (share of the safe states)", ylabel=f"detected (off the lane within {SOON} steps)")
    ax.set(aspect="equal", xlim=(0, 1), ylim=(0, 1))
    ax.legend(frameon=False, loc="lower right")


CLAIMS = (gate_claims("hg", "a person", 0.5), gate_claims("uncertainty", "a machine", 0.6), detector_claims)
DRAWINGS = (
    Drawing(
        "lane_interventions",
        "Cost of the last policy, and the labels that it needed. With a person at the gate, or an ensemble that "
        "doubts, the cost is DAgger's for a fraction of DAgger's labels.",
        panels(draw_interventions, 2),
    ),
    Drawing(
        "lane_roc",
        "Does the ensemble's doubt foresee that the car will be off the lane within two seconds? Each grey line is "
        "one learner; the diagonal is random guessing.",
        panels(draw_roc),
    ),
)
