"""The tables of the optional Hopper experiment, for `scripts.staff.tables`: its returns, and what else was tried.

They show the numbers of its figures, out/hopper/figures/*.csv, and its claims.
"""

import csv
from pathlib import Path

from scripts.command import UserError
from scripts.staff.bench.rows import yes
from tests.autograder.markdown import table

COMMAND = "python -m scripts.figures --only hopper --out out/hopper"
CLAIMS = "Hopper, "  # so its claims begin
FILES = {"returns": "figures/hopper_returns.csv", "tried": "figures/hopper_tried.csv"}
"""In the folder of its results; the first line holds the names of the columns."""


def is_hopper(row: dict) -> bool:
    """Whether a row of claims.json is a claim of Hopper."""
    return row["claim"].startswith(CLAIMS)


def numbers_in(folder: Path) -> dict[str, list[list[str]]]:
    """The numbers of the figures, without those that are not there. Raises UserError for a damaged file."""
    return {name: _read(path) for name, file in FILES.items() if (path := folder / file).exists()}


def _read(path: Path) -> list[list[str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise UserError(f"{path} is no CSV ({error}); make it again: {COMMAND}") from error
    if len(rows) < 2 or len({len(row) for row in rows}) > 1:
        raise UserError(f"{path} is no table: rows are missing, or have different lengths; make it again: {COMMAND}")
    return rows


def returns_table(hopper: dict, on: str) -> str:
    """Round by round, beside what another course published, and the claims. `on`: the seeds and the date."""
    claims = [["claim", "target", f"measured on {on}", "holds"]]
    for row in hopper["claims"]:
        claims.append([row["claim"], row["target"], row["shown"], yes(row["holds"])])
    return (
        f"Measured by `{COMMAND}` on {on}. Returns: the mean over the seeds, with its 95 % bootstrap interval. "
        "Published: Berkeley's CS 285, homework 1, with another expert and other numbers of labels.\n\n"
        f"{table(hopper['returns'], aligned=False)}\n\n{table(claims, aligned=False)}"
    )


def tried_table(hopper: dict, on: str) -> str:
    """The same comparison in other settings."""
    tried = table(hopper["tried"], aligned=False)
    return f"Measured in the same run, on {on}; rounds 2 and 3 are the middle ones.\n\n{tried}"
