r"""Mutation test of the probes: every small mechanical change of a solution must cost points on its own exercise.

A mutant is the reference with one such change (`mutation_operators`). It is killed if, for every seed, at least one
probe of its exercise fails. A mutant that is a right solution too is listed in tests/staff/equivalent.toml:

[[equivalent]]
exercise = '3\.3'
lines = '\bsteps\[::-1\]'
reason = "the order of the terms of a sum does not matter"
"""

import ast
import difflib
import importlib
import itertools
import os
import re
import signal
import sys
import tomllib
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import torch
from cosmic_ray.ast import ast_nodes
from cosmic_ray.mutating import mutate_code
from cosmic_ray.operators.operator import Operator
from joblib import Parallel, delayed
from parso import parse
from parso.tree import NodeOrLeaf

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder import compare, worker
from tests.autograder.oracle import draw
from tests.autograder.probes import of
from tests.autograder.probes.base import Arrays, Homework, Probe
from tests.autograder.staff import live, markers
from tests.autograder.staff.bank import homework
from tests.autograder.staff.mutation_operators import OPERATORS, Rewrite

EQUIVALENT = ROOT / "tests" / "staff" / "equivalent.toml"
TARGET = 0.98
"""Of the mutants that are not equivalent, at least this share must be killed."""
STATUS = ("killed", "equivalent", "survived", "contradictory")
SECONDS = 10.0
"""CPU time for one probe; a mutant may loop endlessly."""


# --- the mutants ------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Place:
    """The lines of one solution block, and what surrounds them."""

    exercise: str
    function: str
    header: str
    """One line that defines the function with its parameters; other local variables are parameters as well."""
    before: str
    """The file's text before the block."""
    code: str
    after: str


@dataclass(frozen=True)
class Mutant:
    """The reference with one mechanical change."""

    id: str
    """Such as "1.3 reductions 2: mean -> sum"."""
    place: Place
    operator: str
    code: str
    """The block with the change."""

    @property
    def exercise(self) -> str:
        return self.place.exercise

    @property
    def file(self) -> str:
        return exercises.load()[self.exercise].file

    @property
    def source(self) -> str:
        return self.place.before + self.code + self.place.after

    @cached_property
    def diff(self) -> tuple[list[str], list[str]]:
        """The lines that the change removes, and those that it adds."""
        lines = list(difflib.ndiff(self.place.code.splitlines(), self.code.splitlines()))
        return tuple([line[2:].strip() for line in lines if line[:2] == sign] for sign in ("- ", "+ "))


@cache
def mutants(exercise: str) -> tuple[Mutant, ...]:
    """All mutants of an exercise, without those that have the syntax tree of the reference or of an earlier one."""
    made: list[Mutant] = []
    count: Counter[str] = Counter()
    for place in places(exercise):
        seen = {_tree(place, place.code)}
        for kind, code in changed(place):
            tree = _tree(place, code)
            if tree and tree not in seen:
                seen.add(tree)
                count[kind] += 1
                id = f"{exercise} {kind} {count[kind]}: {_change(place.code, code)}"
                made.append(Mutant(id, place, kind, code))
    return tuple(made)


