"""BC against DAgger at equal labels, round by round, beside what another course published about its own Hopper.

Shapes: L learners, R rounds of collecting.
"""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.experiments.base import Arrays, Claim, Drawing, Job, Results, Table, band, interval
from scripts.experiments.hopper.lab import METHODS, SETTINGS, Lab, Plan, plan_options
from scripts.experiments.style import BLACK, look

NAMES = {"bc": "behaviour cloning", "dagger": "DAgger"}
LOOKS = {"bc": look(2), "dagger": look(1)}  # as on Lane
PUBLISHED = {"expert": 3773.0, "bc": 897.0, "dagger": (897.0, 1061.0, 2619.0, 2894.0, 3724.0)}
"""Returns that Berkeley's CS 285 shows for its homework 1: another expert, other numbers of labels, no intervals.
DAgger's are those of rounds 0, 1, ..."""
MIDDLE = slice(2, 4)  # rounds 2 and 3: DAgger has seen its own mistakes, and more demonstrations are not yet enough


def compare(seeds: tuple[int, ...], method: str, **plan: object) -> Arrays:
    """One of METHODS: labels and return of the policy of every round, both `[L, R + 1]`."""
    lab = Lab(seeds, Plan(**plan))
    rounds = lab.train_rounds(method)
    labels = [np.bincount(round.dataset.learner, minlength=len(seeds)) for round in rounds]
    returns = [lab.returns(round.policy, lab.plan.evaluations) for round in rounds]
    return {"labels": np.stack(labels, axis=1), "return": np.stack(returns, axis=1)}


def reach(seeds: tuple[int, ...], **plan: object) -> Arrays:
    """The expert's return, `[L]`."""
    lab = Lab(seeds, Plan(**plan))
    return {"return": lab.returns(lab.expert, lab.plan.evaluations)}


def jobs(quick: bool) -> list[Job]:
    return [job for setting in SETTINGS for job in jobs_of(setting, plan_options(quick, setting))]


def jobs_of(setting: str, plan: dict[str, object]) -> list[Job]:
    """The jobs of one of SETTINGS."""
    return [
        Job(f"{setting} expert", reach, plan),
        *(Job(f"{setting} {method}", compare, {"method": method} | plan) for method in METHODS),
    ]


# --- claims ----------------------------------------------------------------------------------------------------------
def claims(results: Results) -> list[Claim]:
    text = "Hopper, a public task: what DAgger's return gains over the clone's, share of the expert's, middle rounds"
    return [Claim(text, gain(results, "hopper"), 0.0, unit="%", jobs=("hopper bc", "hopper dagger", "hopper expert"))]


def gain(results: Results, setting: str) -> np.ndarray:
    """What DAgger's return gains over the clone's in the middle rounds, as a share of the expert's, `[L]`."""
    bc, dagger, best = (results[f"{setting} {name}"]["return"] for name in (*METHODS, "expert"))
    return (dagger - bc)[:, MIDDLE].mean(axis=1) / best.mean()


# --- the figure and its table ----------------------------------------------------------------------------------------
def draw(results: Results) -> Figure:
    figure = Figure(figsize=(9.0, 4.2), layout="constrained")
    ours, theirs = figure.subplots(1, 2, sharey=True)
    _draw_ours(ours, results)
    _draw_theirs(theirs)
    ours.set_ylim(0, None)  # shared
    for ax in (ours, theirs):
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18))  # below: the curves need all of the panel
    return figure


def _draw_ours(ax: Axes, results: Results) -> None:
    draw_setting(ax, results, "hopper")
    seeds = len(results["hopper expert"]["return"])
    ax.set(title=f"here: {seeds} seeds, 95 % intervals", xlabel="expert labels", ylabel="return")


def draw_setting(ax: Axes, results: Results, setting: str) -> None:
    """The returns of both methods against the labels, and the expert's."""
    best = results[f"{setting} expert"]["return"].mean()
    ax.axhline(best, color=BLACK, linestyle=":", label=f"expert, {best:.0f}")
    for method in METHODS:
        labels, returns = (results[f"{setting} {method}"][key] for key in ("labels", "return"))
        x = labels.mean(axis=0)
        band(ax, x, returns, NAMES[method], **LOOKS[method])
    ax.set_xticks(x)


def _draw_theirs(ax: Axes) -> None:
    best, clone = PUBLISHED["expert"], PUBLISHED["bc"]
    ax.axhline(best, color=BLACK, linestyle=":", label=f"their expert, {best:.0f}")
    ax.axhline(clone, color=LOOKS["bc"]["color"], linestyle="--", label=f"their clone, {clone:.0f}")
    ax.plot(PUBLISHED["dagger"], label="their DAgger", **LOOKS["dagger"])
    ax.set(title="published: Berkeley's CS 285, another expert", xlabel="round of DAgger")
    ax.set_xticks(range(len(PUBLISHED["dagger"])))


def table(results: Results) -> Table:
    """One row for each round, the published returns beside ours."""
    bc, dagger, best = (results[f"hopper {name}"] for name in (*METHODS, "expert"))
    published = dict(enumerate(PUBLISHED["dagger"]))
    rows = [
        (
            i,
            int(dagger["labels"][:, i].mean()),
            shown(bc["return"][:, i]),
            shown(dagger["return"][:, i]),
            shown(best["return"]),
            f"{PUBLISHED['bc']:.0f}" if i == 0 else "",
            f"{published[i]:.0f}" if i in published else "",
            f"{PUBLISHED['expert']:.0f}",
        )
        for i in range(dagger["labels"].shape[1])
    ]
    theirs = (f"published: {name}" for name in ("behaviour cloning", "DAgger", "expert"))
    return ("round", "labels", "behaviour cloning", "DAgger", "expert", *theirs), rows


def shown(returns: np.ndarray) -> str:
    """The mean over seeds, and its interval."""
    low, high = interval(returns)
    return f"{returns.mean():.0f} [{low:.0f}, {high:.0f}]"


CLAIMS = (claims,)
DRAWINGS = (
    Drawing(
        "hopper_returns",
        "Return against labels. Left: a clone of the expert's own states falls; labels for the states that the policy "
        f"visits are worth more. In each round the expert labels the first {Plan.labels} states of a drive; what other "
        "states and another task change is below. Right: what another course reports of its own expert and setting.",
        draw,
        "Two panels with the return of Hopper-v5 on the vertical axis. Left, against the labels that the expert gave, "
        "the means over seeds with their intervals: DAgger rises towards the dotted line of the expert, behaviour "
        "cloning stays below it. Right, against the round of DAgger, five published points that rise from 897 to 3724, "
        "a dashed line at 897 for the clone and a dotted one at 3773 for their expert.",
        table,
    ),
)
