"""Makes links, pipes, sockets and devices in its home, for those who clear it away later."""

import ctypes
import os
import stat

libc = ctypes.CDLL(None)
unnamed = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o600)
tries = {
    "symlink": libc.symlink(RESULTS.encode(), b"link"),
    "symlinkat": libc.symlinkat(b"/", 3, b"link"),
    "link": libc.link(b"hw1/envs.py", b"envs.py"),
    "link to another's file": libc.link(f"{REPOSITORY}/README.md".encode(), b"readme"),
    "link of an unnamed file": libc.linkat(-100, f"/proc/self/fd/{unnamed}".encode(), -100, b"named", 0x400),
    "link of a descriptor": libc.linkat(unnamed, b"", -100, b"named", 0x1000),
    **{
        f"mknod {kind:o}": libc.mknod(b"node", kind | 0o666, os.makedev(1, 1))
        for kind in (stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, stat.S_IFREG)
    },
    "mkfifo": libc.mkfifo(b"fifo", 0o666),
}
if any(result != -1 for result in tries.values()):
    raise RuntimeError(f"ESCAPED {tries}")
