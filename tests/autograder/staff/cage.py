"""Locks the calling process permanently into a cage, with mechanisms of Linux that a process cannot undo.

    user        another numeric user id: hidden files, results and other processes are out of reach
    Landlock    only a few folders of the file system, for reading, and the worker's home; no TCP, no signals to others
    seccomp     only the system calls that computing and files need: no sockets, new processes, or tracing
    limits      memory, threads, file size, open files

The process from which workers are forked leaves the network, and, where this is permitted, has its own process ids:
what a worker starts cannot outlive it, and ending it cannot reach anybody else's processes.

Kernels and containers differ in what they permit. Each mechanism is therefore tried and reported, and the whole cage is
tested by an attack from inside it (`tests.autograder.staff.sandbox`).
"""

import ctypes
import os
import platform
import resource
import signal
import stat
import struct
from pathlib import Path

from tests.autograder.home import FILE_BYTES, OPEN_FILES
from tests.autograder.staff import system_calls

MEMORY = 384 << 20
"""Bytes of memory that a caged process may take in addition to what it has."""
RESERVED = 1 << 30
"""Bytes of address space that it may reserve besides, for example for the stacks of threads, without using them."""
THREADS = 128
SIGNALS = 64


class CageError(Exception):
    """The kernel refused a request."""


def call(name: str, *arguments) -> int:
    """Call a function of the C library. Raises CageError with the system's reason if it returns -1."""
    libc = ctypes.CDLL(None, use_errno=True)
    padded = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    result = getattr(libc, name)(*padded)
    if result == -1:
        raise CageError(f"{name}: {os.strerror(ctypes.get_errno())}")
    return result


def enter(parent: int, user: int | None, core: int, readable: list[str], home: str) -> dict:
    """Lock the calling process in permanently; it must have one thread. Returns the mechanisms that work, for results.

    Args:
        parent: the process that started this one; when it ends, this one ends too.
        user: the user and group id to take; None keeps the present one.
        core: the number of the core to run on; see `stay_on_one_core`.
        readable: files and folders that stay readable, where Landlock works.
        home: the folder that stays writable, where Landlock prevents that anything else is written.
    """
    version = _attempt(landlock_version) or 0
    writable = version >= (OWN_USER if user is not None else TRUNCATES)
    held = {"limits": limit(own_user=user is not None, file_size=FILE_BYTES if writable else 0)}
    _attempt(stay_on_one_core, core)
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    rules = _attempt(landlock_rules, version, readable, [home] if writable else [])
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        held["user"] = user
    die_with(parent)  # after the change of user, which resets it
    hide_from_same_user()
    held["Landlock"] = version if rules and _attempt(landlock, rules) else 0
    held["home"] = "writable" if writable and held["Landlock"] else "read only"
    held["seccomp"] = bool(_attempt(seccomp, held["home"] == "writable", user is not None))
    return held


def _attempt(mechanism, *arguments):
    """What `mechanism` returns, or None if this kernel does not have it."""
    try:
        return mechanism(*arguments)
    except (CageError, OSError):
        return None


# --- processes --------------------------------------------------------------------------------------------------------
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP = 1, 4, 22
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 36, 38


def die_with(parent: int) -> None:
    """Let the kernel kill this process when its parent ends."""
    call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it has already ended
        os._exit(1)


def become_subreaper() -> None:
    """Become the parent of descendants whose own parent ends, so that this process can wait for them."""
    call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def hide_from_same_user() -> None:
    """Hide the memory, environment and open files of this process from other processes of the same user."""
    call("prctl", PR_SET_DUMPABLE, 0, 0, 0, 0)


def limit(own_user: bool, file_size: int) -> dict[str, int]:
    """Limit what this process may take, above all memory; threads only if it has its own user, by whom they count.

    Memory is what can be written (DATA), not address space (AS): the stacks of threads and the C library's reserves
    take hundreds of megabytes of it and use few, so a limit of it makes threads fail at random. AS only bounds the
    rest.
    """
    pages = list(map(int, Path("/proc/self/statm").read_text().split()))
    space, data = (pages[i] * resource.getpagesize() for i in (0, 5))
    limits = {
        "AS": space + MEMORY + RESERVED,
        "DATA": data + MEMORY,
        "FSIZE": file_size,
        "NOFILE": OPEN_FILES,
        "CORE": 0,
        "MEMLOCK": 0,
        "MSGQUEUE": 0,
        "SIGPENDING": SIGNALS,
        **({"NPROC": THREADS} if own_user else {}),
    }
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    Path("/proc/self/oom_score_adj").write_text("1000")  # if memory runs out, this process is killed first
    return {"bytes": MEMORY, "threads": THREADS, "files": OPEN_FILES}


