"""Why errors compound, and how corrections stop them (parts 3 and 4): behaviour cloning against DAgger.

Shapes: L learners, T time steps. The axis "horizons" is that of `lane.measures`; the axis "policies" holds the clone of
the demonstrations and the clone of as many labels as DAgger's for behaviour cloning, and the last policy for DAgger.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from hw1.envs.lane import DT, HALF_WIDTH
from hw1.envs.road import FENCE
from scripts.experiments import growth
from scripts.experiments.base import Arrays, Claim, Drawing, Job, Results, Table, table_of_means
from scripts.experiments.lane.drawing import COLOURS, NAMES, band, panels
from scripts.experiments.lane.lab import STEPS, Lab, Plan, job
from scripts.experiments.lane.measures import HORIZONS, TRAJECTORIES, describe
from scripts.experiments.lane.methods import method_job

# Growth is measured over the first ten seconds. Later, cars find the lane again almost as often as others leave it, and
# J(T) bends towards T. The limit was fixed beforehand and is the same for all: one that depends on J would bias the
# exponent.
GROWING = HORIZONS <= 100
QUARTERS = 4  # of an episode
# The share of states outside the expert's region: in the last quarter, and how far from flat DAgger's may be.
OUTSIDE, FLAT = 0.1, 0.02
NEAR = 0.05  # how close DAgger must stay to the sampling floor, in both measures


def drive_expert(seeds: tuple[int, ...], **plan: int) -> Arrays:
    """The expert against other drives of the expert: what sampling alone causes."""
    lab = Lab(seeds, Plan(**plan))
    return describe(lab, [None], lab.plan.rare)


def jobs(quick: bool) -> list[Job]:
    return [method_job("bc", quick), method_job("dagger", quick), job("lane expert", drive_expert, quick)]


# --- claims ----------------------------------------------------------------------------------------------------------
def exponent(J: np.ndarray) -> float:
    """The exponent of growth of all learners together: `[L, horizons]`."""
    return growth.exponent(HORIZONS[GROWING], J[:, GROWING])


def exponents(J: np.ndarray) -> np.ndarray:
    """The exponent of each learner that ever disagreed."""
    return np.array([exponent(own[None]) for own in J if own[GROWING].any()])


def ratio(cost: np.ndarray) -> float:
    """The mean of the first column over that of the second, `[L, 2]`."""
    first, second = cost.mean(axis=0)
    return first / second


def quarters(share: np.ndarray) -> np.ndarray:
    """Means over each quarter of the episode: `[L, T] -> [L, QUARTERS]`."""
    return share.reshape(len(share), QUARTERS, -1).mean(axis=-1)


def growth_claims(results: Results) -> list[Claim]:
    bc, dagger = results["lane bc"], results["lane dagger"]
    jobs = ("lane bc", "lane dagger")
    # DAgger's cost may be 0: at least one step off the lane in all test episodes of all learners, below which nothing
    # could be measured.
    least = 1 / dagger["tests"].sum()
    both = np.stack([bc["cost"][:, -1], dagger["cost"][:, -1] + least], axis=1)
    return [
        Claim(
            "errors compound: exponent of the clone's disagreement",
            bc["J"][:, 0],
            1.6,
            2.4,
            jobs=jobs[:1],
            estimate=exponent,
        ),
        Claim(
            "errors do not compound: DAgger's exponent",
            dagger["J"][:, -1],
            at_most=1.2,
            jobs=jobs[1:],
            estimate=exponent,
        ),
        Claim(
            "more demonstrations are not the answer: cost against DAgger's at equal labels",
            both,
            20.0,
            jobs=jobs,
            estimate=ratio,
        ),
    ]


def state_claims(results: Results) -> list[Claim]:
    """p_expert(s) against p_pi(s) by the share of states outside the region where the expert is 99 % of the time.

    The total variation over cells of half a metre hardly sees the clone leave: most of its drift stays inside one cell.
    """
    bc, dagger, expert = (results[f"lane {name}"] for name in ("bc", "dagger", "expert"))
    clone, corrected, floor = (quarters(each["outside"][:, 0]) for each in (bc, dagger, expert))
    far = "p_expert(s) is not p_pi(s): share of the clone's states outside the expert's 99 % region"
    near = "p_expert(s) is almost p_pi(s)"
    jobs, both = ("lane bc",), ("lane dagger", "lane expert")
    late = slice(-STEPS // QUARTERS, None)
    excess = (dagger["variation"] - expert["variation"])[:, 0, late].mean(axis=1)
    return [
        *[
            Claim(
                f"{far}, quarter {i + 1} minus quarter {i}",
                clone[:, i] - clone[:, i - 1],
                0.0,
                unit="points",
                jobs=jobs,
            )
            for i in range(1, QUARTERS)
        ],
        Claim(f"{far}, last quarter", clone[:, -1], OUTSIDE, unit="%", jobs=jobs),
        Claim(
            f"{near}: share outside that region, last quarter minus first, DAgger",
            corrected[:, -1] - corrected[:, 0],
            -FLAT,
            FLAT,
            unit="points",
            jobs=both[:1],
        ),
        Claim(
            f"{near}: share outside that region above the floor, last quarter, DAgger",
            corrected[:, -1] - floor[:, -1],
            at_most=NEAR,
            unit="points",
            jobs=both,
        ),
        Claim(f"{near}: total variation above the floor, last quarter, DAgger", excess, at_most=NEAR, jobs=both),
    ]


# --- figures ---------------------------------------------------------------------------------------------------------
DRIVERS = ("expert", "bc", "dagger")


def draw_states(axes: Sequence[Axes], results: Results) -> None:
    time = DT * np.arange(STEPS)
    for ax, method in zip(axes, DRIVERS, strict=True):
        ax.axhspan(-HALF_WIDTH, HALF_WIDTH, color="0.92", zorder=0)
        ax.plot(time, results[f"lane {method}"]["e"][0, 0], color=COLOURS[method], alpha=0.4, linewidth=0.7)
        ax.set(title=NAMES[method], xlabel="time (s)")
    axes[0].set_ylabel("distance left of the centre (m)")


def table_of_states(results: Results) -> Table:
    """The lines of the figure at the end of each quarter."""
    rows = []
    for method in DRIVERS:
        away = np.abs(results[f"lane {method}"]["e"][0, 0])  # (T, TRAJECTORIES)
        for end in range(STEPS // QUARTERS, STEPS + 1, STEPS // QUARTERS):
            now = away[end - 1]
            rows.append(
                (NAMES[method], DT * end, float(np.median(now)), float(now.max()), int((now > HALF_WIDTH).sum()))
            )
    return ("driver", "time (s)", "metres from the centre, median", "largest", f"of {TRAJECTORIES} outside"), rows


def disagreements(results: Results) -> dict[str, np.ndarray]:
    """J(T) of each curve of the figure, `[L, horizons]`."""
    bc, dagger = results["lane bc"]["J"], results["lane dagger"]["J"]
    return {
        "clone of the demonstrations": bc[:, 0],
        "clone of as many labels as DAgger": bc[:, 1],
        "DAgger": dagger[:, 0],
    }


def draw_disagreement(ax: Axes, results: Results) -> None:
    first, last, corrected = disagreements(results).values()
    band(ax, HORIZONS, first, "bc", f"clone of the demonstrations, $T^{{{exponent(first):.2f}}}$")
    label = f"clone of as many labels as DAgger, $T^{{{exponent(last):.2f}}}$"
    band(ax, HORIZONS, last, "bc", label, linestyle=":", marker="x")
    band(ax, HORIZONS, corrected, "dagger", f"DAgger, $T^{{{exponent(corrected):.2f}}}$")
    for values, power in ((first, 2), (corrected, 1)):
        line = values[:, 0].mean() * (HORIZONS / HORIZONS[0]) ** power
        ax.plot(HORIZONS, line, color="grey", linewidth=1)
        ax.annotate(f"slope {power}", (HORIZONS[-1], line[-1]), (4, 0), textcoords="offset points", va="center")
    ax.axvline(HORIZONS[GROWING][-1], color="grey", linestyle=":", linewidth=1)
    ax.set(xscale="log", yscale="log", xlabel="horizon T (steps)", ylabel="disagreements with the expert, J(T)")
    ax.set_xticks(HORIZONS, [str(T) for T in HORIZONS], minor=False)
    ax.minorticks_off()
    ax.legend(loc="upper left")


def table_of_disagreement(results: Results) -> Table:
    return table_of_means("horizon T (steps)", HORIZONS.tolist(), disagreements(results))


DISTANCES = {"outside": "share outside the expert's 99 % region", "variation": "total variation to the expert"}


def draw_variation(axes: Sequence[Axes], results: Results) -> None:
    time = DT * np.arange(STEPS)
    for ax, (key, label) in zip(axes, DISTANCES.items(), strict=True):
        for method in ("bc", "dagger", "expert"):
            name = "expert against itself" if method == "expert" else None
            band(ax, time, results[f"lane {method}"][key][:, 0], method, name)
        ax.set(xlabel="time (s)", ylabel=label, ylim=(0, None))
    axes[0].legend(loc="upper left")


def table_of_variation(results: Results) -> Table:
    curves = {
        f"{NAMES[method]}, {label}": quarters(results[f"lane {method}"][key][:, 0])
        for key, label in DISTANCES.items()
        for method in ("bc", "dagger", "expert")
    }
    return table_of_means("quarter of the episode", range(1, QUARTERS + 1), curves)


CLAIMS = (growth_claims, state_claims)
DRAWINGS = (
    Drawing(
        "lane_states",
        f"Distance from the centre line over time, {TRAJECTORIES} drives of the first learner. The clone looks like "
        "the expert for some seconds; then single cars drift to places that no demonstration shows, and swing about "
        f"for seconds before they find the lane again, or slide along the fence {FENCE:.0f} m from the centre.",
        panels(draw_states, 3, sharey=True),
        f"Three panels with {TRAJECTORIES} lines each: distance from the centre line in metres against time in "
        "seconds, with the lane as a grey band. All lines of the expert and of DAgger stay near the centre. Most lines "
        "of behaviour cloning do, but some leave the band by several metres, for seconds.",
        table_of_states,
    ),
    Drawing(
        "lane_disagreement",
        "J(T), the disagreements with the expert in the first T steps. The clone's grow almost like T squared until "
        "cars find the lane again almost as often as others leave it, DAgger's like T. Grey lines have slopes 1 and 2; "
        "the exponents are fitted up to the dotted line.",
        panels(draw_disagreement),
        "Disagreements with the expert against the horizon from 25 to 400 steps, both axes logarithmic. The curve of "
        "the clone rises with a slope of almost 2, and so does that of a clone of as many labels as DAgger; the curve "
        "of DAgger lies far lower and rises with a slope of about 1.",
        table_of_disagreement,
    ),
    Drawing(
        "lane_variation",
        "Where the policy goes against where the expert goes, step by step: the share of states outside the region "
        "where the expert is 99 % of the time, and the total variation of p(e, psi) over cells of half a metre. The "
        "clone's states leave the expert's more and more; DAgger's do not. The expert against other drives of the "
        "expert shows the floor: what sampling alone causes.",
        panels(draw_variation, 2),
        "Two panels against time in seconds: the share of states outside the expert's region, and the total variation "
        "to the expert's states. On the left, the curve of behaviour cloning rises through the whole episode, while "
        "DAgger stays flat near the floor, which is the expert against itself; on the right, the curves are closer.",
        table_of_variation,
    ),
)
