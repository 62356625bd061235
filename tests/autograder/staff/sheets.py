"""Reads CSV files as people and platforms write them: any spelling of a column, comma, semicolon or tab, any encoding
that Excel uses."""

import codecs
import csv
import io
import re
import unicodedata
from dataclasses import dataclass
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
    line_end: str = "\n"

    def column(self, *names: str) -> int | None:
        """The number of the first of these columns that exists; only letters and digits of their names count."""
        return next((self._plain.index(name) for name in map(squeezed, names) if name in self._plain), None)

    @cached_property
    def _plain(self) -> list[str]:
        return [squeezed(title) for title in self.header]

    def cells(self, *names: str) -> list[str]:
        """The cells of that column from top to bottom, "" everywhere if it does not exist."""
        at = self.column(*names)
        return ["" if at is None else row[at].strip() for row in self.rows]

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


def parse(path: Path, text: str, encoding: str = "utf-8") -> Sheet:
    """The table in a text. Raises BatchError if it has no header."""
    text = text.replace("\0", "")
    first, _, rest = text.partition("\n")
    if told := re.fullmatch(r"sep=(.)\s*", first):  # Excel's own line
        separator, text = told[1], rest
    else:
        separator = max(SEPARATORS, key=first.count)  # of equal counts the comma
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=separator) if any(line)]
    except csv.Error as error:
        raise BatchError(f"{quoted(path)} is no table ({error}): save it as CSV") from error
    if not lines:
        raise BatchError(f"{quoted(path)} is empty; the first line must name the columns")
    header, *rows = lines
    rows = [row + [""] * (len(header) - len(row)) for row in rows]
    return Sheet(path, header, rows, separator, encoding, "\r\n" if "\r\n" in text else "\n")


def written(sheet: Sheet) -> bytes:
    """The file again: its separator, encoding and line ends stay. Cells that need no quotation marks have none."""
    text = io.StringIO()
    csv.writer(text, delimiter=sheet.separator, lineterminator=sheet.line_end).writerows([sheet.header, *sheet.rows])
    try:
        return text.getvalue().encode(sheet.encoding)
    except UnicodeEncodeError:  # a name that the file's encoding does not have
        return text.getvalue().encode("utf-8-sig")
