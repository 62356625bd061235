"""Grade a class: `python -m scripts.staff.grade PATH... --out DIR`.

    python -m scripts.staff.grade submissions/*                      everything in a folder
    python -m scripts.staff.grade alice.zip bob.zip --jobs 8         some, into the same folder of grades
    python -m scripts.staff.grade moodle/* --out out/second          Moodle's folders, each with one zip
    python -m scripts.staff.grade --all                              again whatever is not of the present version
    python -m scripts.staff.grade submissions/* --prune              and without those that no longer exist

A submission is a folder or a zip that contains hw1/, or a folder that contains one zip. Anything else is skipped. Its
grade is DIR/NAME/results.json; DIR/grades.csv lists all grades, and DIR/summary.md shows what the class found
difficult. After an interruption, the same command continues where it stopped; later, it grades only what has changed.

The folder keeps the grades of everything ever graded into it, and says which of them are not of the present submission,
seed or grader (stale), and of which the file no longer exists (withdrawn). If the grader fails on a submission, the
grade that it had stays, with a note. Two submissions with one name are called alice and alice-2, in every later call
too. The seed is drawn in the first call, and kept.
"""

import gc
import os
import secrets
import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import joblib
import tyro
from tqdm import tqdm

from scripts.command import LONGEST, read_options
from scripts.staff.classroom import page as classroom
from tests.autograder.staff import keys, private, summary
from tests.autograder.staff.batch import BatchError, Judges, Outcome
from tests.autograder.staff.folder import Grades, last_line
from tests.autograder.staff.keys import Settings
from tests.autograder.staff.names import assign, given, gone, name_of, printable, quoted, target, unreadable
from tests.autograder.staff.summary import Version, counted, short

WORK = "tests.autograder.staff.one:grade"  # a name, because this command needs no torch and then starts at once
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
    paths, skipped = given(options.paths, options.out)
    if skipped:
        print(f"skipped, neither a folder nor a zip of a student: {', '.join(map(quoted, skipped))}")
    if not (paths or options.all or options.prune):
        raise BatchError("there is no submission to grade")
    grades = Grades(options.out)
    with grades.locked():
        found, known = take(paths, grades, everything=options.all)
        if not (found or options.prune):
            raise BatchError("there is no submission to grade")
        if options.prune:
            known = prune(grades, known)
        settings = Settings(keep_seed(options, grades, found), options.probe_timeout, options.timeout)
        batch = Batch(grades, settings, known, present_keys(grades, known, found, settings))
        todo = {name: target(path) for name, path in found.items() if options.force or not batch.is_graded(name)}
        print(f"{counted(found)}, {len(found) - len(todo)} of them already graded", flush=True)
        try:
            grade(todo, grades, judges(options, settings, todo))
        finally:
            text = batch.sum_up(options.bom)
        print(text)
        failed = {name: last_line(error) for name in found if (error := grades.error(name))}
    for name, error in failed.items():
        print(f"error: the grader failed on {name}: {error}", file=sys.stderr)
        print(f"       the whole error is in {printable(options.out / name / 'error.txt')}", file=sys.stderr)
    return 1 if failed else 0


def take(paths: list[Path], grades: Grades, everything: bool) -> tuple[dict[str, Path], dict[str, str]]:
    """What is to be graded, by name, and the paths of all names, which the folder then remembers.

    Args:
        everything: also all that the folder remembers and that still exists.
    """
    known = grades.paths()
    found = assign(paths, known)
    for name, path in found.items():
        if name != name_of(path):
            print(f'"{name}" is {quoted(path)}: the name "{name_of(path)}" is taken')
    if replacing := [name for name, path in found.items() if known.get(name, "") not in ("", str(path))]:
        print(f"at another place than before: {counted(replacing)}: {short(replacing)}")
    known |= {name: str(path) for name, path in found.items()}
    grades.remember(known)
    if everything:
        found |= {name: Path(path) for name, path in known.items() if path and not gone(path)}
        if unknown := [name for name, path in known.items() if not path]:
            print(f"not graded again, because the path of their submission is not known: {short(unknown)}")
    return found, known


def prune(grades: Grades, known: dict[str, str]) -> dict[str, str]:
    """Move withdrawn grades out of the tables; returns the paths of the others by name."""
    moved = grades.prune(known)
    for name, place in moved.items():
        print(f'pruned: {quoted(known[name])} no longer exists; the grade of "{name}" is now in {printable(place)}')
    print(f"{len(moved)} withdrawn grades were moved")
    return {name: path for name, path in known.items() if name not in moved}


def present_keys(grades: Grades, known: dict[str, str], found: dict[str, Path], settings: Settings) -> dict[str, str]:
    """By name, the key that the grade of a submission would have now: of what is graded in this call, and of other
    submissions that have been touched since they were graded."""
    made = {}
    for name, path in known.items():
        if name in found or (path and grades.is_older(name, target(Path(path)))):
            with suppress(Exception):  # grading this submission will raise it again, and report it for this one only
                made[name] = keys.key(target(Path(path)), settings)
    return made


