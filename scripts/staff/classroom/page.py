"""class.html. Names, and what submissions say, come from students: here they are only ever text."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from html import escape
from pathlib import Path
from statistics import mean, median

from hw1 import exercises
from scripts.staff.classroom import items
from scripts.staff.classroom.attempts import AGAIN, History, Stuck, of_class, stuck
from scripts.staff.classroom.items import WEAK, Item
from scripts.webpage import document, row, scrolling, table
from tests.autograder.staff import private
from tests.autograder.staff.summary import SHARES, Grade, Mistake, Tally, counted, diagnoses, mistakes
from tests.autograder.text import clean

STYLE = Path(__file__).with_name("page.css")
TITLE = "What the class found hard"
MISTAKES = 5  # shown for each exercise
NAMED = 12  # students named in one cell
GROUPS = 40  # groups of stuck students
EXAMPLE = 400  # characters of feedback
BINS = 16
WIDE, HIGH = 720, 160  # of a plot
LABELS = 9  # below it
LONGEST = 120  # slots of the time line: older ones are left out of the plot, not of the table
HOURLY = timedelta(days=3)  # a class of which all attempts lie so near each other is shown by the hour


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    id: str
    title: str
    about: str
    """A sentence on what is shown; plain text."""
    body: str
    """HTML."""

    def html(self) -> str:
        return f'<section id="{self.id}"><h2>{escape(self.title)}</h2><p>{escape(self.about)}</p>{self.body}</section>'


def write(out: Path, folder: Path, grades: list[Grade]) -> None:
    """Write the page. `folder`: of grades; only its owner may read the page, like everything in it."""
    private.write(out, page(grades, of_class(folder, grades)).encode())


def page(grades: list[Grade], histories: dict[str, History]) -> str:
    """The whole page, for everybody in the folder of grades."""
    graded = [grade for grade in grades if grade.page is not None]
    usable = [grade for grade in graded if not grade.unusable]
    left_out = len(grades) - len(usable)
    header = f"<p>Counted here: {counted(usable)}.{f' {left_out} more could not be graded.' if left_out else ''} "
    header += "The names of students are on this page: do not pass it on.</p>"
    sections = sections_of(usable, histories) if usable else []
    contents = [(section.id, section.title) for section in sections]
    style = STYLE.read_text(encoding="utf-8")
    return document(TITLE, header, contents, (section.html() for section in sections), style)


def sections_of(usable: list[Grade], histories: dict[str, History]) -> list[Section]:
    checks = {exercise.id: items.of_checks(exercise, usable) for exercise in exercises.load().values()}
    return [
        points(usable),
        by_exercise(usable),
        by_check(checks),
        most_common(usable),
        who_is_stuck(stuck(histories)),
        to_do(checks),
        time_line(histories),
    ]


# --- parts of a page --------------------------------------------------------------------------------------------------
def bars(values: Sequence[int], labels: Sequence[str], says: str) -> str:
    """A plot of counts. `says`: the same in words, for whoever does not see it; a table beside it has the numbers."""
    width, most = WIDE / max(len(values), 1), max([*values, 1])
    drawn = [f'<text x="30" y="{y}" text-anchor="end">{value}</text>' for y, value in ((22, most), (HIGH + 16, 0))]
    for at, (value, label) in enumerate(zip(values, labels, strict=True)):
        left, tall = 36 + at * width, HIGH * value / most
        size = f'width="{max(width - 2, 1):.1f}" height="{tall:.1f}"'
        drawn.append(f'<rect x="{left + 1:.1f}" y="{HIGH + 16 - tall:.1f}" {size}/>')
        if at % -(-len(labels) // LABELS) == 0:
            place = f'x="{left + width / 2:.1f}" y="{HIGH + 34}" text-anchor="middle"'
            drawn.append(f"<text {place}>{escape(label)}</text>")
    box = f'viewBox="0 0 {WIDE + 44} {HIGH + 44}" role="img" aria-label="{escape(says)}"'
    return f'<svg class="bars" {box}>{"".join(drawn)}<path d="M36 {HIGH + 16.5}h{WIDE}"/></svg>'


def shown(caption: str, heads: Sequence[str], rows: Iterable[str]) -> str:
    """A table that can be scrolled; a sentence if it is empty."""
    body = "".join(rows)
    return scrolling(table(caption, heads, body), caption) if body else "<p>None.</p>"


def folded(summary: str, body: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{body}</details>"


def named(students: Iterable[str]) -> str:
    """The first names in a cell; plain text."""
    students = [clean(student) for student in students]
    return ", ".join(students[:NAMED]) + (f" and {len(students) - NAMED} more" if len(students) > NAMED else "")


def share(value: float) -> str:
    return f"{100 * value:.0f} %"


# --- points -----------------------------------------------------------------------------------------------------------
def points(usable: list[Grade]) -> Section:
    most = exercises.totals()["code"]
    earned = [grade.total(extra=False) for grade in usable]
    step = most / BINS
    counts = Counter(min(int(max(total, 0.0) / step), BINS - 1) for total in earned)
    values = [counts[at] for at in range(BINS)]
    ranges = [f"{at * step:g} to {(at + 1) * step:g}" for at in range(BINS)]
    extra = sum(grade.total(extra=True) > 0 for grade in usable)
    about = (
        f"Of {most} points: mean {mean(earned):.1f}, median {median(earned):g}, lowest {min(earned):g}, highest "
        f"{max(earned):g}. {extra} of {len(usable)} earned extra credit, which is not counted in this plot."
    )
    says = f"Histogram of the points of {counted(usable)}: mean {mean(earned):.1f} of {most}"
    plot = bars(values, [f"{at * step:g}" for at in range(BINS)], says)
    numbers = shown("Points of the class", ("points", "students"), map(row, ranges, ([str(n)] for n in values)))
    note = "<p>A range includes its lower end; the last one both ends.</p>"
    return Section("points", "Points", about, plot + folded("The numbers", numbers + note))


# --- exercises and checks ---------------------------------------------------------------------------------------------
HEADS = ("difficulty", "discrimination", "what that means")


def judged(item: Item) -> str:
    """The cells for `HEADS`."""
    relation = "" if item.discrimination is None else f"{item.discrimination:.2f}".replace("-", "\u2212")
    mark = '<td class="number no">⚑ {}</td>' if item.flagged else '<td class="number">{}</td>'
    return f'<td class="number">{share(item.difficulty)}</td>{mark.format(relation)}<td>{escape(item.says)}</td>'


def by_exercise(usable: list[Grade]) -> Section:
    rows = []
    for item, exercise in zip(items.of_exercises(usable), exercises.load().values(), strict=True):
        tally = Tally.of(exercise, usable)
        counts = "".join(f'<td class="number">{tally.shares[share] or ""}</td>' for share in SHARES)
        title = f"{item.id} {item.title}" + (" (extra credit)" if exercise.extra else "")
        cells = f'<td class="number">{tally.mean:.1f} of {exercise.points}</td>{counts}{judged(item)}'
        rows.append(f'<tr><th scope="row">{escape(title)}</th>{cells}</tr>')
    error = 1 / max(len(usable) - 3, 1) ** 0.5
    about = (
        "Difficulty is the share of the points that the class earned: a low one is hard. Discrimination is the "
        "correlation with all other points of the same student: it shows whether the exercise tells those who know "
        f"from those who do not. ⚑ marks those below {WEAK:g}. With {len(usable)} students a correlation is uncertain "
        f"by about {min(error, 1):.2f}. Extra credit counts only those who attempted it."
    )
    heads = ("exercise", "mean points", *SHARES, *HEADS)
    return Section("exercises", "Exercises", about, shown("Exercises", heads, rows))


def by_check(checks: dict[str, list[Item]]) -> Section:
    body = []
    for exercise in exercises.load().values():
        own = checks[exercise.id]
        flags = sum(item.flagged for item in own)
        rows = [
            f'<tr><th scope="row">{escape(f"{item.id} {item.title}")}</th><td class="number">{item.points:g}</td>'
            f"{judged(item)}</tr>"
            for item in own
        ]
        summary = f"{exercise.id} {exercise.title}: {len(own)} checks" + f", {flags} ⚑" * bool(flags)
        caption = f"Checks of exercise {exercise.id}"
        body.append(folded(summary, shown(caption, ("check", "points", *HEADS), rows)))
    about = (
        "The same for each check: the share of students that pass it, and the correlation with all their other points."
    )
    return Section("checks", "Checks", about, "".join(body))


# --- mistakes ---------------------------------------------------------------------------------------------------------
def examples(usable: list[Grade]) -> dict[tuple[str, Mistake], str]:
    """The feedback that the first student with each mistake was given."""
    found: dict[tuple[str, Mistake], str] = {}
    for grade in usable:
        for exercise in exercises.load().values():
            for probe in grade.probes(exercise):
                for mistake in diagnoses(probe):
                    found.setdefault(
                        (exercise.id, mistake), f"{probe.get('number', '')} {probe['name']}: {probe['output']}"
                    )
    return found


def most_common(usable: list[Grade]) -> Section:
    given = examples(usable)
    rows = []
    for id, found in mistakes(usable).items():
        for mistake, count in found[:MISTAKES]:
            example = clean(given[id, mistake], EXAMPLE)
            rows.append(
                f'<tr><th scope="row">{id}</th><td class="number">{count}</td><td>{escape(str(mistake))}</td>'
                f"<td>{escape(example)}</td></tr>"
            )
    about = (
        f"In each exercise at most {MISTAKES}, the most common one first; a student counts once for each. The feedback "
        "is an example of what the check itself says; the mistake is named above it."
    )
    heads = ("exercise", "students", "mistake", "feedback of the check")
    return Section("mistakes", "Commonest mistakes", about, shown("Commonest mistakes", heads, rows))


# --- attempts ---------------------------------------------------------------------------------------------------------
def who_is_stuck(groups: list[Stuck]) -> Section:
    rows = [
        f'<tr><th scope="row">{group.exercise}</th><td class="number">{len(group.students)}</td>'
        f"<td>{escape(str(group.mistake))}</td>"
        f"<td>{escape(named(f'{name} ({times})' for name, times in group.students.items()))}</td></tr>"
        for group in groups[:GROUPS]
    ]
    about = (
        f"Whose last {AGAIN} attempts or more show the same mistake in the same exercise: they will not find it by "
        "themselves. In brackets the number of these attempts."
        + f" {len(groups) - GROUPS} smaller groups are left out."
        * (len(groups) > GROUPS)
    )
    heads = ("exercise", "students", "mistake", "who")
    return Section("stuck", "Who is stuck where", about, shown("Who is stuck where", heads, rows))


def to_do(checks: dict[str, list[Item]]) -> Section:
    found = [item for own in checks.values() for item in own if item.timed_out or item.crashed]
    found.sort(key=lambda item: -len(item.timed_out) - len(item.crashed))
    rows = [
        f'<tr><th scope="row">{escape(f"{item.id} {item.title}")}</th><td class="number">{len(item.timed_out)}</td>'
        f'<td class="number">{len(item.crashed)}</td><td>{escape(named([*item.timed_out, *item.crashed]))}</td></tr>'
        for item in found
    ]
    about = (
        "Checks in which students' code timed out or ended its process. Look at one of these submissions: NAME/"
        "exceptions.txt beside its results.json has what it raised, and a slow machine needs --probe-timeout."
    )
    heads = ("check", "timed out", "crashed", "who")
    return Section("todo", "For the course staff to look at", about, shown("Checks without an answer", heads, rows))


def time_line(histories: dict[str, History]) -> Section:
    every = sorted((time, name) for name, history in histories.items() for time in history.times)
    hourly = bool(every) and every[-1][0] - every[0][0] <= HOURLY
    unit, form = ("hour", "%Y-%m-%d %H:00") if hourly else ("day", "%Y-%m-%d")
    names = defaultdict(list)
    for time, name in every:
        names[time.strftime(form)].append(name)
    several = sum(len(history.times) > 1 for history in histories.values())
    about = (
        f"{len(every)} attempts of {len(histories)} students, of whom {several} have several. Times are in UTC: when "
        "something was handed in, as far as that is known, otherwise when it was graded."
    )
    rows = [row(slot, [str(len(own)), str(len(set(own)))]) for slot, own in names.items()]
    numbers = folded("The numbers", shown(f"Attempts by the {unit}", (unit, "attempts", "students"), rows))
    slots = _slots(every[0][0], every[-1][0], hourly, form) if every else []
    says = f"Attempts per {unit}, {len(every)} in all, the most {max(map(len, names.values()), default=0)}"
    plot = bars([len(names.get(slot, ())) for slot in slots], [slot[5:] for slot in slots], says)
    return Section("attempts", "Time line of attempts", about, plot + numbers)


def _slots(first, last, hourly: bool, form: str) -> list[str]:
    """Every hour or day from the first to the last, also those without any attempt."""
    step = timedelta(hours=1) if hourly else timedelta(days=1)
    count = min(int((last - first) / step) + 2, LONGEST)
    slots = [(last - step * at).strftime(form) for at in reversed(range(count))]
    return [slot for slot in slots if slot >= first.strftime(form)]
