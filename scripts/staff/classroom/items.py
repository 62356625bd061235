"""How difficult each exercise and each check was, and whether it tells those who know from those who do not.

difficulty       the mean share of its points that the class earned: 0.9 is easy, 0.2 is hard
discrimination   the corrected item-total correlation: between its points and all *other* points of the same student
                 (Ebel & Frisbie 1991: below 0.2 an item should be looked at)
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from hw1 import exercises
from hw1.exercises import Exercise
from tests.autograder.staff.summary import Grade

WEAK = 0.2
FEW = 20  # students, below which a correlation says nothing
SURE = 3.0  # standard errors below 0, from which on a correlation is not negative by chance
NEARLY = 0.95  # share of points from which on an item is too easy, or below 1 - NEARLY too hard, to tell anybody apart


@dataclass(frozen=True)
class Item:
    """An exercise, or one check of it."""

    id: str
    title: str
    points: float
    count: int
    """Students who were judged; for extra credit only those who attempted it."""
    difficulty: float
    discrimination: float | None
    """None if all students have the same points here, or elsewhere."""
    timed_out: tuple[str, ...] = ()
    """Names of students."""
    crashed: tuple[str, ...] = ()

    @property
    def flagged(self) -> bool:
        return self.count >= FEW and self.discrimination is not None and self.discrimination < WEAK

    @property
    def says(self) -> str:
        """What its numbers mean, in a sentence; "" if there is nothing to say."""
        if not self.count:
            return "nobody attempted it"
        if self.difficulty == 1:
            return "everybody passes: it tells nobody apart, which is fine for a first step"
        if self.difficulty == 0:
            return "nobody earns a point: read its text and its check again"
        if self.count < FEW:
            return f"too few students ({self.count}) for a judgement"
        if self.discrimination is None:
            return "all students are alike elsewhere"
        if not self.flagged:
            return ""
        if self.difficulty >= NEARLY:
            return "nearly everybody passes, so that chance decides this number"
        if self.difficulty <= 1 - NEARLY:
            return "hardly anybody passes, so that chance decides this number"
        if self.discrimination < -SURE / self.count**0.5:
            return "who is good elsewhere fails here: is its text ambiguous, or the check wrong?"
        return "hardly related to everything else: is its text ambiguous, or can it be guessed?"


def discrimination(own: Float[np.ndarray, " students"], rest: Float[np.ndarray, " students"]) -> float | None:
    """The correlation between the points of an item and those of the rest; None if either is constant."""
    if len(own) < 2 or np.ptp(own) == 0 or np.ptp(rest) == 0:
        return None
    return float(np.corrcoef(own, rest)[0, 1])


def of_exercises(grades: list[Grade]) -> list[Item]:
    """One item for each exercise, in the handout's order."""
    return [_exercise(exercise, grades) for exercise in exercises.load().values()]


def _judged(exercise: Exercise, grades: list[Grade]) -> list[Grade]:
    """Who counts: results of an older grader may lack the exercise; extra credit is for whoever wants it."""
    found = [grade for grade in grades if exercise.id in grade.tests]
    return [grade for grade in found if grade.share(exercise) != "not attempted"] if exercise.extra else found


def _exercise(exercise: Exercise, grades: list[Grade]) -> Item:
    judged = _judged(exercise, grades)
    shares = np.array([grade.points(exercise) / exercise.points for grade in judged])
    return _item(exercise, (exercise.id, exercise.title, float(exercise.points)), judged, shares)


def of_checks(exercise: Exercise, grades: list[Grade]) -> list[Item]:
    """One item for each check of an exercise, in the grader's order."""
    found: dict[str, dict[str, dict]] = {}  # by check, by student
    for grade in _judged(exercise, grades):
        for probe in grade.probes(exercise):
            found.setdefault(str(probe.get("number", probe["name"])), {})[grade.name] = probe
    by_name = {grade.name: grade for grade in grades}
    items = []
    for id, probes in found.items():
        last = list(probes.values())[-1]
        about = (id, last["name"], float(last.get("max_score", 0.0)))
        unusual = [
            tuple(name for name, probe in probes.items() if probe["status"] == status)
            for status in ("timed out", "crashed")
        ]
        passed = np.array([float(probe["status"] == "passed") for probe in probes.values()])
        items.append(_item(exercise, about, [by_name[name] for name in probes], passed, *unusual))
    return items


def _item(exercise: Exercise, about: tuple[str, str, float], judged: list[Grade], shares: np.ndarray, *unusual) -> Item:
    """`shares`: of the points that the `judged` earned."""
    total = np.array([grade.total(extra=False) for grade in judged])
    rest = total if exercise.extra else total - about[2] * shares
    difficulty = float(np.mean(shares)) if len(shares) else 0.0
    return Item(*about, len(shares), difficulty, discrimination(shares, rest), *unusual)
