"""How alike the answers to an exercise are, and how alike independent right answers are anyway.

similarity   of two answers: Dice's coefficient of their fingerprints, the sets of all rows of `GRAM` tokens
share        of pairs that are at least as alike: among independent right answers to this exercise (the bank of
             alternatives, two drawn at random), or in the class, whichever is larger
score        of two submissions: the sum over the exercises of -ln share (Fisher's method)

An exercise whose right answers are so short that they nearly always look alike carries no weight.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import takewhile

import numpy as np
from copydetect import CodeFingerprint, compare_files
from jaxtyping import Float

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.staff.similar.normal import Piece, pieces
from tests.autograder.staff import bank

GRAM = 3  # tokens in one fingerprint
SHORT = 13  # tokens; exercises that can be answered with fewer carry no weight
FIRST = 0x4E00  # of the characters that stand for tokens
DRAWS = 1_000_000  # pairs of independent submissions
SEED = 0  # of these draws
WORTH = 0.05  # pairs expected by chance, below which a pair is worth a look
BLOCK = 4096  # fingerprints multiplied at once

Matrix = Float[np.ndarray, "n n"]


class Tokens(dict):
    """A character for each token, so that copydetect, which compares characters, compares tokens."""

    def __missing__(self, token: str) -> str:
        self[token] = chr(FIRST + len(self))
        return self[token]


ALL = Tokens()


def fingerprint(piece: Piece | None) -> CodeFingerprint | None:
    """None without an answer, or if it is too short for a single fingerprint."""
    if piece is None or len(piece.tokens) < GRAM:
        return None
    text = io.StringIO("".join(ALL[token] for token in piece.tokens), newline="")
    return CodeFingerprint("answer", GRAM, win_size=1, filter=False, fp=text)


def similarities(prints: Sequence[CodeFingerprint | None]) -> Matrix:
    """Of every two answers, from 0 to 1; nan where there is none."""
    column: dict[int, int] = {}
    places = [
        (at, column.setdefault(gram, len(column))) for at, each in enumerate(prints) if each for gram in each.hashes
    ]
    places.sort(key=lambda place: place[1])
    rows, columns = np.array(places, dtype=np.int64).reshape(-1, 2).T
    shared = np.zeros((len(prints), len(prints)), dtype=np.float32)
    for begin in range(0, len(column), BLOCK):
        own = slice(*np.searchsorted(columns, (begin, begin + BLOCK)))
        block = np.zeros((len(prints), BLOCK), dtype=np.float32)
        block[rows[own], columns[own] - begin] = 1
        shared += block @ block.T
    size = np.array([len(each.hashes) if each else np.nan for each in prints], dtype=np.float32)
    return 2 * shared / (size[:, None] + size)


def slices(first: CodeFingerprint, second: CodeFingerprint) -> tuple[set[int], set[int]]:
    """The tokens of each that the other has, too, by number."""
    _, _, found = compare_files(first, second)
    return tuple({at for begin, end in np.atleast_2d(each).T for at in range(int(begin), int(end))} if np.size(each)
                 else set() for each in found)  # fmt: skip


# --- what independent right answers share -----------------------------------------------------------------------------
@dataclass(frozen=True)
class Base:
    """The bank's right answers to an exercise."""

    count: int
    shortest: int
    """Tokens of the shortest one."""
    matrix: Matrix
    """Their similarities."""

    @property
    def weighs(self) -> bool:
        return self.shortest >= SHORT

    def share(self, similarity: np.ndarray) -> np.ndarray:
        """Of independent pairs that are at least as alike. Two students may have the same idea: each draws an answer
        from the bank, and both may draw the same one."""
        return shares(self.matrix.ravel(), similarity)


