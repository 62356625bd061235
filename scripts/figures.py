"""The demo: run every experiment, measure every claim, draw every figure, write `out/index.html`.

    python -m scripts.figures                 everything, 10 seeds
    python -m scripts.figures --quick         a coarse run in a minute
    python -m scripts.figures --only fork     one experiment

Results are kept in `out/cache`. A result is computed again only if the code that it depends on, its options or its
seeds have changed (`scripts.closure`); an interrupted run continues where it stopped.
"""

import html
import json
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import joblib
import numpy as np
import torch
import tyro
from tqdm import tqdm

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.closure import Sources
from scripts.command import UserError, ended, read_options, require_file, require_folder, require_whole
from scripts.experiments import bimodal, fork, lane, tightrope
from scripts.experiments.base import Arrays, Claim, Drawing, Experiment, Job, Missing, Results
from scripts.store import Store

EXPERIMENTS: dict[str, Experiment] = {
    module.EXPERIMENT.name: module.EXPERIMENT for module in (lane, fork, bimodal, tightrope)
}
"""By name, in the order of the page: the one table of experiments."""
FULL_SEEDS, QUICK_SEEDS = 10, 3
MOST = 1_000  # of anything that is counted
# The settings of the experiments were chosen on other seeds than those on which the claims are measured.
FIRST_SEED = 300


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
    """Number of seeds; 0 for the default, 10 (3 for a quick run)."""
    together: int = 5
    """Seeds that are trained in one batched computation, on one core."""
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
        """Compute; returns the arrays, with the seconds that they took, or the reason why there are none."""
        torch.set_num_threads(1)
        start = time.perf_counter()
        try:
            arrays = self.job.run(self.seeds, **self.job.options)
        except Exception as error:  # a mistake in one exercise must not stop the figures that do not need it
            return self, None, reason(error)
        return self, arrays | {"seconds": np.full(len(self.seeds), (time.perf_counter() - start) / len(self.seeds))}, ""


def reason(error: Exception) -> str:
    """ "needs TODO 3.2", or the error and the last line of the homework that led to it."""
    if id := exercises.unfinished(error):
        return f"needs TODO {id}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).is_relative_to(ROOT / "hw1")]
    where = f" ({Path(frames[-1].filename).relative_to(ROOT).as_posix()}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


