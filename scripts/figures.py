"""The demo: run every experiment, measure every claim, draw every figure, write `out/index.html`.

    python -m scripts.figures                     everything, 20 seeds
    python -m scripts.figures --quick             a coarse run in a minute
    python -m scripts.figures --only fork         one experiment
    python -m scripts.figures --first-seed 500    other seeds: do the claims hold there, too?

Results are kept in `out/cache`. A result is computed again only if the code that it depends on, its options or its
seeds have changed (`scripts.closure`); an interrupted run continues where it stopped.
"""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

if __name__ == "__main__":
    if not __spec__:
        raise SystemExit("error: run it as a module, from the folder of the homework: python -m scripts.figures")
    from scripts.doctor import explain_imports

    explain_imports()  # of what may be missing or broken

import joblib
import numpy as np
import torch
import tyro
from tqdm import tqdm

from scripts.closure import Sources
from scripts.command import UserError, ended, read_options, require_file, require_folder, require_whole
from scripts.demo.page import page
from scripts.demo.present import Computed, present, reason, withdraw
from scripts.experiments import bimodal, clips, fork, hopper, lane, tightrope
from scripts.experiments.base import Arrays, Claim, Experiment, Job, Results
from scripts.store import Store

EXPERIMENTS: dict[str, Experiment] = {
    module.EXPERIMENT.name: module.EXPERIMENT for module in (clips, lane, fork, bimodal, tightrope, hopper)
}
"""By name, in the order of the page: the one table of experiments."""
FULL_SEEDS, QUICK_SEEDS = 20, 3
MOST = 1_000  # of anything that is counted
LAST_SEED = 1_000_000
# The settings of the experiments were chosen on seeds below 100; the claims are measured on others.
FIRST_SEED = 10_000


@dataclass(frozen=True)
class Options:
    """What to run and where to put it."""

    quick: bool = False
    """A coarse run: fewer seeds, demonstrations and gradient steps. Its claims need not hold."""
    only: Annotated[tuple[Literal[*EXPERIMENTS], ...], tyro.conf.arg(help_behavior_hint="")] = ()
    """Only these experiments."""
    out: Path = Path("out")
    """Folder for figures, claims and the page."""
    seeds: int = 0
    """Number of seeds; 0 for the default, 20 (3 for a quick run)."""
    first_seed: int = FIRST_SEED
    """The seeds are this number and those that follow."""
    together: int = 10
    """Seeds that are trained in one batched computation, on one core; fewer where they need much memory."""
    jobs: int = 0
    """Batched computations that run at the same time; 0 for one on each core."""
    dask: str = ""
    """Address of a Dask scheduler that runs the computations instead of this machine's cores (needs `distributed`)."""


@dataclass(frozen=True)
class Part:
    """A job for some of the seeds, in one batched computation."""

    job: Job
    seeds: tuple[int, ...]
    path: Path

    def run(self) -> tuple["Part", Arrays | None, str]:
        """Compute; returns the arrays, with the seconds that they took a core, or why there are none."""
        torch.set_num_threads(1)
        start = time.process_time()  # other programs do not count
        try:
            arrays = self.job.run(self.seeds, **self.job.options)
        except Exception as error:  # a mistake in one exercise must not stop the figures that do not need it
            return self, None, reason(error)
        return self, arrays | {"seconds": np.full(len(self.seeds), (time.process_time() - start) / len(self.seeds))}, ""


def main(options: Options) -> int:
    return ended(lambda: run(options), files=1)


def check(options: Options, out: str = "--out") -> None:
    """Raises UserError if an option is wrong; `out` is the one by which the folder was given."""
    for name, least in (("seeds", 0), ("together", 1), ("jobs", 0)):
        require_whole(f"--{name}", getattr(options, name), least, MOST)
    require_whole("--first-seed", options.first_seed, 0, LAST_SEED)
    for name in ("cache", "figures"):
        require_folder(out, options.out / name)
    for name in ("claims.json", "index.html"):
        require_file(out, options.out / name)


