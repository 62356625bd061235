"""The handout, into writeup/; report template and rubric as PDFs, into out/writeup: `make writeup`.

    python -m scripts.staff.writeup             make all
    python -m scripts.staff.writeup --measure   first run the demo (only what is not cached), and write the expected
                                                ranges that it shows to writeup/staff/ranges.json

Points come from the exercise table and expected ranges from `scripts.staff.ranges`: neither is typed by hand. The same
sources give the same bytes. Only the PDFs in out/writeup need LaTeX; what students get is committed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.command import UserError, ended, read_options, require_file, require_ours
from scripts.staff import handout
from scripts.staff.ranges import RANGES, measure, shown_ranges, stored
from scripts.submit import EPOCH

WRITEUP = ROOT / "writeup"
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
    for name in ("rubric.pdf", "report-template.pdf", "report-template.zip"):
        require_file("--out", options.out / name)
    if options.measure:
        RANGES.write_text(json.dumps(measure(options.demo), indent=1) + "\n", encoding="utf-8")
        print(f"wrote {RANGES.relative_to(ROOT)}")
    for path, content in made().items():
        path.write_bytes(content)
        print(f"wrote {path.relative_to(ROOT)}")
    if missing := missing_packages():
        raise UserError(f"LaTeX is not complete here; apt-get install {' '.join(missing)}")
    return build(options.out)


# --- generated files --------------------------------------------------------------------------------------------------
def made() -> dict[Path, bytes]:
    """The generated files in writeup/ with their contents."""
    return {
        **{WRITEUP / f"handout.{form}": handout.made(form) for form in handout.FORMS},
        WRITEUP / "points.tex": points().encode(),
        WRITEUP / "staff/ranges.tex": ranges().encode(),
    }


NOTE = "% Generated; do not edit.\n"


def points() -> str:
    """The points of the written questions as macros of report and rubric."""
    lines = [NOTE, *(rf"\hwquestion{{{id}}}{{{value}}}" for id, value in exercises.written().items())]
    lines.append(rf"\newcommand{{\pointswritten}}{{{exercises.totals()['written']}}}")
    return "\n".join(lines) + "\n"


def ranges() -> str:
    """The expected ranges as macros of the rubric: \\hwrange{name}{median}{from and to}."""
    lines = [NOTE, rf"\newcommand{{\seeds}}{{{stored()['seeds']}}}"]
    for name, r in shown_ranges().items():
        median, between = (_for_latex(r[key]) for key in ("median", "between"))
        lines.append(rf"\hwrange{{{name}}}{{{median}}}{{{between}}}")
    return "\n".join(lines) + "\n"


def _for_latex(text: str) -> str:
    return escape(text).replace("<", "$<$").replace("\N{NO-BREAK SPACE}", "~")


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
