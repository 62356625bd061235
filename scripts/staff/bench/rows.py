"""The results of the benchmark: a list of rows, kept as JSON and shown as a table."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.autograder.markdown import table


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    ours: float | None
    """In `unit`; None if it could not be measured (then `note` says why)."""
    peer: float | None
    """In `unit`; None where nothing is compared."""
    ratio: float | None
    """ours / peer, or peer / ours where the target asks how many times cheaper ours is."""
    target: str
    holds: bool
    unit: str = ""
    note: str = ""
    measurement: str = ""
    """Name of the measurement that the row belongs to; `main` fills in this and the next two."""
    date: str = ""
    """Such as 2026-11-25."""
    cores: int = 0
    """Cores of the machine."""


def limit(what: str, measured: float, most: float, unit: str, note: str = "") -> Row:
    """A row without a peer, which holds if what was measured is at most `most`."""
    return Row(what, measured, None, None, f"<= {most:g} {unit}", measured <= most, unit, note)


def write(rows: list[Row], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n", encoding="utf-8")


def has_rows(path: Path) -> bool:
    """Whether a file holds rows, as `write` writes them."""
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return False
    return isinstance(found, list) and all(isinstance(row, dict) and "measurement" in row for row in found)


def markdown(rows: Sequence[Row]) -> str:
    """The rows as a table, with their notes below it."""
    lines = [["what", "ours", "peer", "ratio", "target", "holds"]]
    notes: list[str] = []
    for row in rows:
        mark = ""
        if row.note:
            notes.append(row.note)
            mark = f" ({len(notes)})"
        ratio = "" if row.ratio is None else f"{number(row.ratio)}x"
        ours, peer = (quantity(value, row.unit) for value in (row.ours, row.peer))
        lines.append([row.what + mark, ours, peer, ratio, row.target, yes(row.holds)])
    numbered = [f"{i}. {note}" for i, note in enumerate(notes, start=1)]
    return "\n".join([table(lines, aligned=False), *(["", *numbered] if notes else [])])


def yes(holds: bool) -> str:
    """Whether a claim holds or a target is reached: a failure stands out."""
    return "yes" if holds else "**no**"


def quantity(value: float | None, unit: str) -> str:
    return "" if value is None else f"{number(value)} {unit}"


def number(value: float) -> str:
    """Three significant digits: 0.123, 12.3, 123,000."""
    rounded = float(f"{value:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:g}"
