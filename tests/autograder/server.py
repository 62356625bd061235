"""What a student's code finds on the server: its Python, the modules that can be imported, and the given files of hw1.

`server.toml` lists them. One list serves `scripts.check`, `scripts.submit`, a TA's batch and Gradescope; `rules.py`
enforces it.
"""

import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hw1 import exercises

FILE = Path(__file__).with_suffix(".toml")
OWN = {file.removesuffix(".py").replace("/", "."): file for file in exercises.files()}
"""The modules that students edit, and their files."""
# Modules that Python 3.12 and later do not have (docs.python.org: What's New in Python 3.12, 3.13).
_REMOVED = """
    asynchat asyncore distutils imp smtpd aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap msilib nis nntplib
    ossaudiodev pipes sndhdr spwd sunau telnetlib uu xdrlib
"""
REMOVED = frozenset(_REMOVED.split())


@dataclass(frozen=True)
class Server:
    """The contents of `server.toml`."""

    python: tuple[int, int]
    """The version: the oldest one that is supported."""
    standard: frozenset[str]
    """Modules of the standard library that exist in this and in all later versions of Python, on Linux."""
    packages: frozenset[str]
    """Modules of the packages that `pip install -r requirements.txt` installs."""
    given: tuple[str, ...]
    """The files of hw1 that students do not edit."""


@cache
def server() -> Server:
    data = tomllib.loads(FILE.read_text(encoding="utf-8"))
    major, minor = data["python"].split(".")
    modules = (frozenset(data[kind]) for kind in ("standard", "packages"))
    return Server((int(major), int(minor)), *modules, tuple(data["given"]))


def refusal(name: str) -> str:
    """Why students' code cannot import the module `name` on the server; "" if it can."""
    top = name.partition(".")[0]
    if top in server().standard | server().packages or name in _of_hw1():
        return ""
    if top == "hw1":
        return f"{name} is not handed in; move what you need from it into {' or '.join(exercises.files())}"
    if top in ("scripts", "tests"):
        return f"{name} is not for homework: use only hw1 and the packages in requirements.txt"
    if top in sys.stdlib_module_names or top in REMOVED:
        return f"{name} is not in the standard library of every Python from {'.'.join(map(str, server().python))} on"
    return (
        f"the server has no module called {top}, only the packages in requirements.txt; code of your own belongs into "
        f"{', '.join(exercises.files())}"
    )


@cache
def _of_hw1() -> set[str]:
    """The modules of hw1 that the server has."""
    files = (*server().given, *exercises.files())
    return {file.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for file in files}
