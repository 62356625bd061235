"""How long will a class take? `python -m scripts.staff.how_long out/grades --submissions 10000 --workers 32`.

A simulation: so many submissions, each of which takes as long as one that was graded (`execution_time` in its
results.json, drawn at random), go in any order to the worker that is free first. A worker grades one at a time; to send
a submission and to fetch its result costs the batch `--overhead` seconds, one after the other.
"""

import heapq
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from scripts.command import UserError, ended, read_options, require_seconds, require_whole

MOST = 10_000_000
RUNS = 20  # simulations, of which the middle nine tenths are shown


@dataclass(frozen=True)
class Options:
    """What is graded where."""

    grades: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR", help_behavior_hint="")] = Path(
        "out/grades"
    )
    """A folder of grades that were made on such workers."""
    submissions: int = 1_000
    """How many there will be."""
    workers: int = 2
    """How many are graded at the same time."""
    overhead: float = 0.01
    """Seconds of the batch for each submission."""
    start: float = 20.0
    """Seconds until a worker has started its first judge."""
    seed: int = 0
    """Of the draws."""


def main(arguments: list[str]) -> int:
    options = read_options(Options, arguments, "scripts.staff.how_long", __doc__)
    return ended(lambda: run(options))


def run(options: Options) -> None:
    for name, most in (("submissions", MOST), ("workers", 100_000)):
        require_whole(f"--{name}", getattr(options, name), 1, most)
    for name in ("overhead", "start"):
        require_seconds(f"--{name}", getattr(options, name))
    seconds = measured(options.grades)
    rng = np.random.default_rng(options.seed)
    minutes = np.sort([simulated(seconds, options, rng) / 60 for _ in range(RUNS)])
    alone = options.submissions * seconds.mean() / 60
    low, middle, high = np.quantile(minutes, [0.05, 0.5, 0.95])
    what = f"{options.submissions:,} submissions on {options.workers} workers"
    print(f"{len(seconds)} measured submissions: {seconds.mean():.2f} s each, the longest {seconds.max():.1f} s")
    print(f"{what}: {middle:.1f} minutes [{low:.1f}, {high:.1f}], {alone / middle:.1f} times as fast as one worker")


def measured(grades: Path) -> np.ndarray:
    """The seconds that each submission took. Raises UserError if there are none."""
    found = []
    for file in sorted(grades.glob("*/results.json")):
        try:
            found.append(float(json.loads(file.read_text(encoding="utf-8"))["execution_time"]))
        except (OSError, ValueError, LookupError, TypeError):
            continue  # a damaged one; the others tell enough
    if not found:
        raise UserError(f"{grades} has no grades; scripts.staff.grade makes them")
    return np.array(found)


def simulated(seconds: np.ndarray, options: Options, rng: np.random.Generator) -> float:
    """Seconds until the last result is there."""
    free = [options.start] * options.workers  # when each worker has nothing to do
    heapq.heapify(free)
    sent = 0.0
    for taken in rng.choice(seconds, options.submissions):
        sent = max(sent + options.overhead, free[0])
        heapq.heapreplace(free, sent + taken)
    return max(free)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
