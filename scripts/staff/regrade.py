"""`--regrade`: what changed, and why, after a probe or a table of points was corrected.

The old results stay in the history of each submission. The report is DIR/regrades/TIME: changes.csv, changes.md, and
for each student whose grade changed a text that can be sent, NAME.md. Until it is written, DIR/.regrade remembers when
the regrade began, so an interrupted one still reports everything.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from hw1 import exercises
from hw1.exercises import Exercise
from scripts.staff.grading import Class
from tests.autograder.markdown import code, table
from tests.autograder.staff import history, keys, private
from tests.autograder.staff.batch import BatchError
from tests.autograder.staff.folder import Grades
from tests.autograder.staff.keys import Settings
from tests.autograder.staff.summary import Grade, Version, sheet, short

BEGAN, FOLDER = ".regrade", "regrades"


@dataclass(frozen=True)
class Change:
    """A check whose points changed, or an exercise whose points changed without one."""

    name: str
    exercise: str
    check: str
    title: str
    before: str
    after: str
    points_before: float
    points_after: float
    reason: str


# --- before grading ---------------------------------------------------------------------------------------------------
def begin(out: Path) -> None:
    if not (out / BEGAN).exists():
        private.write(out / BEGAN, history.stamp().encode())


def only(found: Class, names: Iterable[str]) -> None:
    """Leave only these students. Raises BatchError if there is no submission of one."""
    if unknown := [name for name in names if name not in found.sources]:
        raise BatchError(f"--student: there is no submission of {short(unknown)}; grades.csv has the names")
    found.sources = {name: found.sources[name] for name in names}
    found.attempts = {name: found.attempts[name] for name in names if name in found.attempts}


def require_class_version(grades: Grades, settings: Settings, names: Iterable[str]) -> None:
    """Raises BatchError if the class was graded with another seed or grader: one grade would not be comparable."""
    pages = (grades.read(name) for name in grades.names() if name not in set(names))
    versions = Counter(Version.of(page) for page in pages if page is not None)
    present = Version(keys.fingerprint(settings.seed), keys.grader()[:16])
    if not versions or (usual := versions.most_common(1)[0][0]) == present:
        return
    remedies = {
        "seed": f"give its seed: it is in .seeds after {usual.seed}",
        "grader": f"check out the version that graded the class ({usual.grader}), or --regrade everybody",
    }
    different = usual.difference(present).split(" and ")
    raise BatchError(
        f"{short(list(names))} cannot be graded as the class was, which has another {' and '.join(different)}: "
        + "; ".join(remedies[each] for each in different)
    )


# --- what changed -----------------------------------------------------------------------------------------------------
def changes(name: str, before: dict, after: dict) -> Iterator[Change]:
    """Each check whose points or verdict changed, between two results of one submission."""
    old, new = Grade(name, before), Grade(name, after)
    why = reason_of(before, after)
    if old.unusable != new.unusable:
        yield Change(name, "", "", "the whole submission", old.unusable or "graded", new.unusable or "graded",
                     before["score"], after["score"], why)  # fmt: skip
    for exercise in exercises.load().values():
        was, now = (checks(grade, exercise) for grade in (old, new))
        found = []
        for number in dict.fromkeys((*was, *now)):
            first, second = was.get(number, {}), now.get(number, {})
            kind = kind_of(first, second)
            if kind:
                says = (first.get("status", "no such check"), second.get("status", "no such check"))
                points = (first.get("score", 0.0), second.get("score", 0.0))
                title = (second or first)["name"]
                found.append(Change(name, exercise.id, number, title, *says, *points, f"{kind}; {why}"))
        yield from found
        points = (old.points(exercise), new.points(exercise))
        if not found and points[0] != points[1]:
            yield Change(name, exercise.id, "", exercise.title, "", "", *points, f"other points; {why}")


def checks(grade: Grade, exercise: Exercise) -> dict[str, dict]:
    """The results of an exercise's checks by number; older ones have none, but a title."""
    return {probe.get("number", probe["name"]): probe for probe in grade.probes(exercise)}


def kind_of(before: dict, after: dict) -> str:
    """What is different about a check; "" if nothing is that could change a grade."""
    if not before or not after:
        return "a new check" if after else "a check that no longer counts"
    if before["status"] != after["status"]:
        return "another verdict"
    if before.get("score") == after.get("score"):
        return ""
    return "another verdict" if before.get("max_score") == after.get("max_score") else "other points for the check"


def reason_of(before: dict, after: dict) -> str:
    """Why the results can differ: the submission, the grader or the seed."""
    if before["extra_data"].get("submission") != after["extra_data"].get("submission"):
        return "another attempt was graded"
    different = Version.of(before).difference(Version.of(after))
    return f"the {different} changed" if different else "graded again by the same grader"


# --- the report -------------------------------------------------------------------------------------------------------
def report(grades: Grades, found: Class) -> str:
    """Write the report on all results that were replaced since the regrade began; returns a summary."""
    began = (grades.folder / BEGAN).read_text()
    pairs = {}
    for name in grades.names():
        earlier, now = history.pages(grades.folder / name, began), grades.read(name)
        if earlier and now is not None:
            pairs[name] = (earlier[0], now)
    changed = {name: list(changes(name, *pair)) for name, pair in pairs.items()}
    place = grades.folder / FOLDER / began
    write(place, {name: pairs[name] for name in changed if changed[name]}, changed)
    (grades.folder / BEGAN).unlink()
    other = [name for name, (before, after) in pairs.items() if before["score"] != after["score"]]
    return f"regraded: {len(other)} of {len(found.sources)} grades changed; {place} says which, and why"


def write(place: Path, pairs: dict[str, tuple[dict, dict]], changed: dict[str, list[Change]]) -> None:
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    texts = {name: for_student(pairs[name], changed[name]) for name in pairs}
    rows = [[field.name.replace("_", " ") for field in fields(Change)]]
    rows += [astuple(change) for name in pairs for change in changed[name]]
    private.write(place / "changes.csv", sheet(rows).encode())
    overview = [["name", "before", "after"]]
    overview += [[code(name), *(f"{page['score']:g}" for page in pair)] for name, pair in pairs.items()]
    parts = ["# Changed grades", table(overview) if pairs else "No grade changed."]
    parts += [f"## {code(name)}\n\n{text}" for name, text in texts.items()]
    private.write(place / "changes.md", ("\n\n".join(parts) + "\n").encode())
    for name, text in texts.items():
        private.write(place / f"{name}.md", f"{text}\n".encode())


def for_student(pair: tuple[dict, dict], changed: list[Change]) -> str:
    """The text for one student. It says nothing of hidden inputs: statuses and titles of checks only."""
    before, after = (page["score"] for page in pair)
    rows = [["exercise", "check", "before", "after", "reason"]]
    for change in changed:
        says = (f"{text} ({points:g})".strip() for text, points in
                ((change.before, change.points_before), (change.after, change.points_after)))  # fmt: skip
        rows.append([change.exercise, f"{change.check} {change.title}".strip(), *says, change.reason])
    verdict = f"Your points for the code changed from {before:g} to {after:g}."
    if before == after:
        verdict = f"Your points for the code are still {after:g}, but checks changed."
    return f"Your submission was graded again. {verdict}\n\n{table(rows)}"
