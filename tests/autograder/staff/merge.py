"""Two changes of one text at once, if they concern different words."""

import re
from difflib import SequenceMatcher
from itertools import pairwise

Change = tuple[int, int, list[str]]
"""The words from one number to another are replaced by these words."""


def changes(text: str, changed: str) -> list[Change]:
    """How `text` became `changed`."""
    before, after = _words(text), _words(changed)
    codes = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    return [(begin, end, after[new:new_end]) for kind, begin, end, new, new_end in codes if kind != "equal"]


def both(text: str, first: list[Change], second: list[Change]) -> str:
    """The text with both changes. Raises ValueError if they concern the same words."""
    words = _words(text)
    ordered = sorted([*first, *second], key=lambda change: change[:2])
    for (begin, end, _), (next_begin, next_end, _) in pairwise(ordered):
        if next_begin < end or (begin, end) == (next_begin, next_end):
            raise ValueError("the changes overlap")
    for begin, end, new in reversed(ordered):
        words[begin:end] = new
    return "".join(words)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|\s+|[^\w\s]", text)
