"""Tables of the READMEs in Markdown."""

from collections.abc import Sequence


def table(rows: Sequence[Sequence[str]]) -> str:
    """A table; the first row holds the names of the columns."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([lines[0], f"|{'---|' * len(rows[0])}", *lines[1:]])


def yes(holds: bool) -> str:
    """Whether a claim holds or a target is reached: a failure stands out."""
    return "yes" if holds else "**no**"