def shares(known: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    """The share of `known` similarities that are at least as large, one more counted for what nobody has seen yet."""
    ordered = np.sort(known)
    larger = len(ordered) - np.searchsorted(ordered, np.asarray(similarity) - 1e-6)
    return (1 + larger) / (1 + len(ordered))


def answers() -> dict[str, dict[str, Piece]]:
    """Right answers to each exercise by name: the reference and the bank of alternatives."""
    texts = [(each.id, "reference", each.file, (ROOT / each.file).read_text(encoding="utf-8"))
             for each in exercises.load().values()]  # fmt: skip
    texts += [(id, name, each.file, each.source) for name, each in bank.alternatives().items() for id in each.exercises]
    found: dict[str, dict[str, Piece]] = {id: {} for id in exercises.load()}
    read = cache(pieces)
    for id, name, file, text in texts:
        found[id][name] = read(text, file)[id]
    return found


def base(known: Mapping[str, Mapping[str, Piece]]) -> dict[str, Base]:
    """By exercise. `known`: as from `answers`."""
    return {
        id: Base(
            len(own),
            min(len(piece.tokens) for piece in own.values()),
            similarities([fingerprint(piece) for piece in own.values()]),
        )
        for id, own in known.items()
    }


class Chance:
    """The scores of independent right submissions: to each exercise, both students draw an answer from the bank."""

    def __init__(self, bases: Mapping[str, Base], draws: int = DRAWS, seed: int = SEED):
        rng = np.random.default_rng(seed)
        self.scores = np.zeros(draws, dtype=np.float32)
        for each in bases.values():
            if each.weighs:
                score = -np.log(each.share(each.matrix)).astype(np.float32)
                self.scores += score[tuple(rng.integers(each.count, size=(2, draws)))]
        self.scores.sort()

    def share(self, score: float) -> float:
        """Of independent pairs with at least this score; never less than one draw can tell."""
        return (1 + len(self.scores) - int(np.searchsorted(self.scores, score - 1e-4))) / (1 + len(self.scores))


# --- a class ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Exercise:
    """An exercise in the class."""

    similarity: Matrix
    by_chance: Matrix
    """The share of independent right answers that are as alike; 1 where there is no answer."""
    in_class: Matrix
    """The share of other pairs of the class that are as alike; 1 where there is no answer."""

    @property
    def score(self) -> Matrix:
        return -np.log(np.maximum(self.by_chance, self.in_class))


def _exercise(prints: list[CodeFingerprint | None], base: Base) -> Exercise:
    found = similarities(prints)
    upper = found[np.triu_indices(len(prints), 1)]
    others = np.sort(upper[~np.isnan(upper)])
    known = ~np.isnan(found)
    chance, own = (np.ones_like(found) for _ in range(2))
    chance[known] = base.share(found[known])
    if len(others) > 1:  # a pair is not compared with itself
        larger = len(others) - np.searchsorted(others, found[known] - 1e-6) - 1
        own[known] = np.maximum(larger, 0) / (len(others) - 1)
    else:
        own[known] = 0.0
    return Exercise(found, chance, own)


@dataclass(frozen=True)
class Comparison:
    """Every two submissions of a class."""

    count: int
    exercises: dict[str, Exercise]
    bases: Mapping[str, Base]
    chance: Chance

    @classmethod
    def of(cls, works: Sequence[Mapping[str, Piece]], bases: Mapping[str, Base], chance: Chance) -> "Comparison":
        """`works`: the code of each submission, by exercise."""
        found = {id: _exercise([fingerprint(work.get(id)) for work in works], each) for id, each in bases.items()}
        return cls(len(works), found, bases, chance)

    @property
    def pairs(self) -> int:
        return self.count * (self.count - 1) // 2

    @cached_property
    def score(self) -> Matrix:
        return np.sum([each.score for id, each in self.exercises.items() if self.bases[id].weighs], axis=0)

    def share(self, pair: tuple[int, int]) -> float:
        """Of independent pairs that are at least as alike."""
        return self.chance.share(float(self.score[pair]))

    def expected(self, pair: tuple[int, int]) -> float:
        """How many pairs in a class of this size would be at least as alike by chance."""
        return self.share(pair) * self.pairs

    def most_alike(self, most: int | None = None) -> Iterator[tuple[int, int]]:
        """The pairs with the highest scores, the highest first."""
        first, second = np.triu_indices(self.count, 1)
        order = np.argsort(-self.score[first, second], kind="stable")[:most]
        return zip(first[order].tolist(), second[order].tolist(), strict=True)

    def worth_a_look(self) -> list[tuple[int, int]]:
        """All pairs that chance does not explain, the most similar first."""
        return list(takewhile(lambda pair: self.expected(pair) < WORTH, self.most_alike()))
