"""The sandbox in which students' code runs on the server, at one of three levels of isolation:

    full      as another user, who can read neither the reference nor results nor other submissions
    partial   as the same user, isolated by Landlock and seccomp (if the grader is not root)
    none      in a separate process: protects against mistakes, not against attacks

The level is not assumed but tested: before the first submission, a caged process attacks the judge.

    judge            has the reference, the seed, expected values and results; never imports students' code
      zygote         started with an empty environment; has imported torch and the probes, knows no secret
        worker       forked for each submission, in the cage; ends with the zygote, which ends with the judge
"""

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
from typing import TYPE_CHECKING

from hw1 import exercises
from hw1.exercises import ROOT
from tests.autograder.home import PYTHON, THREADS, copy
from tests.autograder.staff import cage
from tests.autograder.staff.users import Slot, UsersError

if TYPE_CHECKING:
    from tests.autograder.runner import Worker

LEVELS = ("full", "partial", "none")
START_SECONDS = 150.0  # a cold import of torch, on a slow and loaded machine
ANSWER_SECONDS = 30.0
TRIES = 5  # at starting it: whatever ends its process from outside must not cost a submission its isolation
GIVEN = (
    "hw1/**/*.py",
    "hw1/**/*.toml",
    "tests/autograder/*.py",
    "tests/autograder/*.toml",
    "tests/autograder/staff/__init__.py",
    "tests/autograder/staff/attempts.py",
    "tests/autograder/staff/cage.py",
    "tests/autograder/staff/system_calls.py",
    "tests/autograder/staff/zygote.py",
    "tests/autograder/probes/**/*.py",
    "tests/autograder/staff/probes/**/*.py",
)
SECRET = tuple(ROOT / name for name in ("tests/staff", "tests/autograder/staff", "hw1/losses.py", "scripts/staff"))
START = """import sys; sys.path.insert(0, {work!r} + "/given")
from tests.autograder.staff import zygote; zygote.main({control}, {work!r}, root={root}, reveal={reveal!r})
import os; os._exit(0)"""  # at once: Python would tidy up all of torch before
# One thread; where there are more, one heap and small stacks; the same order of sets in every run.
ENVIRONMENT = dict.fromkeys(THREADS, "1") | PYTHON | {"MALLOC_ARENA_MAX": "1", "OMP_STACKSIZE": "2M"}


class SandboxError(Exception):
    """Students' code cannot be isolated as required. A sentence for the course staff."""


class EndedError(SandboxError):
    """The sandbox's process has ended unexpectedly, which says nothing about the isolation that works here."""


class Sandbox:
    """Runs one worker at a time. A context manager: leaves no process and no file behind.

    Args:
        level: full, partial or none; None takes the best one that works.
        allow_none: run even without protection.
        secrets: files and folders that a worker must not reach, besides the reference; for example results.

    Raises:
        SandboxError: on entry, if the level does not work here.
    """

    def __init__(self, level: str | None = None, *, allow_none: bool = False, secrets: Iterable[Path] = ()):
        if level not in (None, *LEVELS):
            raise SandboxError(f"there is no isolation level {level!r}, only {', '.join(LEVELS)}")
        self.asked, self.allow_none = level, allow_none
        self.secrets = [Path(os.path.abspath(path)) for path in (*SECRET, *secrets)]
        self.level = "none"
        self.failures: dict[str, str] = {}
        """By level: why it does not work here."""
        self._zygote: Zygote | None = None
        self._slot: Slot | None = None

    def __enter__(self) -> "Sandbox":
        try:
            self.enter()
        except BaseException:
            self.close()
            raise
        return self

    def begin(self) -> "Sandbox":
        """Start what takes long, without waiting for it, before `enter` or `with`."""
        level = self.asked or LEVELS[0]
        if level != "none" and not self._why_not(level):
            with suppress(SandboxError, UsersError, cage.CageError, OSError):  # `enter` tries again, and says why
                self._start(level)
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

    def enter(self) -> None:
        """As `with`, for a sandbox that is closed by other means. Raises SandboxError."""
        for level in LEVELS if self.asked is None else (self.asked,):
            if level == "none":
                break
            self.failures[level] = self._try(level)
            if not self.failures[level]:
                self.level = level
                return
        why = "; ".join(f"{level}: {failure}" for level, failure in self.failures.items())
        if self.asked in ("full", "partial"):
            raise SandboxError(f"isolation {why}")
        if not self.allow_none:
            raise SandboxError(
                f"students' code would run unprotected next to the hidden probes; fix this or allow it: {why}"
            )
        self.level = "none"

    def _try(self, level: str) -> str:
        """Try a level; returns why it does not work, or ""."""
        if why := self._why_not(level):
            return why
        try:
            self._warm_again(level)
        except (SandboxError, UsersError, cage.CageError, OSError) as error:
            return str(error)
        return ""

    def _warm_again(self, level: str) -> None:
        """As `_warm`; again if something ends the process, but not for ever."""
        for _ in range(TRIES - 1):
            with suppress(EndedError, ConnectionError):
                return self._warm(level)
        return self._warm(level)

    def _why_not(self, level: str) -> str:
        if sys.platform != "linux":
            return "it needs Linux"
        return "the grader is not root" if level == "full" and os.geteuid() != 0 else ""

    def _start(self, level: str) -> "Zygote":
        """Start a zygote without waiting for it. Raises SandboxError, UsersError, CageError, OSError."""
        cage.hide_from_same_user()
        if level == "full" and self._slot is None:
            self._slot = Slot()
        self._zygote = Zygote(self._slot if level == "full" else None)
        return self._zygote

    def _warm(self, level: str) -> None:
        """Wait for the zygote that `begin` has started, or start one, and test its cage. Raises SandboxError if an
        attack succeeds."""
        zygote = self._zygote or self._start(level)
        try:
            zygote.wait()
            if done := zygote.attack(self.secrets):
                raise SandboxError(f"a caged process {', '.join(done)}")
        except BaseException:
            self._zygote = None
            zygote.close()
            raise

    def describe(self) -> dict:
        """The level and the mechanisms behind it, for the results."""
        held = self._zygote.held | self._zygote.cage if self._zygote else {}
        failures = {level: failure for level, failure in self.failures.items() if failure}
        return {"level": self.level, **held, "not held": failures}

    def launcher(self, student: Path) -> Callable[[], "Worker"]:
        """A function for `Runner` that starts a worker for the submission in a folder (`hw1/losses.py` and so on)."""
        from tests.autograder.runner import Spawned  # takes long, so not before `begin`

        if self.level == "none":
            return lambda: Spawned(student)
        return lambda: self._launch(student)

    def _launch(self, student: Path) -> "Worker":
        if self._zygote is None:
            raise SandboxError("the sandbox is closed")
        try:
            return self._zygote.start(student)
        except (SandboxError, OSError):  # whatever ended it must not harm this submission
            self._zygote.close()
            self._zygote = None
            self._warm_again(self.level)
        return self._zygote.start(student)


