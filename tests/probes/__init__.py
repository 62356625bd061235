"""The autograder's probes, by exercise: what `python -m scripts.check`, `pytest` and the server run."""

from tests.probes import compounding, dagger, heads, losses
from tests.probes.base import Homework, Probe

__all__ = ["PROBES", "Homework", "Probe", "of"]

PROBES: dict[str, Probe] = {p.id: p for module in (losses, heads, compounding, dagger) for p in module.PROBES}


def of(exercise: str) -> list[Probe]:
    """The probes of an exercise; their points add up to its own."""
    return [probe for probe in PROBES.values() if probe.exercise == exercise]
