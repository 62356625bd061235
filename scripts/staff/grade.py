"""Grade a class: `python -m scripts.staff.grade PATH... --seed S --out DIR`.

    python -m scripts.staff.grade submissions/* --out out/grades
    python -m scripts.staff.grade alice.zip bob.zip --seed fall-2026 --jobs 8 --out out/grades

A submission is a folder or a zip that holds hw1/. Its grade is DIR/NAME/results.json; DIR/grades.csv has all of them,
DIR/summary.md what the class found hard. Interrupted, the same command goes on where it stopped, and called again it
grades only what has changed. The folder holds the grades of everything that was ever graded into it.
"""

import os
import secrets
import sys
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import joblib
import tyro
from tqdm import tqdm

from tests.autograder.staff import one, summary
from tests.autograder.staff.batch import BatchError, Grades, Judges, Outcome, last_line, submissions, write
from tests.autograder.staff.one import Settings

GRACE = 120.0  # seconds that a judge may need beyond a submission's limit


@dataclass(frozen=True)
class Options:
    """What to grade, and how."""

    paths: tyro.conf.Positional[tuple[Path, ...]]
    """Submissions: folders or zips that hold hw1/."""
    out: Path = Path("out/grades")
    """Folder for the grades."""
    seed: str = ""
    """Secret from which the hidden inputs are drawn: the same seed, the same grades. Without it, the one kept in the
    folder for the grades is used, and drawn when there is none."""
    jobs: int = 0
    """Submissions graded at once; 0: as many as there are cores."""
    probe_timeout: float | None = None
    """Seconds for one probe, instead of each probe's own limit."""
    timeout: float = 600.0
    """Seconds for one submission."""
    force: bool = False
    """Grade again what is graded already: after a change of --probe-timeout, say."""
    isolation: Literal["best", "full", "partial", "none"] = "best"
    """How students' code is kept away from everything else; none holds back mistakes, not attacks. The best that can
    be had is at least partial."""


def main(arguments: list[str]) -> int:
    options = tyro.cli(Options, args=arguments, description=__doc__)
    for library in ("OMP", "OPENBLAS", "MKL"):  # for the judges: more threads than cores only wait for each other
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    try:
        return run(options)
    except (BatchError, OSError) as error:  # OSError: the disk is full, say
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted; run the same command to go on, what is in {options.out} stays", file=sys.stderr)
        return 130


def run(options: Options) -> int:
    """Grade what is not graded yet and sum up. Returns the exit status: 1 if the grader failed anywhere."""
    check(options)
    found, grades = submissions(options.paths), Grades(options.out)
    with grades.locked():
        settings = Settings(keep_seed(options), options.probe_timeout, options.timeout)
        todo = {
            name: path for name, path in found.items() if options.force or not is_graded(grades, name, path, settings)
        }
        print(f"{len(found)} submissions, {len(found) - len(todo)} of them graded already", flush=True)
        try:
            grade(todo, grades, judges(options, settings, todo))
        finally:
            text = sum_up(grades)
        print(text)
        failed = [name for name in found if grades.error(name)]
    for name in failed:
        print(f"error: the grader failed at {name}: {last_line(grades.error(name))}", file=sys.stderr)
        print(f"       all of it in {options.out / name / 'error.txt'}", file=sys.stderr)
    return 1 if failed else 0


def is_graded(grades: Grades, name: str, path: Path, settings: Settings) -> bool:
    try:
        return grades.has(name, one.key(path, settings))
    except Exception:  # it will come up again when this submission is graded, and is then reported for it alone
        return False


def check(options: Options) -> None:
    """Raises BatchError with what to mend."""
    if options.jobs < 0:
        raise BatchError(f"--jobs is {options.jobs}; it must be 1 or more, or 0 for as many as there are cores")
    for name, seconds in (("--probe-timeout", options.probe_timeout), ("--timeout", options.timeout)):
        if seconds is not None and not seconds > 0:
            raise BatchError(f"{name} is {seconds:g}; it must be more than 0 seconds")


def keep_seed(options: Options) -> str:
    """The seed that was asked for, or else the one kept in the folder, or else a new one; kept for the next time."""
    file = options.out / ".seed"
    kept = file.read_text(encoding="utf-8").strip() if file.exists() else ""
    seed = options.seed or kept or secrets.token_hex(16)
    if kept and seed != kept:
        print(f"another seed than the last time in {options.out}: everything is graded again")
    if not options.seed:
        print(f"the seed is in {file}: keep it, and keep it secret")
    write(file, seed + "\n")
    return seed


def judges(options: Options, settings: Settings, todo: dict[str, Path]) -> Judges:
    jobs = min(options.jobs or joblib.cpu_count(), len(todo))
    isolation = {
        "level": None if options.isolation == "best" else options.isolation,
        "allow_none": options.isolation == "none",
        "secrets": [options.out, *list(todo.values())[:1]],  # grades, and what a fellow student handed in
    }
    return Judges(partial(one.grade, settings=settings), jobs, settings.seconds + GRACE, isolation)


def grade(todo: dict[str, Path], grades: Grades, judges: Judges) -> None:
    """Grade submissions and keep the results, one line and a step of the bar for each."""
    moving = sys.stderr.isatty()  # a log file needs no moving picture
    with (
        tqdm(total=len(todo), unit="submission", mininterval=0.1 if moving else 10, disable=not todo) as bar,
        closing(judges.grade(todo)) as outcomes,
    ):
        for outcome in outcomes:
            keep(outcome, grades)
            (bar.write if moving else partial(print, flush=True))(line(outcome))
            bar.update()


def keep(outcome: Outcome, grades: Grades) -> None:
    if outcome.error:
        grades.keep_error(outcome.name, outcome.error)
    else:
        grades.keep(outcome.name, outcome.page)


def line(outcome: Outcome) -> str:
    """What became of a submission: points, and what went wrong in an unusual way."""
    if outcome.error:
        return f"{outcome.name}: the grader failed: {last_line(outcome.error)}"
    grade = summary.Grade(outcome.name, outcome.page)
    return f"{outcome.name}: " + "; ".join([grade.score, *grade.notes])


def sum_up(grades: Grades) -> str:
    """Write grades.csv and summary.md of everything in the folder; returns the latter's text."""
    graded = [summary.Grade(name, page) for name in grades.names() if (page := grades.read(name))]
    failed = {name: last_line(error) for name in grades.names() if (error := grades.error(name))}
    write(grades.folder / "grades.csv", summary.table(graded, failed))
    text = summary.report(graded, failed)
    write(grades.folder / "summary.md", text)
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
