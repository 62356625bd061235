"""The result of one probe."""

from dataclasses import dataclass, field

from tests.autograder.probes.base import Arrays, Probe


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
    inputs: Arrays = field(default_factory=dict, repr=False)
    got: Arrays = field(default_factory=dict, repr=False)
    expected: Arrays = field(default_factory=dict, repr=False)

    @property
    def points(self) -> float:
        return self.probe.points if self.status == "passed" else 0.0
