"""The server's oracle: it runs the reference and the bug bank on secret inputs."""

from collections.abc import Iterable

from tests.autograder import compare, worker
from tests.autograder.oracle import paired
from tests.autograder.probes.base import Arrays, Homework, Probe
from tests.autograder.staff.bank import bugs, mutant, pairs


def facts(homework: Homework, probe: Probe, inputs: Arrays) -> Arrays:
    """What the judge compares, from code that is trusted."""
    return probe.judged(inputs, worker.run(homework, probe, inputs))


class Live:
    """Computes expected values when they are needed."""

    def __init__(self, seed: str):
        """`seed`: secret and different for each submission: what is learnt about one's inputs helps no other."""
        self.seed = seed
        self.reference = Homework()

    def expected(self, probe: Probe, inputs: Arrays) -> Arrays:
        return facts(self.reference, probe, inputs)

    def mistakes(self, probe: Probe, inputs: Arrays) -> dict[str, Arrays]:
        """The answers of all known mistakes by the sentence for the student; no arrays if it ends in an exception."""
        own = [bug for bug in bugs().values() if bug.exercise == probe.exercise]
        return {bug.says: _facts(mutant(bug), probe, inputs) for bug in own}

    def pairs(self, probe: Probe, inputs: Arrays) -> Iterable[tuple[str, str, Arrays]]:
        """The answers of two mistakes at once that differ from those of each, if `paired(probe)`."""
        if not paired(probe):
            return
        expected, single = self.expected(probe, inputs), self.mistakes(probe, inputs)
        for first, second, both in pairs(probe.exercise):
            answer = _facts(both, probe, inputs)
            others = [each for each in (expected, single[first.says], single[second.says]) if each]
            if _form(answer) == _form(expected) and not any(compare.same(probe, answer, each) for each in others):
                yield first.says, second.says, answer


def _form(answer: Arrays) -> dict[str, tuple]:
    return {name: (array.shape, array.dtype) for name, array in answer.items()}


def _facts(homework: Homework, probe: Probe, inputs: Arrays) -> Arrays:
    """Of a mistake; nothing if it ends in an exception."""
    try:
        return facts(homework, probe, inputs)
    except Exception:
        return {}
