"""Which submissions are more alike than independent right answers are: `python -m scripts.staff.similar DIR`.

    python -m scripts.staff.similar submissions            a folder of folders or zips, one for each student
    python -m scripts.staff.similar out/grades --pairs 50  what a folder of grades has kept of each student

The report is OUT/index.html, with the most similar pairs side by side; OUT/pairs.csv lists all that are worth a look.
For each pair it tells how many pairs of independent right answers are as alike. It is no proof, and no detector of
machine-written text. After an interruption, the same command continues. It needs no network.
"""

import csv
import io
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from tqdm import tqdm

from scripts.command import UserError, ended, read_options, require_file, require_folder, require_whole
from scripts.staff.similar.read import Work, read, submissions
from tests.autograder.staff import private
from tests.autograder.staff.summary import cell


@dataclass(frozen=True)
class Options:
    """What to compare, and where to."""

    folder: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIR")]
    """The folder of all submissions, or a folder of grades."""
    out: Path = Path("out/similar")
    """The folder for the report."""
    pairs: int = 30
    """How many pairs are shown side by side."""


def main(arguments: list[str]) -> int:
    options = read_options(Options, arguments, "scripts.staff.similar", __doc__)
    return ended(lambda: run(options))


def run(options: Options) -> None:
    require_whole("--pairs", options.pairs, 1, 1_000)
    require_folder("--out", options.out)
    require_file("--out", options.out / "index.html", ours)
    found = submissions(options.folder)
    options.out.mkdir(parents=True, exist_ok=True, mode=0o700)
    terminal = sys.stderr.isatty()
    reading = read(found, options.out / ".read")
    works = list(tqdm(reading, total=len(found), unit="submission", mininterval=0.1 if terminal else 10))
    report(works, options)


def report(works: list[Work], options: Options) -> None:
    """Compare all submissions, and write the report."""
    from scripts.staff.similar import compare, page  # these import torch, and what they need is checked before

    if sum(bool(work.pieces) for work in works) < 2:
        raise UserError(f"{options.folder}: fewer than two submissions contain an answer; {why(works)}")
    print("comparing all pairs", flush=True)
    bases = compare.base(compare.answers())
    compared = compare.Comparison.of([work.pieces for work in works], bases, compare.Chance(bases))
    private.write(options.out / "index.html", page.page(works, compared, options.pairs).encode())
    private.write(options.out / "pairs.csv", rows(works, compared).encode())
    print(f"{options.out / 'index.html'}: {len(works)} submissions compared")


def why(works: list[Work]) -> str:
    return next((problem for work in works for problem in work.problems), "no exercise is begun")


def rows(works: list[Work], compared) -> str:
    """pairs.csv."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(["first", "second", "score", "pairs expected by chance"])
    for pair in compared.worth_a_look():
        names = [cell(works[each].name) for each in pair]
        table.writerow([*names, f"{compared.score[pair]:.2f}", f"{compared.expected(pair):.3g}"])
    return text.getvalue()


def ours(path: Path) -> bool:
    """Whether this command wrote a file."""
    return b"<title>Similar submissions</title>" in path.read_bytes()[:1000]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
