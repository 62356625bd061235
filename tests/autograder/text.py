"""Text from elsewhere, made safe to show."""

import re

NUMBERS = re.compile(r"(?<=\w)[:,]?\s*tensor\(\[.*", re.DOTALL)
"""A tensor that PyTorch writes out behind a message, and that a limit would cut in the middle."""


def clean(text: object, limit: int = 300) -> str:
    """One line of printable characters, without a tensor at its end."""
    line = NUMBERS.sub("", str(text)[: 2 * limit])[:limit]
    return (line if line.isprintable() else "".join(c if c.isprintable() else " " for c in line)).strip()
