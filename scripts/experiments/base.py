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
    """A statement that the demo measures: numbers, and bounds for their mean."""

    claim: str
    values: np.ndarray
    """`[L]`, one number for each seed, or `[1]`, one number for all seeds together."""
    at_least: float = -np.inf
    at_most: float = np.inf
    unit: str = ""
    """Such as "%" (the values are shares and are shown in percent) or "steps"."""
    jobs: tuple[str, ...] = ()
    """The jobs that the measurement needs; their computing time is shown next to the claim."""

    @property
    def measured(self) -> float:
        return float(np.mean(self.values))

    @property
    def interval(self) -> tuple[float, float]:
        return interval(self.values)

    @property
    def shown(self) -> str:
        """The mean and its interval, such as "1.82 [1.6, 2] steps"; one number for all seeds has no interval."""
        bracket = " [{}, {}]".format(*map(self._number, self.interval)) if len(self.values) > 1 else ""
        return f"{self._number(self.measured)}{bracket}{self._unit}"

    @property
    def holds(self) -> bool:
        return bool(self.at_least <= self.measured <= self.at_most)

    @property
    def target(self) -> str:
        low, high = self._number(self.at_least), self._number(self.at_most)
        if np.isfinite(self.at_least) and np.isfinite(self.at_most):
            return f"{low} to {high}{self._unit}"
        return f"at least {low}{self._unit}" if np.isfinite(self.at_least) else f"at most {high}{self._unit}"

    def _number(self, value: float) -> str:
        return f"{100 * value:.1f}" if self.unit == "%" else f"{value:.3g}"

    @property
    def _unit(self) -> str:
        return self.unit and f" {self.unit}"


DRAWS = 2_000  # of the bootstrap


def interval(values: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the mean over seeds (axis 0). The same values always give the same interval."""
    values = np.asarray(values, dtype=np.float64)
    pick = np.random.default_rng(0).integers(len(values), size=(DRAWS, len(values)))
    low, high = np.quantile(values[pick].mean(axis=1), [0.025, 0.975])
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
    """The jobs. The argument: whether the run is a quick one."""
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
