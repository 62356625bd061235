"""The total of each student: the code's points, less what lateness costs, and the written questions' points.

The policy on late submissions is data (`late.toml`), and so are the points of the written questions: a CSV file with a
column for the student, and columns 5.1 to 5.4 as in `hw1/exercises.toml`.
"""

import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hw1 import exercises
from tests.autograder.staff import received, sheets
from tests.autograder.staff.batch import BatchError
from tests.autograder.staff.folder import Grades
from tests.autograder.staff.names import quoted
from tests.autograder.staff.received import Received
from tests.autograder.staff.roster import ALIASES, EMAILS, NAMES, Person, Roster
from tests.autograder.staff.sheets import Sheet
from tests.autograder.staff.summary import Grade

DEFAULT = Path(__file__).with_name("late.toml")
# How Moodle writes a time in English; other platforms write ISO 8601, or nearly.
FORMATS = ("%A, %d %B %Y, %I:%M %p", "%A, %d %B %Y, %H:%M", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M:%S UTC")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Policy:
    """See `late.toml`."""

    due: str = ""
    timezone: str = "UTC"
    grace_minutes: float = 0.0
    free_late_days: int = 0
    penalty_per_day: float = 0.0
    cap: float = 1.0
    last_late_day: int = 0
    written_too: bool = False
    missing: float | str = 0.0

    def days_late(self, submitted: datetime, extension: float) -> int:
        """Days that have begun since the due date and the student's extension; 0 if it is in time."""
        due = moment(self.due, self.timezone) + timedelta(days=extension)
        late = submitted - due
        return 0 if late <= timedelta(minutes=self.grace_minutes) else math.ceil(late / DAY)

    def penalty(self, days: int) -> float:
        """The share of the points that so many days cost."""
        if self.last_late_day and days > self.last_late_day:
            return 1.0
        return min(self.cap, self.penalty_per_day * max(0, days - self.free_late_days))


def read_policy(path: Path) -> Policy:
    """Raises BatchError, with the key, if the file cannot be right."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BatchError(f"{quoted(path)} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise BatchError(f"{quoted(path)} is no TOML: {error}") from error
    names = [each.name for each in fields(Policy)]
    if unknown := table.keys() - names:
        raise BatchError(f"{quoted(path)}: there is no {min(unknown)}; the keys are {', '.join(names)}")
    for name, value in table.items():
        if problem := _problem(name, value):
            raise BatchError(f"{quoted(path)}: {name} is {value!r}; {problem}")
    policy = Policy(**{name: str(value) if name == "due" else value for name, value in table.items()})
    try:
        policy.due and moment(policy.due, policy.timezone)
    except (ValueError, KeyError, OSError) as error:
        raise BatchError(
            f"{quoted(path)}: {error}; due is like 2026-10-12T23:59, timezone like Europe/Berlin"
        ) from error
    return policy


def _problem(name: str, value: object) -> str:
    """What is wrong with a value of the policy; "" if nothing is."""
    if name in ("due", "timezone"):
        return "" if isinstance(value, str | datetime) else "write it in quotation marks"
    if name == "written_too":
        return "" if isinstance(value, bool) else "write true or false"
    if name == "missing" and value == "":
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        return "write a number from 0 on"
    if name in ("penalty_per_day", "cap") and value > 1:
        return "write a share, from 0 to 1"
    return "write whole days" if name.endswith("day" if "last" in name else "days") and value != int(value) else ""


def moment(text: str, timezone: str = "UTC") -> datetime:
    """A time as platforms write it. Raises ValueError if it is none, KeyError or OSError if there is no such zone."""
    found = None
    for read in (datetime.fromisoformat, *(lambda t, f=each: datetime.strptime(t, f) for each in FORMATS)):
        try:
            found = read(text.strip())
            break
        except ValueError:
            continue
    if found is None:
        raise ValueError(f"{text!r} is no time")
    return found.replace(tzinfo=found.tzinfo or ZoneInfo(timezone)).astimezone(UTC)


@dataclass
class Final:
    """What a student gets."""

    person: Person
    submission: str = ""
    """The name in the folder of grades; "" if nothing was handed in."""
    code: float = 0.0
    extra: float = 0.0
    written: dict[str, float] = field(default_factory=dict)
    days_late: int = 0
    penalty: float = 0.0
    """Points."""
    total: float | str = 0.0
    sha256: str = ""
    """Of the file that was graded."""
    notes: list[str] = field(default_factory=list)


def finals(
    grades: Grades, roster: Roster, policy: Policy, written: Iterable[Path] = (), submitted: Iterable[Path] = ()
) -> tuple[list[Final], list[str]]:
    """What each student of the roster gets, and sentences on what could not be assigned to anybody.

    Args:
        written: CSV files with the points of the written questions; several markers may have one each.
        submitted: CSV files with the times of submission, where the layout of an export does not tell them.
    """
    owners, problems = owners_of(grades, roster)
    points, more = written_points(written, roster)
    times, rest = times_of(submitted, roster, policy)
    found = []
    for person in roster.people:
        final = Final(person, owners.get(person.id, ""), written=points.get(person.id, {}))
        _take_code(final, grades)
        _take_lateness(final, grades, policy, times)
        _add_up(final, policy)
        found.append(final)
    return found, [*problems, *more, *rest]


def owners_of(grades: Grades, roster: Roster) -> tuple[dict[str, str], list[str]]:
    """The submission of each student by id, and sentences on submissions that are nobody's."""
    people, owners, problems = grades.people(), {}, []
    for name in grades.names():
        about = people.get(name, {"members": [], "called": [name], "keys": []})
        ids = {person.id for person in roster.people} & set(about["members"])
        if not ids:
            known = roster.find(about["called"], about["called"][-1]) or roster.find_in(name)
            ids = {partner.id for person in known for partner in roster.partners(person)}
        if not ids:
            problems.append(f"the submission {quoted(name)} is of nobody in the roster")
        for id in ids:
            if id in owners:
                problems.append(f"{id} has two submissions, {quoted(owners[id])} and {quoted(name)}: the first counts")
            owners.setdefault(id, name)
    return owners, problems


def written_points(files: Iterable[Path], roster: Roster) -> tuple[dict[str, dict[str, float]], list[str]]:
    """The points of the written questions by student's id and question."""
    points: dict[str, dict[str, float]] = {}
    problems = []
    for file in files:
        sheet = sheets.read(file)
        columns = {id: at for id in exercises.written() if (at := sheet.column(id)) is not None}
        if not columns:
            raise BatchError(f"{quoted(file)} has none of the columns {', '.join(exercises.written())}")
        for number, row in enumerate(sheet.rows):
            known = person_of(sheet, number, roster)
            if not known:
                problems.append(f"{sheet.line(number)}: {' '.join(row[:3]).strip()!r} is nobody in the roster")
            for person in known:
                for id, at in columns.items():
                    if row[at].strip():
                        own = points.setdefault(person.id, {})
                        _add_points(own, id, _points(sheet, number, id, row[at]), f"{sheet.line(number)}: {person.id}")
    return points, problems


def _add_points(own: dict[str, float], id: str, value: float, where: str) -> None:
    if own.setdefault(id, value) != value:
        raise BatchError(f"{where} has {value:g} points for {id}, but {own[id]:g} elsewhere: delete one of them")


def _points(sheet: Sheet, number: int, id: str, text: str) -> float:
    most = exercises.written()[id]
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = math.nan
    if not 0 <= value <= most:
        raise BatchError(f"{sheet.line(number)}: {id} is {text!r}; it must be a number from 0 to {most:g}")
    return value


def times_of(files: Iterable[Path], roster: Roster, policy: Policy) -> tuple[dict[str, datetime], list[str]]:
    """When each student handed in, by id."""
    times: dict[str, datetime] = {}
    problems = []
    for file in files:
        sheet = sheets.read(file)
        cells = sheet.required("submitted", "submission time", "last modified (submission)", "submitted at")
        for number, text in enumerate(cells):
            if text.strip("- "):
                try:
                    when = moment(text, policy.timezone)
                except ValueError:
                    problems.append(f"{sheet.line(number)}: {text!r} is no time, such as 2026-10-12T23:59")
                    continue
                times |= dict.fromkeys((person.id for person in person_of(sheet, number, roster)), when)
    return times, problems


def person_of(sheet: Sheet, number: int, roster: Roster) -> list[Person]:
    """The student of a row, or the members of a group."""
    ids = [sheet.cell(number, title) for title in (*ALIASES, *EMAILS)]
    return roster.find(ids, sheet.cell(number, *NAMES, "group", "submission"))


# --- one student ------------------------------------------------------------------------------------------------------
def _take_code(final: Final, grades: Grades) -> None:
    if not final.submission:
        final.notes.append("handed in nothing")
        return
    if (page := grades.read(final.submission)) is None:
        final.notes.append("not graded: the grader failed")
        return
    grade = Grade(final.submission, page)
    final.code, final.extra = grade.total(extra=False), grade.total(extra=True)
    final.sha256 = page["extra_data"].get("file", {}).get("sha256", "")
    if grade.unusable:
        final.notes.append(f"nothing could be graded: {grade.unusable}")


def _take_lateness(final: Final, grades: Grades, policy: Policy, times: dict[str, datetime]) -> None:
    if not (final.submission and policy.due):
        return
    attempt = graded_attempt(received.attempts(grades.folder / final.submission), final.sha256)
    when = times.get(final.person.id)
    if when is None and attempt and attempt.submitted:
        when = moment(attempt.submitted, policy.timezone)
    if when is not None:
        final.days_late = policy.days_late(when, final.person.extension)
    elif attempt and attempt.late:
        final.notes.append("late, as the platform says; the time is not known (--submitted)")
    elif not attempt or attempt.late is None:
        final.notes.append("the time of submission is not known (--submitted)")


def graded_attempt(attempts: list[Received], sha256: str) -> Received | None:
    """The attempt that was graded: the last one with this hash."""
    return next((each for each in reversed(attempts) if each.sha256 == sha256), None)


def _add_up(final: Final, policy: Policy) -> None:
    share = policy.penalty(final.days_late)
    marked = sum(final.written.values())
    final.penalty = share * (final.code + final.extra + marked * policy.written_too)
    final.total = round(final.code + final.extra + marked - final.penalty, 2)
    if final.days_late:
        final.notes.append(f"{final.days_late} days late: -{final.penalty:g}")
    if not final.submission and not final.written:
        final.total = policy.missing
    elif missing := exercises.written().keys() - final.written.keys():
        final.notes.append(f"no points for {', '.join(sorted(missing))}")
