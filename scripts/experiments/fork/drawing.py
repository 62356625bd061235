"""Which policies the figures of Fork show, and their names."""

from hw1.tasks import FORK
from scripts.experiments.base import Results

EXPRESSIVE = ("mixture", "autoregressive", "diffusion", "flow")
LABELS = {
    "drivers": "the two drivers",
    "left l2": "l2, left driver only",
    "l2 x16": "l2, 16x parameters",
    "independent": "independent categorical",
}


def policies(results: Results) -> list[str]:
    """The drivers and all policies, as far as their jobs could be run."""
    names = ("drivers", *FORK.recipes, "left l2")
    return [job.removeprefix("fork ") for job in results.among(f"fork {name}" for name in names)]
