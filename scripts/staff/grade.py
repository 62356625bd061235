"""Grade a class: `python -m scripts.staff.grade PATH... --out DIR`.

    python -m scripts.staff.grade submissions/*                      everything in a folder
    python -m scripts.staff.grade export.zip --roster roster.csv     what Canvas, Moodle or Gradescope let you download
    python -m scripts.staff.grade alice.zip bob.zip --jobs 8         some, into the same folder of grades
    python -m scripts.staff.grade --all                              again whatever is not of the present version
    python -m scripts.staff.grade --regrade                          the same, with a report of what changed, and why
    python -m scripts.staff.grade --regrade --student alice          one student, as the class was graded
    python -m scripts.staff.grade submissions/* --prune              and without those that no longer exist

A submission is a folder or a zip that contains hw1/, or a folder that contains one zip; an export of a platform is its
folder, its zip, or all that is in it. Anything else is skipped. A grade is DIR/NAME/results.json; DIR/grades.csv lists
all grades, and DIR/summary.md shows what the class found difficult. After an interruption, the same command continues
where it stopped; later, it grades only what has changed. `python -m scripts.staff.gradebook` takes the grades home.

The folder keeps the grades of everything ever graded into it, all attempts and all earlier results, and says which
grades are not of the present submission, seed or grader (stale), and of which the file no longer exists (withdrawn). If
the grader fails on a submission, the grade that it had stays, with a note. Two submissions with one name are called
alice and alice-2, in every later call too. The seed is drawn in the first call, and kept.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import joblib
import tyro

from scripts.command import LONGEST, File, Seconds, read_options
from scripts.staff import regrade
from scripts.staff.attempts import best_of
from scripts.staff.grading import (
    Batch,
    add_known,
    files_of,
    grade,
    handed_in,
    keep_seed,
    present_keys,
    prune,
    seed_of,
    take,
)
from tests.autograder.staff import roster
from tests.autograder.staff.batch import BatchError, Judges
from tests.autograder.staff.cluster import Cluster
from tests.autograder.staff.folder import Grades, last_line
from tests.autograder.staff.keys import Settings
from tests.autograder.staff.names import printable, quoted
from tests.autograder.staff.summary import counted

WORK = "tests.autograder.staff.one:grade"  # a name, because this command needs no torch and then starts at once
GRACE = 120.0  # seconds that a judge may need beyond a submission's limit


@dataclass(frozen=True)
class Options:
    """What to grade, and how."""

    paths: Annotated[tyro.conf.Positional[tuple[Path, ...]], tyro.conf.arg(metavar="PATH ...", help_behavior_hint="")]
    """Submissions: folders or zips that contain hw1/; or a platform's export, as its folder or its zip."""
    out: Path = Path("out/grades")
    """The folder for the grades."""
    roster: File = None
    """A CSV file of the class: id, name, email, section, group, extension (days)."""
    attempt: Literal["latest", "first", "best"] = "latest"
    """Which of several attempts of a student counts."""
    regrade: bool = False
    """Like --all, also for files that exist only as they were kept; reports each changed grade with its reason."""
    student: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...", help_behavior_hint="")] = ()
    """With --regrade: only these names, as long as the seed and the grader are still those of the class."""
    seed: str = ""
    """Secret from which the hidden inputs are drawn; by default the seed kept in the folder, or else a new one."""
    jobs: int = 0
    """Submissions graded at the same time; 0 means one for each core."""
    dask: str = ""
    """Address of a Dask scheduler whose workers grade, instead of this machine (needs `distributed`)."""
    probe_timeout: Seconds = None
    """Seconds for one probe, instead of each probe's own limit."""
    timeout: float = 600.0
    """Seconds for one submission."""
    force: bool = False
    """Grade even what is already graded, for example after a change of --probe-timeout."""
    all: bool = False
    """Grade also everything that was ever graded into the folder, unless it already has the present seed and grader."""
    prune: bool = False
    """Move grades of submissions that no longer exist out of the tables, into the folder .pruned; none is deleted."""
    bom: bool = False
    """Begin grades.csv with a byte order mark, by which Excel recognises UTF-8."""
    isolation: Literal["best", "full", "partial", "none"] = "best"
    """How to isolate students' code; "best" is at least "partial", "none" protects against mistakes, not attacks."""


