"""Reads CSV files as people and platforms write them: any spelling of a column, comma, semicolon or tab, any encoding
that Excel uses."""

import codecs
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.autograder.staff.batch import BatchError
from tests.autograder.staff.names import quoted

MOST = 64 << 20  # bytes
SEPARATORS = ",;\t"


@dataclass(frozen=True)
class Sheet:
    """A table as it is in its file, so that it can be written again unchanged but for some cells."""

    path: Path
    header: list[str]
    rows: list[list[str]]
    """Each as long as the header at least."""
    separator: str = ","
    encoding: str = "utf-8"
    top: str = ""
    """A line above the header that names the separator."""
    records: tuple["Record", ...] = field(default=(), repr=False)
    """All records as they are written, the header and empty ones too."""

    def column(self, *names: str) -> int | None:
        """The number of the first of these columns that exists; only letters and digits of their names count."""
        return next((self._plain.index(name) for name in map(squeezed, names) if name in self._plain), None)

    @cached_property
    def _plain(self) -> list[str]:
        return [squeezed(title) for title in self.header]

    def cells(self, *names: str) -> list[str]:
        """The cells of that column from top to bottom, "" everywhere if it does not exist."""
        return [self.cell(number, *names) for number in range(len(self.rows))]

    def cell(self, number: int, *names: str) -> str:
        """The cell of a row in that column, without blanks around it."""
        at = self.column(*names)
        return "" if at is None else self.rows[number][at].strip()

    def required(self, *names: str) -> list[str]:
        """The same. Raises BatchError if there is no such column."""
        if self.column(*names) is None:
            raise BatchError(f"{quoted(self.path)} has no column {names[0]!r}; it has {', '.join(self.header)}")
        return self.cells(*names)

    def line(self, number: int) -> str:
        """Where a row is, counted as an editor does unless a cell has several lines."""
        return f"{quoted(self.path)}, line {number + 2}"


def squeezed(text: str) -> str:
    """Letters and digits only, in small letters without accents: what names and titles are compared by."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in plain if c.isalnum())


def read(path: Path) -> Sheet:
    """A CSV file with a header. Raises BatchError, with the remedy, if it is none."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BatchError(f"{quoted(path)} cannot be read: {error.strerror}") from error
    if data.startswith((b"PK\3\4", b"\xd0\xcf\x11\xe0")):
        raise BatchError(f"{quoted(path)} is a workbook: save it as CSV")
    if len(data) > MOST:
        raise BatchError(f"{quoted(path)} is larger than {MOST >> 20} MiB, as no table of a class is")
    text, encoding = decoded(data)
    return parse(path, text, encoding)


def decoded(data: bytes) -> tuple[str, str]:
    """The text and the encoding with which it can be written again."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", errors="replace"), "utf-16"
    for encoding in ("utf-8-sig" if data.startswith(codecs.BOM_UTF8) else "utf-8", "cp1252"):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1"), "latin-1"


@dataclass(frozen=True)
class Record:
    """A line of a CSV file, or several if a cell has several."""

    raw: tuple[str, ...]
    """Its cells, with their quotation marks."""
    end: str
    """The line end."""

    @property
    def values(self) -> list[str]:
        return [raw[1:-1].replace('""', '"') if raw[:1] == raw[-1:] == '"' != raw else raw for raw in self.raw]

    @property
    def is_empty(self) -> bool:
        return not any(self.values)


def parse(path: Path, text: str, encoding: str = "utf-8") -> Sheet:
    """The table in a text. Raises BatchError if it has no header."""
    text = text.replace("\0", "")
    told = re.match(r"sep=(.)\r?\n", text)  # Excel's own line
    top = told[0] if told else ""
    first = text[len(top) :].partition("\n")[0]
    separator = told[1] if told else max(SEPARATORS, key=first.count)  # of equal counts the comma
    records = tuple(_records(text[len(top) :], separator))
    lines = [record.values for record in records if not record.is_empty]
    if not lines:
        raise BatchError(f"{quoted(path)} is empty; the first line must name the columns")
    header, *rows = lines
    rows = [row + [""] * (len(header) - len(row)) for row in rows]
    return Sheet(path, header, rows, separator, encoding, top, records)


def _records(text: str, separator: str) -> Iterator[Record]:
    """Unlike Python's csv, this keeps how each cell is written."""
    cells: list[str] = []
    mark = re.escape(separator)
    for cell in re.finditer(rf'("(?:[^"]|"")*"|[^{mark}\r\n]*)({mark}|\r\n|\n|\r|\Z)', text):
        cells.append(cell[1])
        if cell[2] != separator:
            yield Record(tuple(cells), cell[2])
            cells = []
        if not cell[2]:
            return


def written(sheet: Sheet, changes: dict[tuple[int, int], str]) -> bytes:
    """The file again, byte for byte but for some cells.

    Args:
        changes: the new text of cells, by the numbers of row and column.
    """
    new: dict[int, dict[int, str]] = defaultdict(dict)
    for (row, at), text in changes.items():
        new[row][at] = text
    lines, row = [sheet.top], -2  # the header is the first record that is not empty
    for record in sheet.records:
        row += not record.is_empty
        cells = list(record.raw)
        for at in sorted(new[row]) if not record.is_empty else ():
            cells += [""] * (at + 1 - len(cells))
            cells[at] = _cell(new[row][at], cells[at], sheet.separator)
        lines.append(sheet.separator.join(cells) + record.end)
    text = "".join(lines)
    try:
        return text.encode(sheet.encoding)
    except UnicodeEncodeError:  # a text that the file's encoding does not have
        return text.encode("utf-8-sig")


def _cell(new: str, raw: str, separator: str) -> str:
    """A text as the cell was written, with quotation marks if that one had them or the text needs them."""
    quote = raw.startswith('"') or any(mark in new for mark in ('"', separator, "\r", "\n"))
    return '"' + new.replace('"', '""') + '"' if quote else new
