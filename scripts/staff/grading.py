"""What a call of `scripts.staff.grade` does with the folder of grades: which submissions are graded, and the tables."""

import gc
import secrets
import sys
from collections.abc import Collection
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tqdm import tqdm

from scripts.staff.classroom import page as classroom
from tests.autograder.staff import exports, keys, layouts, private, received, students, summary
from tests.autograder.staff.batch import BatchError, Judges, Outcome
from tests.autograder.staff.folder import Grades, last_line
from tests.autograder.staff.keys import Settings
from tests.autograder.staff.layouts import Attempt
from tests.autograder.staff.names import gone, name_of, printable, quoted, target, unreadable
from tests.autograder.staff.received import Received
from tests.autograder.staff.roster import Roster
from tests.autograder.staff.students import Student
from tests.autograder.staff.summary import Version, counted, short


# --- who handed in what -----------------------------------------------------------------------------------------------
@dataclass
class Class:
    """The submissions of a call, by name."""

    sources: dict[str, Path] = field(default_factory=dict)
    """Where each was found."""
    attempts: dict[str, list[Received]] = field(default_factory=dict)
    """All that a student ever handed in, the last at the end."""
    known: dict[str, str] = field(default_factory=dict)
    """The paths of all names, which the folder remembers."""
    people: dict[str, dict] = field(default_factory=dict)
    """What the folder remembers about the owners."""


def handed_in(paths: list[Path], out: Path) -> list[Attempt]:
    """The attempts among the paths of a command line; what is no submission is named."""
    here = Path.cwd() / out
    attempts, skipped = layouts.found(exports.opened(paths, out / ".exports"), here)
    if skipped:
        print(f"skipped, neither a folder nor a zip of a student: {', '.join(map(quoted, skipped))}")
    return attempts


def take(attempts: list[Attempt], grades: Grades, roster: Roster | None) -> Class:
    """Name the owners of all attempts, keep what they handed in, and let the folder remember both."""
    known, people = grades.paths(), grades.people()
    found = students.named(students.together(attempts, roster), known, people)
    for name, student in found.items():
        path = student.attempts[-1].files[0]
        if not student.label and name != name_of(path):
            print(f'"{name}" is {quoted(path)}: the name "{name_of(path)}" is taken')
    kept = {name: received.receive(grades.folder / name, student.attempts) for name, student in found.items()}
    sources = {name: source(found[name], kept[name]) for name in found}
    if moved := [name for name, path in sources.items() if known.get(name, "") not in ("", str(path))]:
        print(f"at another place than before: {counted(moved)}: {short(moved)}")
    tell_of_attempts(found, kept)
    people |= {name: students.remembered(student, roster) for name, student in found.items() if student.keys or roster}
    known |= {name: str(path) for name, path in sources.items()}
    grades.remember(known, people)
    if roster:
        tell_of_roster(roster, people)
    return Class(sources, kept, known, people)


def source(student: Student, kept: list[Received]) -> Path:
    """Where the attempt that counts was found: the last one kept, or, if nothing could be kept, the last one given."""
    return Path(kept[-1].source) if kept else student.attempts[-1].files[0]


def tell_of_attempts(found: dict[str, Student], kept: dict[str, list[Received]]) -> None:
    if several := [name for name in found if len({each.sha256 for each in kept[name]}) > 1]:
        print(f"several attempts, all of them kept: {counted(several)}: {short(several)}")
    given = {name: {str(attempt.files[0]) for attempt in student.attempts} for name, student in found.items()}
    if older := [name for name in found if kept[name] and kept[name][-1].source not in given[name]]:
        print(f"a newer attempt was given before, and still counts: {counted(older)}: {short(older)}")


def tell_of_roster(roster: Roster, people: dict[str, dict]) -> None:
    present = {id for about in people.values() for id in about["members"]}
    if strangers := [name for name, about in people.items() if not about["members"]]:
        print(f"match nobody in the roster: {counted(strangers)}: {short(strangers)}")
    if absent := [person.id for person in roster.people if person.id not in present]:
        print(f"handed in nothing: {len(absent)} of {len(roster.people)} students: {short(absent)}")


def add_known(found: Class, grades: Grades, gone_too: bool) -> None:
    """Add all that the folder remembers: as it is now, or as it was kept if it no longer exists and `gone_too`."""
    for name, path in found.known.items():
        if name in found.sources or not path:
            continue
        before = received.attempts(grades.folder / name)
        if not gone(path):
            if not (before and received.is_packed(before[-1])):
                about = {key: getattr(before[-1], key) for key in ("layout", "number", "submitted", "late") if before}
                before = received.receive(grades.folder / name, [Attempt((Path(path),), **about)])
        elif not (gone_too and before):
            continue
        found.sources[name], found.attempts[name] = Path(path), before
    if unknown := [name for name, path in found.known.items() if not path]:
        print(f"not graded again, because the path of their submission is not known: {short(unknown)}")


def prune(grades: Grades, found: Class) -> None:
    """Move withdrawn grades out of the tables."""
    moved = grades.prune(found.known, found.people)
    for name, place in moved.items():
        path = found.known.pop(name)
        print(f'pruned: {quoted(path)} no longer exists; the grade of "{name}" is now in {printable(place)}')
    print(f"{len(moved)} withdrawn grades were moved")


