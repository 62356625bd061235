"""Grades many submissions, each of them once, in several judges at the same time.

A judge is a separate process, whose sandbox stays warm from one submission to the next. If a judge fails, hangs or
ends, only its current submission fails. Judges end with the process that started them, however it ends.

The folder of grades contains:

    NAME/results.json   what a submission earned; complete or missing
    NAME/error.txt      why the grader itself failed on it, for the course staff
    grades.csv          one row for each submission
    summary.md          the class report
    .seed .lock .log    the seed, the lock, and one line for every grade that was ever given
"""

import fcntl
import json
import multiprocessing
import os
import signal
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path

from tests.autograder.judge import clean
from tests.autograder.staff import cage, private, results
from tests.autograder.staff.sandbox import Sandbox, SandboxError

OWN_FILES = ("grades.csv", "summary.md")
NAMELESS = ("submission", "hw1")  # names that do not tell whose file it is; the name of the folder above does
START_SECONDS = 300.0  # enough for a slow machine on which a first level of isolation fails
STOP_SECONDS = 10.0


class BatchError(Exception):
    """The batch cannot continue. A sentence for the course staff."""


# --- what is graded --------------------------------------------------------------------------------------------------
def submissions(paths: Iterable[Path]) -> dict[str, Path]:
    """Submissions by name. Raises BatchError if one does not exist, or if two have the same name."""
    found: dict[str, Path] = {}
    for path in dict.fromkeys(Path(os.path.abspath(path)) for path in paths):
        if not path.exists():
            raise BatchError(f"{printable(path)} does not exist")
        if path.name == "submission_metadata.yml":  # the platform exports it together with the submissions
            continue
        name = name_of(path)
        if name in OWN_FILES:
            raise BatchError(f"{printable(path)}: a submission cannot be called {name}; rename it")
        if name in found:
            raise BatchError(
                f"{printable(found[name])} and {printable(path)} would both be called {name}; rename one of them"
            )
        found[name] = path
    if not found:
        raise BatchError("there is no submission to grade")
    return found


def name_of(path: Path) -> str:
    """The name of a submission: that of its file or folder, or of the folder above if it is `submission.zip` or `hw1`.

    It has only printable characters and a limited length, and does not begin with a dot, so it is easy to see and type.
    """
    stem = path.name[:-4] if path.name.lower().endswith(".zip") else path.name
    name = printable(path.parent.name if stem.lower() in NAMELESS else stem)
    name = name.encode()[:200].decode(errors="ignore")
    return "_" + name.lstrip(".") if name.startswith(".") else name or "_"


def printable(text: object) -> str:
    return "".join(c if c.isprintable() else "_" for c in str(text))


# --- the folder of grades --------------------------------------------------------------------------------------------
class Grades:
    """The folder of grades. Only its owner may read it, because it contains all grades and the seed."""

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise BatchError(f"the folder {folder} cannot be created: {error.strerror}") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder. Raises BatchError if another process is grading into it."""
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BatchError(
                    f"another batch is grading into {self.folder}: wait until it has finished, or choose another --out"
                ) from error
            yield

    def read(self, name: str) -> dict | None:
        """The results of a submission; None if it is not graded, or if the file is damaged."""
        try:
            page = json.loads((self.folder / name / "results.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return page if isinstance(page, dict) and {"tests", "extra_data"} <= page.keys() else None

    def error(self, name: str) -> str:
        """How the grader failed on a submission; "" if it did not."""
        path = self.folder / name / "error.txt"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def has(self, name: str, key: str) -> bool:
        """Whether the present version of the submission has been graded by this grader with this seed."""
        page = self.read(name)
        return page is not None and page["extra_data"]["key"] == key

    def names(self) -> list[str]:
        """The names of all submissions that were ever graded into this folder."""
        files = ("results.json", "error.txt")
        return sorted({path.parent.name for file in files for path in self.folder.glob(f"*/{file}")})

    def keep(self, name: str, page: dict) -> None:
        """Write the results of a submission, completely or not at all, and a line to the log."""
        (self.folder / name).mkdir(exist_ok=True, mode=0o700)
        results.write(self.folder / name / "results.json", page)
        (self.folder / name / "error.txt").unlink(missing_ok=True)
        self._log({"name": name, "key": page["extra_data"]["key"], "score": page["score"]})

    def keep_error(self, name: str, error: str) -> None:
        """Write how the grader failed. A grade of an earlier version of the submission no longer counts."""
        (self.folder / name).mkdir(exist_ok=True, mode=0o700)
        private.write(self.folder / name / "error.txt", f"{error}\n".encode())
        (self.folder / name / "results.json").unlink(missing_ok=True)
        self._log({"name": name, "error": last_line(error)})

    def _log(self, event: dict) -> None:
        line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **event}) + "\n"
        log = os.open(self.folder / ".log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(log, line.encode())
        finally:
            os.close(log)


def last_line(error: str) -> str:
    """The last line of a traceback: the exception."""
    return clean(error.strip().rpartition("\n")[2])


# --- judges ----------------------------------------------------------------------------------------------------------
Work = Callable[[Path, Sandbox], dict]
"""Grades one submission in a sandbox; returns the contents of its results.json."""


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

    work: Work
    """Sent to the judges: a module's function, or a `functools.partial` of one."""
    jobs: int
    seconds: float
    """For one submission; a judge that takes longer is killed."""
    isolation: dict = field(default_factory=dict)
    """Arguments of `Sandbox`."""

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
        self.process = context.Process(target=serve, args=(theirs, os.getpid(), judges.work, judges.isolation))
        with interrupts_ignored():  # Ctrl-C reaches all processes; only this one reacts to it
            self.process.start()
        theirs.close()
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


def serve(pipe: Connection, parent: int, work: Work, isolation: dict) -> None:
    """A judge's process: answers each submission with ("graded", results) or ("failed", reason)."""
    signal.signal(signal.SIGTERM, leave)
    end_with(parent)
    try:
        with Sandbox(**isolation) as sandbox:
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
def interrupts_ignored() -> Iterator[None]:
    """Processes that are started in this block ignore Ctrl-C permanently."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
