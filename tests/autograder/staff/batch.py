"""Grades many submissions in several judges at the same time.

A judge is a separate process, whose sandbox stays warm from one submission to the next. If a judge fails, hangs or
ends, only its current submission fails. Judges end with the process that started them, however it ends.
"""

import multiprocessing
import os
import pkgutil
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import ModuleType

from tqdm import tqdm

from tests.autograder.staff import cage
from tests.autograder.staff.sandbox import Sandbox, SandboxError
from tests.autograder.warm import warm_up

START_SECONDS = 300.0  # enough for a slow machine on which a first level of isolation fails
STOP_SECONDS = 10.0


class BatchError(Exception):
    """The batch cannot continue. A sentence for the course staff."""


@dataclass(frozen=True)
class Outcome:
    """The result of grading one submission."""

    name: str
    page: dict = field(default_factory=dict)
    """The contents of its results.json."""
    error: str = ""
    """How the grader failed, if it did."""


@dataclass(frozen=True)
class Judges:
    """How to grade, and how many submissions at the same time."""

    work: str
    """The function that grades one submission in a sandbox and returns the contents of its results.json, such as
    "package.module:function". Only the judges import it."""
    jobs: int
    seconds: float
    """For one submission; a judge that takes longer is killed."""
    isolation: dict = field(default_factory=dict)
    """Arguments of `Sandbox`."""
    options: dict = field(default_factory=dict)
    """More arguments of the function, by name."""

    def grade(self, todo: dict[str, Path]) -> Iterator[Outcome]:
        """Grade submissions by name, in any order. Raises BatchError if no judge can be started."""
        waiting, judges = deque(todo.items()), []
        try:
            while waiting or judges:
                while waiting and len(judges) < min(self.jobs, len(todo)):
                    judges.append(Judge(self))
                due = min(judge.due for judge in judges)
                ready = wait([judge.pipe for judge in judges], max(0.0, due - time.monotonic()))
                for judge in list(judges):
                    if judge.pipe not in ready and time.monotonic() < judge.due:
                        continue
                    if outcome := judge.hear():
                        yield outcome
                    if judge.usable and waiting:
                        judge.give(*waiting.popleft())
                    else:
                        judges.remove(judge)
                        judge.stop()
        finally:
            with interrupts_ignored():
                for judge in judges:
                    judge.process.terminate()
                for judge in judges:
                    judge.stop()


class Judge:
    """A process that grades one submission after the other."""

    def __init__(self, judges: Judges):
        context = multiprocessing.get_context("spawn")  # a judge inherits nothing from this process
        self.seconds = judges.seconds
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=process, args=(theirs, os.getpid(), judges.isolation, judges.work))
        with interrupts_ignored(), main_hidden():  # Ctrl-C reaches all processes; only this one reacts to it
            self.process.start()
        theirs.close()
        with suppress(OSError):  # it has ended: `hear` reports it
            self.pipe.send(judges.options)
        self.name = ""
        self.usable = True
        self.due = time.monotonic() + START_SECONDS

    def give(self, name: str, submission: Path) -> None:
        """Let it grade a submission next."""
        self.name, self.due = name, time.monotonic() + self.seconds
        with suppress(OSError):  # it has ended: `hear` reports it
            self.pipe.send(submission)

    def hear(self) -> Outcome | None:
        """The outcome, once it has answered, ended, or taken too long; None if it has only just started."""
        if not self.pipe.poll():
            self.process.terminate()
            limit = self.seconds if self.name else START_SECONDS
            kind, what = "failed", f"the grader took more than {limit:.0f} s and was stopped"
        else:
            try:
                kind, what = self.pipe.recv()
            except (EOFError, OSError):
                self.process.join(STOP_SECONDS)
                kind, what = "failed", f"the grader's process ended with exit status {self.process.exitcode}"
        if kind == "ready":
            return None
        if not self.name:
            raise BatchError(f"no judge can be started: {what}")
        if kind == "graded":
            return Outcome(self.name, what)
        self.usable = False  # its state is unknown
        return Outcome(self.name, error=what)

    def stop(self) -> None:
        """End it and its sandbox. A judge without work ends by itself when the pipe closes."""
        self.pipe.close()
        self.process.join(STOP_SECONDS)
        self.process.kill()
        self.process.join()


def process(*arguments) -> None:
    """`serve`, in a process that ends at once: Python would tidy up all of torch before."""
    tqdm.set_lock(threading.RLock())  # its own is for several processes: a semaphore that would be left behind
    serve(*arguments)
    os._exit(0)


def serve(pipe: Connection, parent: int, isolation: dict, function: str) -> None:
    """A judge: answers each submission with ("graded", results) or ("failed", reason)."""
    signal.signal(signal.SIGTERM, leave)
    end_with(parent)
    try:
        sandbox = Sandbox(**isolation)
        with closing(sandbox.begin()):
            work = partial(pkgutil.resolve_name(function), **pipe.recv())
            warm_up()  # while the sandbox starts
            sandbox.enter()
            pipe.send(("ready", sandbox.level))
            while True:
                submission = pipe.recv()
                try:
                    answer = ("graded", work(submission, sandbox))
                except Exception:
                    answer = ("failed", traceback.format_exc())
                pipe.send(answer)
    except SandboxError as error:
        pipe.send(("failed", str(error)))
    except (EOFError, OSError):  # the other side has ended
        return
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def leave(*_) -> None:
    """Exit and remove the sandbox, but within a time limit."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.alarm(int(STOP_SECONDS))
    sys.exit()


def end_with(parent: int) -> None:
    """Get SIGTERM when the parent ends, even by SIGKILL. Outside Linux, only the closed pipe tells."""
    if sys.platform == "linux":
        cage.call("prctl", cage.PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the call
        leave()


@contextmanager
def main_hidden() -> Iterator[None]:
    """Processes that are started in this block do not import this command anew: they need nothing of it."""
    before = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = before


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """Processes that are started in this block ignore Ctrl-C permanently."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
