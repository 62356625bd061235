"""How the figures of Lane look: each method has one name and one look.

Shapes: L learners.
"""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scripts.experiments import base
from scripts.experiments.base import Results
from scripts.experiments.lane.lab import STEPS
from scripts.experiments.style import look

LOOKS = {"expert": 0, "dagger": 1, "bc": 2, "hg": 3, "uncertainty": 4}
COLOURS = {method: look(number)["color"] for method, number in LOOKS.items()}
NAMES = {
    "expert": "expert",
    "bc": "behaviour cloning",
    "dagger": "DAgger",
    "hg": "HG-DAgger",
    "uncertainty": "uncertainty gate",
}
COST = f"steps off the lane in {STEPS}"


def panels(draw: Callable, columns: int = 1, sharey: bool = False) -> Callable[[Results], Figure]:
    """What draws a figure: `draw` gets its `columns` panels (a single panel is not in a list) and the results."""

    def make(results: Results) -> Figure:
        figure = Figure(figsize=(6.4 if columns == 1 else 9.0, 4.4), layout="constrained")
        draw(figure.subplots(1, columns, sharey=sharey), results)
        return figure

    return make


def band(ax: Axes, x: np.ndarray, values: np.ndarray, method: str, label: str | None = None, **changes) -> None:
    """The mean over seeds with its interval: `values [L, len(x)]`. `changes`: of the method's look."""
    base.band(ax, x, values, label or NAMES[method], **look(LOOKS[method], len(x)) | changes)


def among(methods: tuple[str, ...], results: Results) -> list[str]:
    """The methods whose jobs could be run."""
    return [job.removeprefix("lane ") for job in results.among(f"lane {method}" for method in methods)]
