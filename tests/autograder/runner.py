"""Sends a worker one probe after the other, and measures time by the judge's own clock.

If a worker hangs, only its current probe fails; the next probe gets a new worker. If a worker ends unexpectedly, its
request is made once more: something else may have ended it, and then the answer is as if nothing had happened.
"""

import bdb
import multiprocessing
import os
import shutil
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from hw1 import exercises
from tests.autograder import home, wire, worker
from tests.autograder.probes.base import Homework, Probe

START_SECONDS = 300.0  # to import torch and what is given, which may be slow, and is no fault of the student's
STARTS = 3  # attempts to start a worker
IMPORT_SECONDS = 20.0
MAX_TIMEOUTS = 2  # per exercise; its remaining probes are then skipped


@dataclass(frozen=True)
class Answer:
    """The answer to one probe."""

    status: str
    """ok, todo, form, error, missing, timed out, crashed."""
    arrays: wire.Arrays = field(default_factory=dict)
    detail: dict = field(default_factory=dict)
    """For `todo` the exercise; for `form` what a FormError knows; for `error` kind, message, file and line, and the
    given function that the line called. The worker wrote it: trust nothing."""
    importing: str = ""
    """The file that could not be imported, if this is the reason."""


class Worker(Protocol):
    """A running worker: a socket to talk to it, and a way to end it together with everything that it started."""

    sock: socket.socket

    def kill(self) -> None: ...


class Spawned:
    """A worker in a new process, with a home of its own. Works on every operating system; protects against mistakes,
    not against attacks."""

    def __init__(self, student: Path):
        self.home = Path(tempfile.mkdtemp(prefix="hw1-")).resolve()
        home.furnish(self.home, Path(student))
        self.sock, theirs = socket.socketpair()
        context = multiprocessing.get_context("spawn")
        self.process = context.Process(target=worker.main, args=(theirs, self.home), daemon=True)
        with _environment(**home.PYTHON):
            self.process.start()
        theirs.close()

    def kill(self) -> None:
        self.sock.close()
        self.process.kill()
        self.process.join()
        shutil.rmtree(self.home, ignore_errors=True)


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set environment variables for a while: a process that is started has them too."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({name: value} if value is not None else {})


class Runner:
    """Runs probes on one submission. A context manager: ends its worker on exit."""

    def __init__(self, launch: Callable[[], Worker], seconds: float | None = None, probe_seconds: float | None = None):
        """`seconds`: limit for the whole submission; `probe_seconds`: replaces each probe's own limit."""
        self.launch, self.probe_seconds = launch, probe_seconds
        self.deadline = None if seconds is None else time.monotonic() + seconds
        self.worker: Worker | None = None
        self.timeouts: Counter[str] = Counter()
        self.broken: dict[str, Answer] = {}
        """The files that cannot be imported, and the reasons."""
        self.no_worker: Answer | None = None
        """The reason why no worker can be started, if there is one."""
        self.crashed: set[str] = set()
        """The files during whose import a worker has ended."""

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, *exception) -> None:
        self._kill()

    def ask(self, probe: Probe, inputs: wire.Arrays) -> Answer:
        if self.timeouts[probe.exercise] >= MAX_TIMEOUTS or self._over():
            return Answer("timed out")
        if self.worker is None and not self.no_worker:
            self._start()
        if self.no_worker:
            return self.no_worker
        if probe.exercise in exercises.load():
            file = exercises.load()[probe.exercise].file
            if file in self.broken:
                return self.broken[file]
        answer = self._ask(probe, inputs)
        first = answer.status == "timed out" and not self.timeouts.total()  # perhaps the computer was busy for a moment
        if (answer.status == "crashed" or first) and not self._over():
            self._start()
            answer = self.no_worker or self._ask(probe, inputs)
        self.timeouts[probe.exercise] += answer.status == "timed out"
        return answer

    def _ask(self, probe: Probe, inputs: wire.Arrays) -> Answer:
        return self._request({"probe": probe.id}, inputs, self.probe_seconds or probe.seconds)

    def _over(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _start(self) -> None:
        """Start a worker and import the student's files. Those that cannot be imported are replaced by stand-ins and
        listed in `broken`.

        A file that makes the worker hang costs an attempt, and one that ends it costs two: the next worker does not
        import it.
        """
        failed = 0
        while self.worker is None and not self.no_worker:
            self.worker = self.launch()
            answer = self._request({"ready": True}, {}, START_SECONDS)
            if self.worker is None:
                failed += 1
                self.no_worker = answer if failed == STARTS or self._over() else None
                continue
            for file in exercises.files():
                hung = file in self.broken and self.broken[file].status != "error"
                answer = self._request({"stand in" if hung else "import": file}, {}, IMPORT_SECONDS)
                again = answer.status == "crashed" and file not in self.crashed
                if answer.status == "crashed":
                    self.crashed.add(file)
                if answer.status != "ok" and not again:
                    self.broken[file] = replace(answer, importing=file)
                if self.worker is None:  # it hung or ended: try again, now or soon without this file
                    if hung or self._over():
                        self.no_worker = answer
                    break

    def _request(self, request: dict, inputs: wire.Arrays, seconds: float) -> Answer:
        deadline = time.monotonic() + seconds
        if self.deadline is not None:
            deadline = min(deadline, self.deadline)
        try:
            wire.send(self.worker.sock, request, inputs, deadline)
            header, arrays = wire.receive(self.worker.sock, deadline)
            status = header.pop("status", None)
            if status not in ("ok", "todo", "form", "error", "missing"):
                raise wire.WireError("the answer cannot be read")
            detail = {key: value for key, value in header.items() if isinstance(value, (str, int))}
            return Answer(status, arrays if status == "ok" else {}, detail)
        except TimeoutError:
            answer = Answer("timed out")
        except (EOFError, OSError):
            answer = Answer("crashed")
        except wire.WireError as error:
            answer = Answer("crashed", detail={"message": str(error)})
        self._kill()
        return answer

    def _kill(self) -> None:
        if self.worker is not None:
            self.worker.kill()
        self.worker = None


class InProcess:
    """Runs probes in this process: for trusted code, and for a debugger. An endless loop has no end here."""

    def __init__(
        self, homework: Homework, student: Path, on_error: Callable[[Probe, BaseException], None] | None = None
    ):
        """`on_error` is called with every exception, except that of an unfinished exercise."""
        self.homework, self.student, self.on_error = homework, student, on_error

    def ask(self, probe: Probe, inputs: wire.Arrays) -> Answer:
        try:
            return Answer("ok", worker.run(self.homework, probe, inputs))
        except (KeyboardInterrupt, bdb.BdbQuit):  # Ctrl-C, or `q` in the debugger
            raise KeyboardInterrupt from None
        except BaseException as error:
            detail = worker.describe(error, self.student)
            status = detail.pop("status")
            if self.on_error and status == "error":
                self.on_error(probe, error)
            return Answer(status, detail=detail)
