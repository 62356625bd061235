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
WESTERN = (
    "the text is not UTF-8 and no comment names its encoding: it was read as Western European text (Windows-1252 or "
    "Latin-1). Python itself would refuse the file, so save it as UTF-8."
)
CHANGES = (LINE_ENDS, MARK, CONVERTED, WESTERN)
REMEDY = "save the file as UTF-8"


def plain(file: str, data: bytes) -> tuple[bytes, set[str]]:
    """The bytes that Python compiles, with Unix line ends and without a byte order mark; and what of CHANGES was done.

    A comment in the first two lines may name another encoding than UTF-8. The text then stays in that encoding, so
    that the comment stays true. Text that is neither is read as Western European, in which every byte is a character:
    that can be wrong in comments and strings only. Raises FileError if Python could not read the text.
    """
    changes = set()
    if wide := next((name for mark, name in WIDE.items() if data.startswith(mark)), None) or _unmarked(data):
        data = _narrow(file, data, wide)
        changes.add(CONVERTED)
    if data.startswith(codecs.BOM_UTF8):
        changes.add(MARK)
    if b"\r" in data:
        changes.add(LINE_ENDS)
    data = normal(data)
    if MARK not in changes and _is_western(data):
        data = _western(data)
        changes.add(WESTERN)
    _check(file, data)
    return data, changes


def normal(data: bytes) -> bytes:
    """The text with Unix line ends, without the byte order mark that some Windows editors write."""
    return re.sub(b"\r\n?", b"\n", data.removeprefix(codecs.BOM_UTF8))


def _unmarked(data: bytes) -> str | None:
    """UTF-16 without its mark, if it is that without doubt: every second byte of ASCII text is zero."""
    for name, zeros, letters in (("UTF-16-LE", data[1::2], data[::2]), ("UTF-16-BE", data[::2], data[1::2])):
        if len(data) % 2 == 0 and data and not any(zeros) and all(letters):
            return name
    return None


def _is_western(data: bytes) -> bool:
    """Whether Python would read the text as UTF-8, which it is not."""
    try:
        data.decode()
    except UnicodeDecodeError:
        pass
    else:
        return False
    try:
        return b"\0" not in data and _encoding(data) == "utf-8"
    except SyntaxError:  # `_check` tells it
        return False


def _western(data: bytes) -> bytes:
    try:
        return data.decode("cp1252").encode()
    except UnicodeDecodeError:  # Windows-1252 leaves five bytes without a character
        return data.decode("latin-1").encode()


def _encoding(data: bytes) -> str:
    """The encoding by which Python reads a text, as it calls itself. Raises SyntaxError or LookupError."""
    # For Python, the first two lines need not be UTF-8 if one of them names an encoding. For tokenize they must be.
    head = re.sub(rb"[\x80-\xff]", b"?", b"\n".join(data.split(b"\n", 2)[:2]))
    encoding, _ = tokenize.detect_encoding(io.BytesIO(head).readline)
    return codecs.lookup(encoding).name  # always short, unlike the name in the comment


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
    try:
        encoding = _encoding(data)
    except SyntaxError as error:
        raise FileError(f"{file}, at the top: {shown(error.msg)}; {REMEDY}, and delete that comment") from error
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
