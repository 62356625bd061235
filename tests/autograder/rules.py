"""The rules for a student's code, which every worker enforces, on the student's machine as on the server.

They protect nothing; on the server, a cage does. They say in a sentence what the cage would refuse with a number, and
they say it on the student's machine already, so that what passes here passes there.
"""

import _multiprocessing
import builtins
import errno
import functools
import importlib
import importlib.util
import multiprocessing
import multiprocessing.process
import numbers
import os
import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from types import ModuleType

from hw1.exercises import ROOT
from tests.autograder import home
from tests.autograder.server import OWN, refusal, server

# What the audit events of Python mean to a student (docs.python.org: Audit events table).
FORBIDDEN = {
    "new processes": {"os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "os.system"}
    | {"pty.spawn", "subprocess.Popen", "_winapi.CreateProcess"},
    "network connections": {"socket.__new__", "socket.bind", "socket.connect", "socket.getaddrinfo"}
    | {"socket.gethostbyaddr", "socket.gethostbyname", "socket.sendmsg", "socket.sendto"},
    "signals to processes": {"os.kill", "os.killpg", "signal.pthread_kill"},
    "links": {"os.link", "os.symlink"},
}
_events = {event: what for what, events in FORBIDDEN.items() for event in events}
# The events of using a file or a folder, and how many of their arguments are paths.
READING = {"open": 1, "os.listdir": 1, "os.scandir": 1, "sqlite3.connect": 1}
CHANGING = {"os.remove": 1, "os.rename": 2, "os.mkdir": 1, "os.rmdir": 1, "os.truncate": 1, "os.chmod": 1}
CHANGING |= {"os.chown": 1, "os.utime": 1}
PATHS = READING | CHANGING
TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Functions without an event that the server does not have: what they do, the module and their names.
MISSING = [
    ("other priorities", "os", "nice setpriority sched_setaffinity sched_setscheduler sched_setparam"),
    ("special files", "os", "mkfifo mknod memfd_create openpty posix_openpt login_tty"),
    ("other users", "os", "setuid setgid seteuid setegid setreuid setregid setresuid setresgid setgroups initgroups"),
    ("other sessions", "os", "setsid setpgid setpgrp chroot unshare setns getlogin"),
    ("signals to processes", "os", "pidfd_open"),
    ("signals to processes", "signal", "pidfd_send_signal raise_signal"),
    ("changes of the clock", "time", "clock_settime clock_settime_ns"),
    ("new processes", "_posixsubprocess", "fork_exec"),
    ("shared memory", "_posixshmem", "shm_open"),
]
# Functions that open files outside of Python, without an event: the module, the function, the place of the path among
# its arguments, its name there, and how the file is opened.
OUTSIDE = [
    ("torch", "save", 1, "f", "wb"),
    ("torch", "from_file", 0, "filename", "rb"),
    ("torch.jit", "save", 1, "f", "wb"),
    ("torch.jit", "load", 0, "f", "rb"),
    ("torch.jit", "RecursiveScriptModule.save", 1, "f", "wb"),
    ("safetensors.torch", "save_file", 1, "filename", "wb"),
    ("safetensors.torch", "load_file", 0, "filename", "rb"),
    ("safetensors.numpy", "save_file", 1, "filename", "wb"),
    ("safetensors.numpy", "load_file", 0, "filename", "rb"),
    ("h5py", "File.__init__", 1, "name", "rb"),
]
BLOCK = 4096  # bytes: a file takes a multiple of it
CORES = 2
"""What code is told about the machine: more than the one core that it gets, so that half of them, or all but one, are
at least one thread."""
DEVICES = ("/dev/null", "/dev/random", "/dev/urandom", "/dev/zero")
SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/etc/ld.so.cache")
SYSTEM += ("/etc/localtime", "/etc/mime.types", "/etc/os-release")
"""What can be read on the server besides Python, its packages and the folder in which the code runs."""
# What packages may read on a student's machine, and do without on the server.
ELSEWHERE = ("/usr/share/fonts", "/usr/local/share/fonts", "/System", "/Library", "/opt/homebrew", "/etc/ssl")


def enforce() -> None:
    """Let all rules hold in this process from now on. Its current folder is the home of the student's code."""
    _restrict_imports()
    _one_thread()
    _same_machine()
    _main_process()
    _no_multiprocessing()
    _no_accounts()
    for what, module, names in MISSING:
        _refuse(what, module, names)
    sys.addaudithook(_hook())
    announce_files()


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
        announce_files()
        return module

    def import_module(name, package=None):
        if sys._getframe(1).f_globals.get("__name__") in OWN and (package or not name.startswith(".")):
            check(importlib.util.resolve_name(name, package))
        module = plain_import_module(name, package)
        announce_files()
        return module

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


def _same_machine() -> None:
    """Let the number of cores, and whether there is a GPU of Apple's, be the same everywhere."""
    import torch

    told = {"cpu_count": lambda: CORES, "process_cpu_count": lambda: CORES}
    told["sched_getaffinity"] = lambda pid: set(range(CORES))
    for name in told.keys() & vars(os).keys():
        setattr(os, name, told[name])
    if torch.backends.mps.is_available():
        torch.backends.mps.is_available = torch.mps.is_available = lambda: False


def _main_process() -> None:
    """Let the student's code not see how its process was started: like `python` with no file and no options."""
    process = multiprocessing.current_process()
    process.name, process.daemon = "MainProcess", False
    multiprocessing.process._parent_process = None
    multiprocessing.set_start_method(None, force=True)
    sys.argv[:] = [""]
    sys.modules["__main__"] = ModuleType("__main__")


def _no_multiprocessing() -> None:
    """Refuse what starts processes without an event, and what processes share, which the server does not have."""
    import torch

    multiprocessing.process.BaseProcess.start = _refusing("new processes", "multiprocessing")
    no_lock = {"__new__": _refusing("new processes", "multiprocessing")}
    _multiprocessing.SemLock = type("SemLock", (_multiprocessing.SemLock,), no_lock)
    torch.UntypedStorage.share_memory_ = _refusing("shared memory", "torch")


def _no_accounts() -> None:
    """The server has no accounts of users, so no names and home folders of others."""

    def unknown(*arguments):
        raise KeyError("there are no accounts on the server")

    with suppress(ImportError):  # not on Windows
        import grp
        import pwd

        pwd.getpwuid = pwd.getpwnam = grp.getgrgid = grp.getgrnam = unknown


def _refuse(what: str, module: str, names: str) -> None:
    """Replace functions by one that refuses, where this system has them."""
    with suppress(ImportError):
        found = importlib.import_module(module)
        for name in names.split():
            if hasattr(found, name):
                setattr(found, name, _refusing(what, f"{module}.{name}"))


def _refusing(what: str, how: str) -> Callable:
    def refuse(*arguments, **options):
        raise PermissionError(_sentence(what, how))

    return refuse


def _sentence(what: str, how: str) -> str:
    return f"{what} are not permitted on the server ({how})".replace("memory are", "memory is")


def _hook() -> Callable[[str, tuple], None]:
    """An audit hook. Python calls it very often, such as in every id(), so what is no concern of ours passes first."""
    checks = dict.fromkeys(_events, _refuse_event) | dict.fromkeys(PATHS, _files())
    checks["mmap.__new__"] = _refuse_shared_memory

    def hook(event: str, arguments: tuple) -> None:
        if event in checks:
            checks[event](event, arguments)

    return hook


def _refuse_event(event: str, arguments: tuple) -> None:
    if not _is_socketpair(event):
        raise PermissionError(_sentence(_events[event], event))


def _refuse_shared_memory(event: str, arguments: tuple) -> None:
    if arguments[0] == -1:
        raise PermissionError(_sentence("shared memory", "mmap without a file"))


def _is_socketpair(event: str) -> bool:
    """Whether a pair of sockets is made, which on Windows consists of network connections. asyncio needs one."""
    frame, pair = sys._getframe(3), getattr(socket.socketpair, "__code__", None)
    for _ in range(3):  # also through the methods of sockets that it uses
        if frame is None or not event.startswith("socket."):
            return False
        if frame.f_code is pair:
            return True
        frame = frame.f_back
    return False


# --- files ------------------------------------------------------------------------------------------------------------
def _files() -> Callable[[str, tuple], None]:
    """A check that keeps to the home, which is the current folder, and to what Python and its packages need."""
    own = [os.getcwd(), os.environ.get("HOME"), os.environ.get("MPLCONFIGDIR")]
    python = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, os.environ.get("SYSTEMROOT")]
    packages = [path for path in sys.path if path and not ROOT.is_relative_to(path)]
    given = [Path(__file__).parents[1], *(ROOT / file for file in server().given)]
    changed = _within([*own, os.devnull])
    read = _within([*own, *python, *packages, *given, *DEVICES, *SYSTEM, *ELSEWHERE])
    room = _room(os.getcwd())
    listed = {_place(path) for path in sys.path}  # the import system looks there

    def check(event: str, arguments: tuple) -> None:
        writes = event in CHANGING or (event == "open" and arguments[2] & TO_WRITE)
        for path in arguments[: PATHS[event]]:
            place = _place(path)
            if not place or (place in listed and event in ("os.listdir", "os.scandir")):
                continue
            if not (place + os.sep).startswith(changed if writes else read):
                raise PermissionError(f"the server has only the folder in which your code runs, not {path} ({event})")
            if writes and event in ("open", "os.mkdir"):
                room(path)

    return check


