"""What a caged process must not be able to do: it is tried before the first submission."""

import os
import socket
import sys


def attack(targets: dict, held: dict) -> list[str]:
    """Try what is forbidden; returns what "could" be done, and what "could not" although it is needed.

    Args:
        targets: "read": files and folders; "write": folders; "change": a file; "home": the worker's own folder;
            "process": the id of the judge.
        held: the mechanisms of the cage.
    """
    judge = f"/proc/{targets['process']}"
    attempts = {f"read {path}": lambda path=path: _read(path) for path in targets["read"]}
    attempts |= {f"read the judge's {name}": lambda name=name: _read(f"{judge}/{name}") for name in ("environ", "mem")}
    attempts |= {"list the judge's open files": lambda: os.listdir(f"{judge}/fd")}
    attempts |= {f"write a file in {path}": lambda path=path: _write(path) for path in targets["write"]}
    attempts |= {f"change {path}": lambda path=path: _change(path) for path in targets["read"]}
    attempts |= {
        f"cut {targets['change']}": lambda: os.truncate(targets["change"], 0),
        "open a network socket": lambda: socket.socket(socket.AF_INET),
        "open a local socket": lambda: socket.socket(socket.AF_UNIX),
        "signal the judge": lambda: os.kill(targets["process"], 0),
        "signal the zygote": lambda: os.kill(os.getppid(), 0),
        "start a process": _fork_once,
        "run a program": lambda: os.execv(sys.executable, [sys.executable, "-c", ""]),
    }
    done = [f"could {name}" for name, attempt in attempts.items() if _succeeds(attempt)]
    here = [sys.executable, os.__file__, sys.modules["torch"].__file__, __file__]
    needed = {f"read {path}": lambda path=path: _read(path) for path in here}
    if held["home"] == "writable":
        needed["write into its home"] = lambda: _write(targets["home"])
    return done + [f"could not {name}, which it needs" for name, attempt in needed.items() if not _succeeds(attempt)]


def _succeeds(attempt) -> bool:
    try:
        attempt()
        return True
    except OSError:
        return False


def _read(path: str) -> None:
    if os.path.isdir(path):
        os.listdir(path)
    else:
        with open(path, "rb", buffering=0) as file:
            file.read(1)


def _write(folder: str) -> None:
    path = os.path.join(folder, f"written-{os.getpid()}")
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    os.unlink(path)


def _change(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_APPEND))


def _fork_once() -> None:
    if not os.fork():
        os._exit(0)