def places(exercise: str) -> Iterator[Place]:
    """The solution blocks of an exercise."""
    text = (ROOT / exercises.load()[exercise].file).read_text(encoding="utf-8")
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    for begin, end in markers.solutions(text, exercise):
        line = text[:begin].count("\n") + 1
        function = max((f for f in functions if f.lineno <= line <= f.end_lineno), key=lambda f: f.lineno)
        code = text[begin:end]
        outer = {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        inner = {n.id for n in ast.walk(ast.parse(_header(function, ()) + code)) if isinstance(n, ast.Name)}
        inside = {n for n in outer if re.search(rf"^\s*[^=\n]*\b{n}\b[^=\n]*=[^=]|for .*\b{n}\b.* in ", code, re.M)}
        header = _header(function, sorted((outer & inner) - inside))
        yield Place(exercise, function.name, header, text[:begin], code, text[end:])


def _header(function: ast.FunctionDef, others: Sequence[str]) -> str:
    arguments = ast.unparse(function.args).replace("'", '"')
    return f"def {function.name}({', '.join([*others, arguments])}):\n"


def changed(place: Place) -> Iterator[tuple[str, str]]:
    """The kind of the operator and the block's changed text, for every change that an operator can make."""
    snippet = place.header + place.code
    tree = parse(snippet)
    numpy = re.search(r"^import torch", place.before, re.MULTILINE) is None
    for kind, make in OPERATORS.items():
        for operator in make(numpy):
            for text in rewritten(tree, operator) if isinstance(operator, Rewrite) else mutated(snippet, operator):
                if text.startswith(place.header):
                    yield kind, text.removeprefix(place.header).rstrip("\n") + "\n"


def mutated(snippet: str, operator: Operator) -> Iterator[str]:
    """The snippet after each change that an operator of the library can make."""
    made = (mutate_code(snippet, operator, occurrence) for occurrence in itertools.count())
    return itertools.takewhile(lambda text: text is not None, made)


def rewritten(tree: NodeOrLeaf, operator: Rewrite) -> Iterator[str]:
    """The same for our own operators, without parsing the snippet again for each change."""
    lines = tree.get_code().splitlines(keepends=True)
    starts = [0, *itertools.accumulate(map(len, lines))]
    for node in ast_nodes(tree):
        begin, end = (starts[line - 1] + column for line, column in (node.start_pos, node.end_pos))
        yield from ("".join(lines)[:begin] + new + "".join(lines)[end:] for new in operator.texts(node))


def _tree(place: Place, code: str) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.dump(ast.parse(place.header + code))
    except SyntaxError:
        return None


def _change(old: str, new: str) -> str:
    """The part that differs, in whole words, in one line."""
    one, two = (re.findall(r"\w+|\s+|.", text) for text in (old, new))
    start = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    rest = min(len(one), len(two)) - start
    end = next((i for i in range(rest) if one[-1 - i] != two[-1 - i]), rest)
    parts = ("".join(text[start : len(text) - end]) for text in (one, two))
    return " -> ".join(" ".join(part.split())[:60] or "nothing" for part in parts)


# --- the verdict ------------------------------------------------------------------------------------------------------
class Late(BaseException):
    """A mutant takes too long."""


class Court:
    """Judges mutants in this process. The reference's answers are computed once."""

    def __init__(self, seeds: Sequence[str]):
        self.seeds = seeds
        self.reference = Homework()
        for file in exercises.files():  # before any mutant: given modules must import the reference's losses
            importlib.import_module(file.removesuffix(".py").replace("/", "."))
        self.cases: dict[tuple[str, str], tuple[Arrays, Arrays]] = {}

    def passes(self, mutant: Mutant) -> list[str]:
        """The seeds for which no probe of the exercise fails. A mutant with none is killed."""
        with quiet():
            changed = homework(mutant.file, mutant.source)
            return [s for s in self.seeds if not any(self.fails(p, s, changed) for p in of(mutant.exercise))]

    def fails(self, probe: Probe, seed: str, changed: Homework) -> bool:
        inputs, expected = self.case(probe, seed)
        try:
            with deadline(SECONDS):
                answer = worker.run(changed, probe, {name: array.copy() for name, array in inputs.items()})
            return not compare.same(probe, probe.judged(inputs, answer), expected)
        except (Exception, Late):  # as in a submission, an exception costs the points
            return True

    def case(self, probe: Probe, seed: str) -> tuple[Arrays, Arrays]:
        """The inputs and the reference's answer."""
        if (probe.id, seed) not in self.cases:
            inputs = draw(probe, seed)
            self.cases[probe.id, seed] = inputs, live.facts(self.reference, probe, draw(probe, seed))
        return self.cases[probe.id, seed]


@dataclass(frozen=True)
class Outcome:
    """The verdict on one mutant."""

    mutant: Mutant
    passes: tuple[str, ...]
    """The seeds for which it loses nothing."""

    @property
    def status(self) -> str:
        """killed, equivalent, survived, or contradictory: listed as equivalent, but no seed agrees."""
        if reason(self.mutant):
            return "equivalent" if self.passes else "contradictory"
        return "survived" if self.passes else "killed"


def score(outcomes: Sequence[Outcome]) -> float:
    """The share of the mutants that are killed; equivalent ones do not count."""
    count = Counter(outcome.status for outcome in outcomes)
    return count["killed"] / max(count["killed"] + count["survived"], 1)


def judge(of_exercises: Sequence[str], seeds: Sequence[str], jobs: int = 1) -> list[Outcome]:
    """The verdicts on all mutants of some exercises."""
    found = [mutant for exercise in of_exercises for mutant in mutants(exercise)]
    parts = [found[i::jobs] for i in range(jobs)]
    judged = Parallel(jobs)(delayed(_judge)(part, seeds) for part in parts)
    return [judged[i % jobs][i // jobs] for i in range(len(found))]


def _judge(part: Sequence[Mutant], seeds: Sequence[str]) -> list[Outcome]:
    court = Court(seeds)
    return [Outcome(mutant, tuple(court.passes(mutant))) for mutant in part]


@contextmanager
def quiet() -> Iterator[None]:
    """One thread, no warnings, and nothing printed: LAPACK complains without Python's help."""
    torch.set_num_threads(1)
    with warnings.catch_warnings(), np.errstate(all="ignore"), open(os.devnull, "w") as nowhere:
        warnings.simplefilter("ignore")
        sys.stdout.flush()
        stdout = os.dup(1)
        os.dup2(nowhere.fileno(), 1)
        try:
            yield
        finally:
            os.dup2(stdout, 1)
            os.close(stdout)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raises Late after so many seconds of CPU time. Only in the main thread."""

    def stop(*_):
        raise Late

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


# --- equivalent mutants -----------------------------------------------------------------------------------------------
@dataclass(frozen=True, kw_only=True)
class Equivalent:
    """A family of mutants that are right, and why."""

    exercise: str
    """A regular expression for the whole id."""
    lines: str
    """A regular expression that is searched for in the changed lines, joined by " | "."""
    reason: str
    function: str = ".*"
    """A regular expression for the whole name of the function."""

    def covers(self, mutant: Mutant) -> bool:
        return (
            re.fullmatch(self.exercise, mutant.exercise) is not None
            and re.fullmatch(self.function, mutant.place.function) is not None
            and re.search(self.lines, " | ".join(mutant.diff[1])) is not None
        )


@cache
def equivalents() -> tuple[Equivalent, ...]:
    rows = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["equivalent"]
    return tuple(Equivalent(**row) for row in rows)


def reason(mutant: Mutant) -> str:
    """Why a mutant is equivalent; "" if it is not."""
    return next((each.reason for each in equivalents() if each.covers(mutant)), "")
