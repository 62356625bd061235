"""User ids for sandboxes: which ones are free."""

import fcntl
import os
import pwd
import stat
from contextlib import suppress
from pathlib import Path

USERS = range(60700, 61100)  # ids that systemd and distributions leave free, within a container's range
PLACES = ("/run", "/tmp")  # for the locks


class UsersError(Exception):
    """There is no user id for a sandbox. A sentence for the course staff."""


class Slot:
    """A user id that nobody else on this machine uses: no other sandbox, no account, no process.

    Other sandboxes are told by a lock on a file, which also those in another network see. The system frees it when the
    last process that holds it ends, however it ends.
    """

    def __init__(self):
        """Raises UsersError if all are in use."""
        folder = _locks()
        running = _users_with_processes()
        for user in USERS:
            if user in running or _has_account(user):
                continue
            lock = os.open(folder / f"{user}", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
            else:
                self.user, self.lock = user, lock
                return
        raise UsersError(f"all {len(USERS)} sandboxes of this machine are in use")

    def close(self) -> None:
        os.close(self.lock)


def _locks() -> Path:
    """The folder of the locks, which only root may enter. Raises UsersError if somebody else has made it."""
    folder = next(Path(top) for top in PLACES if os.access(top, os.W_OK)) / "hw1-sandbox"
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != 0 or about.st_mode & 0o077:
        raise UsersError(f"{folder} is not a folder that only root may enter: remove it")
    return folder


def _has_account(user: int) -> bool:
    try:
        return bool(pwd.getpwuid(user))
    except KeyError:
        return False


def _users_with_processes() -> set[int]:
    """The ids of all users who have a process here, whether as its real, effective or saved user."""
    found = set()
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # it has ended
            line = next(line for line in status.read_text().splitlines() if line.startswith("Uid:"))
            found |= set(map(int, line.split()[1:]))
    return found
