"""Handout, report template and rubric as PDFs, into out/writeup: `make writeup`.

    python -m scripts.staff.writeup             generate points.tex and ranges.tex, then make the PDFs
    python -m scripts.staff.writeup --measure   first run the demo (only what is not cached), and write the expected
                                                ranges that it shows to writeup/ranges.json

Points come from the exercise table and expected ranges from `writeup/ranges.json`: neither is typed by hand. The same
sources give the same bytes.

Shapes: L learners (training seeds).
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw1 import exercises
from hw1.exercises import ROOT
from hw1.tasks import BIMODAL, FORK
from scripts import figures
from scripts.command import UserError, ended, read_options, require_file, require_ours
from scripts.experiments import tightrope
from scripts.experiments.base import Arrays
from scripts.experiments.lane.alarm import RATES
from scripts.experiments.lane.collecting import MEMORIES
from scripts.experiments.lane.compounding import exponents
from scripts.experiments.lane.lab import STEPS
from scripts.experiments.lane.methods import METHODS
from scripts.submit import EPOCH

WRITEUP = ROOT / "writeup"
RANGES = WRITEUP / "ranges.json"
LOW, HIGH = 0.05, 0.95  # quantiles over seeds
TEMPLATE = ("report.tex", "hw1.sty", "points.tex")  # all that the report needs: this goes to Overleaf
NOTE_ON_FIGURES = "figures/README.txt"  # in the template
# What LaTeX needs in addition to its kernel, and the Debian package that contains it.
NEEDED = {
    "tikz.sty": "texlive-pictures",
    "tcolorbox.sty": "texlive-latex-extra",
    "microtype.sty": "texlive-latex-recommended",
    "pplr8t.tfm": "texlive-fonts-recommended",
    "lmodern.sty": "lmodern",
}
MAX_OVERFULL = 5.0  # points by which a line may be too long


@dataclass(frozen=True)
class Options:
    """What to make, and where."""

    measure: bool = False
    """Read the expected ranges from the demo first."""
    demo: Path = Path("out")
    """Folder of the demo's results."""
    out: Path = Path("out/writeup")
    """Folder for the PDFs and the report template."""


def main(options: Options) -> int:
    return ended(lambda: run(options), {LatexError: 1})


def run(options: Options) -> int:
    """Make everything. Returns 1 if a page has a flaw; raises UserError if LaTeX is missing."""
    require_ours("--out", options.out / "report-template", {*TEMPLATE, NOTE_ON_FIGURES})
    for name in ("handout.pdf", "rubric.pdf", "report-template.pdf", "report-template.zip"):
        require_file("--out", options.out / name)
    if options.measure:
        RANGES.write_text(json.dumps(measure(options.demo), indent=1) + "\n", encoding="utf-8")
        print(f"wrote {RANGES.relative_to(ROOT)}")
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")
    if missing := missing_packages():
        raise UserError(f"LaTeX is not complete here; apt-get install {' '.join(missing)}")
    return build(options.out)


# --- expected ranges --------------------------------------------------------------------------------------------------
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
    tenth = int(np.searchsorted(RATES, 0.1 - 1e-9))  # a false alarm rate of 10 %
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
        "lane roc found": Quantity("lane detector", at("roc", first, tenth), percent=True),
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
    results = figures.compute(experiments, options).results
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


def shown(value: float, percent: bool) -> str:
    """The number as it is printed: a share of 0.165 is 16 (percent), 22000 is 22,000, 133.6 is 130, 0.0144 is 0.014."""
    if percent:
        value *= 100
        if 0 < value < 0.1:
            return r"$<$0.1"
        return f"{value:.1f}" if 0 < value < 10 else f"{value:.0f}"
    if value >= 1_000:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{float(f'{value:.2g}'):.0f}"
    return f"{value:#.2g}" if value else "0"


# --- generated files --------------------------------------------------------------------------------------------------
def made() -> dict[Path, str]:
    """The files that are generated from data, with their text."""
    return {WRITEUP / "points.tex": points(), WRITEUP / "ranges.tex": ranges()}


NOTE = "% Made by `make writeup`; do not edit.\n"


def points() -> str:
    """The exercise table as macros that the boxes read, and the rows of the point table."""
    table = exercises.load()
    lines = [NOTE]
    for e in table.values():
        names = r", \allowbreak ".join(rf"\code{{{escape(name)}}}" for name in e.names)
        kind = "extra" if e.extra else "code"
        title, marker = escape(e.title), escape(e.marker)
        lines.append(rf"\hwexercise{{{e.id}}}{{{title}}}{{{e.points}}}{{{e.file}}}{{{names}}}{{{marker}}}{{{kind}}}")
    lines += [rf"\hwquestion{{{id}}}{{{value}}}" for id, value in exercises.written().items()]
    lines += [rf"\newcommand{{\points{kind}}}{{{value}}}" for kind, value in exercises.totals().items()]
    required = [e for e in table.values() if not e.extra]
    lines.append(rf"\newcommand{{\rowsofcode}}{{{rows(required)}}}")
    lines.append(rf"\newcommand{{\rowsofextra}}{{{rows([e for e in table.values() if e.extra])}}}")
    return "\n".join(lines) + "\n"


