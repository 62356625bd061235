"""The autograder's checks as pytest tests, one for each property: `pytest -m ex1_3` runs those of exercise 1.3.

Your code runs in a separate process, so that an endless loop makes its exercise fail, and pytest does not hang.
"""

import pytest

from hw1 import exercises
from tests.autograder.probes import PROBES


def case(probe):
    marker = exercises.load()[probe.exercise].marker
    return pytest.param(probe, marks=getattr(pytest.mark, marker), id=f"{probe.id} {probe.title}")


@pytest.mark.parametrize("probe", [case(probe) for probe in PROBES.values()])
def test_probe(probe, verdict):
    judged = verdict(probe)
    if judged.status in ("not attempted", "waiting"):
        pytest.skip(f"{probe.exercise}: {judged.text or judged.status}")
    if judged.status != "passed":
        reason = "; ".join([*judged.mistakes, judged.text or judged.status])
        pytest.fail(f"{reason} ({verdict.places[probe.exercise]})", pytrace=False)
