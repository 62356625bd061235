"""Makes system calls of every part of the kernel that computing does not need, all of them with useless arguments: only
the filter may refuse them, not the parts themselves."""

import ctypes
import errno
import platform

CALLS = {  # on x86_64
    "shmget": 29, "shmat": 30, "socket": 41, "accept": 43, "sendmsg": 46, "recvmsg": 47, "bind": 49,
    "listen": 50, "semget": 64, "msgget": 68, "fchdir": 81, "creat": 85, "link": 86, "symlink": 88, "lchown": 94,
    "ptrace": 101, "syslog": 103, "setuid": 105, "setpgid": 109, "setgroups": 116, "setresuid": 117, "capset": 126,
    "utime": 132, "mknod": 133, "uselib": 134, "personality": 135, "setpriority": 141, "mlock": 149, "vhangup": 153,
    "modify_ldt": 154, "pivot_root": 155, "sysctl": 156, "adjtimex": 159, "setrlimit": 160, "chroot": 161, "sync": 162,
    "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167, "reboot": 169, "sethostname": 170,
    "iopl": 172, "ioperm": 173, "init_module": 175, "delete_module": 176, "quotactl": 179, "tkill": 200,
    "sched_setaffinity": 203, "io_setup": 206, "remap_file_pages": 216, "timer_create": 222, "clock_settime": 227,
    "tgkill": 234, "utimes": 235, "mbind": 237, "set_mempolicy": 238, "mq_open": 240, "kexec_load": 246, 
    "add_key": 248, "request_key": 249, "keyctl": 250, "ioprio_set": 251, "inotify_init": 253, "migrate_pages": 256,
    "mknodat": 259, "linkat": 265, "symlinkat": 266, "unshare": 272, "get_robust_list": 274, "splice": 275, "tee": 276,
    "vmsplice": 278, "move_pages": 279, "signalfd": 282, "timerfd_create": 283, "eventfd": 284, "accept4": 288,
    "signalfd4": 289, "inotify_init1": 294, "rt_tgsigqueueinfo": 297, "perf_event_open": 298,
    "recvmmsg": 299, "fanotify_init": 300, "name_to_handle_at": 303, "open_by_handle_at": 304, "clock_adjtime": 305,
    "syncfs": 306, "sendmmsg": 307, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312,
    "finit_module": 313, "sched_setattr": 314, "seccomp": 317, "memfd_create": 319, "kexec_file_load": 320, "bpf": 321,
    "execveat": 322, "userfaultfd": 323, "mlock2": 325, "pkey_mprotect": 329, "pkey_alloc": 330, "io_pgetevents": 333,
    "pidfd_send_signal": 424, "io_uring_setup": 425, "open_tree": 428, "move_mount": 429, "fsopen": 430, "clone3": 435,
    "openat2": 437, "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442, "quotactl_fd": 443,
    "landlock_create_ruleset": 444, "memfd_secret": 447, "process_mrelease": 448, "futex_waitv": 449, "cachestat": 451,
    "fchmodat2": 452, "map_shadow_stack": 453, "statmount": 457, "listmount": 458, "lsm_get_self_attr": 459,
    "lsm_set_self_attr": 460, "mseal": 462, "setxattrat": 463, "open_tree_attr": 467, "file_setattr": 469,
}  # fmt: skip
libc = ctypes.CDLL(None, use_errno=True)
if platform.machine() == "x86_64":
    for name, number in CALLS.items():
        if libc.syscall(number, *[ctypes.c_long(-1)] * 6) != -1 or ctypes.get_errno() not in (
            errno.EPERM,
            errno.ENOSYS,
        ):
            raise RuntimeError(f"ESCAPED {name}: {ctypes.get_errno()}")
