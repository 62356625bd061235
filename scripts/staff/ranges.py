"""Expected ranges: what single seeds of our solution give, for handout and rubric; kept in writeup/staff/ranges.json.

Shapes: L learners (training seeds).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw1.exercises import ROOT
from hw1.tasks import BIMODAL, FORK
from scripts import figures
from scripts.experiments import tightrope
from scripts.experiments.base import Arrays
from scripts.experiments.lane.alarm import FALSE_ALARMS, rate_of
from scripts.experiments.lane.collecting import MEMORIES
from scripts.experiments.lane.compounding import exponents
from scripts.experiments.lane.lab import STEPS
from scripts.experiments.lane.methods import METHODS

RANGES = ROOT / "writeup/staff/ranges.json"
LOW, HIGH = 0.05, 0.95  # quantiles over seeds


@dataclass(frozen=True)
class Quantity:
    """A number for each learner, for which the handout gives an expected range."""

    job: str
    of: Callable[[Arrays], np.ndarray]
    """The job's arrays -> `[L]`."""
    percent: bool = False
    """Whether it is a share."""


def at(key: str, *index: int | slice) -> Callable[[Arrays], np.ndarray]:
    """arrays[key][:, index], averaged over all axes that are left except the learner's."""

    def read(arrays: Arrays) -> np.ndarray:
        values = arrays[key][(slice(None), *index)]
        return values.reshape(len(values), -1).mean(axis=1)

    return read


def quantities() -> dict[str, Quantity]:
    """By the name that the handout uses."""
    return _bimodal() | _fork() | _tightrope() | _lane()


def _bimodal() -> dict[str, Quantity]:
    return {f"bimodal {head}": Quantity(f"bimodal {head}", at("between"), percent=True) for head in BIMODAL}


def _fork() -> dict[str, Quantity]:
    policies = ["left l2", *FORK.recipes]
    return {
        **{f"fork {name}": Quantity(f"fork {name}", at("success"), percent=True) for name in policies},
        **{f"fork tree {name}": Quantity(f"fork {name}", at("per_tree"), percent=True) for name in policies},
    }


def _tightrope() -> dict[str, Quantity]:
    places = {T: int(np.flatnonzero(tightrope.HORIZONS == T)[0]) for T in (100, 1_000)}
    return {
        f"tightrope {name} {T}": Quantity(f"tightrope {name}", at("cost", place))
        for T, place in places.items()
        for name in tightrope.VARIANTS
    }


def _lane() -> dict[str, Quantity]:
    first, last, quarter = 0, -1, STEPS // 4
    early, late = slice(0, quarter), slice(-quarter, None)
    return {
        "lane exponent clone": Quantity("lane bc", lambda a: exponents(a["J"][:, first])),
        "lane exponent dagger": Quantity("lane dagger", lambda a: exponents(a["J"][:, last])),
        "lane J clone": Quantity("lane bc", at("J", first, -1)),
        "lane J dagger": Quantity("lane dagger", at("J", last, -1)),
        "lane cost clone": Quantity("lane bc", at("cost", first)),
        **{f"lane cost {m}": Quantity(f"lane {m}", at("cost", last)) for m in METHODS},
        **{f"lane labels {m}": Quantity(f"lane {m}", at("labels", last)) for m in METHODS},
        "lane variation early": Quantity("lane bc", at("variation", first, early)),
        "lane variation late": Quantity("lane bc", at("variation", first, late)),
        "lane variation dagger": Quantity("lane dagger", at("variation", last, late)),
        "lane variation expert": Quantity("lane expert", at("variation", first, late)),
        "lane roc area": Quantity("lane detector", at("area", first)),
        "lane roc found": Quantity("lane detector", at("roc", first, rate_of(FALSE_ALARMS)), percent=True),
        "lane latency 0": Quantity("lane latency", at("cost", first)),
        "lane latency 300": Quantity("lane latency", at("cost", last)),
        **{
            f"lane history {m}": Quantity("lane history", lambda a, i=i: a["cost"][:, i] / STEPS, percent=True)
            for i, m in enumerate(MEMORIES)
        },
    }


def measure(demo: Path) -> dict:
    """Median and quantiles over learners of every quantity, and the core-minutes of every experiment."""
    options = figures.Options(out=demo)
    figures.check(options, "--demo")
    experiments, _ = figures.chosen(options)
    computed = figures.Computed()
    figures.compute(experiments, options, computed)
    results = computed.results
    seconds = {
        experiment.name: sum(float(results[job.name]["seconds"].sum()) for job in experiment.jobs(False))
        for experiment in experiments
    }
    return {
        "seeds": figures.number_of_seeds(options),
        "minutes": {name: round(value / 60, 1) for name, value in seconds.items()},
        "ranges": {name: summary(q.of(results[q.job]), q.percent) for name, q in quantities().items()},
    }


def summary(values: np.ndarray, percent: bool) -> dict:
    """Median, 5 % and 95 % quantile of `values [L]`; nan is a learner of which there was nothing to measure."""
    low, median, high = (float(f"{v:.4g}") for v in np.nanquantile(values, [LOW, 0.5, HIGH]))
    return {"median": median, "low": low, "high": high, "percent": percent}


# --- as they are printed ----------------------------------------------------------------------------------------------
def stored() -> dict:
    """What writeup/staff/ranges.json holds: "seeds", "minutes" by experiment, "ranges" by quantity."""
    return json.loads(RANGES.read_text(encoding="utf-8"))


def shown_ranges() -> dict[str, dict[str, str]]:
    """By quantity, "median" and "between", such as "16 %" and "4.0 to 20 %", whose spaces do not break."""
    return {name: _shown_range(r) for name, r in stored()["ranges"].items()}


def _shown_range(r: dict) -> dict[str, str]:
    low, median, high = (shown(r[key], r["percent"]) for key in ("low", "median", "high"))
    unit = " %" if r["percent"] else ""
    texts = {"median": median + unit, "between": f"{low} to {high}{unit}"}
    return {key: text.replace(" ", "\N{NO-BREAK SPACE}") for key, text in texts.items()}


def minutes() -> dict[str, str]:
    """By experiment, how many minutes it takes on one core."""
    return {name: str(round(value)) if value >= 1 else "<1" for name, value in stored()["minutes"].items()}


def shown(value: float, percent: bool) -> str:
    """The number as it is printed: a share of 0.165 is 16 (percent), 22000 is 22,000, 133.6 is 130, 0.0144 is 0.014."""
    if percent:
        value *= 100
        if 0 < value < 0.1:
            return "<0.1"
        return f"{value:.1f}" if 0 < value < 10 else f"{value:.0f}"
    if value >= 1_000:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{float(f'{value:.2g}'):.0f}"
    return f"{value:#.2g}" if value else "0"
