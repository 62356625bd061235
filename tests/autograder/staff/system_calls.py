"""The system calls that a caged process may make, as a filter of seccomp.

Numbers are those of asm/unistd_64.h (x86_64) and asm-generic/unistd.h (aarch64).
"""

import errno
import os
import sys

X86_64, AARCH64 = 0xC000003E, 0xC00000B7
MACHINES = {"x86_64": (0, X86_64), "aarch64": (1, AARCH64)}  # column in the tables below, and id in a filter

ALLOWED = {  # what computing, importing and answering need; numbers on x86_64 and aarch64
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67),
    "preadv": (295, 69), "preadv2": (327, 286), "close": (3, 57),
    "close_range": (436, 436), "fstat": (5, 80), "stat": (4, None), "lstat": (6, None), "newfstatat": (262, 79),
    "statx": (332, 291), "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439),
    "readlink": (89, None), "readlinkat": (267, 78), "getdents": (78, None), "getdents64": (217, 61), "lseek": (8, 62),
    "fadvise64": (221, 223), "statfs": (137, 43), "fstatfs": (138, 44), "getcwd": (79, 17), "chdir": (80, 49),
    "umask": (95, 166), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216),
    "madvise": (28, 233), "brk": (12, 214), "membarrier": (324, 283), "futex": (202, 98), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101), "gettimeofday": (96, 169),
    "time": (201, None), "times": (100, 153), "getrusage": (98, 165), "getrlimit": (97, 163), "setitimer": (38, 103),
    "getitimer": (36, 102), "alarm": (37, None), "getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173),
    "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177), "getpgrp": (111, None),
    "uname": (63, 160), "sysinfo": (99, 179), "getrandom": (318, 278), "getcpu": (309, 168), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "set_robust_list": (273, 99), "rseq": (334, 293), "set_tid_address": (218, 96),
    "arch_prctl": (158, None), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136), "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "pause": (34, None),
    "sigaltstack": (131, 132), "restart_syscall": (219, 128), "exit": (60, 93),
    "exit_group": (231, 94), "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72),
    "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, None), "epoll_pwait": (281, 22),
    "eventfd2": (290, 19), "pipe": (22, None), "pipe2": (293, 59), "dup": (32, 23), "dup2": (33, None),
    "dup3": (292, 24), "getsockopt": (55, 209), "getsockname": (51, 204), "getpeername": (52, 205),
    "shutdown": (48, 210), "wait4": (61, 260), "waitid": (247, 95), "getgroups": (115, 158),
    "sched_get_priority_max": (146, 125), "sched_get_priority_min": (147, 126),
}  # fmt: skip

WRITING = {  # besides, where a home is writable: Landlock decides on the place, limits on the size
    "ftruncate": (77, 46), "truncate": (76, 45), "pwrite64": (18, 68), "pwritev": (296, 70), "pwritev2": (328, 287),
    "fsync": (74, 82), "fdatasync": (75, 83), "flock": (73, 32), "mkdir": (83, None), "mkdirat": (258, 34),
    "rmdir": (84, None), "unlink": (87, None), "unlinkat": (263, 35), "rename": (82, None), "renameat": (264, 38),
    "renameat2": (316, 276), "msync": (26, 227), "copy_file_range": (326, 285), "sendfile": (40, 71),
}  # fmt: skip
OWNING = {  # besides, where nothing else belongs to the worker's user: Landlock does not decide on modes and times
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "utimensat": (280, 88), "chown": (92, None),
    "fchown": (93, 55), "fchownat": (260, 54),
}  # fmt: skip

UNSUPPORTED = {  # extended attributes, which many file systems do not have
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "getxattr": (191, 8), "lgetxattr": (192, 9),
    "fgetxattr": (193, 10), "listxattr": (194, 11), "llistxattr": (195, 12), "flistxattr": (196, 13),
}  # fmt: skip

TO_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | 0o20000000  # the last is O_TMPFILE
CLONE_THREAD = 0x00010000
SHARED_WITHOUT_FILE, GROWS_DOWN = 0x21, 0x100  # flags of mmap
SET_NAME, GET_NAME, SET_VMA = 15, 16, 0x53564D41  # commands of prctl
DUPLICATE_FLAGS_LOCKS = [0, 1, 2, 3, 4, 5, 6, 7, 36, 37, 38, 1030, 1032]  # of fcntl, without those for signals, leases
IS_TERMINAL, NOT_BLOCKING, READABLE, CLOSE_ON_EXEC = 0x5401, 0x5421, 0x541B, 0x5451  # ioctl
UNIX, STREAM, OUT_OF_BAND = 1, 1, 1  # a family and a type of sockets, and a flag of messages
STREAMS = [STREAM | flags for flags in (0, os.O_CLOEXEC, os.O_NONBLOCK, os.O_CLOEXEC | os.O_NONBLOCK)]

