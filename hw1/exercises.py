"""The exercise table, `exercises.toml`, as objects; and the stub of an exercise that is not done yet."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The folder of the homework."""
TABLE = Path(__file__).with_suffix(".toml")
TODO = re.compile(r"TODO (\w\.\d)")
STUB = re.compile(r"""raise NotImplementedError\(["']TODO (\w\.\d)["']\)""")


@dataclass(frozen=True)
class Exercise:
    """One exercise that is solved in code."""

    id: str
    """Such as "1.3", or "E.1" for extra credit."""
    title: str
    points: int
    file: str
    """Where it is solved, relative to the repository."""
    names: tuple[str, ...]
    """The functions or classes in that file."""
    extra: bool = False
    """Whether it is extra credit."""

    @property
    def marker(self) -> str:
        """Of its tests: `pytest -m ex1_3`."""
        return "ex" + self.id.replace(".", "_")


@cache
def load() -> dict[str, Exercise]:
    """The exercises by id, in the order of the handout. Raises ValueError if points or ids do not add up."""
    table = _table()
    rows, written = table["exercises"], table["written"]
    exercises = {row["id"]: Exercise(**row | {"names": tuple(row["names"])}) for row in rows}
    if len(exercises) != len(rows):
        raise ValueError(f"{TABLE}: an exercise id is used twice")
    points = {
        "code": sum(e.points for e in exercises.values() if not e.extra),
        "written": sum(written.values()),
        "extra": sum(e.points for e in exercises.values() if e.extra),
    }
    if points != table["totals"]:
        raise ValueError(f"{TABLE}: the points add up to {points}, but [totals] says {table['totals']}; correct one")
    return exercises


def totals() -> dict[str, int]:
    """The sums of points: "code", "written" and "extra"."""
    return _table()["totals"]


def written() -> dict[str, int]:
    """Points of the written questions by id."""
    return _table()["written"]


def _table() -> dict:
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def files() -> list[str]:
    """The files that students edit and hand in."""
    return list(dict.fromkeys(exercise.file for exercise in load().values()))


def stub(id: str) -> str:
    """What stands in the place of an exercise until it is done."""
    return f'raise NotImplementedError("TODO {id}")'


def unfinished(error: BaseException) -> str:
    """The exercise whose stub raised `error`; empty if no stub did."""
    found = TODO.search(str(error)) if isinstance(error, NotImplementedError) else None
    return found[1] if found else ""
