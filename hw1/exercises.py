"""The exercise table, `exercises.toml`, as objects."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_suffix(".toml")
POINTS = {"code": 80, "written": 20, "extra": 20}


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
    rows = tomllib.loads(TABLE.read_text())["exercises"]
    table = {row["id"]: Exercise(**row | {"names": tuple(row["names"])}) for row in rows}
    if len(table) != len(rows):
        raise ValueError(f"{TABLE}: an exercise id is used twice")
    points = {
        "code": sum(e.points for e in table.values() if not e.extra),
        "written": sum(written().values()),
        "extra": sum(e.points for e in table.values() if e.extra),
    }
    if points != POINTS:
        raise ValueError(f"{TABLE}: the points are {points}, they must be {POINTS}")
    return table


def written() -> dict[str, int]:
    """Points of the written questions by id."""
    return tomllib.loads(TABLE.read_text())["written"]


def files() -> list[str]:
    """The files that students edit and hand in."""
    return list(dict.fromkeys(exercise.file for exercise in load().values()))
