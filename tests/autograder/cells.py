"""The code of a Jupyter notebook that was handed in instead of a module."""

import json
import re

from tests.autograder.containers import FileError

MAX_NOTEBOOK = 4 << 20  # bytes, because figures are stored in it
REMEDY = "hand in the module itself, as a .py file"
# Commands of Jupyter. In Python, no line begins with "!", and a "%" that begins a line is followed by a blank.
COMMAND = re.compile(r"^([ \t]*)([%!][^\s=].*|\?.*)$", re.MULTILINE)
HARMLESS = re.compile(r"%%(time|timeit|capture|prun)\b.*\n?")  # such a cell is still Python


def code(file: str, data: bytes) -> bytes:
    """The code cells as one module in UTF-8, with Jupyter's commands as comments. Raises FileError if there is none."""
    try:
        cells = [_source(cell) for cell in json.loads(data)["cells"] if cell["cell_type"] == "code"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise FileError(f"{file} is no notebook that can be read: {REMEDY}") from error
    parts = [_python(cell) for cell in cells]
    if not any(part.strip() for part in parts):
        raise FileError(f"{file} is a notebook without code: {REMEDY}")
    return "\n\n".join(parts).encode(errors="backslashreplace")


def _source(cell: dict) -> str:
    """The text of a cell, which is stored as one string or as a list of lines."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _python(cell: str) -> str:
    cell = HARMLESS.sub("", cell, count=1) if HARMLESS.match(cell) else cell
    return "" if cell.startswith("%%") else COMMAND.sub(r"\1pass  # \2", cell)