def run(options: Options) -> int:
    """The demo. Returns 1 if something failed for another reason than an unfinished exercise."""
    check(options)
    start = time.perf_counter()
    experiments, absent = chosen(options)
    computed = Computed(absent=absent)
    experiments = with_kept(experiments, options, computed.sources)
    before = shown_before(options.out / "claims.json")
    compute(experiments, options, computed)
    pages = [present(experiment, computed, options.out) for experiment in experiments]
    withdraw(EXPERIMENTS.values(), pages, options.out)
    claims = [claim for _, found, _ in pages for claim in found]
    rows = [as_row(claim, computed.results, options) for claim in claims]
    write_text(options.out / "claims.json", json.dumps(rows, indent=2) + "\n")
    write_text(options.out / "index.html", page(pages, rows, measured_on(options), computed))
    print(measured_on(options))
    print_table(rows, options.quick)
    for why, names in computed.left_out.items():
        print(f"left out: {', '.join(names)}: {why}")
    if before - {options.quick}:
        other = "full" if options.quick else "coarse"
        print(f"{options.out} showed a {other} run before; its results are kept, its own command shows them again")
    print(f"{(time.perf_counter() - start) / 60:.1f} minutes; open {options.out / 'index.html'}")
    return int(computed.failed)


def chosen(options: Options) -> tuple[list[Experiment], dict[str, str]]:
    """The experiments that are wanted and can be run, and why those that are wanted cannot. Optional ones are named."""
    wanted = [each for each in EXPERIMENTS.values() if each.name in options.only or not (options.only or each.optional)]
    absent = {each.name: why for each in wanted if (why := each.absent())}
    return [each for each in wanted if each.name not in absent], absent


def with_kept(experiments: list[Experiment], options: Options, sources: Sources) -> list[Experiment]:
    """With those whose results are in the store already: page and claims grow if experiments are run one by one."""
    store = Store(options.out / "cache")

    def kept(experiment: Experiment) -> bool:
        paths = [part.path for part in parts_of([experiment], options, store, sources)]
        return bool(paths) and all(path.exists() for path in paths)

    return [each for each in EXPERIMENTS.values() if each in experiments or (options.only and kept(each))]


def shown_before(claims: Path) -> set[bool]:
    """Whether the page shows claims of a coarse run (True), of a full run (False), or none."""
    try:
        return {bool(row["quick"]) for row in json.loads(claims.read_text(encoding="utf-8"))}
    except (OSError, ValueError, TypeError, KeyError):
        return set()  # a damaged file is written again


def measured_on(options: Options) -> str:
    """The seeds and the kind of run, in a sentence."""
    seeds = seeds_of(options)
    which = f"{len(seeds)} seeds ({seeds[0]} to {seeds[-1]})" if len(seeds) > 1 else f"one seed ({seeds[0]})"
    if options.quick:
        return f"A coarse run, whose claims need not hold and whose figures may differ from their captions: {which}."
    return f"A full run: {which}."


# --- computing -------------------------------------------------------------------------------------------------------
def compute(experiments: list[Experiment], options: Options, computed: Computed) -> None:
    """Run what is not in the store yet, several parts at a time; join the seeds of every job in `computed`."""
    store = Store(options.out / "cache")
    parts = list(parts_of(experiments, options, store, computed.sources))
    done = {part.path: arrays for part in parts if (arrays := store.load(part.path)) is not None}
    waiting = [part for part in parts if part.path not in done]
    bar = tqdm(total=len(parts), initial=len(done), desc="demo", unit="part", disable=None, dynamic_ncols=True)
    with bar, backend(options, len(waiting)):
        try:
            parallel = joblib.Parallel(return_as="generator_unordered")
            finished = parallel(joblib.delayed(Part.run)(part) for part in waiting)
            for count, (part, arrays, why) in enumerate(finished, start=len(done) + 1):
                if arrays is None:
                    computed.missing[part.job.name] = why
                else:
                    store.save(part.path, arrays)
                    done[part.path] = arrays
                bar.update()
                news = f"{part.job.name}, seeds {part.seeds[0]} to {part.seeds[-1]}"
                bar.set_postfix_str(news) if sys.stderr.isatty() else print(
                    f"[{count}/{len(parts)}] {news}", flush=True
                )
        except KeyboardInterrupt:
            bar.close()
            kept = f"{len(done)} of {len(parts)} parts are done and kept"
            raise KeyboardInterrupt(f"{kept}: run the same command to continue") from None
    for name in dict.fromkeys(part.job.name for part in parts):
        own = [done[part.path] for part in parts if part.job.name == name and part.path in done]
        if name not in computed.missing:
            computed.files[name] = [part.path.name for part in parts if part.job.name == name]
            computed.results[name] = {key: joined([arrays[key] for arrays in own]) for key in own[0]}


