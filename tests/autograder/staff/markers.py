"""The markers in the files of this repository, and the students' version of a file without solutions and staff's parts.

The markers are the same in every format, as comments of that format (here of Markdown):

    <!-- BEGIN SOLUTION 1.3 --> ... <!-- END SOLUTION -->     becomes the stub
    <!-- BEGIN STAFF --> ... <!-- END STAFF -->               is removed

In Python the stub is `raise NotImplementedError("TODO 1.3")`, elsewhere the words TODO 1.3. Each cell of a notebook is
treated as a file of Python or Markdown. No other module knows what a marker looks like.
"""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass

from hw1 import exercises

COMMENTS = {  # by the end of a file's name: the begin and the end of a comment
    ".md": ("<!-- ", " -->"),
    ".html": ("<!-- ", " -->"),
    ".tex": ("% ", ""),
    ".sty": ("% ", ""),
    ".cls": ("% ", ""),
}
MARKER = r"(?P<indent>\s*){open}(?P<edge>BEGIN|END) (?P<kind>SOLUTION|STAFF)(?: (?P<id>\S+?))?{close}\s*"
MENTION = re.compile(r"(BEGIN|END) (SOLUTION|STAFF)")
"""Anything that looks like a marker, anywhere in a line."""


@dataclass(frozen=True)
class Block:
    """The lines between two markers."""

    kind: str
    """SOLUTION or STAFF."""
    id: str
    """The exercise of a solution; empty for STAFF."""
    indent: str
    begin: int
    """The line of the BEGIN marker, counted from 0."""
    end: int
    """The line of the END marker."""


def blocks(text: str, name: str = ".py") -> list[Block]:
    """All blocks of a file in order; `name` tells the format.

    Raises ValueError, with the line, if markers are nested or unbalanced, or if there is no such exercise.
    """
    suffix = next((suffix for suffix in COMMENTS if name.endswith(suffix)), "")
    begin, end = COMMENTS.get(suffix, ("# ", ""))
    marker = re.compile(MARKER.format(open=re.escape(begin), close=re.escape(end)))
    found: list[Block] = []
    opened: tuple[int, re.Match] | None = None
    for number, line in enumerate(text.splitlines()):
        match = marker.fullmatch(line)
        if match is None:
            continue
        if match["edge"] == "END":
            if opened is None or opened[1]["kind"] != match["kind"]:
                raise ValueError(f"line {number + 1}: END {match['kind']} without its BEGIN")
            first, start = opened
            found.append(Block(start["kind"], start["id"] or "", start["indent"], first, number))
            opened = None
        elif opened is not None:
            raise ValueError(f"line {number + 1}: BEGIN {match['kind']} inside the block of line {opened[0] + 1}")
        else:
            if match["kind"] == "SOLUTION" and match["id"] not in exercises.load():
                raise ValueError(f"line {number + 1}: there is no exercise {match['id']}")
            opened = number, match
    if opened is not None:
        raise ValueError(f"line {opened[0] + 1}: BEGIN {opened[1]['kind']} has no END")
    return found


def strip(text: str, name: str = ".py", keep: Collection[str] = ()) -> str:
    """The students' version of a file's text.

    Args:
        keep: exercises whose solutions stay, but not their markers.

    Raises ValueError as `blocks` does.
    """
    if name.endswith(".ipynb"):
        return _strip_notebook(text, keep)

    def shown(block: Block, content: list[str]) -> list[str]:
        if block.kind == "STAFF":
            return []
        if block.id in keep:
            return content
        return [f"{block.indent}{exercises.stub(block.id) if name.endswith('.py') else f'TODO {block.id}'}\n"]

    return replaced(text, shown, name)


def replaced(text: str, new, name: str = ".py") -> str:
    """The text with each block and its markers replaced by the lines that `new(block, its lines)` returns."""
    lines = text.splitlines(keepends=True)
    made, position = [], 0
    for block in blocks(text, name):
        marker = lines[block.begin]
        ending = marker[len(marker.rstrip("\r\n")) :]
        made += lines[position : block.begin]
        made += [line.rstrip("\r\n") + ending for line in new(block, lines[block.begin + 1 : block.end])]
        position = block.end + 1
    return "".join(made + lines[position:])


def solutions(text: str, exercise: str | None = None) -> list[tuple[int, int]]:
    """The positions in a Python file where the solutions begin and end, of all exercises or of one."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return [
        (starts[block.begin + 1], starts[block.end])
        for block in blocks(text)
        if block.kind == "SOLUTION" and exercise in (None, block.id)
    ]


def _strip_notebook(text: str, keep: Collection[str]) -> str:
    """`strip` for each cell; a cell that becomes empty is removed."""
    notebook = json.loads(text)
    cells = []
    for number, cell in enumerate(notebook["cells"], 1):
        source = "".join(cell["source"])
        try:
            left = strip(source, ".py" if cell["cell_type"] == "code" else ".md", keep)
        except ValueError as error:
            raise ValueError(f"cell {number}, {error}") from None
        if left.strip() or not source.strip():
            cells.append(cell | {"source": left.rstrip("\n").splitlines(keepends=True)})
    return json.dumps(notebook | {"cells": cells}, indent=1, ensure_ascii=False) + "\n"
