"""Help in steps: hints on what `scripts.check` found, one more with each call.

`hints.toml` has three for each kind of mistake and for each exercise. How many were taken is kept in out/hints.json,
for the student alone: no other command reads that file.
"""

import json
import re
import textwrap
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.command import UserError, read_json
from tests.autograder.report import Result

TABLE = Path(__file__).with_suffix(".toml")
TAKEN = Path("out/hints.json")


@dataclass(frozen=True)
class Kind:
    """Mistakes that need the same help."""

    name: str
    hints: tuple[str, ...]
    mistakes: tuple[str, ...] = ()
    """Patterns, one of which is in the sentence of a known mistake."""
    reasons: tuple[str, ...] = ()
    """Patterns, one of which is in what a check says, if no known mistake explains it."""
    exercises: tuple[str, ...] = ()
    """Those to which it applies; empty for all."""

    def explains(self, exercise: str, mistake: str) -> bool:
        return self._applies(exercise) and any(re.search(pattern, mistake) for pattern in self.mistakes)

    def follows(self, exercise: str, reason: str) -> bool:
        return self._applies(exercise) and any(re.search(pattern, reason) for pattern in self.reasons)

    def _applies(self, exercise: str) -> bool:
        return not self.exercises or exercise in self.exercises


@cache
def kinds() -> list[Kind]:
    """In the order in which they are tried."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["kind"]
    return [Kind(**{key: value if key == "name" else tuple(value) for key, value in row.items()}) for row in rows]


@cache
def beginnings() -> dict[str, Kind]:
    """Of each exercise: how to begin, and what helps if nothing is known about a mistake."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["exercise"]
    return {id: Kind(f"exercise {id}", tuple(hints)) for id, hints in rows.items()}


def of_mistake(exercise: str, mistake: str) -> Kind | None:
    """The kind of a known mistake, by the sentence that names it."""
    return next((kind for kind in kinds() if kind.explains(exercise, mistake)), None)


def of_result(result: Result) -> Kind:
    """The help for an exercise that has not passed."""
    return next(_fitting(result), beginnings()[result.exercise.id])


def _fitting(result: Result) -> Iterator[Kind]:
    id = result.exercise.id
    yield from filter(None, (of_mistake(id, says) for says in result.mistakes))
    for verdict in result.verdicts:
        if verdict.status not in ("passed", "not attempted", "waiting") and not verdict.mistakes:
            yield from (kind for kind in kinds() if kind.follows(id, verdict.text))


def next_hint(result: Result, root: Path, width: int) -> str:
    """The text with one more hint than the last time, and the numbers of hints taken. Counts it."""
    kind, taken = of_result(result), read_taken(root / TAKEN)
    own = taken.setdefault(result.exercise.id, {})
    own[kind.name] = count = min(own.get(kind.name, 0) + 1, len(kind.hints))
    _write(root / TAKEN, taken)
    return "\n".join([*_shown(kind, count, width), _counted(result.exercise.id, kind, count, taken)])


def _shown(kind: Kind, count: int, width: int) -> Iterator[str]:
    for number, hint in enumerate(kind.hints[:count], 1):
        yield f"\nhint {number} of {len(kind.hints)}"
        yield textwrap.fill(hint, width, initial_indent=" " * 4, subsequent_indent=" " * 4, break_on_hyphens=False)


def _counted(exercise: str, kind: Kind, count: int, taken: dict[str, dict[str, int]]) -> str:
    last = count == len(kind.hints)
    more = "This was the last one on this." if last else "Try first; the same command then gives the next one."
    total = sum(sum(own.values()) for own in taken.values())
    numbers = f"Hints taken: {sum(taken[exercise].values())} in {exercise}, {total} in all"
    return f"\n{more}\n{numbers} ({TAKEN.as_posix()}; only you see this)."


def read_taken(path: Path) -> dict[str, dict[str, int]]:
    """Hints taken, by exercise and kind. Raises UserError if the file is not one of ours."""
    if not path.exists():
        return {}
    remedy = "delete it: only the count of your hints is lost"
    taken = read_json(path, remedy)
    rows = list(taken.values()) if isinstance(taken, dict) else [None]
    if not all(isinstance(own, dict) and all(type(n) is int and n > 0 for n in own.values()) for own in rows):
        raise UserError(f"{path} does not hold numbers of hints; {remedy}")
    return taken


def _write(path: Path, taken: dict[str, dict[str, int]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(taken, indent=1) + "\n", encoding="utf-8")
