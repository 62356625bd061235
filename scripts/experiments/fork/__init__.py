"""Fork: every head on demonstrations from several drivers (part 2 of the homework).

    lab            who demonstrates, and how every policy is trained and tested
    drawing        which policies the figures show, and their names

Each of the other modules is one subject: what is measured, claimed and drawn about it.
"""

from scripts.experiments.base import Experiment, Job
from scripts.experiments.fork import data, heads, sides
from scripts.experiments.fork.lab import demonstrations

__all__ = ["EXPERIMENT", "demonstrations", "jobs"]

SUBJECTS = (heads, sides, data)


def jobs(quick: bool) -> list[Job]:
    """Those of all heads, which `sides` uses as well, and those of the data."""
    return heads.jobs(quick) + data.jobs(quick)


EXPERIMENT = Experiment(
    name="fork",
    title="Fork: expressive distributions",
    jobs=jobs,
    claims=[claims for subject in SUBJECTS for claims in subject.CLAIMS],
    drawings=[drawing for subject in SUBJECTS for drawing in subject.DRAWINGS],
)
