"""How the figures of Lane look: one colour and one name for each method.

Shapes: L learners.
"""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.experiments.base import Results, interval
from scripts.experiments.lane.lab import STEPS

COLOURS = {
    "expert": "black",
    "bc": "tab:red",
    "dagger": "tab:blue",
    "hg": "tab:green",
    "uncertainty": "tab:orange",
}
NAMES = {
    "expert": "expert",
    "bc": "behaviour cloning",
    "dagger": "DAgger",
    "hg": "HG-DAgger",
    "uncertainty": "uncertainty gate",
}
COST = f"steps off the lane in {STEPS}"
DOTS = {"marker": "o", "markersize": 4}


def panels(draw: Callable, columns: int = 1, sharey: bool = False) -> Callable[[Results], Figure]:
    """What draws a figure: `draw` gets its `columns` panels (a single panel is not in a list) and the results."""

    def make(results: Results) -> Figure:
        figure = Figure(figsize=(6.0 if columns == 1 else 4.0 * columns, 4.0), layout="constrained")
        axes = figure.subplots(1, columns, sharey=sharey)
        draw(axes, results)
        for ax in np.atleast_1d(axes):
            ax.grid(alpha=0.25)
            ax.spines[["top", "right"]].set_visible(False)
        return figure

    return make


def band(ax: Axes, x: np.ndarray, values: np.ndarray, method: str, label: str | None = None, **style) -> None:
    """The mean over seeds with its interval: `values [L, len(x)]`."""
    low, high = np.transpose([interval(column) for column in values.T])
    colour = COLOURS[method]
    ax.plot(x, values.mean(axis=0), color=colour, label=label or NAMES[method], **style)
    ax.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)


def among(methods: tuple[str, ...], results: Results) -> list[str]:
    """The methods whose jobs could be run."""
    return [job.removeprefix("lane ") for job in results.among(f"lane {method}" for method in methods)]
