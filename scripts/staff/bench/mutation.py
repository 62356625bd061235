"""The probes: how many mechanical changes of the solutions lose points?"""

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence

from hw1 import exercises
from scripts.staff.bench.rows import Row
from tests.autograder.staff import mutation
from tests.autograder.staff.mutation import Outcome

SEEDS, JOBS = 3, 2


def measure_mutation() -> Iterator[Row]:
    """For each exercise and for all of them: the share of the mutants that lose points for every one of new seeds."""
    seeds = [secrets.token_hex(4) for _ in range(SEEDS)]
    judged = {exercise: mutation.judge([exercise], seeds, JOBS) for exercise in exercises.load()}
    for exercise, outcomes in judged.items():
        yield _row(f"changes of the solution of {exercise} that lose points", outcomes)
    yield _row("changes of any solution that lose points", [each for own in judged.values() for each in own])


def _row(what: str, outcomes: Sequence[Outcome]) -> Row:
    count, score = Counter(outcome.status for outcome in outcomes), mutation.score(outcomes)
    note = ", ".join(f"{count[status]} {status}" for status in mutation.STATUS)
    holds = score >= mutation.TARGET and not count["contradictory"]
    return Row(what, 100 * score, None, None, f">= {100 * mutation.TARGET:g} %", holds, "%", note)
