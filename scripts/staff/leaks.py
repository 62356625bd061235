"""What must never reach students, and how it is found in the files of a release.

solutions      as syntax trees, in which the names of variables do not matter, and as lines of text
markers        BEGIN SOLUTION and the like
staff          paths of staff folders, titles of hidden probes
outputs        of notebooks
other          compiled files, metadata of images and PDFs, binary files of unknown kinds
"""

import ast
import io
import json
import re
import struct
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath

import pypdf

from tests.autograder.staff import markers

STATEMENT, EXPRESSION = 14, 24  # nodes in a syntax tree that is too large to be the same by coincidence
LINE = 36  # characters, without spaces, in a line that is too long for that
STAFF = re.compile(r"\b(tests|scripts|writeup|notebooks)([./]\w+)*[./]staff\b")
IMAGE_CHUNKS = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"pHYs", b"gAMA", b"sRGB", b"cHRM", b"sBIT", b"bKGD"}
WEBP_CHUNKS = {b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"}
LIBRARIES = {"math", "np", "torch"}
PDF_METADATA = {"/Title", "/Subject", "/Creator"}  # of the document, and the program that made it
BINARY = {".png", ".webp", ".safetensors"}


@dataclass(frozen=True)
class Leak:
    """Something that must not be released."""

    file: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}: {self.what}"


@dataclass(frozen=True)
class Secrets:
    """What to look for."""

    trees: frozenset[str]
    """Fingerprints of the solutions' statements and expressions."""
    lines: frozenset[str]
    """Lines of the solutions without their spaces."""
    words: frozenset[str]
    """Titles of hidden probes, seeds, and paths of the machine on which course staff work."""

    @classmethod
    def of(cls, files: dict[str, bytes], words: Iterable[str] = ()) -> "Secrets":
        """The secrets in the files of `main`, and these `words`."""
        trees, lines = set(), set()
        for _, code in _code(files):
            for begin, end in markers.solutions(code):
                block = code[begin:end]
                trees |= fingerprints(textwrap.dedent(block), _module_names(code))
                squeezed = (squeeze(re.sub(r"(^|\s)# .*", "", line)) for line in block.splitlines())
                lines |= {line for line in squeezed if len(line) >= LINE}
        return cls(frozenset(trees), frozenset(lines), frozenset(words))


def scan(files: dict[str, bytes], secrets: Secrets) -> list[Leak]:
    """Every leak in `files`, by path."""
    leaks = [Leak(name, what) for name, data in files.items() for what in _leaks_in(name, data, secrets)]
    for name, code in _code(files):
        names = _module_names(code) | LIBRARIES  # a snippet imports nothing
        if secrets.trees & fingerprints(code, names):
            leaks.append(Leak(name, "has the syntax tree of a solution"))
    return leaks


def _leaks_in(name: str, data: bytes, secrets: Secrets) -> Iterator[str]:
    path = PurePosixPath(name)
    if "staff" in path.parts:
        yield "is in a staff folder"
    if "__pycache__" in path.parts or path.suffix == ".pyc":
        yield "is a compiled file"
    if path.suffix == ".png":
        yield from _image_metadata(data)
    if path.suffix == ".webp":
        yield from _webp_metadata(data)
    if path.suffix == ".pdf":
        yield from _pdf_metadata(data)
    try:
        text = _pdf_text(data) if path.suffix == ".pdf" else data.decode()
    except UnicodeDecodeError:
        if path.suffix not in BINARY:
            yield "is a binary file that cannot be searched"
        text = data.decode(errors="replace")
    for found in markers.MENTION.finditer(text):
        yield f"has the marker {found[0]!r}"
    for found in STAFF.finditer(text):
        yield f"names the staff path {found[0]!r}"
    for word in secrets.words:
        if word in text:
            yield f"has the secret {word!r}"
    squeezed = squeeze(text)
    for line in secrets.lines:
        if line in squeezed:
            yield f"has a line of a solution: {line}"
    if path.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        if any(cell.get("outputs") or cell.get("execution_count") for cell in cells):
            yield "is a notebook with outputs"


def squeeze(text: str) -> str:
    """Without white space, and without the quotes and escapes that a notebook's JSON adds to a line."""
    return re.sub(r'\s|\\n|\\"|"', "", text)