def stay_on_one_core(number: int) -> None:
    """Run on one core, however many threads there are, so that other submissions are not slowed down. Cages with
    consecutive numbers get different cores; seccomp prevents a later change."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[number % len(cores)]})


# --- namespaces, for the process from which workers are forked --------------------------------------------------------
CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MS_NOSUID, MS_NODEV, MS_NOEXEC, MNT_DETACH = 2, 4, 8, 2


def leave_network() -> None:
    """Move to a separate network that has no devices."""
    call("unshare", CLONE_NEWNET)


def leave_processes() -> None:
    """Go on in a child that sees and can reach only its own descendants: it is process 1 of a new namespace of process
    ids, and when it ends, the kernel ends all of them. This process waits for it and ends with it."""
    call("unshare", CLONE_NEWPID)
    if child := os.fork():
        os.closerange(0, os.sysconf("SC_OPEN_MAX"))
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def own_mounts() -> None:
    """Let what is mounted from now on be seen by this process and its children only."""
    call("unshare", CLONE_NEWNS)
    _mount("none", "/", None, MS_REC | MS_PRIVATE)


def mount_small(folder: Path, size: int, files: int) -> None:
    """Cover a folder with an empty one in memory that can hold so many bytes and files. Only after `own_mounts`."""
    _mount("tmpfs", folder, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, f"mode=0700,size={size},nr_inodes={files}")


def unmount(folder: Path) -> None:
    call("umount2", os.fsencode(folder), MNT_DETACH)


def closed_above(path: Path) -> Path | None:
    """The topmost folder above `path` that another user may not enter."""
    above = reversed(path.parents)
    return next((folder for folder in above if not folder.stat().st_mode & stat.S_IXOTH), None)


def reveal(paths: list[Path]) -> None:
    """Make `paths` reachable for other users even if they are in a closed folder, such as a home directory.

    For this process and its children only, the closed folder is covered by an empty one that contains only `paths`.
    Raises CageError if this is not permitted.
    """
    covers: dict[Path, list[Path]] = {}
    for path in sorted({p.resolve() for p in paths}):
        cover = closed_above(path)
        if cover and not any(path.is_relative_to(seen) for seen in covers.get(cover, [])):
            covers.setdefault(cover, []).append(path)
    if not covers:
        return
    own_mounts()  # without this, everybody would see what follows
    for cover, seen in covers.items():
        sources = {path: os.open(path, os.O_PATH) for path in seen}
        _mount("tmpfs", cover, "tmpfs", 0, "mode=0711")
        for path, source in sources.items():
            path.mkdir(parents=True, mode=0o755)
            _mount(f"/proc/self/fd/{source}", path, None, MS_BIND | MS_REC)
            os.close(source)


def _mount(source: str, target: str | Path, kind: str | None, flags: int, data: str | None = None) -> None:
    texts = [None if text is None else os.fsencode(text) for text in (source, target, kind, data)]
    call("mount", *texts[:3], flags, texts[3])


# --- Landlock: which files (linux/landlock.h) -------------------------------------------------------------------------
LANDLOCK_CREATE_RULESET, LANDLOCK_ADD_RULE, LANDLOCK_RESTRICT_SELF = 444, 445, 446  # the same on every architecture
READ_FILE, READ_FOLDER = 1 << 0 | 1 << 2, 1 << 0 | 1 << 2 | 1 << 3  # execute (a library), read, list
WRITE_FILE = 1 << 1
WRITE_FOLDER = WRITE_FILE | READ_FOLDER | 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8  # also remove, make folders and files
RENAME, TRUNCATE = 1 << 13, 1 << 14  # to another folder; since the versions 2 and 3
# The version that is enough for a writable home: any, if other files belong to other users; else the one that also
# restricts truncate().
OWN_USER, TRUNCATES = 1, 3


def landlock_version() -> int:
    """The kernel's version of Landlock. Raises CageError if there is none."""
    return call("syscall", LANDLOCK_CREATE_RULESET, None, 0, 1)


def landlock_rules(version: int, readable: list[str], writable: list[str]) -> int:
    """A file descriptor of the rules. Raises CageError if this kernel has no Landlock."""
    files = (1 << (13 + (version >= 2) + (version >= 3))) - 1 | (version >= 5) << 15
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("<QQQ", files, 0b11, 0b11)[:size]  # no TCP; no signals, no abstract sockets of others
    rules = call("syscall", LANDLOCK_CREATE_RULESET, attributes, size, 0)
    folders = dict.fromkeys(readable, READ_FOLDER) | dict.fromkeys(writable, WRITE_FOLDER | RENAME | TRUNCATE)
    folders |= {os.devnull: READ_FILE | WRITE_FILE | TRUNCATE}
    for path, allowed in folders.items():
        if os.path.exists(path):
            below = os.open(path, os.O_PATH | os.O_CLOEXEC)
            allowed &= files if os.path.isdir(path) else files & (READ_FILE | WRITE_FILE | TRUNCATE)
            call("syscall", LANDLOCK_ADD_RULE, rules, 1, struct.pack("<Qi", allowed, below), 0)
            os.close(below)
    return rules


def landlock(rules: int) -> bool:
    """Apply the rules."""
    call("syscall", LANDLOCK_RESTRICT_SELF, rules, 0)
    os.close(rules)
    return True


# --- seccomp ----------------------------------------------------------------------------------------------------------
def seccomp(writing: bool, own_user: bool) -> bool:
    """Permit only the system calls in `system_calls`; needs `no_new_privs`."""
    program = system_calls.program(platform.machine(), writing, own_user)
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in program))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    call("prctl", PR_SET_SECCOMP, 2, header, 0, 0)
    return True
