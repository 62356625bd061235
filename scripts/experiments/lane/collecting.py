"""How demonstrations are collected, and what the policy sees: latency of a remote control, history.

Shapes: L learners. The axes "latencies" and "memories" have one entry for each of LATENCIES and MEMORIES.
"""

from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes

from hw1.demos import record
from hw1.envs.lane import DT
from hw1.tasks import LANE_NO_HEADING
from scripts.experiments.base import Arrays, Claim, Drawing, Job, Results, Table, table_of_means
from scripts.experiments.lane.compounding import ratio
from scripts.experiments.lane.drawing import COST, band, panels
from scripts.experiments.lane.lab import EXPERT, STEPS, Lab, Plan, job
from scripts.experiments.lane.methods import train_rounds

LATENCIES = np.arange(4)  # steps of DT: 0 to 300 ms; later than that the demonstrator begins to swerve
# So many demonstrations that there is enough to learn from, and gusts twice as strong (in radians) for the slow remote
# controls: what is left is what the latency does to the labels.
DEMOS, GUSTS = 60, 0.04
MEMORIES = np.array([1, 2, 4])  # observations that a policy sees
ROLLOUTS = 15  # drives for each round of DAgger: windows of observations need much memory


def delay(seeds: tuple[int, ...], **plan: int) -> Arrays:
    """Demonstrators with slow remote controls, and clones of their demonstrations: cost of both `[L, latencies]`."""
    lab = Lab(seeds, Plan(**plan), gusts=GUSTS)
    demonstrator, clone = [], []
    for latency in LATENCIES:
        drives = record(lab.env(lab.plan.tests), EXPERT, STEPS, lab.seed("test"), latency=int(latency))
        demonstrator.append(drives.by_learner(drives.cost).sum(axis=1).mean(axis=1))
        demos = lab.demonstrate(DEMOS, "demonstrations", int(latency))
        clone.append(lab.test(lab.fit(demos), lab.plan.tests).cost)
    return {"demonstrator": np.stack(demonstrator, axis=1), "cost": np.stack(clone, axis=1)}


def remember(seeds: tuple[int, ...], **plan: int) -> Arrays:
    """DAgger with a camera that looks straight down: cost `[L, memories]`."""
    lab = Lab(seeds, replace(Plan(**plan), demos=DEMOS, rollouts=ROLLOUTS), LANE_NO_HEADING)
    last = [train_rounds(lab, "dagger", int(history))[-1].policy for history in MEMORIES]
    return {"cost": np.stack([lab.test(policy, lab.plan.tests).cost for policy in last], axis=1)}


def jobs(quick: bool) -> list[Job]:
    return [job("lane latency", delay, quick), job("lane history", remember, quick)]


# --- claims ----------------------------------------------------------------------------------------------------------
def latency_claims(results: Results) -> list[Claim]:
    late, jobs = results["lane latency"], ("lane latency",)
    text, worst = "how demonstrations are collected matters", f"{LATENCIES[-1] * DT * 1000:.0f} ms of latency"
    both = late["cost"][:, [-1, 0]]
    return [
        Claim(
            f"{text}: the demonstrator copes with {worst}, share of the time off the lane",
            late["demonstrator"][:, -1] / STEPS,
            at_most=0.01,
            unit="%",
            jobs=jobs,
        ),
        Claim(f"{text}: the clone's cost at {worst} against none", both, 2.0, jobs=jobs, estimate=ratio),
    ]


def history_claims(results: Results) -> list[Claim]:
    off = results["lane history"]["cost"] / STEPS
    text, jobs = "a policy may need history: share of the time off the lane with", ("lane history",)
    return [
        Claim(f"{text} o_t", off[:, 0], 0.1, unit="%", jobs=jobs),
        Claim(f"{text} the last {MEMORIES[-1]} observations", off[:, -1], at_most=0.01, unit="%", jobs=jobs),
    ]


# --- figures ---------------------------------------------------------------------------------------------------------
def draw_latency(ax: Axes, results: Results) -> None:
    late = results["lane latency"]
    band(ax, LATENCIES * DT * 1000, late["cost"], "bc", "clone of the demonstrations")
    band(ax, LATENCIES * DT * 1000, late["demonstrator"], "expert", "demonstrator")
    ax.set(xlabel="latency of the remote control (ms)", ylabel=COST, ylim=(0, None))
    ax.legend()


def table_of_latency(results: Results) -> Table:
    late = results["lane latency"]
    curves = {"clone": late["cost"], "demonstrator": late["demonstrator"]}
    return table_of_means("latency (ms)", [f"{latency * DT * 1000:.0f}" for latency in LATENCIES], curves)


def draw_history(ax: Axes, results: Results) -> None:
    band(ax, MEMORIES, results["lane history"]["cost"], "dagger")
    ax.set(xscale="log", xlabel="observations that the policy sees", ylabel=COST, ylim=(0, None))
    ax.set_xticks(MEMORIES, [str(m) for m in MEMORIES])
    ax.minorticks_off()


def table_of_history(results: Results) -> Table:
    return table_of_means("observations", MEMORIES.tolist(), {"DAgger": results["lane history"]["cost"]})


CLAIMS = (latency_claims, history_claims)
DRAWINGS = (
    Drawing(
        "lane_latency",
        f"Demonstrations by remote control ({DEMOS} for each learner, in gusts twice as strong). The demonstrator "
        "copes with the latency; the clone does not: each recorded action answers a picture that is older than the one "
        "beside which it is recorded.",
        panels(draw_latency),
        "Steps off the lane against the latency of the remote control in milliseconds. The curve of the demonstrator "
        "stays close to zero, that of the clone of the demonstrations rises.",
        table_of_latency,
    ),
    Drawing(
        "lane_history",
        "DAgger with a camera that looks straight down: a single image does not show where the car is heading; "
        "several images in a row do.",
        panels(draw_history),
        "Steps off the lane against the number of observations that the policy sees: 1, 2 and 4. With one observation "
        "the car is off the lane most of the time, with four almost never.",
        table_of_history,
    ),
)
