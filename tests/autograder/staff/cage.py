"""Locks the calling process permanently into a cage, with mechanisms of Linux that a process cannot undo.

    user        another numeric user id: hidden files, results and other processes are out of reach
    Landlock    only a few folders of the file system, and only for reading; no TCP, no signals to other processes
    seccomp     only the system calls that computing needs: no sockets, new processes, writing of files, or tracing
    limits      address space, threads, file size, open files

Kernels and containers differ in what they permit. Each mechanism is therefore tried and reported, and the whole cage is
tested by an attack from inside it (`tests.autograder.staff.sandbox`).
"""

import ctypes
import errno
import os
import platform
import resource
import signal
import stat
import struct
import sys
from pathlib import Path

MEMORY = 384 << 20
"""Bytes of address space that a caged process may take in addition to what it has."""
THREADS = 32
FILES = 64


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


def enter(parent: int, user: int | None, readable: list[str]) -> dict:
    """Lock the calling process in permanently; it must have one thread. Returns the mechanisms that work, for results.

    Args:
        parent: the process that started this one; when it ends, this one ends too.
        user: the user and group id to take; None keeps the present one.
        readable: files and folders that stay readable, where Landlock works.
    """
    held = {"limits": limit(own_user=user is not None)}
    _attempt(stay_on_one_core, user or os.getpid())
    call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    rules = _attempt(landlock_rules, readable)
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        held["user"] = user
    die_with(parent)  # after the change of user, which resets it
    hide_from_same_user()
    held["Landlock"] = _attempt(landlock, rules) if rules else 0
    held["seccomp"] = bool(_attempt(seccomp))
    return held


def _attempt(mechanism, *arguments):
    """What `mechanism` returns, or None if this kernel does not have it."""
    try:
        return mechanism(*arguments)
    except (CageError, OSError):
        return None


# --- processes --------------------------------------------------------------------------------------------------------
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME, PR_GET_NAME = 1, 4, 15, 16
PR_SET_SECCOMP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_SET_VMA = 22, 36, 38, 0x53564D41


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


def limit(own_user: bool) -> dict[str, int]:
    """Limit what this process may take, above all memory; threads only if it has its own user, by whom they count."""
    present = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limits = {
        "AS": present + MEMORY,
        "FSIZE": 0,
        "NOFILE": FILES,
        "CORE": 0,
        "MEMLOCK": 0,
        "MSGQUEUE": 0,
        "SIGPENDING": FILES,
        **({"NPROC": THREADS} if own_user else {}),
    }
    for name, value in limits.items():
        kind = getattr(resource, f"RLIMIT_{name}")
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))
    Path("/proc/self/oom_score_adj").write_text("1000")  # if memory runs out, this process is killed first
    return {"bytes": MEMORY, "threads": THREADS, "files": FILES}


def stay_on_one_core(number: int) -> None:
    """Run on one core, however many threads there are, so that other submissions are not slowed down. Cages with
    consecutive numbers get different cores; seccomp prevents a later change."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[number % len(cores)]})


# --- namespaces, for the process from which workers are forked --------------------------------------------------------
CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18


def leave_network() -> None:
    """Move to a separate network that has no devices."""
    call("unshare", CLONE_NEWNET)


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
    call("unshare", CLONE_NEWNS)
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
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


def landlock_rules(readable: list[str]) -> tuple[int, int]:
    """A file descriptor of the rules, and the kernel's version of Landlock. Raises CageError if there is none."""
    version = call("syscall", LANDLOCK_CREATE_RULESET, None, 0, 1)
    files = (1 << (13 + (version >= 2) + (version >= 3))) - 1 | (version >= 5) << 15
    size = 8 if version < 4 else 16 if version < 6 else 24
    attributes = struct.pack("<QQQ", files, 0b11, 0b11)[:size]  # no TCP; no signals, no abstract sockets of others
    rules = call("syscall", LANDLOCK_CREATE_RULESET, attributes, size, 0)
    for path in filter(os.path.exists, readable):
        below = os.open(path, os.O_PATH | os.O_CLOEXEC)
        allowed = READ_FOLDER if os.path.isdir(path) else READ_FILE
        call("syscall", LANDLOCK_ADD_RULE, rules, 1, struct.pack("<Qi", allowed, below), 0)
        os.close(below)
    return rules, version


def landlock(rules: tuple[int, int]) -> int:
    """Apply the rules; returns the version."""
    call("syscall", LANDLOCK_RESTRICT_SELF, rules[0], 0)
    os.close(rules[0])
    return rules[1]


# --- seccomp: which system calls (asm/unistd_64.h and asm-generic/unistd.h) -------------------------------------------
X86_64, AARCH64 = 0xC000003E, 0xC00000B7
MACHINES = {"x86_64": (0, X86_64), "aarch64": (1, AARCH64)}  # column in the tables below, and id in a filter

