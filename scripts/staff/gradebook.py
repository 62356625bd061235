"""Take the grades of a class home: `python -m scripts.staff.gradebook --roster roster.csv`.

    python -m scripts.staff.gradebook --roster roster.csv --written marked.csv --policy late.toml
    python -m scripts.staff.gradebook --tables canvas.csv --column HW1        Canvas's export, one column filled
    python -m scripts.staff.gradebook --tables worksheet.csv --submitted worksheet.csv    Moodle's worksheet

It reads the folder of grades that `scripts.staff.grade` writes, and writes OUT/totals.csv: one row for each student of
the roster, also for those who handed in nothing, with the points of the code and of the written questions, late days,
the penalty and the total. Each of --tables, a gradebook that Canvas, Moodle or Gradescope exported, is written to OUT
with the totals in its column and otherwise unchanged, ready to be imported. What could not be assigned is listed.
OUT/written.csv is a form for the written questions, to be filled in and given as --written; it is never overwritten.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from hw1 import exercises
from scripts.command import File, UserError, ended, read_options, require_folder
from scripts.staff import platforms
from scripts.staff.final import DEFAULT, Final, Policy, finals, read_policy
from tests.autograder.staff import private, roster, sheets
from tests.autograder.staff.batch import BatchError
from tests.autograder.staff.folder import Grades
from tests.autograder.staff.names import printable, quoted
from tests.autograder.staff.summary import sheet

Files = Annotated[tuple[Path, ...], tyro.conf.arg(help_behavior_hint="")]
TOTALS, FORM = "totals.csv", "written.csv"


@dataclass(frozen=True)
class Options:
    """Which grades, and where to."""

    grades: Path = Path("out/grades")
    """The folder of grades."""
    roster: File = None
    """A CSV file of the class; by default the first of --tables."""
    policy: Path = DEFAULT
    """What lateness costs, in TOML."""
    written: Files = ()
    """CSV files with the points of the written questions."""
    submitted: Files = ()
    """CSV files with the times of submission, where the export of the submissions does not tell them."""
    tables: Files = ()
    """Gradebooks as a platform exported them."""
    column: str = ""
    """The column of --tables that takes the total; not needed for Moodle and Gradescope."""
    out: Path = Path("out/gradebook")
    """The folder for the tables."""


def main(arguments: list[str]) -> int:
    options = read_options(Options, arguments, "scripts.staff.gradebook", __doc__)
    return ended(lambda: run(options), {BatchError: 2})


def run(options: Options) -> None:
    require_folder("--out", options.out)
    if not options.grades.is_dir():
        raise UserError(f"--grades {options.grades}: there is no such folder; scripts.staff.grade writes it")
    if not (options.roster or options.tables):
        raise UserError("--roster is missing: a CSV file of the class, or give a platform's gradebook as --tables")
    policy = read_policy(options.policy)
    people = roster.read(options.roster or options.tables[0])
    given = [sheets.read(path) for path in options.tables]
    require_distinct(options)
    found, problems = finals(Grades(options.grades), people, policy, options.written, options.submitted)
    filled = [platforms.fill(sheet, found, people, options.column) for sheet in given]
    options.out.mkdir(parents=True, exist_ok=True, mode=0o700)
    private.write(options.out / TOTALS, table(found).encode("utf-8-sig"))
    if not (options.out / FORM).exists():
        private.write(options.out / FORM, form(found).encode("utf-8-sig"))
    for path, each in zip(options.tables, filled, strict=True):
        private.write(options.out / path.name, each.data)
    tell(options, policy, found, problems)
    for path, each in zip(options.tables, filled, strict=True):
        tell_of_table(path, each)


def require_distinct(options: Options) -> None:
    """Raises UserError if a file would be written over another one."""
    names = [path.name for path in options.tables]
    own = [TOTALS, FORM, *names]
    if len(set(own)) < len(own):
        raise UserError(f"--tables: two files would have one name in {options.out}: {', '.join(own)}")
    if same := [path for path in options.tables if path.resolve() == (options.out / path.name).resolve()]:
        raise UserError(f"--out {options.out}: {quoted(same[0])} would be overwritten; choose another folder")


def table(found: list[Final]) -> str:
    """The contents of totals.csv."""
    ids = list(exercises.written())
    titles = ["id", "name", "email", "section", "group", "submission", "code", "extra credit", *ids, "extension (days)"]
    rows: list[list[float | str]] = [[*titles, "days late", "penalty", "total", "notes", "sha256 of the graded file"]]
    for final in found:
        person = final.person
        about = [person.id, person.name, person.email, person.section, person.group, final.submission]
        points = [final.code, final.extra, *(final.written.get(id, "") for id in ids)]
        late = [person.extension, final.days_late, round(final.penalty, 2), final.total]
        rows.append([*about, *points, *late, "; ".join(final.notes), final.sha256])
    return sheet(rows)


def form(found: list[Final]) -> str:
    """The contents of written.csv: the points of the written questions so far."""
    ids = list(exercises.written())
    rows: list[list[float | str]] = [["id", "name", "section", *ids]]
    for final in found:
        person = final.person
        rows.append([person.id, person.name, person.section, *(final.written.get(id, "") for id in ids)])
    return sheet(rows)


def tell(options: Options, policy: Policy, found: list[Final], problems: list[str]) -> None:
    nothing = sum(not final.submission for final in found)
    late = sum(final.days_late > 0 for final in found)
    due = f"due {policy.due}" if policy.due else "no due date, so nobody is late"
    print(f"{len(found)} students, {nothing} of them handed in nothing, {late} late ({due}): {options.out / TOTALS}")
    for problem in problems:
        print(f"not assigned: {printable(problem)}")
    unknown = [final.person.id for final in found if any("--submitted" in note for note in final.notes)]
    if unknown:
        print(f"when they handed in is not known, so they cost nothing: {listed(unknown)}")


def tell_of_table(path: Path, filled: platforms.Filled) -> None:
    print(f"{filled.platform or 'table'} {path.name}: filled")
    if filled.unknown:
        print(f"  not in the roster, left as they were: {printable(listed(filled.unknown))}")
    if filled.absent:
        print(f"  have no row there: {printable(listed([person.id for person in filled.absent]))}")
    if filled.above:
        print(f"  above the maximum there, which the platform may refuse: {printable(listed(filled.above))}")


def listed(items: list[str], most: int = 10) -> str:
    return ", ".join(items[:most]) + (f" and {len(items) - most} more" if len(items) > most else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