def _image_metadata(data: bytes) -> Iterator[str]:
    position = 8
    while position + 8 <= len(data):
        size, kind = struct.unpack(">I4s", data[position : position + 8])
        if kind not in IMAGE_CHUNKS:
            yield f"is an image with metadata ({kind.decode('latin-1')})"
        position += 12 + size


def _webp_metadata(data: bytes) -> Iterator[str]:
    position = 12  # after RIFF, the size and WEBP
    while position + 8 <= len(data):
        kind, size = struct.unpack("<4sI", data[position : position + 8])
        if kind not in WEBP_CHUNKS:
            yield f"is an image with metadata ({kind.decode('latin-1')})"
        position += 8 + size + size % 2


@cache  # releases in a row have most files in common
def _pdf_text(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages)


def _pdf_metadata(data: bytes) -> Iterator[str]:
    document = pypdf.PdfReader(io.BytesIO(data))
    found = [*(set(document.metadata or {}) - PDF_METADATA), *document.attachments]
    if found:
        yield f"is a PDF with metadata or attachments ({', '.join(sorted(found))})"


# --- syntax trees ----------------------------------------------------------------------------------------------------
@cache
def fingerprints(code: str, keep: frozenset[str]) -> frozenset[str]:
    """A text for every statement and expression that is large enough; variables have numbers instead of names.

    Args:
        keep: names that are not variables, such as those of imported modules.
    """
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return frozenset()
    return frozenset(_dump(node, keep, {}) for node in ast.walk(tree) if _is_telling(node))


def _is_telling(node: ast.AST) -> bool:
    """Whether it is a statement or an expression that is large enough."""
    least = STATEMENT if isinstance(node, ast.stmt) else EXPRESSION if isinstance(node, ast.expr) else None
    if least is None or isinstance(node, ast.FunctionDef | ast.ClassDef):
        return False
    nodes = [n for n in ast.walk(node) if not isinstance(n, ast.expr_context)]
    return least <= len(nodes) and not _is_text(node)


def _is_text(node: ast.AST) -> bool:
    """A docstring, or a table of constants."""
    return all(isinstance(n, ast.Constant | ast.Expr | ast.Tuple | ast.List | ast.Load) for n in ast.walk(node))


def _dump(node, keep: frozenset[str], numbers: dict[str, int]) -> str:
    if isinstance(node, ast.Name):
        return node.id if node.id in keep else f"v{numbers.setdefault(node.id, len(numbers))}"
    if isinstance(node, ast.arg):
        return f"v{numbers.setdefault(node.arg, len(numbers))}"
    if isinstance(node, ast.AST):
        parts = [_dump(value, keep, numbers) for _, value in ast.iter_fields(node)]
        return f"{type(node).__name__}({','.join(parts)})"
    if isinstance(node, list):
        return f"[{','.join(_dump(each, keep, numbers) for each in node)}]"
    return repr(node)


def _module_names(code: str) -> frozenset[str]:
    """The names that a module imports or defines, and Python's own."""
    names = set(dir(__builtins__) if not isinstance(__builtins__, dict) else __builtins__)
    try:
        body = ast.parse(code).body
    except SyntaxError:
        return frozenset(names)
    for node in body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
    return frozenset(names)


def _code(files: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    """The Python in `files`: modules, cells of notebooks, code blocks in Markdown, and `code` in the texts of TOML."""
    for name, data in files.items():
        suffix = PurePosixPath(name).suffix
        if suffix == ".py":
            yield name, data.decode(errors="replace")
        elif suffix == ".ipynb":
            for cell in json.loads(data)["cells"]:
                source = "".join(cell["source"])
                yield from ([(name, source)] if cell["cell_type"] == "code" else _in_markdown(name, source))
        elif suffix == ".md":
            yield from _in_markdown(name, data.decode(errors="replace"))
        elif suffix == ".toml":
            yield from ((name, code) for code in re.findall(r"`([^`\n]+)`", data.decode(errors="replace")))


def _in_markdown(name: str, text: str) -> Iterator[tuple[str, str]]:
    for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
        yield name, textwrap.dedent(block)