ALLOWED = {  # what computing, importing and answering need; numbers on x86_64 and aarch64
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67), "close": (3, 57),
    "close_range": (436, 436), "fstat": (5, 80), "stat": (4, None), "lstat": (6, None), "newfstatat": (262, 79),
    "statx": (332, 291), "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439),
    "readlink": (89, None), "readlinkat": (267, 78), "getdents": (78, None), "getdents64": (217, 61), "lseek": (8, 62),
    "fadvise64": (221, 223), "statfs": (137, 43), "fstatfs": (138, 44), "getcwd": (79, 17), "chdir": (80, 49),
    "umask": (95, 166), "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216),
    "madvise": (28, 233), "brk": (12, 214), "membarrier": (324, 283), "futex": (202, 98), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101), "gettimeofday": (96, 169),
    "time": (201, None), "times": (100, 153), "getrusage": (98, 165), "getrlimit": (97, 163), "setitimer": (38, 103),
    "getitimer": (36, 102), "alarm": (37, None), "getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173),
    "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177), "getpgrp": (111, None),
    "uname": (63, 160), "sysinfo": (99, 179), "getrandom": (318, 278), "getcpu": (309, 168), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "set_robust_list": (273, 99), "rseq": (334, 293), "set_tid_address": (218, 96),
    "arch_prctl": (158, None), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136), "sigaltstack": (131, 132), "restart_syscall": (219, 128), "exit": (60, 93),
    "exit_group": (231, 94), "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72),
    "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, None), "epoll_pwait": (281, 22),
    "eventfd2": (290, 19), "pipe": (22, None), "pipe2": (293, 59), "dup": (32, 23), "dup2": (33, None),
    "dup3": (292, 24), "recvfrom": (45, 207), "sendto": (44, 206), "getsockopt": (55, 209), "setsockopt": (54, 208),
    "getsockname": (51, 204), "getpeername": (52, 205), "shutdown": (48, 210),
}  # fmt: skip

TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | 0o20000000  # the last is O_TMPFILE
CLONE_THREAD = 0x00010000
DUPLICATE_AND_FLAGS = [0, 1, 2, 3, 4, 1030, 1032]  # commands of fcntl, without those for signals, locks and leases
IS_TERMINAL, NOT_BLOCKING, READABLE, CLOSE_ON_EXEC = 0x5401, 0x5421, 0x541B, 0x5451  # ioctl

# Numbers; the argument that decides; the condition on it: it "is" one of some values, or "any" or "none" of some bits
# are set; and the error if the condition does not hold.
CONDITIONAL = {
    "open": ((2, None), 1, "none", [TO_WRITE], errno.EROFS),
    "openat": ((257, 56), 2, "none", [TO_WRITE], errno.EROFS),
    "clone": ((56, 220), 0, "any", [CLONE_THREAD], errno.EPERM),
    "fcntl": ((72, 25), 1, "is", DUPLICATE_AND_FLAGS, errno.EPERM),
    "ioctl": ((16, 29), 1, "is", [IS_TERMINAL, NOT_BLOCKING, READABLE, CLOSE_ON_EXEC], errno.ENOTTY),
    "prctl": ((157, 167), 0, "is", [PR_SET_NAME, PR_GET_NAME, PR_SET_VMA], errno.EPERM),
    "prlimit64": ((302, 261), 0, "is", [0], errno.EPERM),  # only of itself; a limit can only decrease
}
UNIFIED = 424  # C libraries try newer calls than this first, and older ones only if the newer do not exist

LOAD, EQUAL, AT_LEAST, BITS, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, ERROR, KILL = 0x7FFF0000, 0x00050000, 0x80000000


def seccomp_program(machine: str) -> list[tuple[int, int, int, int]]:
    """The filter as instructions of the kernel's packet filter (code, jump if true, jump if false, operand).

    Raises CageError for a machine whose numbers are not in the tables.
    """
    if machine not in MACHINES or sys.byteorder != "little":
        raise CageError(f"the numbers of the system calls on {machine} are not known")
    column, architecture = MACHINES[machine]
    program = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    for numbers in ALLOWED.values():
        if numbers[column] is not None:
            program += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, ALLOW)]
    for numbers, argument, how, values, error in CONDITIONAL.values():
        if numbers[column] is not None:
            body = _condition(argument, how, values, error)
            program += [(EQUAL, 0, len(body), numbers[column]), *body]
    return [
        *program,
        (AT_LEAST, 0, 1, UNIFIED),
        (RETURN, 0, 0, ERROR | errno.ENOSYS),
        (RETURN, 0, 0, ERROR | errno.EPERM),
    ]


def _condition(argument: int, how: str, values: list[int], error: int) -> list[tuple[int, int, int, int]]:
    """Permit a call depending on the lower half of an argument (the kernel reads only that half of these)."""
    test = EQUAL if how == "is" else BITS
    hit, miss = (ERROR | error, ALLOW) if how == "none" else (ALLOW, ERROR | error)
    body = [(LOAD, 0, 0, 16 + 8 * argument)]
    for value in values:
        body += [(test, 0, 1, value), (RETURN, 0, 0, hit)]
    return [*body, (RETURN, 0, 0, miss)]


def seccomp() -> bool:
    """Apply the filter; needs `no_new_privs`."""
    program = seccomp_program(platform.machine())
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in program))
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(code))
    call("prctl", PR_SET_SECCOMP, 2, header, 0, 0)
    return True
