"""What else was tried: the same comparison on other tasks, and with labels from whole episodes.

Shapes: L learners, R rounds of collecting.
"""

from matplotlib.figure import Figure

from scripts.experiments.base import Drawing, Results, Table, grid, interval
from scripts.experiments.hopper.compare import MIDDLE, draw_setting, gain, shown
from scripts.experiments.hopper.lab import METHODS, SETTINGS, Plan


def draw(results: Results) -> Figure:
    figure, panels = grid(len(SETTINGS), 3, (3.6, 4.2), "expert labels", "return")
    for ax, setting in zip(panels, SETTINGS, strict=True):
        draw_setting(ax, results, setting)
        ax.set(title=", ".join(named(setting)))
        ax.set_ylim(min(0, ax.get_ylim()[0]), None)
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18))  # below: the curves need all of the panel
    return figure


def named(setting: str) -> tuple[str, str]:
    """The task of one of SETTINGS, and which states are labelled."""
    plan = Plan(**SETTINGS[setting])
    return plan.task, "whole episodes" if plan.whole else "first states"


def table(results: Results) -> Table:
    """One row for each of SETTINGS."""
    header = (
        "task",
        "labels for",
        "expert",
        "first clone",
        *(f"{method}, {when}" for when in WHEN for method in SHORT),
    )
    return (*header, "DAgger's gain, % of the expert"), [_row(results, setting) for setting in SETTINGS]


SHORT = ("clone", "DAgger")  # in the order of METHODS
WHEN = {"middle rounds": MIDDLE, "last round": slice(-1, None)}


def _row(results: Results, setting: str) -> tuple[str, ...]:
    returns = [results[f"{setting} {method}"]["return"] for method in METHODS]
    more = 100 * gain(results, setting)
    low, high = interval(more)
    return (
        *named(setting),
        shown(results[f"{setting} expert"]["return"]),
        shown(returns[0][:, 0]),
        *(shown(each[:, rounds].mean(axis=1)) for rounds in WHEN.values() for each in returns),
        f"{more.mean():.1f} [{low:.1f}, {high:.1f}]",
    )


DRAWINGS = (
    Drawing(
        "hopper_tried",
        "What was tried beside it, with the same code, seeds and numbers of labels. Where the labels of a "
        "round are drawn from a whole episode, and on HalfCheetah, where no episode ends early, a clone is as good as "
        "the expert, and DAgger has nothing left to gain.",
        draw,
        "Three panels with the return on the vertical axis and the labels that the expert gave on the horizontal one: "
        "Hopper with labels for the first states of an episode, Hopper with labels for any states of whole episodes, "
        "and HalfCheetah with labels for first states. Each shows the means over seeds of behaviour cloning and of "
        "DAgger with their intervals, and a dotted line at the expert's return. The table has the numbers.",
        table,
    ),
)
