"""The autograder's probes, by exercise: what `python -m scripts.check`, `pytest` and the server run."""

from hw1 import exercises
from tests.autograder.probes import compounding, dagger, extra, heads, losses
from tests.autograder.probes.base import Homework, Probe

__all__ = ["PROBES", "Homework", "Probe", "of"]

_FOUND = [probe for module in (losses, heads, compounding, dagger, extra) for probe in module.PROBES]
PROBES: dict[str, Probe] = {p.id: p for id in exercises.load() for p in _FOUND if p.exercise == id}
"""By id, in the order of the exercise table."""


def of(exercise: str) -> list[Probe]:
    """The probes of an exercise; their points add up to its own."""
    return [probe for probe in PROBES.values() if probe.exercise == exercise]
