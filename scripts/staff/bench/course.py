"""A course: a class of a thousand as Canvas exports it, the page on the class, and a Dask cluster."""

import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.staff.bench.peers import classes
from scripts.staff.bench.peers.machines import WORKERS, Machines
from scripts.staff.bench.rows import Row, limit

CLASS = 1_000
FEW = 6  # graded with and without Dask
CORES = os.cpu_count() or 1
QUICK_PROBES = ("--probe-timeout", f"{classes.PROBE_SECONDS:g}")


def measure_class() -> Iterator[Row]:
    """Right, wrong, late, hostile and misnamed submissions, from a folder of Canvas to the tables."""
    with tempfile.TemporaryDirectory() as name:
        export, out = classes.canvas(Path(name), CLASS, random.Random()), Path(name) / "grades"
        batch = classes.Batch([export], out, "--jobs", f"{CORES}", *QUICK_PROBES)
        memory = [size / 2**20 for size in batch.memory()]
        minutes = (time.monotonic() - batch.began) / 60
        graded = len(classes.finished(out))
        what = f"a class of {CLASS:,}, right, wrong, late, hostile and misnamed: {CORES} at once"
        yield limit(what, minutes, 25, "minutes", f"{graded} graded; from the folder of Canvas to class.html")
        quarter = len(memory) // 4
        second, last = (statistics.median(memory[i * quarter : (i + 1) * quarter]) for i in (1, 3))
        note = f"batch and judges: {second:.0f} MiB in the second quarter of the batch, {last:.0f} in the last"
        yield limit("growth of the batch's memory", last - second, 50, "MiB", note)
        again = classes.Batch([export], out, *QUICK_PROBES).finish()
        note = "the same command again: who is who, tables and class.html, nothing to grade"
        yield limit(f"the tables of a class of {CLASS:,}", again, 10, "s", note)
        size = (out / "class.html").stat().st_size / 1e6
        yield limit(f"class.html of a class of {CLASS:,}", size, 2, "MB")


def measure_cluster() -> Iterator[Row]:
    """Submissions per second on Dask workers of this machine, against as many judges without Dask."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [classes.submission(folder / f"student {i}") for i in range(FEW)]
        classes.Batch(paths, folder / "plain", "--jobs", f"{WORKERS}").finish()
        machines = Machines(folder)
        try:
            classes.Batch(paths, folder / "dask", "--dask", machines.address).finish()
        finally:
            machines.stop()
        plain, dask = (throughput(folder / out) for out in ("plain", "dask"))
    note = "between the first result and the last; right submissions"
    what = f"submissions per second on {WORKERS} Dask workers, against {WORKERS} judges without Dask"
    yield Row(what, dask, plain, dask / plain, ">= 0.9x", dask >= 0.9 * plain, "/s", note)


def throughput(out: Path) -> float:
    """Submissions per second."""
    times = sorted(classes.finished(out).values())
    return (len(times) - 1) / ((times[-1] - times[0]) / 1e9)
