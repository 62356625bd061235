"""Whole commands: the demo and the tests, in minutes on the wall clock."""

import sys
import tempfile
from collections.abc import Iterator

from scripts.staff.bench.peers.process import Finished, run_command
from scripts.staff.bench.rows import Row, limit


def measure_demo() -> Iterator[Row]:
    """The full demo, the same with everything cached, and the coarse one; into new folders."""
    with tempfile.TemporaryDirectory() as folder:
        full = run_figures(f"{folder}/full")
        yield limit("make demo", full.minutes, 15, "minutes")
        yield limit("peak memory of make demo", full.gibibytes, 1.5, "GiB", "of the largest of its processes")
        cached = run_figures(f"{folder}/full")
        yield limit("make demo, everything cached", cached.minutes * 60, 10, "s")
        quick = run_figures(f"{folder}/quick", "--quick")
        yield limit("make quick", quick.minutes * 60, 60, "s")


def run_figures(folder: str, *options: str) -> Finished:
    print(f"  python -m scripts.figures {' '.join(options)}", file=sys.stderr, flush=True)
    return run_command(["-m", "scripts.figures", "--out", folder, *options])


def measure_test() -> Iterator[Row]:
    """The whole test suite, except the test that the tables have the results of this very benchmark."""
    tables = "tests/staff/test_readme.py::test_tables_are_up_to_date"
    yield limit("make test", run_command(["-m", "pytest", "-q", "--deselect", tables]).minutes, 10, "minutes")
