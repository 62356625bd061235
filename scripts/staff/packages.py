"""Write tests/autograder/server.toml, the list of what students' code can import: after a change of requirements.txt.

    python -m scripts.staff.packages

Run it with the server's Python, on Linux, in an environment with exactly the packages of requirements.txt and
requirements-staff.txt.
"""

import importlib.util
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata

from packaging.requirements import Requirement

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.command import ended, read_options
from tests.autograder.server import FILE, REMOVED

GIVEN = ("hw1/**/*.py", "hw1/**/*.toml")
# Modules that Linux distributions do not install together with Python.
SEPARATE = "ensurepip idlelib tkinter turtle turtledemo venv"
HEAD = """# What students' code finds on the server, the same for scripts.check, scripts.submit, a batch and Gradescope.
# tests/autograder/server.py reads it; course staff have a command that writes it.
"""


@dataclass(frozen=True)
class Options:
    """There are none: unknown arguments are refused."""


def main(arguments: Sequence[str] = ()) -> int:
    read_options(Options, arguments, "scripts.staff.packages", __doc__)
    return ended(run)


def run() -> None:
    FILE.write_text(contents(), encoding="utf-8", newline="\n")
    print(f"wrote {FILE.relative_to(ROOT).as_posix()}")


def contents() -> str:
    lists = {"standard": standard(), "packages": packages(), "given": given()}
    python = f'python = "{sys.version_info.major}.{sys.version_info.minor}"\n'
    return HEAD + python + "".join(f"{name} = [\n{_lines(values)}]\n" for name, values in lists.items())


def _lines(values: list[str], width: int = 116) -> str:
    lines = [""]
    for value in values:
        text = f'"{value}", '
        lines = [*lines, text] if len(lines[-1] + text) > width else [*lines[:-1], lines[-1] + text]
    return "".join(f"    {line.rstrip()}\n" for line in lines)


def standard() -> list[str]:
    names = {name for name in sys.stdlib_module_names if not name.startswith("_")} | {"__future__", "_thread"}
    return sorted(name for name in names - REMOVED - set(SEPARATE.split()) if importlib.util.find_spec(name))


def packages() -> list[str]:
    """The modules of everything that requirements.txt installs."""
    inside = distributions()
    found = metadata.packages_distributions()
    return sorted(name for name, owners in found.items() if name.isidentifier() and inside & set(map(_normal, owners)))


def distributions() -> set[str]:
    """The names of the packages in requirements.txt and of everything that they require."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    todo = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        wanted = todo.pop()
        key = (_normal(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        for text in metadata.requires(wanted.name) or []:
            below = Requirement(text)
            if any(below.marker is None or below.marker.evaluate({"extra": e}) for e in wanted.extras or {""}):
                todo.append(below)
    return {name for name, _ in seen}


def given() -> list[str]:
    files = {path.relative_to(ROOT).as_posix() for pattern in GIVEN for path in ROOT.glob(pattern)}
    return sorted(files - set(exercises.files()))


def _normal(name: str) -> str:
    """A package's name as the index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
