"""What a student's code finds on the server, and the rules for it, which every worker enforces, here as there.

`server.toml` lists the server's Python, the modules that can be imported, and the files of hw1 that are given. The same
rules hold for `scripts.check`, `scripts.submit`, a TA's batch and Gradescope, so what passes here passes there.
"""

import _multiprocessing
import builtins
import functools
import importlib
import importlib.util
import multiprocessing.process
import numbers
import socket
import sys
import tomllib
from collections.abc import Callable
from contextlib import suppress
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
    | {"pty.spawn", "subprocess.Popen", "_winapi.CreateProcess"},
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
    if top in server().standard | server().packages or name in _of_hw1():
        return ""
    if top == "hw1":
        return f"{name} is not handed in; move what you need from it into {' or '.join(exercises.files())}"
    if top in ("scripts", "tests"):
        return f"{name} is not for homework: use only hw1 and the packages in requirements.txt"
    if top in sys.stdlib_module_names:
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


def enforce() -> None:
    """Let all rules hold in this process from now on."""
    _restrict_imports()
    _one_thread()
    _no_multiprocessing()
    sys.addaudithook(_no_processes_no_network)


def _restrict_imports() -> None:
    """Refuse imports by the student's own files, also of modules that something else has imported already. Libraries
    may import whatever they find."""
    plain_import, plain_import_module = builtins.__import__, importlib.import_module

    def check(name: str) -> None:
        if why := refusal(name):
            raise ModuleNotFoundError(why, name=name)

    def import_(name, globals=None, locals=None, fromlist=(), level=0):
        importer = globals if isinstance(globals, dict) else sys._getframe(1).f_globals
        if importer.get("__name__") not in OWN or _from_c(name, fromlist):
            return plain_import(name, globals, locals, fromlist, level)
        check(importlib.util.resolve_name("." * level + name, "hw1"))
        module = plain_import(name, globals, locals, fromlist, level)
        for each in fromlist or ():  # in a package, each may be a module that does not exist
            if hasattr(module, "__path__") and each != "*" and not hasattr(module, each):
                check(f"{module.__name__}.{each}")
        return module

    def import_module(name, package=None):
        if sys._getframe(1).f_globals.get("__name__") in OWN and (package or not name.startswith(".")):
            check(importlib.util.resolve_name(name, package))
        return plain_import_module(name, package)

    builtins.__import__ = importlib.__import__ = import_
    importlib.import_module = import_module


def _from_c(name: str, fromlist: object) -> bool:
    """Whether Python's own C code imports this: time.strptime, for example, imports _strptime for its caller. A
    statement has a tuple or None as `fromlist`."""
    return isinstance(fromlist, list) and not fromlist and name in sys.stdlib_module_names


def _one_thread() -> None:
    """Let torch keep its one thread, whatever is asked for: the sums then have the same order in every run. What torch
    itself refuses is refused with its words."""
    import torch

    def asked(function: Callable) -> Callable:
        def set_threads(*arguments) -> None:
            (number,) = arguments if len(arguments) == 1 else (None,)
            whole = isinstance(number, numbers.Integral) and not isinstance(number, bool)
            if whole and 1 <= number < 2**31:
                return
            function(*arguments)  # raises: only numbers in this range are accepted

        return functools.wraps(function)(set_threads)

    torch.set_num_threads = asked(torch.set_num_threads)
    torch.set_num_interop_threads = asked(torch.set_num_interop_threads)


def _no_multiprocessing() -> None:
    """Refuse what starts processes without an event, and locks between processes, which the server does not have."""

    def refuse(*arguments, **options):
        raise PermissionError(_sentence("new processes", "multiprocessing"))

    multiprocessing.process.BaseProcess.start = refuse
    _multiprocessing.SemLock = type("SemLock", (_multiprocessing.SemLock,), {"__new__": refuse})
    with suppress(ImportError):  # not on Windows
        import _posixsubprocess

        _posixsubprocess.fork_exec = refuse


def _no_processes_no_network(event: str, arguments: tuple) -> None:
    if event in _events and not _is_socketpair(event):
        raise PermissionError(_sentence(_events[event], event))


def _is_socketpair(event: str) -> bool:
    """Whether a pair of sockets is made, which on Windows consists of network connections. asyncio needs one."""
    return event.startswith("socket.") and sys._getframe(2).f_code is getattr(socket.socketpair, "__code__", None)


def _sentence(what: str, how: str) -> str:
    return f"{what} are not permitted on the server ({how})"