@dataclass
class Computed:
    """The results of every job that could be run, and the reasons for those that could not."""

    results: Results = field(default_factory=Results)
    missing: dict[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether anything is missing for a reason other than an unfinished exercise."""
        return any(not why.startswith("needs TODO") for why in self.missing.values())


def main(options: Options) -> int:
    return ended(lambda: run(options), files=1)


def check(options: Options, out: str = "--out") -> None:
    """Raises UserError if an option is wrong; `out` is the one by which the folder was given."""
    for name, least in (("seeds", 0), ("together", 1), ("jobs", 0)):
        require_whole(f"--{name}", getattr(options, name), least, MOST)
    for name in ("cache", "figures"):
        require_folder(out, options.out / name)
    for name in ("claims.json", "index.html"):
        require_file(out, options.out / name)


def run(options: Options) -> int:
    """The demo. Returns 1 if something failed for another reason than an unfinished exercise."""
    check(options)
    chosen = [EXPERIMENTS[name] for name in EXPERIMENTS if not options.only or name in options.only]
    start = time.perf_counter()
    computed = compute(chosen, options)
    pages = [present(experiment, computed, options.out) for experiment in chosen]
    claims = [claim for _, found, _ in pages for claim in found]
    rows = [as_row(claim, computed.results, options) for claim in claims]
    write_text(options.out / "claims.json", json.dumps(rows, indent=2) + "\n")
    write_text(options.out / "index.html", page(pages, rows, options, computed))
    print_table(rows, options.quick)
    for why in dict.fromkeys(computed.missing.values()):
        print(f"left out: {', '.join(job for job, each in computed.missing.items() if each == why)}: {why}")
    print(f"{(time.perf_counter() - start) / 60:.1f} minutes; open {options.out / 'index.html'}")
    return int(computed.failed)


# --- computing -------------------------------------------------------------------------------------------------------
def compute(experiments: list[Experiment], options: Options) -> Computed:
    """Run what is not in the store yet, several parts at a time; join the seeds of every job."""
    store = Store(options.out / "cache")
    parts = list(parts_of(experiments, options, store))
    done = {part.path: arrays for part in parts if (arrays := store.load(part.path)) is not None}
    computed = Computed()
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
            computed.results[name] = {key: np.concatenate([arrays[key] for arrays in own]) for key in own[0]}
    return computed


def parts_of(experiments: list[Experiment], options: Options, store: Store) -> Iterator[Part]:
    """All jobs, split by seeds."""
    seeds = range(FIRST_SEED, FIRST_SEED + number_of_seeds(options))
    sources = Sources(ROOT)
    for job in (job for experiment in experiments for job in experiment.jobs(options.quick)):
        code = sources.closure(job.run).digest()
        for first in range(0, len(seeds), options.together):
            batch = tuple(seeds[first : first + options.together])
            about = {"job": job.name, "options": dict(job.options), "seeds": batch}
            yield Part(job, batch, store.path(job.name, code, about))


def number_of_seeds(options: Options) -> int:
    return options.seeds or (QUICK_SEEDS if options.quick else FULL_SEEDS)


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


# --- presenting ------------------------------------------------------------------------------------------------------
Presented = tuple[Experiment, list[Claim], dict[str, Path]]


def present(experiment: Experiment, computed: Computed, out: Path) -> Presented:
    """Judge the claims and draw the figures of an experiment, as far as its jobs could be run."""
    claims = [made for make in experiment.claims if (made := attempt(make, experiment.name, computed)) is not None]
    paths = {}
    (out / "figures").mkdir(parents=True, exist_ok=True)
    for drawing in experiment.drawings:
        if (figure := attempt(drawing.draw, f"figure {drawing.name}", computed)) is not None:
            paths[drawing.name] = out / "figures" / f"{drawing.name}.png"
            figure.savefig(paths[drawing.name], dpi=150, metadata={"Software": None})
    return experiment, [claim for some in claims for claim in some], paths


def attempt(make: Callable, what: str, computed: Computed):
    """What `make` returns for the results; None if a job is missing, or if `make` fails, which is recorded."""
    try:
        return make(computed.results)
    except Missing:
        return None  # the reason is recorded with the job
    except Exception as error:
        computed.missing[what] = reason(error)
        return None


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
        "values": [_finite(float(value)) for value in claim.values],
        "shown": claim.shown,
        "seeds": [FIRST_SEED, FIRST_SEED + number_of_seeds(options) - 1],
        "quick": options.quick,
    }


def _finite(value: float) -> float | None:
    """JSON has no nan, which a coarse run gives where there was nothing to measure."""
    return value if np.isfinite(value) else None


def print_table(rows: list[dict], quick: bool) -> None:
    if quick:
        print(
            "A coarse run: too little training and too few seeds for all claims to hold. `make demo` is the full run."
        )
    fails = "coarse" if quick else "FAILS "
    for row in rows:
        print(f"{'holds ' if row['holds'] else fails} {row['claim']}: {row['shown']} (target: {row['target']})")
    if rows:
        print(f"{sum(row['holds'] for row in rows)} of {len(rows)} claims hold")


STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th, td { text-align: left; padding: 0.3rem 0.6rem; border-bottom: 1px solid #ddd; vertical-align: top; }
td.no { color: #b3261e; font-weight: bold; } td.yes { color: #2e7d32; }
figure { margin: 2rem 0; } img { max-width: 100%; } figcaption { color: #444; }
code { background: #f3f3f3; padding: 0.1rem 0.3rem; }
"""


def page(pages: list[Presented], rows: list[dict], options: Options, computed: Computed) -> str:
    """The page with the table of claims and the figures."""
    seeds = number_of_seeds(options)
    kind = "a quick run, whose claims need not hold" if options.quick else "the full run"
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>HW1: Imitation Learning</title>",
        f"<style>{STYLE}</style><h1>HW1: Imitation Learning</h1>",
        f"<p>{seeds} seeds, {kind}. Brackets: 95 % bootstrap intervals of the mean over seeds; a number without "
        "brackets was measured on all seeds together. "
        "Minutes: computing time on one core. <code>make demo</code> makes this page.</p>",
        *[f"<p>{html.escape(job)} is left out: {html.escape(why)}.</p>" for job, why in computed.missing.items()],
        "<table><tr><th>claim<th>target<th>measured<th>holds<th>minutes</tr>",
        *[_table_row(row) for row in rows],
        "</table>",
    ]
    for experiment, _, paths in pages:
        parts.append(f"<h2>{html.escape(experiment.title)}</h2>")
        parts.append(f"<p><code>python -m scripts.figures --only {experiment.name}</code></p>")
        parts += [_figure(drawing, paths[drawing.name]) for drawing in experiment.drawings if drawing.name in paths]
    return "\n".join(parts) + "</html>\n"


def _figure(drawing: Drawing, path: Path) -> str:
    image = f"<img src='figures/{path.name}' alt='{drawing.name}'>"
    return f"<figure>{image}<figcaption>{html.escape(drawing.caption)}</figcaption></figure>"


def _table_row(row: dict) -> str:
    holds = "<td class='yes'>yes" if row["holds"] else "<td class='no'>no"
    cells = "".join(f"<td>{html.escape(row[key])}" for key in ("claim", "target", "shown"))
    return f"<tr>{cells}{holds}<td>{row['minutes']:.1f}</tr>"


def write_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(read_options(Options, sys.argv[1:], "scripts.figures", __doc__)))
