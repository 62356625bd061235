"""The grades of a class as a table, and a report on what the class found difficult."""

import csv
import io
import statistics
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from html import escape

from hw1 import exercises
from hw1.exercises import Exercise
from tests.autograder.judge import clean

MISTAKES = 3  # mistakes shown for each exercise
FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Grade:
    """The results.json of one submission (`tests.autograder.staff.results`)."""

    name: str
    page: dict

    @cached_property
    def tests(self) -> dict[str, dict]:
        """By exercise. Empty if nothing could be graded; results of an older grader may have fewer."""
        return {test["number"]: test for test in self.page["tests"]}

    def points(self, exercise: Exercise) -> float:
        return self.tests[exercise.id]["score"] if exercise.id in self.tests else 0.0

    def total(self, extra: bool) -> float:
        """Points, or extra credit."""
        return sum(self.points(exercise) for exercise in exercises.load().values() if exercise.extra == extra)

    def probes(self, exercise: Exercise) -> list[dict]:
        return self.tests[exercise.id]["extra_data"]["probes"] if exercise.id in self.tests else []

    def statuses(self, exercise: Exercise) -> set[str]:
        """The statuses of its probes: passed, failed, not attempted, waiting, timed out, crashed."""
        return {probe["status"] for probe in self.probes(exercise)}

    def share(self, exercise: Exercise) -> str:
        """full, partly, not attempted, none."""
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
def table(grades: list[Grade], failed: dict[str, str]) -> str:
    """The contents of grades.csv. `failed`: the submissions on which the grader failed, and how."""
    columns = exercises.load().values()
    rows = [["name", "points", "extra credit", *(e.id for e in columns), "notes", "isolation", "key"]]
    for grade in grades:
        totals = [grade.total(extra=False), grade.total(extra=True)]
        about = grade.page["extra_data"]
        facts = ["; ".join(grade.notes), about["isolation"], about["key"]]
        rows.append([grade.name, *totals, *(grade.points(e) for e in columns), *facts])
    for name, error in failed.items():
        rows.append([name, *[""] * (2 + len(columns)), f"not graded, the grader failed: {error}", "", ""])
    text = io.StringIO()
    csv.writer(text).writerows([cell(value) for value in row] for row in [rows[0], *sorted(rows[1:])])
    return text.getvalue()


def cell(value: float | str) -> str:
    """A number or a text that no spreadsheet reads as a formula."""
    if isinstance(value, float | int):
        return f"{value:g}"
    return f"'{value}" if value.startswith(FORMULA) else value


# --- the class report ------------------------------------------------------------------------------------------------
def report(grades: list[Grade], failed: dict[str, str]) -> str:
    """The contents of summary.md."""
    usable = [grade for grade in grades if not grade.unusable]
    parts = [f"# Grades of {len(grades) + len(failed)} submissions"]
    if usable:
        points = [grade.total(extra=False) for grade in usable]
        parts.append(
            f"Points out of {exercises.totals()['code']}: mean {statistics.mean(points):.1f}, "
            f"median {statistics.median(points):g}, lowest {min(points):g}, highest {max(points):g}. "
            f"Extra credit: earned by {sum(grade.total(extra=True) > 0 for grade in usable)} of {len(usable)}."
        )
    if unusable := [f"- {escape(grade.name)}: {escape(grade.unusable)}" for grade in grades if grade.unusable]:
        parts.append("\n".join(["Could not be graded (0 points, not counted here):", "", *unusable]))
    if failed:
        parts.append(
            "\n".join(
                ["The grader failed on:", "", *(f"- {escape(n)}: {escape(error)}" for n, error in failed.items())]
            )
        )
    if usable:
        parts += [by_exercise(usable), most_common(usable)]
    return "\n\n".join(part for part in parts if part) + "\n"


def by_exercise(grades: list[Grade]) -> str:
    """For each exercise the mean, and how many submissions earned all, some or none of its points."""
    kinds = ["full", "partly", "none", "not attempted"]
    rows = [["", "exercise", "points", "mean", *kinds, "timed out"]]
    for exercise in exercises.load().values():
        count = Counter(grade.share(exercise) for grade in grades)
        mean = statistics.mean(grade.points(exercise) for grade in grades)
        hung = sum("timed out" in grade.statuses(exercise) for grade in grades)
        shown = [f"{n}" if n else "" for n in [*(count[kind] for kind in kinds), hung]]
        rows.append([exercise.id, exercise.title, f"{exercise.points}", f"{mean:.1f}", *shown])
    return markdown(rows)


def most_common(grades: list[Grade]) -> str:
    """The most common mistakes in each exercise; a submission counts once for each mistake."""
    rows = [["exercise", "submissions", "mistake"]]
    for exercise in exercises.load().values():
        mistakes = Counter(says for grade in grades for says in set().union(*map(diagnoses, grade.probes(exercise))))
        first = sorted(mistakes.items(), key=lambda mistake: (-mistake[1], mistake[0]))[:MISTAKES]
        rows += [[exercise.id, str(count), says] for says, count in first]
    return "## The most common mistakes\n\n" + markdown(rows) if rows[1:] else ""


def diagnoses(probe: dict) -> list[str]:
    """The mistakes that a probe found, or the probe's title if no known mistake explains the answer; none if it
    passed."""
    if probe["status"] in ("passed", "not attempted", "waiting"):
        return []
    if probe["status"] != "failed":
        return [f"{probe['status']}: {clean(probe['output']) or probe['name']}"]
    return probe["mistakes"] or [f"another mistake: {probe['name']}"]


def markdown(rows: list[list[str]]) -> str:
    """A table that is also readable as plain text; the first row is the header."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])
