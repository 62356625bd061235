"""Fills every disk that it finds: named and unnamed files, memory files, folders, links. Its home is small."""

import ctypes
import os
import tempfile

import hw1

libc = ctypes.CDLL(None)
for folder in (
    "/tmp",
    "/dev/shm",
    "/var/tmp",
    "/run",
    os.path.dirname(os.getcwd()),
    os.path.dirname(hw1.__file__),
    RESULTS,
    "/",
):
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

try:
    for number in range(400):
        with open(f"filler-{number}", "wb") as file:
            file.write(bytes(1 << 20))
    raise RuntimeError("ESCAPED home")
except OSError:
    pass
