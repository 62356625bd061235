"""Claims and figures of the experiments, as far as their jobs could be run; figures are written to `out/figures`.

A figure is drawn again only if its results, the code or matplotlib has changed: it is kept in `out/cache`, too.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import matplotlib
import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.closure import Sources
from scripts.command import line_of
from scripts.experiments.base import Arrays, Claim, Clip, Drawing, Experiment, Missing, Results, Table
from scripts.experiments.style import lecture_hall
from scripts.store import Store

PIXELS_PER_INCH = 150  # of the PNG files
WIDE = 120  # pixels of the page for an inch of a figure, so that its letters are at least as large as those of the text


def reason(error: Exception) -> str:
    """ "needs TODO 3.2", or the error and the last line of the homework that led to it."""
    if id := exercises.unfinished(error):
        return f"needs TODO {id}"
    return f"{type(error).__name__}: {error}{line_of(error, ('hw1',))}"


@dataclass
class Computed:
    """The results of every job that could be run, and the reasons for those that could not."""

    results: Results = field(default_factory=Results)
    files: dict[str, list[str]] = field(default_factory=dict)
    """By job, the names of the files in the store that hold its results: they say what the results depend on."""
    missing: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    """Experiments that cannot be run on this machine, with the reason and the remedy."""
    sources: Sources = field(default_factory=lambda: Sources(ROOT))
    """The code, which is parsed once for all jobs and figures."""

    def own(self, experiment: Experiment) -> "Computed":
        """Only the results of the experiment's own jobs: its page cannot depend on which others run beside it."""
        names = {job.name for quick in (False, True) for job in experiment.jobs(quick)}
        results = Results({name: arrays for name, arrays in self.results.items() if name in names})
        files = {name: files for name, files in self.files.items() if name in names}
        return replace(self, results=results, files=files)  # what is missing is recorded in the same table

    @property
    def failed(self) -> bool:
        """Whether anything is missing for a reason other than an unfinished exercise."""
        return any(not why.startswith("needs TODO") for why in self.missing.values())

    @property
    def left_out(self) -> dict[str, list[str]]:
        """The names of what is missing, by the reason."""
        reasons: dict[str, list[str]] = {}
        for name, why in (self.absent | self.missing).items():
            reasons.setdefault(why, []).append(name)
        return reasons


@dataclass(frozen=True)
class Picture:
    """A figure or a clip that was written to `out/figures`."""

    about: Drawing | Clip
    files: tuple[str, ...]
    """Names of its files. The first is the one that the page shows."""
    inches: tuple[float, float]
    """Its width and height."""
    table: Table | None = None


Presented = tuple[Experiment, list[Claim], dict[str, Picture]]
"""The pictures by their names."""


def present(experiment: Experiment, computed: Computed, out: Path) -> Presented:
    """Judge the claims and draw the figures of an experiment, as far as its jobs could be run."""
    computed = computed.own(experiment)
    claims = [
        attempt(partial(judge, make), f"claims {i} of {experiment.name}", computed) or []
        for i, make in enumerate(experiment.claims, start=1)
    ]
    folder = out / "figures"
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {}
    kept = Kept(experiment, computed, Store(out / "cache"))
    for write, abouts in ((show, experiment.clips), (partial(draw, kept), experiment.drawings)):
        for about in abouts:
            if picture := attempt(partial(write, about, folder), f"figure {about.name}", computed):
                pictures[about.name] = picture
    return experiment, [claim for some in claims for claim in some], pictures


def withdraw(experiments: Iterable[Experiment], pages: Sequence[Presented], out: Path) -> None:
    """Remove the figures that are not on the page: an earlier run, with other options or other code, drew them. What
    was computed stays in the store, so they are back in seconds."""
    shown = {name for _, _, pictures in pages for name in pictures}
    every = (about for experiment in experiments for about in (*experiment.drawings, *experiment.clips))
    for about in (about for about in every if about.name not in shown):
        for kind in ("svg", "png", "csv", "webp"):
            (out / "figures" / f"{about.name}.{kind}").unlink(missing_ok=True)


def judge(make: Callable[[Results], list[Claim]], results: Results) -> list[Claim]:
    """The claims, after their estimates and intervals were computed: that may need an exercise, too."""
    claims = make(results)
    for claim in claims:
        claim.shown  # noqa: B018 (kept by the claim)
    return claims


def attempt(make: Callable, what: str, computed: Computed):
    """What `make` returns for the results; None if a job is missing, or if `make` fails, which is recorded."""
    try:
        return make(computed.results)
    except Missing:
        return None  # the reason is recorded with the job
    except Exception as error:
        computed.missing[what] = reason(error)
        return None


@dataclass
class Kept:
    """The figures of an experiment that are in the store."""

    experiment: Experiment
    computed: Computed
    store: Store

    def figure(self, drawing: Drawing, results: Results) -> Arrays:
        """From the store, or drawn now and stored."""
        if not results.keys() <= self.computed.files.keys():
            return drawn(drawing, results)
        about = {"results": self.computed.files, "matplotlib": matplotlib.__version__}
        path = self.store.path(f"figure {drawing.name}", self._code, about)
        arrays = self.store.load(path)
        if arrays is None:
            arrays = drawn(drawing, results)
            self.store.save(path, arrays)
        return arrays

    @cached_property
    def _code(self) -> str:
        """A digest of all that a drawing may call."""
        sources = self.computed.sources
        modules = sources.everything(self.experiment.jobs.__module__), sources.closure(drawn)
        return "".join(closure.digest() for closure in modules)


def draw(kept: Kept, drawing: Drawing, folder: Path, results: Results) -> Picture:
    """Write a figure as PNG and SVG, and its numbers as CSV."""
    arrays = kept.figure(drawing, results)
    files = [f"{drawing.name}.svg", f"{drawing.name}.png"]
    for name in files:
        (folder / name).write_bytes(arrays[name.rpartition(".")[2]].tobytes())
    table = json.loads(str(arrays["table"]))
    if table:
        files.append(f"{drawing.name}.csv")
        with (folder / files[-1]).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([table[0], *table[1]])
    return Picture(drawing, tuple(files), tuple(arrays["inches"].tolist()), table)


def drawn(drawing: Drawing, results: Results) -> Arrays:
    """A figure as the bytes of PNG and SVG, its width and height in inches, and its numbers as JSON."""
    with lecture_hall():
        figure = drawing.draw(results)
        table = drawing.table(results) if drawing.table else None
        # Without dates: the same figure always has the same bytes.
        png = rendered(figure, "png", Software=None)
        figure.set_layout_engine("none")  # the room for the labels has been found
        svg = rendered(figure, "svg", Date=None, Creator=None)
    numbers = json.dumps(table, default=lambda number: number.item())  # NumPy's numbers
    return {"png": png, "svg": svg, "inches": figure.get_size_inches(), "table": np.array(numbers)}


def rendered(figure: Figure, form: str, **metadata: None) -> UInt8[np.ndarray, " bytes"]:
    """The bytes of the file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, dpi=PIXELS_PER_INCH, metadata=metadata)
    return np.frombuffer(buffer.getvalue(), np.uint8)


def show(clip: Clip, folder: Path, results: Results) -> Picture:
    """Write a clip and the still picture that stands for it."""
    files = (f"{clip.name}.webp", f"{clip.name}.png")
    for key, name in zip(("clip", "still"), files, strict=True):
        (folder / name).write_bytes(np.asarray(results[clip.job][key][0], dtype=np.uint8).tobytes())
    height, width = results[clip.job]["size"][0] / WIDE  # on the page, a pixel of the clip is a pixel
    return Picture(clip, files, (width, height))
