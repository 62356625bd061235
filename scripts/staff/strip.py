"""What a student gets instead of a staff file: no solutions, nothing that concerns staff.

The markers are the same in every format, inside its comments (here a file that is not Python's):

    <!-- BEGIN SOLUTION 1.3 --> ... <!-- END SOLUTION -->     becomes the stub
    <!-- BEGIN STAFF --> ... <!-- END STAFF -->               vanishes

In Python the stub is `raise NotImplementedError("TODO 1.3")`, elsewhere the words TODO 1.3. A notebook's cells are
treated one by one, as Python or as Markdown.
"""

import json
import re
from collections.abc import Collection

from hw1 import exercises

COMMENTS = {  # by the end of a file's name: what begins a comment line, and what ends it
    ".md": ("<!-- ", " -->"),
    ".html": ("<!-- ", " -->"),
    ".tex": ("% ", ""),
    ".sty": ("% ", ""),
    ".cls": ("% ", ""),
}
MARKER = r"(?P<indent>\s*){open}(?P<edge>BEGIN|END) (?P<kind>SOLUTION|STAFF)(?: (?P<id>\S+?))?{close}\s*"


def strip(text: str, name: str = ".py", keep: Collection[str] = ()) -> str:
    """A file's text for students; `name` tells the format.

    Args:
        keep: exercises whose solutions stay, without their markers.

    Raises ValueError, which says in which line, if markers are nested or unbalanced, or name no exercise.
    """
    if name.endswith(".ipynb"):
        return _strip_notebook(text, keep)
    suffix = next((suffix for suffix in COMMENTS if name.endswith(suffix)), "")
    begin, end = COMMENTS.get(suffix, ("# ", ""))
    marker = re.compile(MARKER.format(open=re.escape(begin), close=re.escape(end)))
    stub = '{indent}raise NotImplementedError("TODO {id}")' if name.endswith(".py") else "{indent}TODO {id}"
    kept: list[str] = []
    opened: tuple[int, str] | None = None  # line and kind of the marker whose END is still to come
    shown = True
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        found = marker.fullmatch(line)
        if found is None:
            if shown:
                kept.append(line)
        elif found["edge"] == "END":
            if opened is None or opened[1] != found["kind"]:
                raise ValueError(f"line {number}: END {found['kind']} without its BEGIN")
            opened, shown = None, True
        else:
            if opened is not None:
                raise ValueError(f"line {number}: BEGIN {found['kind']} inside of what begins in line {opened[0]}")
            opened, shown = (number, found["kind"]), False
            if found["kind"] == "SOLUTION":
                if found["id"] not in exercises.load():
                    raise ValueError(f"line {number}: there is no exercise {found['id']}")
                shown = found["id"] in keep
                if not shown:
                    kept.append(stub.format(**found.groupdict()) + line[len(line.rstrip("\r\n")) :])
    if opened is not None:
        raise ValueError(f"line {opened[0]}: BEGIN {opened[1]} has no END")
    return "".join(kept)


def _strip_notebook(text: str, keep: Collection[str]) -> str:
    """The same for each cell; a cell of which nothing is left vanishes."""
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
