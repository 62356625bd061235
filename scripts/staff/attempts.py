"""`--attempt best`: every attempt is graded, and the best one counts."""

from collections.abc import Callable
from pathlib import Path

from scripts.staff.grading import Class, grade
from tests.autograder.staff import keys
from tests.autograder.staff.batch import Judges
from tests.autograder.staff.folder import ATTEMPTS, DIGITS, Grades
from tests.autograder.staff.keys import Settings
from tests.autograder.staff.summary import counted


def best_of(
    found: Class, grades: Grades, settings: Settings, judges: Callable[[dict[str, Path]], Judges]
) -> dict[str, Path]:
    """The file of the best attempt of each student who made several; of equal ones the newest."""
    several: dict[str, list[str]] = {}
    files: dict[str, Path] = {}
    for name, attempts in found.attempts.items():
        own = {f"{name}@{each.sha256[:DIGITS]}": grades.folder / name / each.file for each in attempts}
        if len(own) > 1:
            several[name] = list(own)
            files |= own
    if not files:
        return {}
    graded = Grades(grades.folder / ATTEMPTS)
    todo = {each: file for each, file in files.items() if not graded.has(each, keys.key(file, settings))}
    print(f"the best attempt counts: {counted(files)}, {len(files) - len(todo)} of them already graded", flush=True)
    grade(todo, todo, graded, judges(todo))

    def score(each: str) -> float:
        page = graded.read(each)
        return sum(test["score"] for test in page["tests"]) if page else -1.0

    return {name: files[max(reversed(own), key=score)] for name, own in several.items()}
