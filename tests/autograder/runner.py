"""Asks a worker one probe after the other, by the judge's own clock.

A worker that hangs or dies costs the probe that it hung on; the next probe gets a new worker.
"""

import multiprocessing
import socket
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from hw1 import exercises
from tests.autograder import wire, worker
from tests.autograder.probes.base import Homework, Probe

IMPORT_SECONDS = 20.0
MAX_TIMEOUTS = 2  # of one exercise; its other probes are then not asked any more


@dataclass(frozen=True)
class Answer:
    """What came back for one probe."""

    status: str
    """ok, todo, error, missing, timed out, crashed."""
    arrays: wire.Arrays = field(default_factory=dict)
    detail: dict = field(default_factory=dict)
    """For `todo` its exercise; for `error` kind, message, file and line. Written by the worker: trust nothing."""
    importing: str = ""
    """The file that could not be imported, if that is why."""


class Worker(Protocol):
    """A running worker: a socket to talk to it, and a way to end it and everything that it started."""

    sock: socket.socket

    def kill(self) -> None: ...


class Spawned:
    """A worker in a fresh process. Works on every operating system; contains mistakes, not attacks."""

    def __init__(self, student: Path):
        self.sock, theirs = socket.socketpair()
        context = multiprocessing.get_context("spawn")
        self.process = context.Process(target=worker.main, args=(theirs, Path(student).resolve()), daemon=True)
        self.process.start()
        theirs.close()

    def kill(self) -> None:
        self.sock.close()
        self.process.kill()
        self.process.join()


class Runner:
    """Asks probes of one submission. A context manager: leaves no worker behind."""

    def __init__(self, launch: Callable[[], Worker], seconds: float | None = None, probe_seconds: float | None = None):
        """`seconds`: for the whole submission; `probe_seconds`: instead of each probe's own limit."""
        self.launch, self.probe_seconds = launch, probe_seconds
        self.deadline = None if seconds is None else time.monotonic() + seconds
        self.worker: Worker | None = None
        self.timeouts: Counter[str] = Counter()
        self.broken: dict[str, Answer] = {}
        """By file: why it cannot be imported."""
        self.hopeless: Answer | None = None
        """Why no worker can be had, if so."""

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, *exception) -> None:
        self._kill()

    def ask(self, probe: Probe, inputs: wire.Arrays) -> Answer:
        if self.timeouts[probe.exercise] >= MAX_TIMEOUTS or self._over():
            return Answer("timed out")
        if self.worker is None and not self.hopeless:
            self._start()
        if self.hopeless:
            return self.hopeless
        if probe.exercise in exercises.load():
            file = exercises.load()[probe.exercise].file
            if file in self.broken:
                return self.broken[file]
        answer = self._request({"probe": probe.id}, inputs, self.probe_seconds or probe.seconds)
        self.timeouts[probe.exercise] += answer.status == "timed out"
        return answer

    def _over(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline

    def _start(self) -> None:
        """A new worker with the student's files imported; those that cannot be imported are hollow and in `broken`.

        Each attempt finds one more of these, or else it was the last.
        """
        while self.worker is None and not self.hopeless:
            self.worker = self.launch()
            for file in exercises.files():
                hung = file in self.broken and self.broken[file].status != "error"
                answer = self._request({"hollow" if hung else "import": file}, {}, IMPORT_SECONDS)
                if answer.status != "ok":
                    self.broken[file] = replace(answer, importing=file)
                if self.worker is None:  # it hung or died: again, without this file
                    if hung or self._over():
                        self.hopeless = answer
                    break

    def _request(self, request: dict, inputs: wire.Arrays, seconds: float) -> Answer:
        deadline = time.monotonic() + seconds
        if self.deadline is not None:
            deadline = min(deadline, self.deadline)
        try:
            wire.send(self.worker.sock, request, inputs, deadline)
            header, arrays = wire.receive(self.worker.sock, deadline)
            status = header.pop("status", None)
            if status not in ("ok", "todo", "error", "missing"):
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
    """Asks probes in this process: for trusted code. Contains nothing."""

    def __init__(self, homework: Homework, student: Path):
        self.homework, self.student = homework, student

    def ask(self, probe: Probe, inputs: wire.Arrays) -> Answer:
        header, arrays = worker.answer(self.homework, probe, inputs, self.student)
        return Answer(header.pop("status"), arrays, header)
