"""What a student's code finds on the server, and the rules for it, which every worker enforces, here as there.

`server.toml` lists the server's Python, the modules that can be imported, and the files of hw1 that are given. The same
rules hold for `scripts.check`, `scripts.submit`, a TA's batch and Gradescope, so what passes here passes there.
"""

import builtins
import importlib
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hw1 import exercises

FILE = Path(__file__).with_suffix(".toml")
OWN = {file.removesuffix(".py").replace("/", "."): file for file in exercises.files()}
"""The modules that students edit, and their files."""

# What the audit events of Python mean to a student (docs.python.org: Audit events table).
FORBIDDEN = {
    "new processes": {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "os.system"}
    | {"pty.spawn", "subprocess.Popen"},
    "network connections": {"socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyaddr"}
    | {"socket.gethostbyname", "socket.sendmsg", "socket.sendto"},
}
_events = {event: what for what, events in FORBIDDEN.items() for event in events}


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
    if top in server().standard | server().packages or top == "hw1":
        return ""
    if top in ("scripts", "tests"):
        return f"{name} is not for homework: use only hw1 and the packages in requirements.txt"
    if top in sys.stdlib_module_names:
        return f"{name} is not in the standard library of every Python from {'.'.join(map(str, server().python))} on"
    return (
        f"the server has no module called {top}, only the packages in requirements.txt; code of your own belongs into "
        f"{', '.join(exercises.files())}"
    )


def enforce() -> None:
    """Let all rules hold in this process from now on."""
    _restrict_imports()
    _one_thread()
    sys.addaudithook(_no_processes_no_network)


def _restrict_imports() -> None:
    """Refuse imports by the student's own files, also of modules that something else has imported already. Libraries
    may import whatever they find."""
    plain_import, plain_import_module = builtins.__import__, importlib.import_module

    def checked(name: str) -> None:
        if sys._getframe(2).f_globals.get("__name__") in OWN and (why := refusal(name)):
            raise ModuleNotFoundError(why, name=name)

    def import_(name, globals=None, locals=None, fromlist=(), level=0):
        if not level:
            checked(name)
        return plain_import(name, globals, locals, fromlist, level)

    def import_module(name, package=None):
        if not name.startswith("."):
            checked(name)
        return plain_import_module(name, package)

    builtins.__import__, importlib.import_module = import_, import_module


def _one_thread() -> None:
    """Let torch keep its one thread, whatever is asked for: the sums then have the same order in every run."""
    import torch

    def set_threads(number: int) -> None:
        if not isinstance(number, int):
            raise TypeError(f"the number of threads must be an int, not {type(number).__name__}")
        if number < 1:
            raise RuntimeError(f"the number of threads must be positive, not {number}")

    torch.set_num_threads = torch.set_num_interop_threads = set_threads


def _no_processes_no_network(event: str, arguments: tuple) -> None:
    if event in _events:
        raise PermissionError(f"{_events[event]} are not permitted on the server ({event})")
