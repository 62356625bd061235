"""Grade a class: `python -m scripts.staff.grade PATH... --seed S --out DIR`.

    python -m scripts.staff.grade submissions/* --out out/grades
    python -m scripts.staff.grade alice.zip bob.zip --seed fall-2026 --jobs 8 --out out/grades

A submission is a folder or a zip that contains hw1/. Its grade is DIR/NAME/results.json; DIR/grades.csv lists all
grades, and DIR/summary.md shows what the class found difficult. After an interruption, the same command continues where
it stopped; later, it grades only what has changed. The folder keeps the grades of everything ever graded into it.
"""

import os
import secrets
import sys
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import joblib
import tyro
from tqdm import tqdm

from tests.autograder.staff import one, private, summary
from tests.autograder.staff.batch import BatchError, Grades, Judges, Outcome, last_line, submissions
from tests.autograder.staff.one import Settings

GRACE = 120.0  # seconds that a judge may need beyond a submission's limit


@dataclass(frozen=True)
class Options:
    """What to grade, and how."""

    paths: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="PATH ...", help_behavior_hint="")]
    """Submissions: folders or zips that contain hw1/."""
    out: Path = Path("out/grades")
    """The folder for the grades."""
    seed: str = ""
    """Secret from which the hidden inputs are drawn; by default the seed kept in the folder, or else a new one."""
    jobs: int = 0
    """Submissions graded at the same time; 0 means one for each core."""
    probe_timeout: float | None = None
    """Seconds for one probe, instead of each probe's own limit."""
    timeout: float = 600.0
    """Seconds for one submission."""
    force: bool = False
    """Grade even what is already graded, for example after a change of --probe-timeout."""
    isolation: Literal["best", "full", "partial", "none"] = "best"
    """How to isolate students' code; "best" is at least "partial", "none" protects against mistakes, not attacks."""


def main(arguments: list[str]) -> int:
    options = tyro.cli(
        tyro.conf.FlagCreatePairsOff[Options],
        args=arguments,
        prog="python -m scripts.staff.grade",
        description=__doc__,
    )
    for library in ("OMP", "OPENBLAS", "MKL"):  # for the judges: more threads than cores only wait for each other
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    try:
        return run(options)
    except (BatchError, OSError) as error:  # OSError: for example, the disk is full
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted; run the same command to continue, the grades in {options.out} are kept", file=sys.stderr)
        return 130


def run(options: Options) -> int:
    """Grade what is not graded yet, and write the summary. Returns the exit status: 1 if the grader failed on any."""
    check(options)
    found, grades = submissions(options.paths), Grades(options.out)
    with grades.locked():
        settings = Settings(keep_seed(options), options.probe_timeout, options.timeout)
        todo = {
            name: path for name, path in found.items() if options.force or not is_graded(grades, name, path, settings)
        }
        print(f"{len(found)} submissions, {len(found) - len(todo)} of them already graded", flush=True)
        try:
            grade(todo, grades, judges(options, settings, todo))
        finally:
            text = sum_up(grades)
        print(text)
        failed = [name for name in found if grades.error(name)]
    for name in failed:
        print(f"error: the grader failed on {name}: {last_line(grades.error(name))}", file=sys.stderr)
        print(f"       the whole error is in {options.out / name / 'error.txt'}", file=sys.stderr)
    return 1 if failed else 0


def is_graded(grades: Grades, name: str, path: Path, settings: Settings) -> bool:
    try:
        return grades.has(name, one.key(path, settings))
    except Exception:  # grading this submission will raise it again, and report it for this submission only
        return False


def check(options: Options) -> None:
    """Raises BatchError if an option is wrong."""
    if options.jobs < 0:
        raise BatchError(f"--jobs is {options.jobs}; it must be 1 or more, or 0 for one for each core")
    for name, seconds in (("--probe-timeout", options.probe_timeout), ("--timeout", options.timeout)):
        if seconds is not None and not seconds > 0:
            raise BatchError(f"{name} is {seconds:g}; it must be more than 0 seconds")


def keep_seed(options: Options) -> str:
    """The seed of the options, or else the one kept in the folder, or else a new one; it is kept for the next time."""
    file = options.out / ".seed"
    kept = file.read_text(encoding="utf-8").strip() if file.exists() else ""
    seed = options.seed or kept or secrets.token_hex(16)
    if kept and seed != kept:
        print(f"the seed is not the last one of {options.out}: everything is graded again")
    if not options.seed:
        print(f"the seed is in {file}: keep this file, and keep it secret")
    private.write(file, f"{seed}\n".encode())
    return seed


def judges(options: Options, settings: Settings, todo: dict[str, Path]) -> Judges:
    jobs = min(options.jobs or joblib.cpu_count(), len(todo))
    isolation = {
        "level": None if options.isolation == "best" else options.isolation,
        "allow_none": options.isolation == "none",
        "secrets": [options.out, *list(todo.values())[:1]],  # the grades, and another student's submission
    }
    return Judges(partial(one.grade, settings=settings), jobs, settings.seconds + GRACE, isolation)


def grade(todo: dict[str, Path], grades: Grades, judges: Judges) -> None:
    """Grade submissions and keep the results; for each, print a line and advance the progress bar."""
    terminal = sys.stderr.isatty()  # a log file gets fewer updates
    with (
        tqdm(total=len(todo), unit="submission", mininterval=0.1 if terminal else 10, disable=not todo) as bar,
        closing(judges.grade(todo)) as outcomes,
    ):
        for outcome in outcomes:
            keep(outcome, grades)
            (bar.write if terminal else partial(print, flush=True))(line(outcome))
            bar.update()


def keep(outcome: Outcome, grades: Grades) -> None:
    if outcome.error:
        grades.keep_error(outcome.name, outcome.error)
    else:
        grades.keep(outcome.name, outcome.page)


def line(outcome: Outcome) -> str:
    """One line on a submission: its points, and anything unusual."""
    if outcome.error:
        return f"{outcome.name}: the grader failed: {last_line(outcome.error)}"
    grade = summary.Grade(outcome.name, outcome.page)
    return f"{outcome.name}: " + "; ".join([grade.score, *grade.notes])


def sum_up(grades: Grades) -> str:
    """Write grades.csv and summary.md for everything in the folder; returns the text of summary.md."""
    graded = [summary.Grade(name, page) for name in grades.names() if (page := grades.read(name))]
    failed = {name: last_line(error) for name in grades.names() if (error := grades.error(name))}
    private.write(grades.folder / "grades.csv", summary.table(graded, failed).encode())
    text = summary.report(graded, failed)
    private.write(grades.folder / "summary.md", text.encode())
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
