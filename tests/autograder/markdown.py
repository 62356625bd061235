"""Tables and foreign text in Markdown."""

import re
from collections.abc import Sequence

from tests.autograder.text import clean


def code(text: str) -> str:
    """Any text as code in Markdown, which is literal: no link, no HTML."""
    text = clean(text, len(text))
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    padding = " " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def table(rows: Sequence[Sequence[str]], aligned: bool = True) -> str:
    """A table; the first row is the header. `aligned`: with columns that are also readable as plain text."""
    # A backslash in front of `\\|` would escape the backslash instead.
    rows = [[text.replace("\\|", "\\ |").replace("|", "\\|") for text in row] for row in rows]
    widths = [max(map(len, column)) if aligned else 0 for column in zip(*rows, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "|".join("-" * max(width + 2, 3) for width in widths) + "|", *lines[1:]])