# Numbers; the arguments that decide, each with the condition on it: it "is" one of some values, or "any", "none" or
# "not all" of some bits are set; and the error if a condition does not hold.
OPENING = {
    "open": ((2, None), [(1, "none", [TO_WRITE])], errno.EROFS),
    "openat": ((257, 56), [(2, "none", [TO_WRITE])], errno.EROFS),
}
CONDITIONAL = {
    # Memory that is shared, or that grows like a stack, does not count as data.
    "mmap": ((9, 222), [(3, "not all", [SHARED_WITHOUT_FILE]), (3, "none", [GROWS_DOWN])], errno.ENOMEM),
    "clone": ((56, 220), [(0, "any", [CLONE_THREAD])], errno.EPERM),
    "fcntl": ((72, 25), [(1, "is", DUPLICATE_FLAGS_LOCKS)], errno.EPERM),
    "ioctl": ((16, 29), [(1, "is", [IS_TERMINAL, NOT_BLOCKING, READABLE, CLOSE_ON_EXEC])], errno.ENOTTY),
    "prctl": ((157, 167), [(0, "is", [SET_NAME, GET_NAME, SET_VMA])], errno.EPERM),
    "prlimit64": ((302, 261), [(0, "is", [0])], errno.EPERM),  # only of itself; a limit can only decrease
    # Only of itself.
    "getpriority": ((140, 141), [(1, "is", [0])], errno.EPERM),
    "getpgid": ((121, 155), [(0, "is", [0])], errno.EPERM),
    "getsid": ((124, 156), [(0, "is", [0])], errno.EPERM),
    "sched_getparam": ((143, 121), [(0, "is", [0])], errno.EPERM),
    "sched_getscheduler": ((145, 120), [(0, "is", [0])], errno.EPERM),
    # A datagram could go to any service; a stream reaches only the other end of the pair.
    "socketpair": ((53, 199), [(0, "is", [UNIX]), (1, "is", STREAMS)], errno.EPERM),
    "sendto": ((44, 206), [(3, "none", [OUT_OF_BAND])], errno.EPERM),
    "recvfrom": ((45, 207), [(3, "none", [OUT_OF_BAND])], errno.EPERM),
}
CONDITIONAL_WRITING = {
    # Other modes reserve space beyond the end of a file, where the limit of its size does not hold.
    "fallocate": ((285, 47), [(1, "is", [0])], errno.EOPNOTSUPP),
}
UNIFIED = 424  # C libraries try newer calls than this first, and older ones only if the newer do not exist

LOAD, EQUAL, AT_LEAST, BITS, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
ALLOW, ERROR, KILL = 0x7FFF0000, 0x00050000, 0x80000000


def program(machine: str, writing: bool, own_user: bool) -> list[tuple[int, int, int, int]]:
    """The filter as instructions of the kernel's packet filter (code, jump if true, jump if false, operand).

    Args:
        writing: permit the system calls that change files. Landlock must then prevent that they change others' files.
        own_user: whether the process runs as a user to whom nothing else belongs.

    Raises OSError for a machine whose numbers are not in the tables.
    """
    if machine not in MACHINES or sys.byteorder != "little":
        raise OSError(f"the numbers of the system calls on {machine} are not known")
    column, architecture = MACHINES[machine]
    steps = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    to_open = {name: numbers for name, (numbers, *_) in OPENING.items()}
    allowed = ALLOWED | (WRITING | to_open if writing else {}) | (OWNING if writing and own_user else {})
    for calls, reply in ((allowed, ALLOW), (UNSUPPORTED, ERROR | errno.EOPNOTSUPP)):
        for numbers in calls.values():
            if numbers[column] is not None:
                steps += [(EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, reply)]
    for numbers, conditions, error in (CONDITIONAL | (CONDITIONAL_WRITING if writing else OPENING)).values():
        if numbers[column] is not None:
            body = [step for condition in conditions for step in _condition(*condition, error)] + [
                (RETURN, 0, 0, ALLOW)
            ]
            steps += [(EQUAL, 0, len(body), numbers[column]), *body]
    return [
        *steps,
        (AT_LEAST, 0, 1, UNIFIED),
        (RETURN, 0, 0, ERROR | errno.ENOSYS),
        (RETURN, 0, 0, ERROR | errno.EPERM),
    ]


def _condition(argument: int, how: str, values: list[int], error: int) -> list[tuple[int, int, int, int]]:
    """Deny a call depending on the lower half of an argument (the kernel reads only that half of these)."""
    load, deny = (LOAD, 0, 0, 16 + 8 * argument), (RETURN, 0, 0, ERROR | error)
    if how == "is":  # each value jumps over the others and over the denial
        return [load, *((EQUAL, len(values) - number, 0, value) for number, value in enumerate(values)), deny]
    (mask,) = values
    tests = {
        "any": [(BITS, 1, 0, mask)],
        "none": [(BITS, 0, 1, mask)],
        "not all": [(AND, 0, 0, mask), (EQUAL, 0, 1, mask)],
    }
    return [load, *tests[how], deny]
