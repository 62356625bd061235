"""Where students' code runs on the server, and how well it is kept in.

    full      as another user, who can read neither the reference nor results nor a fellow's submission
    partial   as the same user, kept in by Landlock and seccomp (the grader is not root)
    none      in a process of its own: contains mistakes, not attacks

The level is not believed but tried: a caged process attacks the judge before the first submission does.

    judge            holds reference, seed, expected values, results; never imports students' code
      zygote         started afresh with an empty environment; has imported torch and the probes, knows no secret
        worker       forked for each submission, in the cage; dies with the zygote, which dies with the judge
"""

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder.runner import Spawned, Worker
from tests.autograder.staff import cage

LEVELS = ("full", "partial", "none")
START_SECONDS = 150.0  # a cold import of torch, on a slow and loaded machine
ANSWER_SECONDS = 30.0
GIVEN = (
    "hw1/**/*.py",
    "hw1/**/*.toml",
    "tests/autograder/*.py",
    "tests/autograder/staff/__init__.py",
    "tests/autograder/staff/cage.py",
    "tests/autograder/staff/zygote.py",
    "tests/autograder/probes/**/*.py",
    "tests/autograder/staff/probes/**/*.py",
)
SECRET = tuple(ROOT / name for name in ("tests/staff", "tests/autograder/staff", "hw1/losses.py", "scripts/staff"))
USERS = range(60600, 61100)  # ids that systemd and distributions leave free, and that fit a container's range
START = """import sys; sys.path.insert(0, {given!r})
from tests.autograder.staff import zygote; zygote.main({control}, {given!r}, {work!r}, {prepare!r})"""


class SandboxError(Exception):
    """Students' code cannot be kept in as well as was asked. A sentence for staff."""


class Sandbox:
    """Runs one worker at a time. A context manager: leaves no process and no file behind.

    Args:
        level: full, partial or none; None takes the best that can be had.
        allow_none: run even unprotected.
        secrets: files and folders that must be out of a worker's reach, besides the reference: results, say.

    Raises:
        SandboxError: on entry, if the level cannot be had.
    """

    def __init__(self, level: str | None = None, *, allow_none: bool = False, secrets: Iterable[Path] = ()):
        if level not in (None, *LEVELS):
            raise SandboxError(f"there is no isolation {level!r}, only {', '.join(LEVELS)}")
        self.asked, self.allow_none = level, allow_none
        self.secrets = [Path(os.path.abspath(path)) for path in (*SECRET, *secrets)]
        self.level = "none"
        self.holes: dict[str, str] = {}
        """By level: why it cannot be had."""
        self._zygote: Zygote | None = None
        self._slot: Slot | None = None

    def __enter__(self) -> "Sandbox":
        try:
            self._enter()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def close(self) -> None:
        """End every process of the sandbox and remove its files."""
        if self._zygote:
            self._zygote.close()
        if self._slot:
            self._slot.close()
        self._zygote = self._slot = None

    def _enter(self) -> None:
        for level in LEVELS if self.asked is None else (self.asked,):
            if level == "none":
                break
            self.holes[level] = self._try(level)
            if not self.holes[level]:
                self.level = level
                return
        why = "; ".join(f"{level}: {hole}" for level, hole in self.holes.items())
        if self.asked in ("full", "partial"):
            raise SandboxError(f"isolation {why}")
        if not self.allow_none:
            raise SandboxError(
                f"students' code would run unprotected beside the hidden probes, allow it or mend: {why}"
            )
        self.level = "none"

    def _try(self, level: str) -> str:
        """Try a level; returns why it cannot be had."""
        if sys.platform != "linux":
            return "it takes Linux"
        if level == "full" and os.geteuid() != 0:
            return "the grader is not root"
        try:
            cage.hide_from_same_user()
            if level == "full" and self._slot is None:
                self._slot = Slot()
            self._warm(level)
        except (SandboxError, cage.CageError, OSError) as error:
            return str(error)
        return ""

    def _warm(self, level: str) -> None:
        """Start a zygote and try its cage. Raises SandboxError if that does not hold."""
        zygote = Zygote(self._slot if level == "full" else None)
        try:
            if done := zygote.attack(self.secrets):
                raise SandboxError(f"a caged process could do this: {', '.join(done)}")
        except BaseException:
            zygote.close()
            raise
        self._zygote = zygote

    def describe(self) -> dict:
        """The level and by what it is held, to be written into results."""
        held = self._zygote.held | self._zygote.cage if self._zygote else {}
        return {"level": self.level, **held, "not held": {level: hole for level, hole in self.holes.items() if hole}}

    def launcher(self, student: Path) -> Callable[[], Worker]:
        """What starts a worker for the submission in a folder (`hw1/losses.py` and so on); for `Runner`."""
        if self.level == "none":
            return lambda: Spawned(student)
        return lambda: self._launch(student)

    def _launch(self, student: Path) -> Worker:
        if self._zygote is None:
            raise SandboxError("the sandbox is closed")
        if not self._zygote.alive():  # whatever killed it must not cost the next submission anything
            self._zygote.close()
            self._warm(self.level)
        return self._zygote.start(student)


