"""The parts of every experiment: jobs that compute, claims that are judged, figures that are drawn.

Shapes: L learners, one for each training seed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Arrays = dict[str, np.ndarray]
"""What a job returns. The first axis of every array is the learner."""


class Missing(Exception):
    """A claim or a figure needs a job that could not be run."""


class Results(dict[str, Arrays]):
    """The arrays of every job that could be run, by its name."""

    def __missing__(self, job: str) -> Arrays:
        raise Missing(job)

    def among(self, jobs: Iterable[str]) -> list[str]:
        """Those of `jobs` that could be run. Raises Missing if none could."""
        jobs = list(jobs)
        return [job for job in jobs if job in self] or self[jobs[0]]


@dataclass(frozen=True)
class Job:
    """One computation, made for many seeds. `run(seeds, **options)` returns Arrays with one row for each seed.

    The seeds may be split into several calls, on several cores or machines; the rows are joined again.
    """

    name: str
    run: Callable[..., Arrays]
    """A function at the top level of a module (see `scripts.closure`)."""
    options: Mapping = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """A statement that the demo measures: one number for each seed, and bounds for their mean."""

    claim: str
    values: np.ndarray
    """`[L]`, one number for each seed."""
    at_least: float = -np.inf
    at_most: float = np.inf
    unit: str = ""
    """Such as "%" (the values are shares and are shown in percent) or "steps"."""
    jobs: tuple[str, ...] = ()
    """The jobs that the measurement needs; their computing time is shown beside the claim."""

    @property
    def measured(self) -> float:
        return float(np.mean(self.values))

    @property
    def interval(self) -> tuple[float, float]:
        return interval(self.values)

    @property
    def holds(self) -> bool:
        return bool(self.at_least <= self.measured <= self.at_most)

    @property
    def target(self) -> str:
        low, high = self.show(self.at_least), self.show(self.at_most)
        if np.isfinite(self.at_least) and np.isfinite(self.at_most):
            return f"{low} to {high}"
        return f"at least {low}" if np.isfinite(self.at_least) else f"at most {high}"

    def show(self, value: float) -> str:
        if self.unit == "%":
            return f"{100 * value:.1f} %"
        return f"{value:.3g}{self.unit and ' ' + self.unit}"


def interval(values: np.ndarray, level: float = 0.95, draws: int = 2_000) -> tuple[float, float]:
    """Bootstrap interval of the mean over seeds (axis 0). The same values always give the same interval."""
    values = np.asarray(values, dtype=np.float64)
    pick = np.random.default_rng(0).integers(len(values), size=(draws, len(values)))
    low, high = np.quantile(values[pick].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True)
class Drawing:
    """A figure of the demo: `out/figures/NAME.png`."""

    name: str
    caption: str
    """What to look for."""
    draw: Callable[[Results], Figure]


@dataclass(frozen=True)
class Experiment:
    """A part of the demo. Claims and drawings whose jobs could not be run are left out."""

    name: str
    title: str
    jobs: Callable[[bool], list[Job]]
    """The jobs. The argument says whether the run is a quick one."""
    claims: Sequence[Callable[[Results], list[Claim]]]
    """Each makes some of the claims from the results."""
    drawings: Sequence[Drawing]


def grid(
    count: int, columns: int, panel: tuple[float, float], xlabel: str = "", ylabel: str = "", **share: bool
) -> tuple[Figure, list[Axes]]:
    """A figure with exactly `count` panels, row by row.

    Args:
        panel: width and height of a panel in inches.
        xlabel, ylabel: written below the lowest panel of each column, and to the left of each row.
        share: `sharex`, `sharey` as in `matplotlib.figure.Figure.subplots`.
    """
    rows = -(-count // columns)
    figure = Figure(figsize=(panel[0] * columns, panel[1] * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, **share)
    for unused in panels.flat[count:]:
        unused.remove()
    shown = list(panels.flat[:count])
    for ax in shown[-columns:]:
        ax.set_xlabel(xlabel, fontsize=8)
        ax.tick_params(labelbottom=True)
    for ax in shown[::columns]:
        ax.set_ylabel(ylabel, fontsize=8)
    return figure, shown