def rows(some: list[exercises.Exercise]) -> str:
    return "".join(rf"\pointrow{{{e.id}}}" for e in some)


def ranges() -> str:
    """The expected ranges as macros: \\hwrange{name}{median}{low}{high}{unit}."""
    stored = json.loads(RANGES.read_text(encoding="utf-8"))
    lines = [NOTE, rf"\newcommand{{\seeds}}{{{stored['seeds']}}}"]
    for name, value in stored["minutes"].items():
        lines.append(rf"\hwminutes{{{name}}}{{{round(value) if value >= 1 else '$<$1'}}}")
    for name, r in stored["ranges"].items():
        numbers = "".join(f"{{{shown(r[key], r['percent'])}}}" for key in ("median", "low", "high"))
        unit = r"\,\%" if r["percent"] else ""
        lines.append(rf"\hwrange{{{name}}}{numbers}{{{unit}}}")
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    return re.sub(r"([_&%#$])", r"\\\1", text)


# --- PDFs -------------------------------------------------------------------------------------------------------------
class LatexError(Exception):
    """LaTeX could not typeset a document; the text names file and line."""


def missing_packages() -> list[str]:
    """Debian packages to install."""
    if not (shutil.which("latexmk") and shutil.which("pdflatex") and shutil.which("kpsewhich")):
        return ["latexmk", *NEEDED.values()]
    found = subprocess.run(["kpsewhich", *NEEDED], capture_output=True, text=True, check=False).stdout.split()
    present = {Path(path).name for path in found}
    return [package for file, package in NEEDED.items() if file not in present]


def build(out: Path) -> int:
    """All PDFs and the report template. Returns 1 if a page has a flaw."""
    out = out.resolve()
    template = pack_template(out)
    logs = {
        "handout": latex(WRITEUP, "handout.tex", out),
        "rubric": latex(WRITEUP, "staff/rubric.tex", out),
        "report-template": latex(template, "report.tex", out, "report-template"),
    }
    wrong = {name: found for name, log in logs.items() if (found := complaints(log))}
    for name, log in logs.items():
        print(f"{out / name}.pdf, {pages(log)} pages")
    for name, found in wrong.items():
        print("\n".join(f"{name}: {complaint}" for complaint in found), file=sys.stderr)
    return 1 if wrong else 0


def pack_template(out: Path) -> Path:
    """The report template as a folder and as a zip for Overleaf, without anything of the course staff."""
    folder = out / "report-template"
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "figures").mkdir(parents=True)
    for name in TEMPLATE:
        shutil.copyfile(WRITEUP / name, folder / name)
    (folder / NOTE_ON_FIGURES).write_text("Upload the pictures of out/figures to this folder.\n")
    with zipfile.ZipFile(out / "report-template.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH), path.read_bytes())
    return folder


def latex(folder: Path, source: str, out: Path, name: str = "") -> str:
    """Typeset `source` in `folder` to `out`/NAME.pdf; returns the log. Raises LatexError."""
    name = name or Path(source).stem
    work = out / "build"
    work.mkdir(parents=True, exist_ok=True)
    command = ["latexmk", "-pdf", "-g", "-halt-on-error", "-file-line-error", "-interaction=nonstopmode"]
    command += [f"-outdir={work}", f"-jobname={name}", source]
    # A fixed date; and no line breaks in the log, so that complaints can be found.
    env = os.environ | {"SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1", "max_print_line": "1000"}
    ran = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, errors="replace", check=False)
    log = (work / f"{name}.log").read_text(encoding="utf-8", errors="replace") if ran.returncode == 0 else ran.stdout
    if ran.returncode:
        first = re.search(r"^\S+\.(?:tex|sty):\d+: .*(?:\n.*){0,3}|^! .*(?:\n.*){0,3}", log, re.MULTILINE)
        raise LatexError(f"{source}: {first[0] if first else log[-500:]}")
    shutil.copyfile(work / f"{name}.pdf", out / f"{name}.pdf")
    return log


def complaints(log: str) -> list[str]:
    """What is wrong with the pages: undefined references, lines that are too long, missing characters."""
    found = re.findall(r"^.*(?:Reference|Citation) .* undefined.*$|^.*multiply defined.*$", log, re.MULTILINE)
    found += re.findall(r"^Missing character: .*$", log, re.MULTILINE)
    for line, excess in re.findall(r"^(Overfull \\[hv]box \((\d+\.\d+)pt too (?:wide|high)\).*)$", log, re.MULTILINE):
        if float(excess) > MAX_OVERFULL:
            found.append(line)
    return found


def pages(log: str) -> int:
    return int(re.search(r"Output written on .*? \((\d+) pages?", log)[1])


if __name__ == "__main__":
    sys.exit(main(read_options(Options, sys.argv[1:], "scripts.staff.writeup", __doc__)))
