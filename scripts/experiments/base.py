"""The parts of every experiment: jobs that compute, claims that are judged, figures that are drawn.

Shapes: L learners, one for each training seed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Arrays = dict[str, np.ndarray]
"""What a job returns. The first axis of every array is the learner."""
Estimate = Callable[[np.ndarray], float]
"""Makes one number of some seeds: `[L, ...] -> ()`."""


@dataclass(frozen=True)
class Seeded:
    """Learners side by side, one for each training seed."""

    seeds: tuple[int, ...]

    def seed(self, purpose: str) -> int:
        """A different number for each purpose: collecting, training and testing never share a random stream."""
        entropy = [*self.seeds, *purpose.encode()]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0] >> 1)


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
    seeds: int | None = None
    """Only so many of the seeds, such as one for a clip; None for all."""
    together: int | None = None
    """At most so many seeds in one call, for a job that needs much memory; None for no limit of its own."""


@dataclass(frozen=True)
class Claim:
    """A statement that the demo measures. It holds if the whole 95 % interval of the estimate keeps the bounds.

    One number for all seeds (`values [1]`) has no interval; it must keep the bounds itself. nan never holds.
    """

    claim: str
    values: np.ndarray
    """`[L, ...]`, one row for each seed, or `[1]`, one number for all seeds together."""
    at_least: float = -np.inf
    at_most: float = np.inf
    unit: str = ""
    """Such as "steps"; "%" for shares and "points" for differences of shares, which are shown in percent."""
    jobs: tuple[str, ...] = ()
    """The jobs that the measurement needs; their computing time is shown next to the claim."""
    estimate: Estimate = np.mean
    """What is claimed about the rows of `values`, if not their mean: such as an exponent fitted to all seeds."""

    @cached_property
    def measured(self) -> float:
        return float(self.estimate(self.values))

    @cached_property
    def interval(self) -> tuple[float, float]:
        return interval(self.values, self.estimate)

    @property
    def shown(self) -> str:
        """The estimate and its interval, such as "1.82 [1.6, 2] steps"; one number for all seeds has no interval."""
        bracket = " [{}, {}]".format(*map(self._number, self.interval)) if len(self.values) > 1 else ""
        if np.isnan(self.interval).any() and not np.isnan(self.measured):
            bracket = " [too few seeds]"  # some draws of them have no estimate
        return f"{self._number(self.measured)}{bracket}{self._unit}"

    @property
    def holds(self) -> bool:
        low, high = self.interval
        return bool(self.at_least <= low and high <= self.at_most)  # a comparison with nan is False

    @property
    def target(self) -> str:
        low, high = self._number(self.at_least), self._number(self.at_most)
        if np.isfinite(self.at_least) and np.isfinite(self.at_most):
            return f"{low} to {high}{self._unit}"
        return f"at least {low}{self._unit}" if np.isfinite(self.at_least) else f"at most {high}{self._unit}"

    def _number(self, value: float) -> str:
        if self.unit in ("%", "points"):
            return f"{100 * value:.1f}"
        return f"{float(f'{value:.3g}'):,.0f}" if 1e3 <= abs(value) < 1e6 else f"{value:.3g}"

    @property
    def _unit(self) -> str:
        return self.unit and f" {self.unit}"


DRAWS = 2_000  # of the bootstrap


def interval(values: np.ndarray, estimate: Estimate = np.mean) -> tuple[float, float]:
    """95 % bootstrap interval of an estimate over seeds (axis 0), by default of their mean.

    The same values always give the same interval. It is nan if any draw of seeds has no estimate.
    """
    values = np.asarray(values, dtype=np.float64)
    drawn = values[np.random.default_rng(0).integers(len(values), size=(DRAWS, len(values)))]
    # The mean is by far the most frequent estimate, and this is fast.
    estimates = drawn.reshape(DRAWS, -1).mean(axis=1) if estimate is np.mean else [estimate(rows) for rows in drawn]
    low, high = np.quantile(estimates, [0.025, 0.975])
    return float(low), float(high)


def band(ax: Axes, x: Sequence[float], values: np.ndarray, label: str, **look) -> None:
    """Draw the mean over seeds with its interval: `values [L, len(x)]`. `look`: of the line, as keywords of `plot`."""
    low, high = np.transpose([interval(column) for column in values.T])
    ax.plot(x, values.mean(axis=0), label=label, **look)
    ax.fill_between(x, low, high, color=look["color"], alpha=0.2, linewidth=0)


Table = tuple[Sequence[str], Sequence[Sequence[str | float]]]
"""The names of the columns, and the rows: the numbers of a figure."""


@dataclass(frozen=True)
class Drawing:
    """A figure of the demo, in `out/figures/`: NAME.png, NAME.svg, and its numbers as NAME.csv."""

    name: str
    caption: str
    """What to look for."""
    draw: Callable[[Results], Figure]
    description: str = ""
    """The figure in words, for people who cannot see it: what is on the axes, and what the curves do."""
    table: Callable[[Results], Table] | None = None
    """The numbers of the figure (see `table_of_means`)."""


def table_of_means(label: str, x: Sequence, curves: Mapping[str, np.ndarray], estimate: Estimate = np.mean) -> Table:
    """The estimates of curves over seeds with their intervals, one row for each curve and x.

    Args:
        label: what x is, such as "horizon T (steps)".
        curves: by the name in the legend, `[L, len(x), ...]`.
    """
    rows = []
    for name, values in curves.items():
        for place, column in zip(x, np.asarray(values).swapaxes(0, 1), strict=True):
            rows.append((name, place, float(estimate(column)), *interval(column, estimate)))
    return ("curve", label, "mean" if estimate is np.mean else "estimate", "95 % from", "95 % to"), rows


@dataclass(frozen=True)
class Clip:
    """A moving picture of the demo: `out/figures/NAME.webp`, and a frame of it for who wants no motion: NAME.png."""

    name: str
    caption: str
    description: str
    job: str
    """The job whose arrays "clip" and "still" are the bytes of the two files, for one seed: `[1, bytes]`."""


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
    clips: Sequence[Clip] = ()
    optional: bool = False
    """Whether it runs only if it is named: `--only NAME`."""
    absent: Callable[[], str] = lambda: ""
    """Why it cannot run on this machine, with the remedy; empty if it can."""


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
        ax.set_xlabel(xlabel)
        ax.tick_params(labelbottom=True)
    for ax in shown[::columns]:
        ax.set_ylabel(ylabel)
    return figure, shown
