"""What in a student's files may be different on the server: imports, newer Python, other versions of packages."""

import ast
import re
import tokenize
from collections.abc import Iterator
from importlib import metadata
from io import BytesIO

import vermin

from hw1 import exercises
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
            tree = ast.parse(data)
            data.decode(_encoding(data))
        except (SyntaxError, ValueError):  # the checks report it
            continue
        for line, why in dict.fromkeys((line, _problem(name)) for line, name in imported(tree)):
            if why:
                yield f"{file}, line {line}: the import will fail on the server: {why}."
        for line, what, version in newer(data):
            yield (
                f"{file}, line {line}: {what} needs Python {version}, but the server has {_text(server().python)}. "
                "Write it differently."
            )
    yield from other_versions()


def _problem(name: str) -> str:
    """Why the server cannot import a module; "" if it can."""
    places = [f"{name.replace('.', '/')}{end}" for end in (".py", "/__init__.py")]
    own = [place for place in places if place.startswith("hw1/") and (ROOT / place).is_file()]
    if own and own[0] not in (*server().given, *exercises.files()):
        return f"{own[0]} is not handed in; move what you need from it into {' or '.join(exercises.files())}"
    return refusal(name)


def imported(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The line and the absolute name of everything that may be a module, also in functions that are never called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = ".".join(["hw1"] * bool(node.level) + [node.module] * bool(node.module))
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names if module.startswith("hw1"))
        elif isinstance(node, ast.Call) and _name(node.func) in ("__import__", "import_module"):
            name = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            if isinstance(name, str) and name and not name.startswith("."):
                yield node.lineno, name


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def newer(data: bytes) -> Iterator[tuple[int, str, str]]:
    """The line, the name and the version of everything that needs a newer Python than the server's."""
    found = vermin.visit(data.decode(_encoding(data)), config=_config())
    lines = found.output_text().splitlines() if isinstance(found, vermin.SourceVisitor) else []
    for match in filter(None, map(_REASON.match, lines)):
        version = (int(match[3]), int(match[4]))
        if version > server().python:
            yield int(match[1]), match[2].removeprefix("info: "), _text(version)


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
