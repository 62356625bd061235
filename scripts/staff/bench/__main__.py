"""How fast the homework is, against its targets and against what others offer.

    python -m scripts.staff.bench                       everything
    python -m scripts.staff.bench --only envs mixture   some of the measurements

Everything is measured in CPU seconds of one thread (the grader: in seconds, the demo and the tests: in minutes, on the
wall clock). The two arms of a comparison take turns in one run, so that a busy machine slows both down alike; medians
are reported. The peer `imitation` has its own virtual environment, which is made on the first run.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import torch
import tyro

from scripts.command import ended, read_options, require_file
from scripts.staff.bench.commands import measure_demo, measure_test
from scripts.staff.bench.course import measure_class, measure_cluster
from scripts.staff.bench.dagger import measure_dagger
from scripts.staff.bench.drive import measure_drive
from scripts.staff.bench.envs import measure_envs
from scripts.staff.bench.grading import measure_batch, measure_grade, measure_isolation
from scripts.staff.bench.mixture import measure_mixture
from scripts.staff.bench.mutation import measure_mutation
from scripts.staff.bench.peers.process import Unmeasured
from scripts.staff.bench.rows import Row, has_rows, markdown, write
from scripts.staff.bench.training import measure_bc, measure_seeds

MEASUREMENTS: dict[str, Callable[[], Iterator[Row]]] = {
    "envs": measure_envs,
    "seeds": measure_seeds,
    "bc": measure_bc,
    "dagger": measure_dagger,
    "mixture": measure_mixture,
    "grade": measure_grade,
    "isolation": measure_isolation,
    "batch": measure_batch,
    "class": measure_class,
    "cluster": measure_cluster,
    "mutation": measure_mutation,
    "drive": measure_drive,
    "demo": measure_demo,
    "test": measure_test,
}
Name = Literal[tuple(MEASUREMENTS)]


@dataclass(frozen=True)
class Options:
    """What to measure, and where the results go."""

    only: Annotated[tuple[Name, ...], tyro.conf.arg(help_behavior_hint="")] = ()
    """Measure only these; everything if empty."""
    out: Path = Path("out/bench.json")
    """Where the results go, as a list of rows."""


def main(options: Options) -> int:
    return ended(lambda: run(options))


def run(options: Options) -> None:
    require_file("--out", options.out, ours=has_rows)
    torch.set_num_threads(1)
    rows: list[Row] = []
    for name in options.only or MEASUREMENTS:
        begin = time.monotonic()
        about = {"measurement": name, "date": date.today().isoformat(), "cores": os.cpu_count()}
        try:
            for row in MEASUREMENTS[name]():
                rows.append(replace(row, **about))
                write(rows, options.out)  # at once, so that an interruption loses little
        except Unmeasured as error:
            rows.append(Row(name, None, None, None, target="", holds=False, note=f"not measured: {error}", **about))
            write(rows, options.out)
        print(f"{name}: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    print(markdown(rows))


if __name__ == "__main__":
    sys.exit(main(read_options(Options, sys.argv[1:], "scripts.staff.bench", __doc__)))
