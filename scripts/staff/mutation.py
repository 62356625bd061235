"""The mutation test of the probes (`tests.autograder.staff.mutation`): which changes of a solution cost no points?

    python -m scripts.staff.mutation                    all exercises
    python -m scripts.staff.mutation --exercise 1.3     some of them

A survivor is a mutant that loses nothing for at least one seed: a hole in the probes, or an equivalent of the solution
that belongs in tests/staff/equivalent.toml, with the reason.
"""

import secrets
import sys
from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Literal

import tyro

from hw1 import exercises
from scripts.command import ended, read_options, require_whole
from tests.autograder.staff import mutation
from tests.autograder.staff.mutation import Outcome

MOST = 1_000  # seeds, or processes
Exercise = Literal[tuple(exercises.load())]


@dataclass(frozen=True)
class Options:
    """What to judge, and what to print."""

    exercise: Annotated[tuple[Exercise, ...], tyro.conf.arg(help_behavior_hint="")] = ()
    """Only these; all if empty."""
    seeds: int = 3
    """The number of seeds; they are new in each run."""
    jobs: int = 2
    """Processes."""
    survivors: bool = True
    """List the survivors, each with the lines that it changes."""


def main(options: Options) -> int:
    return ended(lambda: run(options))


def run(options: Options) -> int:
    """Judge and print. Returns 1 if a mutant survives."""
    require_whole("--seeds", options.seeds, 1, MOST)
    require_whole("--jobs", options.jobs, 1, MOST)
    seeds = [secrets.token_hex(4) for _ in range(options.seeds)]
    survived = 0
    for exercise in options.exercise or exercises.load():
        outcomes = mutation.judge([exercise], seeds, options.jobs)
        count = Counter(outcome.status for outcome in outcomes)
        survived += count["survived"]
        counts = ", ".join(f"{count[status]} {status}" for status in mutation.STATUS)
        print(f"{exercise:4} {len(outcomes):4} mutants: {counts}; score {mutation.score(outcomes):.1%}", flush=True)
        for outcome in outcomes if options.survivors else ():
            if outcome.status in ("survived", "contradictory"):
                print(described(outcome))
    return int(survived > 0)


def described(outcome: Outcome) -> str:
    """The mutant's id and its changed lines; also for how many seeds it survives, if not for all."""
    old, new = outcome.mutant.diff
    function = outcome.mutant.place.function
    lines = [f"  {outcome.mutant.id}  [{function}; {outcome.status}, passes for {len(outcome.passes)} seeds]"]
    return "\n".join([*lines, *(f"    - {line}" for line in old), *(f"    + {line}" for line in new)])


if __name__ == "__main__":
    sys.exit(main(read_options(Options, sys.argv[1:], "scripts.staff.mutation", __doc__)))
