"""How demonstrations are collected, and what the policy sees: latency of a remote control, history.

Shapes: L learners. The axes "latencies" and "memories" have one entry for each of LATENCIES and MEMORIES.
"""

import numpy as np
from matplotlib.axes import Axes

from hw1.envs.lane import DT
from hw1.tasks import LANE_NO_HEADING
from scripts.experiments.base import Arrays, Claim, Drawing, Job, Results
from scripts.experiments.lane.drawing import COST, DOTS, band, panels
from scripts.experiments.lane.lab import STEPS, Lab, Plan, plan_options
from scripts.experiments.lane.methods import train_rounds

LATENCIES = np.arange(6)  # steps of DT: 0 to 500 ms
MEMORIES = np.array([1, 2, 4])  # observations that a policy sees


def delay(seeds: tuple[int, ...], **plan: int) -> Arrays:
    """Clones of demonstrations by slow remote control: cost `[L, latencies]`."""
    lab = Lab(seeds, Plan(**plan))
    cost = []
    for latency in LATENCIES:
        policy = lab.fit(lab.demonstrate(lab.plan.demos, "demonstrations", int(latency)))
        cost.append(lab.cost(lab.test(policy, lab.plan.evaluations // 2)))
    return {"cost": np.stack(cost, axis=1)}


def remember(seeds: tuple[int, ...], **plan: int) -> Arrays:
    """DAgger with a camera that looks straight down: cost `[L, memories]`."""
    lab = Lab(seeds, Plan(**plan), LANE_NO_HEADING)
    cost = []
    for history in MEMORIES:
        rounds = train_rounds(lab, "dagger", int(history))
        cost.append(lab.cost(lab.test(rounds[-1].policy, lab.plan.evaluations // 2)))
    return {"cost": np.stack(cost, axis=1)}


def jobs(quick: bool) -> list[Job]:
    plan = plan_options(quick)
    return [Job("lane latency", delay, plan), Job("lane history", remember, plan)]


# --- claims ----------------------------------------------------------------------------------------------------------
def latency_claims(results: Results) -> list[Claim]:
    late = results["lane latency"]["cost"]
    text = "how demonstrations are collected matters: cost at 500 ms of latency against none"
    return [Claim(text, late[:, -1] / late[:, 0].mean(), 2.0, jobs=("lane latency",))]


def history_claims(results: Results) -> list[Claim]:
    off = results["lane history"]["cost"] / STEPS
    text, jobs = "a policy may need history: share of the time off the lane with", ("lane history",)
    return [
        Claim(f"{text} o_t", off[:, 0], 0.1, unit="%", jobs=jobs),
        Claim(f"{text} the last {MEMORIES[-1]} observations", off[:, -1], at_most=0.01, unit="%", jobs=jobs),
    ]


# --- figures ---------------------------------------------------------------------------------------------------------
def draw_latency(ax: Axes, results: Results) -> None:
    band(ax, LATENCIES * DT * 1000, results["lane latency"]["cost"], "bc", **DOTS)
    ax.set(xlabel="latency of the remote control (ms)", ylabel=COST, ylim=(0, None))


def draw_history(ax: Axes, results: Results) -> None:
    band(ax, MEMORIES, results["lane history"]["cost"], "dagger", **DOTS)
    ax.set(xscale="log", xlabel="observations that the policy sees", ylabel=COST, ylim=(0, None))
    ax.set_xticks(MEMORIES, [str(m) for m in MEMORIES])
    ax.minorticks_off()


CLAIMS = (latency_claims, history_claims)
DRAWINGS = (
    Drawing(
        "lane_latency",
        "Cost of clones of demonstrations by remote control, against the latency of the controls.",
        panels(draw_latency),
    ),
    Drawing(
        "lane_history",
        "DAgger with a camera that looks straight down: a single image does not show where the car is heading; "
        "several images in a row do.",
        panels(draw_history),
    ),
)
