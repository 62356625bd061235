"""Who decides when the expert takes over (part 4): a person, or an ensemble that doubts.

Shapes: L learners, R rounds of collecting.
"""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes

from scripts.experiments.base import Claim, Drawing, Job, Results, Table, interval, table_of_means
from scripts.experiments.lane.drawing import COLOURS, COST, NAMES, among, band, panels
from scripts.experiments.lane.lab import STEPS
from scripts.experiments.lane.methods import METHODS, method_job

TICKS = (2_000, 5_000, 10_000, 20_000, 50_000)  # of the axis of labels
MARGIN = 0.25  # steps off the lane in 400, one in 1,600: two costs that are closer than that are called equal


def jobs(quick: bool) -> list[Job]:
    return [method_job("hg", quick), method_job("uncertainty", quick)]


# --- claims ----------------------------------------------------------------------------------------------------------
def gate_claims(name: str, who: str, share: float) -> Callable[[Results], list[Claim]]:
    """An intervening method against DAgger after the same number of rounds: as good, with fewer labels."""

    def make(results: Results) -> list[Claim]:
        gated, dagger = results[f"lane {name}"], results["lane dagger"]
        jobs = (f"lane {name}", "lane dagger")
        worse = gated["cost"] - dagger["cost"]  # (L, R + 1)
        labels = gated["labels"][:, -1] / dagger["labels"][:, -1]
        return [
            *[
                Claim(
                    f"{who} can gate: cost above DAgger's after round {i}, in {STEPS} steps",
                    worse[:, i],
                    at_most=MARGIN,
                    unit="steps",
                    jobs=jobs,
                )
                for i in range(1, worse.shape[1])
            ],
            Claim(
                f"{who} can gate: share of DAgger's labels, demonstrations included",
                labels,
                at_most=share,
                unit="%",
                jobs=jobs,
            ),
        ]

    return make


# --- figures ---------------------------------------------------------------------------------------------------------
def draw_labels(axes: Sequence[Axes], results: Results) -> None:
    for ax in axes:
        for method in among(METHODS, results):
            result = results[f"lane {method}"]
            band(ax, result["labels"].mean(axis=0), result["cost"], method)
        ax.set(xscale="log", xlabel="expert labels", ylabel=COST)
        ax.set_xticks(TICKS, [f"{labels:,}" for labels in TICKS])
        ax.minorticks_off()
    axes[0].set(title="all rounds", ylim=(0, None))
    axes[1].set(title="the lowest costs", ylim=(0, 4 * MARGIN))
    axes[1].axhspan(0, MARGIN, color="0.92", zorder=0)
    axes[0].legend()


def table_of_labels(results: Results) -> Table:
    """Labels and cost, round by round."""
    methods = among(METHODS, results)
    curves = {
        f"{NAMES[method]}, {name}": results[f"lane {method}"][key]
        for key, name in (("labels", "labels"), ("cost", COST))
        for method in methods
    }
    return table_of_means("round", range(len(results[f"lane {methods[0]}"]["cost"].T)), curves)


def last(results: Results) -> dict[str, np.ndarray]:
    """Cost and labels of the last policies, `[L, methods]`."""
    methods = among(METHODS, results)
    quantities = {COST: "cost", "expert labels": "labels"}
    return {
        name: np.stack([results[f"lane {m}"][key][:, -1] for m in methods], axis=1) for name, key in quantities.items()
    }


def draw_interventions(axes: Sequence[Axes], results: Results) -> None:
    methods = among(METHODS, results)
    for ax, (name, values), number in zip(axes, last(results).items(), ("{:,.2g}", "{:,.0f}"), strict=True):
        for i, method in enumerate(methods):
            mean, (low, high) = values[:, i].mean(), interval(values[:, i])
            ax.bar(i, mean, color=COLOURS[method], yerr=np.abs([[mean - low], [high - mean]]), capsize=4)
            ax.annotate(number.format(mean), (i, high), (0, 3), textcoords="offset points", ha="center")
        ax.set_xticks(range(len(methods)), [NAMES[m].replace(" ", "\n").replace("-", "-\n") for m in methods])
        ax.set(ylabel=name, ylim=(0, None))


def table_of_interventions(results: Results) -> Table:
    return table_of_means("method", [NAMES[m] for m in among(METHODS, results)], last(results))


CLAIMS = (gate_claims("hg", "a person", 0.5), gate_claims("uncertainty", "a machine", 0.6))
DRAWINGS = (
    Drawing(
        "lane_labels",
        "Cost against expert labels (a logarithmic axis), round by round; on the right the lowest costs, enlarged. "
        "More demonstrations help behaviour cloning slowly. Labels for the states that the policy visits remove the "
        "cost. With a person at the gate, or an ensemble that doubts, a fraction of DAgger's labels does the same. "
        "Grey: costs that count as equal to none.",
        panels(draw_labels, 2),
        "Steps off the lane against the number of expert labels on a logarithmic axis, one curve for each of four "
        "methods, one marker for each round. Behaviour cloning falls slowly and stays high. DAgger, HG-DAgger and the "
        "uncertainty gate fall almost to zero, the two gates with far fewer labels than DAgger.",
        table_of_labels,
    ),
    Drawing(
        "lane_interventions",
        "Cost of the last policy, and the labels that it needed. With a person at the gate, or an "
        "ensemble that doubts, the cost is DAgger's for a fraction of DAgger's labels.",
        panels(draw_interventions, 2),
        "Two groups of four bars. Steps off the lane: behaviour cloning is high, DAgger, HG-DAgger and the uncertainty "
        "gate are close to zero. Expert labels: behaviour cloning and DAgger needed the same number, HG-DAgger and the "
        "uncertainty gate a fraction of it.",
        table_of_interventions,
    ),
)
