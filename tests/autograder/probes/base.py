"""What a probe is.

A probe runs a student's code on inputs and returns arrays. It holds no expected values: they come from the reference,
stored for the public seed or computed for a secret one (`tests.autograder.oracle`).

A probe is declared where its function is written:

    @probe("1.3.2", "the gradients", points=1.5, draw=draw_gaussian)
    def gaussian_gradients(hw1: Homework, inputs: Arrays) -> dict:
        ...
"""

import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

Arrays = dict[str, np.ndarray]
_replacing = threading.RLock()  # threads share modules, so only one of them at a time may replace functions


class Homework:
    """The modules of `hw1`. Each is imported at its first use, so a broken file costs only its own exercises.

    `Homework(losses=module)` uses another module in place of `hw1.losses`.
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
    """Equal except for rounding: |got - expected| <= atol + rtol |expected|. Integers and bools must be equal."""

    rtol: float = 1e-4
    atol: float = 1e-5
    dtype: bool = False
    """Whether float64 instead of float32 is an error."""
    says: str = ""
    """The explanation for a student whose array differs, if no known mistake explains it."""
    beside: tuple[str, ...] = ()
    """Inputs with a number for each number of the answer: those of the first one that differs are shown, too."""


@dataclass(frozen=True)
class Sample:
    """The rows `[n, d]` are independent draws, from the same distribution as the expected rows."""

    says: str = ""


Rule = Close | Sample


# --- the probe -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Probe:
    """A check of one property of one exercise."""

    id: str
    """Such as "1.3.2": the second probe of exercise 1.3."""
    title: str
    """The property, in a student's words; shown next to the verdict."""
    points: float
    draw: Callable[[np.random.Generator], Arrays]
    """Makes the inputs."""
    run: Callable[[Homework, Arrays], dict]
    """Runs the student's code on the inputs; returns tensors, arrays or numbers by name. Runs in the sandbox."""
    rules: dict[str, Rule] = field(default_factory=dict)
    """How each array is compared; `Close()` for those that have no rule."""
    facts: Callable[[Arrays, Arrays], Arrays] | None = None
    """Turns (inputs, answer) into the arrays to compare, where many answers are right. For example, it replays actions
    in the grader's own environment. Runs in the judge, on arrays that may hold anything; may raise ValueError with a
    sentence for the student. Without it the answer itself is compared."""
    asked: str = ""
    """The sentence of the exercise's text that asks for this property, word for word. Nothing may be checked that is
    not asked; a test looks for the sentence in what students read."""
    axes: dict[str, str] = field(default_factory=dict)
    """The axes of inputs by name, such as {"means": "B K A"}. So a message can say "A times the right value"."""
    guessable: bool = False
    """Whether an answer that was fixed in advance can pass, whatever the inputs are. Such a probe earns its points only
    if another probe of the exercise, one that is not guessable, passes."""
    seconds: float = 10.0
    """Limit of the wall clock."""

    @property
    def exercise(self) -> str:
        return self.id.rpartition(".")[0]

    def lengths(self, inputs: Arrays) -> dict[str, set[int]]:
        """The lengths of each named axis of the inputs: {"B": {6}, "A": {3, 1}}."""
        found: dict[str, set[int]] = {}
        for name, letters in self.axes.items():
            for letter, length in zip(letters.split(), inputs[name].shape, strict=True):
                found.setdefault(letter, set()).add(length)
        return found

    def judged(self, inputs: Arrays, answer: Arrays) -> Arrays:
        """The arrays that are compared with the expected ones."""
        return self.facts(inputs, answer) if self.facts else answer


def probe(
    id: str, title: str, *, points: float, draw: Callable[[np.random.Generator], Arrays], **options
) -> Callable[[Callable[[Homework, Arrays], dict]], Probe]:
    """A decorator: makes a probe of the function `run` below it. Arguments and `options`: the fields of `Probe`."""
    return lambda run: Probe(id, title, points, draw, run, **options)


@contextmanager
def stand_in(hw1: Homework, user: str, owner: str, **functions: Callable) -> Iterator[None]:
    """Replace functions of module `owner`, also where module `user` has imported them or keeps them in a dict.

    So an exercise that builds on another one can be judged before the other is done, and a mistake in the other does
    not cost points twice. A call of the function under a different name still reaches the original.
    """
    with suppress(Exception):  # a module that is imported later would keep the stand-in; a broken one is told elsewhere
        importlib.import_module("hw1.bc")
    changed = []
    with _replacing:
        for name, replacement in functions.items():
            original = getattr(getattr(hw1, owner), name, None)
            for names in map(vars, (getattr(hw1, user), getattr(hw1, owner))):
                dicts = [value for value in names.values() if isinstance(value, dict)]
                for each in (names, *dicts):
                    for key in [key for key, value in each.items() if value is original and original is not None]:
                        changed.append((each, key, original))
                        each[key] = replacement
        try:
            yield
        finally:
            for each, key, original in changed:
                each[key] = original