@dataclass(frozen=True)
class Batch:
    """What is known about the submissions of a folder of grades, when a call begins."""

    grades: Grades
    settings: Settings
    paths: dict[str, str]
    """By name, "" if it is not known."""
    keys: dict[str, str]
    """By name, the key that the grade of a submission would have now, where it is known."""

    def is_graded(self, name: str) -> bool:
        return name in self.keys and self.grades.has(name, self.keys[name])

    def sum_up(self, bom: bool) -> str:
        """Write grades.csv and summary.md for everything in the folder; returns the text of summary.md."""
        present = Version(keys.fingerprint(self.settings.seed), keys.grader()[:16])
        gc.disable()  # it would go through all results again and again, in vain
        try:
            rows = [
                self.grades.grade(name, self.paths.get(name, ""), self.keys.get(name), present)
                for name in self.grades.names()
            ]
        finally:
            gc.enable()
        text = summary.report(rows, present)
        encoding = "utf-8-sig" if bom else "utf-8"
        private.write(self.grades.folder / "grades.csv", summary.table(rows).encode(encoding))
        private.write(self.grades.folder / "summary.md", text.encode())
        classroom.write(self.grades.folder / "class.html", self.grades.folder, rows)
        return text


def check(options: Options) -> None:
    """Raises BatchError if an option is wrong."""
    if options.jobs < 0:
        raise BatchError(f"--jobs is {options.jobs}; it must be 1 or more, or 0 for one for each core")
    for name, seconds in (("--probe-timeout", options.probe_timeout), ("--timeout", options.timeout)):
        if seconds is not None and not 0 < seconds <= LONGEST:
            raise BatchError(f"{name} is {seconds:g}; it must be more than 0 and at most {LONGEST:.0f} seconds")


def keep_seed(options: Options, grades: Grades, found: dict[str, Path]) -> str:
    """The seed of the options, or else the one kept in the folder, or else a new one; it is kept for the next time.

    Raises BatchError if it can be guessed.
    """
    file, kept = options.out / ".seed", grades.seed()
    seed = options.seed.strip() if options.seed else kept or secrets.token_hex(16)
    if problem := keys.seed_problem(seed):
        raise BatchError(problem if options.seed else f"{printable(file)}: {problem}, after this file is moved away")
    if not seed.isprintable():
        raise BatchError("the seed has characters that cannot be printed")
    if kept and seed != kept:
        old, new = keys.fingerprint(kept), keys.fingerprint(seed)
        print(
            f"the seed is not the last one of {printable(options.out)}: its fingerprint is {new}, before it was {old}"
        )
        print(f"the last one is kept in {printable(file)}s")
        if left := [name for name in grades.names() if name not in found]:
            print(f"{counted(left)} not given here will keep grades of another seed: {short(left)}; --all grades all")
    if not options.seed:
        print(f"the seed is in {printable(file)}: keep this file, and keep it secret")
    grades.keep_seed(seed)
    return seed


def judges(options: Options, settings: Settings, todo: dict[str, Path]) -> Judges:
    jobs = min(options.jobs or joblib.cpu_count(), len(todo))
    isolation = {
        "level": None if options.isolation == "best" else options.isolation,
        "allow_none": options.isolation == "none",
        "secrets": [options.out, *list(todo.values())[:1]],  # the grades, and another student's submission
    }
    return Judges(WORK, jobs, settings.seconds + GRACE, isolation, {"settings": settings})


def grade(todo: dict[str, Path], grades: Grades, judges: Judges) -> None:
    """Grade submissions and keep the results; for each, print a line and advance the progress bar."""
    terminal = sys.stderr.isatty()  # a log file gets fewer updates
    with (
        tqdm(total=len(todo), unit="submission", mininterval=0.1 if terminal else 10, disable=not todo) as bar,
        closing(judges.grade(todo)) as outcomes,
    ):
        for outcome in (checked(outcome, todo[outcome.name]) for outcome in outcomes):
            keep(outcome, grades)
            (bar.write if terminal else partial(print, flush=True))(line(outcome))
            bar.update()


def checked(outcome: Outcome, submission: Path) -> Outcome:
    """The outcome; but if nothing could be graded because the disk failed, then that is no fault of the student's."""
    if "unusable" in outcome.page.get("extra_data", {}) and (why := unreadable(submission)):
        return Outcome(outcome.name, error=f"the submission cannot be read: {why}")
    return outcome


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


def use_utf8() -> None:
    """Start this command again, if necessary, so that it reads file names as UTF-8, whatever the locale is."""
    if sys.getfilesystemencoding() != "utf-8":
        environment = {"PYTHONUTF8": "1", "PYTHONIOENCODING": f"{sys.stdout.encoding}:replace"}
        command = [sys.executable, "-m", "scripts.staff.grade", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | environment)


if __name__ == "__main__":
    use_utf8()
    sys.exit(main(sys.argv[1:]))