def joined(parts: list[np.ndarray]) -> np.ndarray:
    """In one order in memory, on which the last digits of a mean depend: just computed and from the store agree."""
    return np.ascontiguousarray(np.concatenate(parts))


def parts_of(experiments: list[Experiment], options: Options, store: Store, sources: Sources) -> Iterator[Part]:
    """All jobs, split by seeds."""
    for job in (job for experiment in experiments for job in experiment.jobs(options.quick)):
        code = sources.closure(job.run).digest()
        seeds = seeds_of(options)[: job.seeds]
        size = min(options.together, job.together or len(seeds))
        for first in range(0, len(seeds), size):
            batch = tuple(seeds[first : first + size])
            about = {"job": job.name, "options": dict(job.options), "seeds": batch}
            yield Part(job, batch, store.path(job.name, code, about))


def number_of_seeds(options: Options) -> int:
    return options.seeds or (QUICK_SEEDS if options.quick else FULL_SEEDS)


def seeds_of(options: Options) -> range:
    return range(options.first_seed, options.first_seed + number_of_seeds(options))


@contextmanager
def backend(options: Options, parts: int):
    """Where joblib sends so many parts: to this machine's cores, or to a Dask cluster."""
    if not options.dask:
        jobs = min(options.jobs or joblib.cpu_count(), max(parts, 1))
        with joblib.parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
            yield
        return
    try:
        from distributed import Client
    except ImportError:
        raise UserError("--dask needs the package `distributed`: pip install distributed") from None
    try:
        client = Client(options.dask, timeout="10s")
    except (OSError, TimeoutError, ValueError) as error:
        raise UserError(
            f"--dask {options.dask}: no Dask scheduler answers there ({error}); start `dask scheduler`, and give the "
            "address that it prints"
        ) from None
    with client, joblib.parallel_config("dask"):
        yield


# --- reporting -------------------------------------------------------------------------------------------------------
def as_row(claim: Claim, results: Results, options: Options) -> dict:
    """A claim as a row of claims.json, with its numbers in its own unit, and how it was measured."""
    low, high = claim.interval
    seconds = sum(float(results[job]["seconds"].sum()) for job in claim.jobs)
    return {
        "claim": claim.claim,
        "target": claim.target,
        **{key: _finite(value) for key, value in (("measured", claim.measured), ("low", low), ("high", high))},
        "holds": claim.holds,
        "minutes": round(seconds / 60, 2),
        "values": _listed(claim.values.tolist()),
        "shown": claim.shown,
        "seeds": [seeds_of(options)[0], seeds_of(options)[-1]],
        "quick": options.quick,
    }


def _finite(value: float) -> float | None:
    """JSON has no nan, which a coarse run gives where there was nothing to measure."""
    return value if np.isfinite(value) else None


def _listed(values: list | float) -> list | float | None:
    return [_listed(each) for each in values] if isinstance(values, list) else _finite(values)


def print_table(rows: list[dict], quick: bool) -> None:
    if quick:
        print("Too little training and too few seeds for all claims to hold: `make demo` is the full run.")
    fails = "coarse" if quick else "FAILS "
    for row in rows:
        print(f"{'holds ' if row['holds'] else fails} {row['claim']}: {row['shown']} (target: {row['target']})")
    if rows:
        more = " already in this coarse run; the others are open, not refuted" if quick else ""
        print(f"{sum(row['holds'] for row in rows)} of {len(rows)} claims hold{more}")


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(read_options(Options, sys.argv[1:], "scripts.figures", __doc__)))
