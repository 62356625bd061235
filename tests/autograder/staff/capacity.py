"""How much a student's code can tell its author in one attempt: an upper bound, in bits.

Code on the server sees the hidden inputs, and it can fail on purpose, in a way that stands for some of their bits. So
everything in the feedback that depends on what the code does is counted here, from the same vocabularies from which the
feedback is made. Neither the submission's own files nor the grader's settings are counted: the author knows them.
"""

import math
from collections.abc import Collection, Mapping

from tests.autograder import discreet, unanswered
from tests.autograder.diagnosis import MOST
from tests.autograder.oracle import Stored
from tests.autograder.probes import PROBES, of
from tests.autograder.probes.base import Probe
from tests.autograder.staff import results
from tests.autograder.staff.probes import leaderboard


def bits(known: Stored, lines: Mapping[str, Collection[int]], seconds: float) -> dict[str, float]:
    """The bits of an attempt, by the part of the feedback.

    Args:
        lines: with code, by the student's files.
        seconds: the limit of the time for grading.
    """
    exercises = {probe.exercise for probe in PROBES.values()}
    return {
        "checks": sum(math.log2(_texts(probe, known.expected(probe, {}))) for probe in PROBES.values()),
        "lines": len(exercises) * math.log2(1 + _places(lines)),
        "mistakes": sum(_mistakes(known, exercise) for exercise in exercises) + MOST * len(PROBES),
        "time": math.log2(1 + math.ceil(seconds * 10**results.DIGITS)),
        "leaderboard": math.log2(2 + leaderboard.ROADS),
    }


def _texts(probe: Probe, names: Collection[str]) -> int:
    """The texts of a check, which also decide on its status and points: a reason, a tail, and between them no line, the
    line of the exercise or the sentence that it is the same line."""
    return 3 * len(set(discreet.reasons(probe, names))) * len(discreet.tails(probe.exercise))


def _places(lines: Mapping[str, Collection[int]]) -> int:
    """A line, and one of the given functions or none."""
    return sum(map(len, lines.values())) * (1 + len(set(unanswered.calls().values())))


def _mistakes(known: Stored, exercise: str) -> float:
    """A few of the mistakes of an exercise in any order. Which of these each check has is counted apart."""
    single = {says for probe in of(exercise) for says in known.answers[probe.id] if says}
    both = {says for probe in of(exercise) for pair in known.named_pairs.get(probe.id, ()) for says in pair}
    return math.log2(sum(math.perm(len(single | both), count) for count in range(MOST + 1)))
