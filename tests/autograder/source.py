"""The encoding of a student's file: its bytes as Python can compile them, or a sentence why it cannot (PEP 263)."""

import codecs
import io
import re
import tokenize

from tests.autograder.containers import FileError, shown

WIDE = {  # the longer marks first: UTF-32 starts as UTF-16 does
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
CODING = re.compile(rb"^([ \t\f]*#.*?coding[:=][ \t]*)[-\w.]+")  # the comment that names the encoding
# Not for code. The first two take hours for a megabyte of some texts; the last one prints warnings.
REFUSED = {"punycode", "idna", "unicode-escape"}
LINE_ENDS = "Windows line ends were changed to Unix line ends."
MARK = "the byte order mark at the start was removed."
CONVERTED = "the text was converted to UTF-8, because Python does not run UTF-16 or UTF-32."
CHANGES = (LINE_ENDS, MARK, CONVERTED)
REMEDY = "save the file as UTF-8"


def plain(file: str, data: bytes) -> tuple[bytes, set[str]]:
    """The bytes that Python compiles, with Unix line ends and without a byte order mark; and what of CHANGES was done.

    A comment in the first two lines may name another encoding than UTF-8. The text then stays in that encoding, so
    that the comment stays true. Raises FileError if Python could not read the text.
    """
    changes = set()
    if wide := next((name for mark, name in WIDE.items() if data.startswith(mark)), None):
        data = _narrow(file, data, wide)
        changes.add(CONVERTED)
    if data.startswith(codecs.BOM_UTF8):
        changes.add(MARK)
    if b"\r" in data:
        changes.add(LINE_ENDS)
    data = normal(data)
    _check(file, data)
    return data, changes


def normal(data: bytes) -> bytes:
    """The text with Unix line ends, without the byte order mark that some Windows editors write."""
    return re.sub(b"\r\n?", b"\n", data.removeprefix(codecs.BOM_UTF8))


def _narrow(file: str, data: bytes, wide: str) -> bytes:
    """Text in UTF-16 or UTF-32 as UTF-8. If a comment names the encoding, it is changed too."""
    try:
        lines = normal(data.decode(wide).encode()).split(b"\n", 2)
    except UnicodeError as error:
        raise FileError(f"{file} is damaged {wide} text: {REMEDY}") from error
    return b"\n".join([CODING.sub(rb"\1utf-8", line) for line in lines[:2]] + lines[2:])


def _check(file: str, data: bytes) -> None:
    """Raise FileError if Python could not read the text."""
    if (at := data.find(b"\0")) >= 0:
        raise FileError(f"{file}, {_line(data, at)}: a null byte, which Python does not accept; {REMEDY}")
    # For Python, the first two lines need not be UTF-8 if one of them names an encoding. For tokenize they must be.
    head = re.sub(rb"[\x80-\xff]", b"?", b"\n".join(data.split(b"\n", 2)[:2]))
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(head).readline)
    except SyntaxError as error:
        raise FileError(f"{file}, at the top: {shown(error.msg)}; {REMEDY}, and delete that comment") from error
    encoding = codecs.lookup(encoding).name  # always short, unlike the name in the comment
    unfit = FileError(f"{file}, at the top: {encoding} is no encoding for code; {REMEDY}, and delete that comment")
    if encoding in REFUSED:
        raise unfit
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        where = f"{file}, {_line(data, error.start)}"
        if encoding == "utf-8":
            raise FileError(f"{where}: not UTF-8 text; {REMEDY}") from error
        raise FileError(f"{where}: not {encoding}, which a comment at the top promises; {REMEDY}") from error
    except (UnicodeError, LookupError) as error:  # a codec that is not for text, such as zip
        raise unfit from error
    if encoding != "utf-8" and "coding" not in text:  # the comment itself must be in this encoding
        raise unfit


def _line(data: bytes, at: int) -> str:
    return f"line {data.count(10, 0, at) + 1}"
