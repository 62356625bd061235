"""The server's oracle: it runs the reference and the bug bank on secret inputs."""

from tests.autograder import worker
from tests.autograder.probes.base import Arrays, Homework, Probe
from tests.autograder.staff.bank import bugs, mutant


def facts(homework: Homework, probe: Probe, inputs: Arrays) -> Arrays:
    """What the judge compares, from code that is trusted."""
    return probe.judged(inputs, worker.run(homework, probe, inputs))


class Live:
    """Computes expected values when they are needed."""

    def __init__(self, seed: str):
        """`seed`: secret and different for each submission, so that answers seen in feedback cannot be used again."""
        self.seed = seed
        self.reference = Homework()

    def expected(self, probe: Probe, inputs: Arrays) -> Arrays:
        return facts(self.reference, probe, inputs)

    def mistakes(self, probe: Probe, inputs: Arrays) -> dict[str, Arrays]:
        found = {}
        for bug in bugs().values():
            if bug.exercise == probe.exercise:
                try:
                    found[bug.says] = facts(mutant(bug), probe, inputs)
                except Exception:  # a mistake that ends in an exception has no values to compare
                    continue
        return found
