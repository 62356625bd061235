"""Changes modes, owners and times of what is not its own, closes its home, and leaves programs of another user's."""

import os
import sys

HOME = os.environ["HOME"]
WORK = os.path.dirname(HOME)
others = [
    WORK,
    f"{WORK}/given",
    f"{WORK}/given/hw1/envs.py",
    "/tmp",
    "/dev/null",
    os.__file__,
    sys.prefix,
    RESULTS,
    "/",
]
for path in others:
    for change in (
        lambda path=path: os.chmod(path, 0o777),
        lambda path=path: os.utime(path, (0, 0)),
        lambda path=path: os.utime(path),
        lambda path=path: os.chown(path, os.getuid(), os.getgid()),
        lambda path=path: os.truncate(path, 0),
        lambda path=path: os.rmdir(path),
        lambda path=path: os.unlink(path) if not os.path.isdir(path) else os.rmdir(path),
    ):
        try:
            change()
        except OSError:
            continue
        if path not in ("/tmp", "/dev/null"):  # everybody may set their times to now
            raise RuntimeError(f"ESCAPED {path}")
with open("program", "w") as file:
    file.write("#!/bin/sh")
for owner in (0, os.getppid(), 60700):
    try:
        os.chown("program", owner, owner)
    except OSError:
        continue
    if owner != os.getuid():
        raise RuntimeError(f"ESCAPED {owner}")
os.mkdir("inner")
for path, mode in (("program", 0o6777), ("inner", 0), ("hw1", 0), (HOME, 0)):
    os.chmod(path, mode)
