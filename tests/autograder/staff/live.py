"""The oracle of the server: the reference and the bug bank, run on secret inputs."""

from tests.autograder.probes.base import Arrays, Homework, Probe
from tests.autograder.staff.bank import bugs, mutant
from tests.autograder.worker import to_numpy


def facts(homework: Homework, probe: Probe, inputs: Arrays) -> Arrays:
    """What is compared, for trusted code."""
    answer = {name: to_numpy(value) for name, value in probe.run(homework, inputs).items()}
    return probe.judged(inputs, answer)


class Live:
    """Expected values computed when they are needed."""

    def __init__(self, seed: str):
        """`seed`: secret, and another one for each submission, so that no answer seen can be used again."""
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
