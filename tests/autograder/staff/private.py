"""Files that only their owner may read."""

import errno
import os
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write a file completely or not at all. Raises OSError, which names the file, if there is no space for it."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.unlink(missing_ok=True)
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException as error:
        unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def append(path: Path, line: str) -> None:
    """Add a line to a file, completely or not at all, behind whatever a write that was interrupted has left there."""
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(file).st_size
        broken = size and os.pread(file, 1, size - 1) != b"\n"
        data = b"\n" * bool(broken) + line.encode() + b"\n"
        try:
            if os.write(file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            os.ftruncate(file, size)
            raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(file)
