"""The result of one probe."""

from dataclasses import dataclass, field

from tests.autograder.probes.base import Arrays, Probe
from tests.autograder.unanswered import Place


@dataclass
class Verdict:
    """The result of one probe."""

    probe: Probe
    status: str
    """passed, failed, not attempted, waiting, timed out, crashed."""
    text: str = ""
    """The reason, for the student."""
    mistakes: tuple[str, ...] = ()
    """The known mistakes that explain it, in sentences for the student; empty if none does."""
    place: Place | None = None
    """The line of the student's files at which an exception occurred."""
    imported: bool = True
    """Whether the student's file could be imported."""
    staff: str = ""
    """What the worker says about an exception: for the course staff only, since hostile code can put anything in it."""
    inputs: Arrays = field(default_factory=dict, repr=False)
    got: Arrays = field(default_factory=dict, repr=False)
    expected: Arrays = field(default_factory=dict, repr=False)

    @property
    def points(self) -> float:
        return self.probe.points if self.status == "passed" else 0.0