class Zygote:
    """The judge's connection to the warm process from which workers are forked. Raises SandboxError if that fails."""

    def __init__(self, slot: Slot | None):
        self.user = slot.user if slot else None
        self.work = Path(tempfile.mkdtemp(prefix="hw1-sandbox-")).resolve()
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed in `close`); it has no name, so no worker can find it
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process: subprocess.Popen | None = None
        self.held: dict = {}
        """The mechanisms of the zygote itself, once it is ready."""
        self.cage: dict = {}
        """The mechanisms that worked when the cage was tested."""
        try:
            with theirs:
                self._prepare()
                self.process = self._start(theirs, slot)
        except BaseException:
            self.close()
            raise

    def wait(self) -> None:
        """Until it is ready."""
        self.held = self._hear(START_SECONDS)

    def _prepare(self) -> None:
        """Copy the files that the zygote imports. Only its own user may enter the folder."""
        for path in {path for pattern in GIVEN for path in ROOT.glob(pattern)}:
            name = path.relative_to(ROOT)
            if name.as_posix() not in exercises.files():
                copy(path, self.work / "given" / name)

        if self.user is not None:
            os.chown(self.work, 0, self.user)
            self.work.chmod(0o710)

    def _start(self, theirs: socket.socket, slot: Slot | None) -> subprocess.Popen:
        needed = [sys.prefix, sys.base_prefix, str(self.work)]
        reveal = needed if slot else None
        start = START.format(control=theirs.fileno(), work=str(self.work), root=slot is not None, reveal=reveal)
        return subprocess.Popen(
            [sys.executable, "-s", "-P", "-B", "-c", start],
            env=ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            pass_fds=[theirs.fileno(), *([slot.lock] if slot else [])],
            start_new_session=True,
        )

    def start(self, student: Path) -> "Caged":
        """A worker for a submission, which gets a copy of the files."""
        folder = self.work / "student"
        shutil.rmtree(folder, ignore_errors=True)
        for file in exercises.files():
            if (student / file).is_file() and not (student / file).is_symlink():
                copy(student / file, folder / file)
        sock = self._ask({"do": "serve", "cage": self.cage})
        return Caged(sock, self)

    def attack(self, secrets: list[Path]) -> list[str]:
        """What a caged process could do although it is forbidden, or could not do although it is needed."""
        places = [self.work, self.work / "given", Path(tempfile.gettempdir()), Path("/dev/shm"), Path("/var/tmp")]
        targets = {
            "read": [str(path) for path in secrets if path.exists()],
            "write": [str(path) for path in places],
            "change": str(self.work / "given" / "hw1" / "__init__.py"),
            "home": str(self.work / "home"),
            "process": os.getpid(),
        }
        with self._ask({"do": "attack", "targets": targets}) as sock:
            sock.settimeout(ANSWER_SECONDS)
            reply = b"".join(iter(lambda: sock.recv(4096), b""))
        self.kill()
        if not reply:
            raise EndedError("the caged process ended unexpectedly")
        found = json.loads(reply)
        self.cage = found.get("cage", {})
        return found["done"]

    def kill(self) -> None:
        """End the worker and every process of its user; if that cannot be confirmed, the zygote too."""
        try:
            self.control.send(json.dumps({"do": "kill"}).encode())
            self._hear(ANSWER_SECONDS)
        except (OSError, SandboxError):
            self._end()  # workers end with it

    def _ask(self, request: dict) -> socket.socket:
        """Let a worker be started; returns the socket to talk to it."""
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
        """Its next answer. Raises SandboxError if it has ended or is late."""
        self.control.settimeout(seconds)
        try:
            reply = self.control.recv(65536)
        except TimeoutError as error:
            raise SandboxError(f"the sandbox did not answer within {seconds:g} s") from error
        except OSError:
            reply = b""
        if not reply:
            self.log.seek(0)
            last = self.log.read().strip().rpartition("\n")[2]
            raise EndedError(f"the sandbox's process ended unexpectedly: {last or 'no message'}")
        return json.loads(reply)

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