def main(arguments: list[str]) -> int:
    options = read_options(Options, arguments, "scripts.staff.grade", __doc__)
    for library in ("OMP", "OPENBLAS", "MKL"):  # for the judges: more threads than cores only wait for each other
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    try:
        return run(options)
    except BatchError as error:
        print(f"error: {printable(error)}", file=sys.stderr)
        return 1
    except OSError as error:  # for example, the disk is full
        what = f"{quoted(error.filename)} cannot be read or written: " if error.filename else ""
        print(f"error: {what}{error.strerror or error}; all grades so far are kept", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        out = printable(options.out)
        print(f"interrupted; run the same command to continue, the grades in {out} are kept", file=sys.stderr)
        return 130


def run(options: Options) -> int:
    """Grade what is not graded yet, and write the tables. Returns the exit status: 1 if the grader failed on any."""
    check(options)
    people = roster.read(options.roster) if options.roster else None
    attempts = handed_in(options.paths, options.out)
    if not (attempts or options.all or options.prune or options.regrade):
        raise BatchError("there is no submission to grade")
    grades = Grades(options.out)
    with grades.locked():
        found = take(attempts, grades, people)
        if options.all or options.regrade:
            add_known(found, grades, gone_too=options.regrade)
        if options.student:
            regrade.only(found, options.student)
        if not (found.sources or options.prune):
            raise BatchError("there is no submission to grade")
        if options.prune:
            prune(grades, found)
        settings = Settings(seed_of(options.seed, grades), options.probe_timeout, options.timeout)
        if options.student:
            regrade.require_class_version(grades, settings, options.student)
        keep_seed(settings.seed, bool(options.seed), grades, found.sources)
        if options.regrade:
            regrade.begin(options.out)
        files = files_of(found, grades, options.attempt)
        if options.attempt == "best":
            files |= best_of(found, grades, settings, lambda todo: judges(options, settings, todo))
        batch = Batch(grades, settings, found, present_keys(grades, found.known, files, settings))
        again = options.force or options.student
        todo = {name: file for name, file in files.items() if again or not batch.is_graded(name)}
        print(f"{counted(files)}, {len(files) - len(todo)} of them already graded", flush=True)
        try:
            grade(todo, found.sources, grades, judges(options, settings, todo))
        finally:
            text = batch.sum_up(options.bom)
        print(text)
        if options.regrade:
            print(regrade.report(grades, found))
        failed = {name: last_line(error) for name in files if (error := grades.error(name))}
    for name, error in failed.items():
        print(f"error: the grader failed on {name}: {error}", file=sys.stderr)
        print(f"       the whole error is in {printable(options.out / name / 'error.txt')}", file=sys.stderr)
    return 1 if failed else 0


def check(options: Options) -> None:
    """Raises BatchError if an option is wrong."""
    if options.jobs < 0:
        raise BatchError(f"--jobs is {options.jobs}; it must be 1 or more, or 0 for one for each core")
    if options.student and not options.regrade:
        raise BatchError("--student belongs to --regrade; to grade some submissions, give their paths")
    for name, seconds in (("--probe-timeout", options.probe_timeout), ("--timeout", options.timeout)):
        if seconds is not None and not 0 < seconds <= LONGEST:
            raise BatchError(f"{name} is {seconds:g}; it must be more than 0 and at most {LONGEST:.0f} seconds")


def judges(options: Options, settings: Settings, todo: dict[str, Path]) -> Judges | Cluster:
    jobs = min(options.jobs or joblib.cpu_count(), len(todo))
    isolation = {
        "level": None if options.isolation == "best" else options.isolation,
        "allow_none": options.isolation == "none",
        "secrets": [options.out, *list(todo.values())[:1]],  # the grades, and another student's submission
    }
    judges = Judges(WORK, jobs, settings.seconds + GRACE, isolation, {"settings": settings})
    return Cluster(options.dask, judges) if options.dask else judges


def use_utf8() -> None:
    """Start this command again, if necessary, so that it reads file names as UTF-8, whatever the locale is."""
    if sys.getfilesystemencoding() != "utf-8":
        environment = {"PYTHONUTF8": "1", "PYTHONIOENCODING": f"{sys.stdout.encoding}:replace"}
        command = [sys.executable, "-m", "scripts.staff.grade", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | environment)


if __name__ == "__main__":
    use_utf8()
    sys.exit(main(sys.argv[1:]))
