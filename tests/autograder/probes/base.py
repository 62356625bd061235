"""What a probe is.

A probe runs a student's code on inputs and returns arrays. It holds no expected value: what the arrays should be comes
from the reference, stored for public seeds or computed for secret ones (`tests.autograder.oracle`).
"""

import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

Arrays = dict[str, np.ndarray]
_standing_in = threading.RLock()  # modules are shared by threads: two at once would not be undone


class Homework:
    """The modules of `hw1`, imported when first used, so that a file that is broken costs only its own exercises.

    `Homework(losses=module)` has another module in the place of that one.
    """

    def __init__(self, **replaced: ModuleType):
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> ModuleType:
        module = importlib.import_module(f"hw1.{name}")
        setattr(self, name, module)
        return module


# --- how an array is compared with the expected one -------------------------------------------------------------------
@dataclass(frozen=True)
class Close:
    """Equal to within rounding: |got - expected| <= atol + rtol |expected|. Integers and bools must be equal."""

    rtol: float = 1e-4
    atol: float = 1e-5
    dtype: bool = False
    """Whether float64 instead of float32 is an error."""
    says: str = ""
    """What to tell a student whose array differs, if no known mistake explains it."""


@dataclass(frozen=True)
class Sample:
    """Rows are independent draws `[n, d]` from the distribution that the expected rows were drawn from."""

    says: str = ""


Rule = Close | Sample


@dataclass(frozen=True)
class Probe:
    """One property of one exercise."""

    id: str
    """Such as "1.3.2": the second probe of exercise 1.3."""
    title: str
    """The property, as a student would say it; shown beside the verdict."""
    points: float
    draw: Callable[[np.random.Generator], Arrays]
    """Makes the inputs."""
    run: Callable[[Homework, Arrays], dict]
    """Runs the student's code on them; returns tensors, arrays or numbers by name. Runs in the sandbox."""
    rules: dict[str, Rule] = field(default_factory=dict)
    """How each array is compared; `Close()` unless named."""
    facts: Callable[[Arrays, Arrays], Arrays] | None = None
    """Turns (inputs, answer) into what is compared, where many answers are right: replays actions in the grader's own
    environment, say. Runs in the judge, on arrays that may be anything: may raise ValueError with a sentence for the
    student. None compares the answer itself."""
    guessable: bool = False
    """Whether an answer that is known beforehand can pass, whatever the inputs. It earns its points only beside a check
    of the exercise of which that is not so."""
    seconds: float = 10.0
    """Wall clock limit."""

    @property
    def exercise(self) -> str:
        return self.id.rpartition(".")[0]

    def judged(self, inputs: Arrays, answer: Arrays) -> Arrays:
        """What is compared with the expected."""
        return self.facts(inputs, answer) if self.facts else answer


@contextmanager
def stand_in(hw1: Homework, user: str, owner: str, **functions: Callable) -> Iterator[None]:
    """Replace functions of module `owner` as module `user` sees them, so that an exercise which builds on another can
    be judged before the other is done, and not again for the other's mistake.

    Whoever calls the function under another name still gets the real one.
    """
    changed = []
    with _standing_in:
        for name, replacement in functions.items():
            original = getattr(getattr(hw1, owner), name, None)
            for module in (getattr(hw1, user), getattr(hw1, owner)):
                for key, value in list(vars(module).items()):
                    if value is original and original is not None:
                        changed.append((module, key, value))
                        setattr(module, key, replacement)
        try:
            yield
        finally:
            for module, key, value in changed:
                setattr(module, key, value)
