"""The grades of a class as a table, and a report on what the class found difficult.

Names, files' contents and messages come from students. In the table no cell is a formula; in the report they are
literal text.
"""

import csv
import io
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from hw1 import exercises
from hw1.exercises import Exercise
from tests.autograder.markdown import code
from tests.autograder.markdown import table as table_of
from tests.autograder.text import clean

SHARES = ("full", "partly", "none", "not attempted")  # of the points of an exercise
MISTAKES = 3  # mistakes shown for each exercise
NAMED = 10  # submissions named in one sentence
# The start of a cell that a spreadsheet reads as a formula, also in another width, after blanks or quotation marks. A
# spreadsheet that separates columns by semicolons begins a cell at each of them.
FORMULA = re.compile("(^|;)(?=[\\s\"']*[=+\\-@\u2212\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20])")


@dataclass(frozen=True)
class Version:
    """What grades must have in common to be compared."""

    seed: str
    """The fingerprint of the seed."""
    grader: str
    """The beginning of the hash of the grader."""

    @staticmethod
    def of(page: dict) -> "Version":
        """Of a results.json; older ones do not tell their grader."""
        return Version(*(str(page["extra_data"].get(key, "unknown")) for key in ("seed", "grader")))

    def difference(self, other: "Version") -> str:
        """seed, grader, seed and grader."""
        return " and ".join(key for key in ("seed", "grader") if getattr(self, key) != getattr(other, key))


@dataclass(frozen=True)
class Grade:
    """A row of the table: the results.json of one submission (`tests.autograder.staff.results`), and its state."""

    name: str
    page: dict | None
    """None if it could not be graded at all, because the grader failed."""
    path: str = ""
    """Of the submission, if it is known."""
    remarks: dict[str, str] = field(default_factory=dict)
    """What is wrong with the row: sentences by kind (not graded, regrade failed, withdrawn, stale)."""

    @cached_property
    def tests(self) -> dict[str, dict]:
        """By exercise. Empty if nothing could be graded; results of an older grader may have fewer."""
        return {test["number"]: test for test in self.page["tests"]}

    def points(self, exercise: Exercise) -> float:
        return self.tests[exercise.id]["score"] if exercise.id in self.tests else 0.0

    def total(self, extra: bool) -> float:
        """Points, or extra credit."""
        return self._totals[extra]

    @cached_property
    def _totals(self) -> dict[bool, float]:
        table = exercises.load().values()
        return {extra: sum(self.points(each) for each in table if each.extra == extra) for extra in (False, True)}

    def probes(self, exercise: Exercise) -> list[dict]:
        return self.tests[exercise.id]["extra_data"]["probes"] if exercise.id in self.tests else []

    def statuses(self, exercise: Exercise) -> set[str]:
        """The statuses of its probes: passed, failed, not attempted, waiting, timed out, crashed."""
        return {probe["status"] for probe in self.probes(exercise)}

    def share(self, exercise: Exercise) -> str:
        """One of `SHARES`."""
        statuses = self.statuses(exercise)
        if statuses == {"passed"}:
            return "full"
        if "passed" in statuses:
            return "partly"
        return "not attempted" if statuses <= {"not attempted", "waiting"} else "none"

    @property
    def unusable(self) -> str:
        """The reason why nothing could be graded; "" if something could."""
        return clean(self.page["extra_data"].get("unusable", ""))

    @property
    def notes(self) -> list[str]:
        """What the course staff may want to look at."""
        found = [self.unusable, *self.page["extra_data"]["notes"]]
        for unusual in ("timed out", "crashed"):
            ids = [exercise.id for exercise in exercises.load().values() if unusual in self.statuses(exercise)]
            found.append(f"{', '.join(ids)} {unusual}" if ids else "")
        return [clean(note) for note in found if note]

    @property
    def score(self) -> str:
        extra = self.total(extra=True)
        return f"{self.total(extra=False):g} of {exercises.totals()['code']}" + (f" + {extra:g}" if extra else "")


