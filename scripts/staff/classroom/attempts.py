"""The attempts of each student, from what the folder of grades keeps:

NAME/results.json              the grade that counts
NAME/history/*.json            grades that it replaced
.attempts/NAME@*/results.json  grades of all attempts, where the best one counts
NAME/attempts.json             what was handed in and when, graded or not
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hw1 import exercises
from tests.autograder.staff.folder import ATTEMPTS, DIGITS
from tests.autograder.staff.summary import Grade, Mistake, diagnoses, readable

TIMES = ("submitted", "modified", "seen")  # of an attempt in attempts.json; the first one that is known counts
AGAIN = 2  # attempts in a row with the same mistake, from which on a student is stuck


@dataclass(frozen=True)
class History:
    """The attempts of a student, the oldest first."""

    graded: tuple[Grade, ...]
    """Of different submissions."""
    times: tuple[datetime, ...]
    """When something was handed in, in UTC; if nothing tells that, when it was graded."""


def of_class(folder: Path, grades: Iterable[Grade]) -> dict[str, History]:
    """By the name of each student who has a grade."""
    every: dict[str, list[Path]] = defaultdict(list)
    for path in folder.glob(f"{ATTEMPTS}/*@*/results.json"):
        every[path.parent.name.rpartition("@")[0]].append(path)
    return {grade.name: _of_student(folder / grade.name, grade, every[grade.name]) for grade in grades if grade.page}


def _of_student(place: Path, present: Grade, attempts: list[Path]) -> History:
    listed = _listed(place / "attempts.json")
    found = [
        (listed.get(path.parent.name.rpartition("@")[2]) or _changed(path), page)
        for path in [*place.glob("history/*.json"), *attempts]
        if (page := _read(path)) is not None
    ]
    found.sort(key=lambda each: each[0])
    found.append((_changed(place / "results.json"), present.page))
    graded: dict[str, tuple[datetime, dict]] = {}
    for time, page in found:  # an attempt that was graded again counts once, with its newest grade
        id = str(page["extra_data"].get("submission") or page["extra_data"]["key"])
        graded[id] = (graded.pop(id, (time,))[0], page)
    times = listed.values() or [time for time, _ in graded.values()]
    return History(tuple(Grade(present.name, page) for _, page in graded.values()), tuple(sorted(times)))


def _read(path: Path) -> dict | None:
    try:
        page = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return page if isinstance(page, dict) and readable(page) else None


def _listed(path: Path) -> dict[str, datetime]:
    """When each file was handed in, by the beginning of its hash."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        times = {row["sha256"][:DIGITS]: [_time(row.get(name)) for name in TIMES] for row in rows}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}
    return {digest: next(filter(None, known)) for digest, known in times.items() if any(known)}


def _time(text: object) -> datetime | None:
    try:
        time = datetime.fromisoformat(str(text))
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _changed(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return datetime.fromtimestamp(0, UTC)


# --- who is stuck -----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Stuck:
    """Students who make the same mistake again and again."""

    exercise: str
    mistake: Mistake
    students: dict[str, int]
    """By name, how many attempts in a row up to the last one have had it."""


def stuck(histories: dict[str, History]) -> list[Stuck]:
    """Of all students, where most are first."""
    found: dict[tuple[str, Mistake], dict[str, int]] = defaultdict(dict)
    for name, history in histories.items():
        for exercise in exercises.load().values():
            made = [set().union(*map(diagnoses, grade.probes(exercise))) for grade in reversed(history.graded)]
            for mistake in made[0]:
                times = next((at for at, before in enumerate(made) if mistake not in before), len(made))
                if times >= AGAIN:
                    found[exercise.id, mistake][name] = times
    groups = [
        Stuck(exercise, mistake, dict(sorted(students.items(), key=lambda student: (-student[1], student[0]))))
        for (exercise, mistake), students in found.items()
    ]
    return sorted(groups, key=lambda group: (-len(group.students), group.exercise, group.mistake))