def _room(folder: str) -> Callable[[object], None]:
    """A function that raises OSError if the home is full, before a file in it is opened to be written."""
    unchecked = 0  # so many files may be opened before the next look, which takes the longer the more files there are

    def check(path: object) -> None:
        nonlocal unchecked
        unchecked -= 1
        if unchecked >= 0:
            return
        sizes = [0]  # of the home itself
        for place, folders, files in os.walk(folder):
            sizes += [0] * len(folders)
            sizes += [os.lstat(os.path.join(place, file)).st_size for file in files]
        unchecked = min(home.FILES - len(sizes), len(sizes) // 40) - 1
        new = len(sizes) >= home.FILES and not os.path.exists(path)
        if new or sum(-(-size // BLOCK) * BLOCK for size in sizes) > home.BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    return check


def announce_files() -> None:
    """Let functions that open files outside of Python raise the event of a file that is opened, once they are there."""
    for module, name, place, option, mode in OUTSIDE:
        holder = sys.modules.get(module)
        owner, _, function = name.rpartition(".")
        if owner:
            holder = getattr(holder, owner, None)
        plain = getattr(holder, function, None) if holder is not None else None
        if plain and not hasattr(plain, "announced"):
            setattr(holder, function, _announced(plain, place, option, mode))


def _announced(plain: Callable, place: int, option: str, mode: str) -> Callable:
    flags = os.O_RDONLY if mode == "rb" else os.O_WRONLY | os.O_CREAT | os.O_TRUNC

    @functools.wraps(plain)
    def function(*arguments, **options):
        path = arguments[place] if len(arguments) > place else options.get(option)
        if isinstance(path, str | bytes | os.PathLike):
            sys.audit("open", path, mode, flags)
        return plain(*arguments, **options)

    function.announced = True
    return function


def _place(path: object) -> str:
    """An absolute path, written as this system compares paths; "" for an open file and what is no path at all."""
    try:
        return os.path.normcase(os.path.abspath(os.fsdecode(path)))
    except (TypeError, ValueError):
        return ""


def _within(folders: Iterable) -> tuple[str, ...]:
    """The beginnings of all paths in these folders, with a separator at the end, also where links lead to them."""
    places = {_place(each) for folder in folders if folder for each in (folder, os.path.realpath(folder))}
    return tuple(place.rstrip(os.sep) + os.sep for place in places)