def files_of(found: Class, grades: Grades, attempt: str) -> dict[str, Path]:
    """What is graded, by name: the copy of the latest attempt, or of the first; what could not be kept, where it is."""
    chosen = {name: kept[0 if attempt == "first" else -1] for name, kept in found.attempts.items() if kept}
    return {
        name: grades.folder / name / chosen[name].file if name in chosen else target(path)
        for name, path in found.sources.items()
    }


# --- what is graded, and the tables -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Batch:
    """What is known about the submissions of a folder of grades, when a call begins."""

    grades: Grades
    settings: Settings
    found: Class
    keys: dict[str, str]
    """By name, the key that the grade of a submission would have now, where it is known."""

    def is_graded(self, name: str) -> bool:
        return name in self.keys and self.grades.has(name, self.keys[name])

    def sum_up(self, bom: bool) -> str:
        """Write grades.csv, summary.md and class.html for everything in the folder; returns the text of summary.md."""
        present = Version(keys.fingerprint(self.settings.seed), keys.grader()[:16])
        strangers = {name for name, about in self.found.people.items() if about["stranger"]}
        gc.disable()  # it would go through all results again and again, in vain
        try:
            rows = [
                self.grades.grade(name, self.found.known.get(name, ""), self.keys.get(name), present, name in strangers)
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


def present_keys(grades: Grades, known: dict[str, str], files: dict[str, Path], settings: Settings) -> dict[str, str]:
    """By name, the key that the grade of a submission would have now: of what is graded in this call, and of other
    submissions that have been touched since they were graded."""
    made = {}
    for name, path in known.items():
        if name in files or (path and grades.is_older(name, target(Path(path)))):
            with suppress(Exception):  # grading this submission will raise it again, and report it for this one only
                made[name] = keys.key(files.get(name) or target(Path(path)), settings)
    return made


def seed_of(given: str, grades: Grades) -> str:
    """The seed of the command line, or else the one in the folder, or else a new one.

    Raises BatchError if it can be guessed.
    """
    seed = given.strip() if given else grades.seed() or secrets.token_hex(16)
    if problem := keys.seed_problem(seed):
        file = printable(grades.folder / ".seed")
        raise BatchError(problem if given else f"{file}: {problem}, after this file is moved away")
    if not seed.isprintable():
        raise BatchError("the seed has characters that cannot be printed")
    return seed


def keep_seed(seed: str, is_given: bool, grades: Grades, found: Collection[str]) -> None:
    """Keep the seed for the next time, and tell what it means for grades of another one.

    Args:
        found: the names of this call.
    """
    file, kept = printable(grades.folder / ".seed"), grades.seed()
    if kept and seed != kept:
        old, new = keys.fingerprint(kept), keys.fingerprint(seed)
        out = printable(grades.folder)
        print(f"the seed is not the last one of {out}: its fingerprint is {new}, before it was {old}")
        print(f"the last one is kept in {file}s")
        if left := [name for name in grades.names() if name not in found]:
            print(f"{counted(left)} not given here will keep grades of another seed: {short(left)}; --all grades all")
    if not is_given:
        print(f"the seed is in {file}: keep this file, and keep it secret")
    grades.keep_seed(seed)


# --- grading ----------------------------------------------------------------------------------------------------------
def grade(todo: dict[str, Path], sources: dict[str, Path], grades: Grades, judges: Judges) -> None:
    """Grade submissions and keep the results; for each, print a line and advance the progress bar.

    Args:
        todo: the file that is graded, by name.
        sources: where each was found.
    """
    terminal = sys.stderr.isatty()  # a log file gets fewer updates
    with (
        tqdm(total=len(todo), unit="submission", mininterval=0.1 if terminal else 10, disable=not todo) as bar,
        closing(judges.grade(todo)) as outcomes,
    ):
        for outcome in (checked(outcome, sources[outcome.name]) for outcome in outcomes):
            keep(outcome, todo[outcome.name], grades)
            (bar.write if terminal else partial(print, flush=True))(line(outcome))
            bar.update()


def checked(outcome: Outcome, submission: Path) -> Outcome:
    """The outcome; but if nothing could be graded because the disk failed, then that is no fault of the student's."""
    if "unusable" in outcome.page.get("extra_data", {}) and (why := unreadable(submission)):
        return Outcome(outcome.name, error=f"the submission cannot be read: {why}")
    return outcome


def keep(outcome: Outcome, file: Path, grades: Grades) -> None:
    if outcome.error:
        grades.keep_error(outcome.name, outcome.error)
    else:
        outcome.page["extra_data"]["file"] = received.described(file)
        grades.keep(outcome.name, outcome.page)


def line(outcome: Outcome) -> str:
    """One line on a submission: its points, and anything unusual."""
    if outcome.error:
        return f"{outcome.name}: the grader failed: {last_line(outcome.error)}"
    grade = summary.Grade(outcome.name, outcome.page)
    return f"{outcome.name}: " + "; ".join([grade.score, *grade.notes])