class Slot:
    """A user id that no other sandbox on this machine has. Freed by the system when the last holder dies."""

    def __init__(self):
        """Raises SandboxError if all are taken."""
        for user in USERS:
            lock = socket.socket(socket.AF_UNIX)
            try:
                lock.bind(f"\0hw1-sandbox-{user}")
            except OSError as error:
                lock.close()
                if error.errno != errno.EADDRINUSE:
                    raise
            else:
                self.user, self.lock = user, lock
                return
        raise SandboxError(f"all {len(USERS)} sandboxes of this machine are in use")

    def close(self) -> None:
        self.lock.close()


class Zygote:
    """The warmed process from which workers are forked, as seen from the judge. Raises SandboxError if it fails."""

    def __init__(self, slot: Slot | None):
        self.user = slot.user if slot else None
        self.work = Path(tempfile.mkdtemp(prefix="hw1-sandbox-")).resolve()
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed in `close`); it has no name by which to find it
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process: subprocess.Popen | None = None
        self.cage: dict = {}
        """What held when the cage was tried."""
        try:
            with theirs:
                self._prepare()
                self.process = self._start(theirs, slot)
            self.held = self._hear(START_SECONDS)
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        """The tree that the zygote imports from. Only its own user may pass into the folder in which it lies."""
        for path in {path for pattern in GIVEN for path in ROOT.glob(pattern)}:
            name = path.relative_to(ROOT)
            if str(name) not in exercises.files():
                copy(path, self.work / "given" / name)
        if self.user is not None:
            os.chown(self.work, 0, self.user)
            self.work.chmod(0o710)

    def _start(self, theirs: socket.socket, slot: Slot | None) -> subprocess.Popen:
        needed = [sys.prefix, sys.base_prefix, str(self.work)]
        prepare = {"network": slot is not None, "reveal": needed if slot else []}
        given = str(self.work / "given")
        start = START.format(control=theirs.fileno(), given=given, work=str(self.work), prepare=prepare)
        environment = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}
        return subprocess.Popen(
            [sys.executable, "-I", "-B", "-c", start],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            pass_fds=[theirs.fileno(), *([slot.lock.fileno()] if slot else [])],
            start_new_session=True,
        )

    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, student: Path) -> "Caged":
        """A worker for a submission, of which it gets a copy."""
        folder = self.work / "student"
        shutil.rmtree(folder, ignore_errors=True)
        for file in exercises.files():
            if (student / file).is_file() and not (student / file).is_symlink():
                copy(student / file, folder / file)
        sock = self._ask({"do": "serve", "student": str(folder), "cage": self.cage})
        return Caged(sock, self)

    def attack(self, secrets: list[Path]) -> list[str]:
        """What a caged process managed to do."""
        places = [self.work, self.work / "given", Path(tempfile.gettempdir()), Path("/dev/shm"), Path("/var/tmp")]
        targets = {
            "read": [str(path) for path in secrets if path.exists()],
            "write": [str(path) for path in places],
            "process": os.getpid(),
        }
        with self._ask({"do": "attack", "targets": targets}) as sock:
            sock.settimeout(ANSWER_SECONDS)
            said = b"".join(iter(lambda: sock.recv(4096), b""))
        self.kill()
        if not said:
            raise SandboxError("the caged process died")
        found = json.loads(said)
        self.cage = found.get("cage", {})
        return found["done"]

    def kill(self) -> None:
        """End the worker and everything of its user. Raises SandboxError if that cannot be confirmed."""
        try:
            self.control.send(json.dumps({"do": "kill", "user": self.user}).encode())
            self._hear(ANSWER_SECONDS)
        except (OSError, SandboxError):
            self._end()  # workers die with it

    def _ask(self, request: dict) -> socket.socket:
        """Have a worker started; returns the socket to talk to it."""
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                message = json.dumps({**request, "user": self.user}).encode()
                socket.send_fds(self.control, [message], [theirs.fileno()])
                self._hear(ANSWER_SECONDS)
            except BaseException:
                ours.close()
                raise
        return ours

    def _hear(self, seconds: float) -> dict:
        """Its next answer. Raises SandboxError if it died or is late."""
        self.control.settimeout(seconds)
        try:
            said = self.control.recv(65536)
        except TimeoutError as error:
            raise SandboxError(f"the sandbox did not answer within {seconds:g} s") from error
        except OSError:
            said = b""
        if not said:
            self.log.seek(0)
            last = self.log.read().strip().rpartition("\n")[2]
            raise SandboxError(f"the sandbox's process died: {last or 'it left no message'}")
        return json.loads(said)

    def _end(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def close(self) -> None:
        self.control.close()  # it ends by itself, after its worker
        if self.process:
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(ANSWER_SECONDS)
            self._end()
        self.log.close()
        shutil.rmtree(self.work, ignore_errors=True)


class Caged:
    """A worker in the cage."""

    def __init__(self, sock: socket.socket, zygote: Zygote):
        self.sock, self.zygote = sock, zygote

    def kill(self) -> None:
        self.sock.close()
        self.zygote.kill()


def copy(source: Path, target: Path) -> None:
    """Copy a file's contents, to be read by everyone who may pass into the sandbox's folder."""
    for folder in reversed(target.parents):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(0o755)  # whatever the umask
    shutil.copyfile(source, target)
    target.chmod(0o644)
