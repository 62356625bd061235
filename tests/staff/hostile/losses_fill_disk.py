"""Fills every disk that it finds: named and unnamed files, memory files, folders, links."""

import ctypes
import os
import tempfile

libc = ctypes.CDLL(None)
for folder in ("/tmp", "/dev/shm", "/var/tmp", "/run", os.getcwd(), os.path.dirname(__file__), RESULTS, "/"):
    for how in (
        lambda folder=folder: os.open(f"{folder}/filler", os.O_CREAT | os.O_RDWR),
        lambda folder=folder: os.open(folder, os.O_TMPFILE | os.O_RDWR),
        lambda folder=folder: os.mkdir(f"{folder}/filler"),
        lambda folder=folder: os.symlink("/etc/passwd", f"{folder}/filler"),
        lambda folder=folder: os.link(__file__, f"{folder}/filler"),
        lambda folder=folder: os.mkfifo(f"{folder}/filler"),
        lambda folder=folder: os.mknod(f"{folder}/filler"),
        lambda folder=folder: os.rename(__file__, f"{folder}/filler"),
        lambda folder=folder: tempfile.mkstemp(dir=folder),
    ):
        try:
            how()
        except OSError:
            continue
        raise RuntimeError(f"ESCAPED {folder}")
