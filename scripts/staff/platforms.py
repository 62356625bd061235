"""Tables of learning platforms, as they export and import them: one column is filled, all else stays byte for byte.

platform     known by the columns          the total goes into        documented at
Canvas       Student, ID, Section          --column                   Gradebook: import grades
Moodle       Identifier, Grade             Grade                      Assignment: offline grading worksheet
Gradescope   SID, Total Score              Total Score                Assignment: download grades
any other    an id, an e-mail or a name    --column
"""

import re
from dataclasses import dataclass, field

from scripts.staff.final import Final, person_of
from tests.autograder.staff import sheets
from tests.autograder.staff.batch import BatchError
from tests.autograder.staff.names import quoted
from tests.autograder.staff.roster import Person, Roster
from tests.autograder.staff.sheets import Sheet, squeezed

PLATFORMS = {
    "Canvas": ("Student", "ID", "Section"),
    "Moodle": ("Identifier", "Grade"),
    "Gradescope": ("SID", "Total Score"),
}
COLUMNS = {"Moodle": "Grade", "Gradescope": "Total Score"}
# Canvas: "HW1 (123456)"; its own sums, such as "Final Score", are read only.
NUMBER = re.compile(r" \(\d+\)$")
READ_ONLY = "read only"
MAXIMA = {"Moodle": ("Maximum Grade",), "Gradescope": ("Max Points",)}


@dataclass
class Filled:
    """A platform's table with the grades."""

    platform: str
    data: bytes
    unknown: list[str] = field(default_factory=list)
    """Rows of students who are not in the roster; they stay as they were."""
    absent: list[Person] = field(default_factory=list)
    """Students of the roster who have no row."""
    above: list[str] = field(default_factory=list)
    """Students whose total is above the platform's maximum, for example by extra credit; some platforms refuse that."""


def platform_of(sheet: Sheet) -> str:
    """Canvas, Moodle, Gradescope, or "" for any other table."""
    return next((name for name, titles in PLATFORMS.items() if None not in map(sheet.column, titles)), "")


def fill(sheet: Sheet, finals: list[Final], roster: Roster, column: str = "") -> Filled:
    """Write each student's total into the table.

    Args:
        column: the title of the column; Canvas's number of the assignment may be left out.

    Raises BatchError if it is not clear which column is meant.
    """
    platform = platform_of(sheet)
    at = column_of(sheet, platform, column)
    totals = {final.person.id: final for final in finals}
    filled, changes, seen = Filled(platform, b""), {}, set()
    for number, row in enumerate(sheet.rows):
        if is_no_student(row):
            continue
        known = person_of(sheet, number, roster)
        if len(known) != 1 or known[0].id not in totals:
            filled.unknown.append(f"{sheet.line(number)}: {' '.join(row[:2]).strip()}")
            continue
        final = totals[known[0].id]
        seen.add(known[0].id)
        changes[number, at] = final.total if isinstance(final.total, str) else f"{final.total:g}"
        if is_above(sheet, number, platform, final):
            filled.above.append(known[0].id)
    filled.data = sheets.written(sheet, changes)
    filled.absent = [final.person for final in finals if final.person.id not in seen]
    return filled


def is_no_student(row: list[str]) -> bool:
    """Whether a row is Canvas's line of maxima, or the test student."""
    name = squeezed(row[0])
    return (
        name in ("pointspossible", "studenttest", "teststudent")
        or not name
        or "manualposting" in squeezed("".join(row))
    )


def is_above(sheet: Sheet, number: int, platform: str, final: Final) -> bool:
    try:
        most = float(sheet.cell(number, *MAXIMA[platform]).replace(",", "."))
    except (KeyError, ValueError):
        return False
    return not isinstance(final.total, str) and final.total > most


def column_of(sheet: Sheet, platform: str, column: str) -> int:
    """The number of the column that takes the total."""
    wanted = column or COLUMNS.get(platform, "")
    titles = [NUMBER.sub("", title).strip() for title in sheet.header]
    found = [at for at, title in enumerate(sheet.header) if wanted and wanted in (title, titles[at])]
    if len(found) == 1:
        return found[0]
    there = ", ".join(repr(title) for title in sheet.header)
    if not wanted:
        raise BatchError(f"{quoted(sheet.path)}: --column must name the column that takes the total; it has {there}")
    what = f"{len(found)} columns" if found else "no column"
    raise BatchError(f"{quoted(sheet.path)} has {what} {wanted!r}; it has {there}")
