"""The autograder's probes, by exercise: what `python -m scripts.check`, `pytest` and the server run.

Every module of this package is searched for probes, so a new exercise needs one new file and nothing else.
"""

import importlib
import pkgutil

from hw1 import exercises
from tests.autograder.probes.base import Homework, Probe

__all__ = ["PROBES", "Homework", "Probe", "of"]

_MODULES = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
_FOUND = [value for module in _MODULES for value in vars(module).values() if isinstance(value, Probe)]
if _unknown := {p.id for p in _FOUND if p.exercise not in exercises.load()}:
    raise ValueError(f"probes of exercises that are not in {exercises.TABLE.name}: {', '.join(sorted(_unknown))}")
PROBES: dict[str, Probe] = {p.id: p for id in exercises.load() for p in _FOUND if p.exercise == id}
"""By id, in the order of the exercise table; the probes of an exercise in the order of their file."""


def of(exercise: str) -> list[Probe]:
    """The probes of an exercise; their points add up to those of the exercise."""
    return [probe for probe in PROBES.values() if probe.exercise == exercise]
