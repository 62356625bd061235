"""What in a student's files may be different on the server: imports, newer Python, other versions of packages."""

import ast
import re
import sys
import tokenize
from collections.abc import Iterator
from importlib import metadata
from io import BytesIO

import vermin

from hw1.exercises import ROOT
from tests.autograder.server import refusal, server

_REASON = re.compile(r"L(\d+)(?: C\d+)?: (.*) requires? .*\b(\d+)\.(\d+)$")


def warnings(files: dict[str, bytes]) -> Iterator[str]:
    """Sentences for the student.

    Args:
        files: the contents of the files that are handed in, by name.
    """
    for file, data in files.items():
        try:
            imports, features = [*imported(ast.parse(data))], [*newer(data)]
        except (SyntaxError, ValueError):  # the checks report it
            continue
        except RecursionError:
            yield f"{file} was not searched for imports: an expression in it is too long. Split it into several lines."
            continue
        for line, why in dict.fromkeys((line, refusal(name)) for line, name in imports):
            if why:
                yield f"{file}, line {line}: the import will fail on the server: {why}."
        for line, what, version in features:
            yield (
                f"{file}, line {line}: {what} needs Python {version}, but the server has {_text(server().python)}. "
                "Write it differently."
            )
    yield from other_versions()


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The line and the absolute name of everything that may be a module, also in functions that are never called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(["hw1"] * bool(node.level) + [node.module] * bool(node.module))
            yield node.lineno, module
            names = [f"{module}.{alias.name}" for alias in node.names]
            yield from ((node.lineno, name) for name in names if module.startswith("hw1") and _is_module(name))
        elif isinstance(node, ast.Call) and _name(node.func) in ("__import__", "import_module"):
            name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            if isinstance(name, str) and name.strip("."):
                yield node.lineno, f"hw1{name}" if name.startswith(".") else name


def _is_module(name: str) -> bool:
    """Whether there is a file of this module here."""
    return any((ROOT / f"{name.replace('.', '/')}{end}").is_file() for end in (".py", "/__init__.py"))


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def newer(data: bytes) -> Iterator[tuple[int, str, str]]:
    """The line, the name and the version of everything that needs a newer Python than the server's."""
    found = vermin.visit(data.decode(_encoding(data)), config=_config())
    lines = found.output_text().splitlines() if isinstance(found, vermin.SourceVisitor) else []
    known = set()
    for match in filter(None, map(_REASON.match, lines)):
        version = (int(match[3]), int(match[4]))
        if version > server().python:
            known.add(int(match[1]))
            yield int(match[1]), match[2].removeprefix("info: "), _text(version)
    line, version = _newer_syntax(data)
    if line and line not in known:
        yield line, "this syntax", _text(version)


def _newer_syntax(data: bytes) -> tuple[int, tuple[int, int]]:
    """The line of the first syntax that the server's Python cannot read, which vermin may not know, and the version
    that can; the line is 0 if there is none."""
    line, version = 0, server().python
    while version < sys.version_info[:2]:
        try:
            ast.parse(data, feature_version=version)
            break
        except SyntaxError as error:
            line, version = line or error.lineno, (version[0], version[1] + 1)
    return line, version


def _config() -> vermin.Config:
    config = vermin.Config()
    config.set_verbose(3)  # the lines
    return config


def _encoding(data: bytes) -> str:
    return tokenize.detect_encoding(BytesIO(data).readline)[0]


def other_versions() -> Iterator[str]:
    """A sentence for each installed package whose version is not that of requirements.txt."""
    file = ROOT / "requirements.txt"
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else []:
        package, pinned, version = re.sub(r"\[.*?\]", "", line).partition("==")
        if not pinned or line.startswith("#"):
            continue
        try:
            here = metadata.version(package).partition("+")[0]  # without the kind of build, such as +cpu
        except metadata.PackageNotFoundError:
            here = "not installed"
        if here != version.strip():
            yield (
                f"{package} is {here} here and {version.strip()} on the server. "
                "To have the same: pip install -r requirements.txt."
            )


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))