# --- one row for each submission -------------------------------------------------------------------------------------
def table(grades: list[Grade]) -> str:
    """The contents of grades.csv."""
    ids = [exercise.id for exercise in exercises.load().values()]
    header = ["name", "points", "extra credit", *ids, "state", "notes", "isolation", "seed", "grader", "key", "path"]
    return sheet([header, *map(row, sorted(grades, key=lambda grade: grade.name))])


def sheet(rows: Iterable[Iterable[object]]) -> str:
    """The contents of a CSV file, in which no cell is a formula."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def row(grade: Grade) -> list[float | str]:
    columns = exercises.load().values()
    points, notes, facts = [""] * (2 + len(columns)), [], [""] * 4
    if grade.page is not None:
        points = [grade.total(extra=False), grade.total(extra=True), *map(grade.points, columns)]
        notes = grade.notes
        about, version = grade.page["extra_data"], Version.of(grade.page)
        facts = [about["isolation"], version.seed, version.grader, about["key"]]
    state = ", ".join(grade.remarks) or "current"
    return [grade.name, *points, state, "; ".join([*grade.remarks.values(), *notes]), *facts, grade.path]


def readable(page: dict) -> bool:
    """Whether a results.json has everything that the table and the report need; one that was edited may not."""
    grade = Grade("", page)
    try:
        row(grade)
        for exercise in exercises.load().values():
            list(map(diagnoses, grade.probes(exercise)))
    except (LookupError, AttributeError, TypeError, ValueError):
        return False
    return True


def cell(value: float | str) -> str:
    """A number or one line of text that no spreadsheet reads as a formula."""
    if isinstance(value, float | int):
        return f"{value:g}"
    return FORMULA.sub(r"\1'", clean(value, len(value)))


# --- the class report ------------------------------------------------------------------------------------------------
def report(grades: list[Grade], present: Version) -> str:
    """The contents of summary.md. `present`: the seed and the grader of this call."""
    graded = [grade for grade in grades if grade.page is not None]
    usable = [grade for grade in graded if not grade.unusable]
    parts = [f"# Grades of {counted(grades)}"]
    if usable:
        points = [grade.total(extra=False) for grade in usable]
        parts.append(
            f"Points out of {exercises.totals()['code']}: mean {statistics.mean(points):.1f}, "
            f"median {statistics.median(points):g}, lowest {min(points):g}, highest {max(points):g}. "
            f"Extra credit: earned by {sum(grade.total(extra=True) > 0 for grade in usable)} of {len(usable)}."
        )
    unusable = {grade.name: grade.unusable for grade in graded if grade.unusable}
    parts.append(listed("Could not be graded (0 points, not counted here):", unusable))
    parts.append(listed("The grader failed on these, which have no points yet:", remarked(grades, "not graded")))
    parts.append(
        listed("The grader failed on these, which keep their earlier points:", remarked(grades, "regrade failed"))
    )
    parts += [mixed(graded, present), outdated(grades)]
    if usable:
        parts += [by_exercise(usable), most_common(usable)]
    return "\n\n".join(part for part in parts if part) + "\n"


def listed(title: str, sentences: dict[str, str]) -> str:
    """A list of sentences by name, below a title; "" if there are none."""
    lines = [f"- {code(name)}: {code(sentence)}" for name, sentence in sentences.items()]
    return "\n".join([title, "", *lines]) if lines else ""


def remarked(grades: list[Grade], kind: str) -> dict[str, str]:
    """The remarks of this kind by name."""
    return {grade.name: grade.remarks[kind] for grade in grades if kind in grade.remarks}


def mixed(graded: list[Grade], present: Version) -> str:
    """Which grades are of which seed and grader; "" if they are all of the present ones."""
    groups = defaultdict(list)
    for grade in graded:
        groups[Version.of(grade.page)].append(grade.name)
    if not groups.keys() - {present}:
        return ""
    lines = [
        f"- seed {code(version.seed)}, grader {code(version.grader)}{' (present)' if version == present else ''}: "
        f"{counted(names)}: {short(names)}"
        for version, names in sorted(groups.items(), key=lambda group: -len(group[1]))
    ]
    title = (
        f"The present seed is {code(present.seed)} and the present grader {code(present.grader)}. Not all grades are "
        "of these, so they are not quite comparable. `--all` grades everything again with the present ones:"
    )
    return "\n".join([title, "", *lines])


def outdated(grades: list[Grade]) -> str:
    """Which grades are not of what would be graded now."""
    parts = []
    if stale := list(remarked(grades, "stale")):
        parts.append(f"Stale (`--all` grades them again): {counted(stale)}: {short(stale)}.")
    if withdrawn := list(remarked(grades, "withdrawn")):
        parts.append(
            "Withdrawn (the file no longer exists; `--prune` moves these grades out of the tables): "
            f"{counted(withdrawn)}: {short(withdrawn)}."
        )
    return "\n\n".join(parts)


def counted(items: list) -> str:
    return f"{len(items)} submission{'' if len(items) == 1 else 's'}"


def short(names: list[str]) -> str:
    """The first names, as code."""
    return ", ".join(map(code, names[:NAMED])) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")


def by_exercise(grades: list[Grade]) -> str:
    """For each exercise the mean, and how many submissions earned all, some or none of its points."""
    rows = [["", "exercise", "points", "mean", *SHARES, "timed out"]]
    for exercise in exercises.load().values():
        found = Tally.of(exercise, grades)
        shown = [f"{n}" if n else "" for n in [*(found.shares[share] for share in SHARES), found.hung]]
        rows.append([exercise.id, exercise.title, f"{exercise.points}", f"{found.mean:.1f}", *shown])
    return table_of(rows)


@dataclass(frozen=True)
class Tally:
    """The grades of a class in one exercise."""

    mean: float
    shares: Counter[str]
    """How many submissions, by `SHARES`."""
    hung: int
    """In how many a check timed out."""

    @staticmethod
    def of(exercise: Exercise, grades: list[Grade]) -> "Tally":
        return Tally(
            statistics.mean(grade.points(exercise) for grade in grades),
            Counter(grade.share(exercise) for grade in grades),
            sum("timed out" in grade.statuses(exercise) for grade in grades),
        )


def most_common(grades: list[Grade]) -> str:
    """The most common mistakes in each exercise."""
    rows = [["exercise", "submissions", "mistake"]]
    for id, found in mistakes(grades).items():
        rows += [[id, str(count), mistake.markdown] for mistake, count in found[:MISTAKES]]
    return "## The most common mistakes\n\n" + table_of(rows) if rows[1:] else ""


class Mistake(NamedTuple):
    """What a probe found."""

    says: str
    """In our own words."""
    quoted: str = ""
    """What may be in a submission's words."""

    @property
    def markdown(self) -> str:
        return f"{self.says}: {code(self.quoted)}" if self.quoted else self.says

    def __str__(self) -> str:
        return f"{self.says}: {self.quoted}" if self.quoted else self.says


def mistakes(grades: list[Grade]) -> dict[str, list[tuple[Mistake, int]]]:
    """The mistakes in each exercise, the most common one first, with the number of submissions; a submission counts
    once for each mistake."""
    found = {}
    for exercise in exercises.load().values():
        count = Counter(each for grade in grades for each in set().union(*map(diagnoses, grade.probes(exercise))))
        found[exercise.id] = sorted(count.items(), key=lambda mistake: (-mistake[1], mistake[0]))
    return found


def diagnoses(probe: dict) -> list[Mistake]:
    """The mistakes that a probe found, or the probe's title if no known mistake explains the answer; none if it
    passed."""
    if probe["status"] in ("passed", "not attempted", "waiting"):
        return []
    if probe["status"] != "failed":
        return [Mistake(probe["status"], clean(probe["output"]) or probe["name"])]
    return list(map(Mistake, probe["mistakes"] or [f"another mistake: {probe['name']}"]))
