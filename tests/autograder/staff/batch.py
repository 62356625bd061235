"""Many submissions, each graded once, by several judges side by side.

A judge is a process of its own, whose sandbox stays warm from one submission to the next. A judge that fails, hangs or
dies costs the submission that it was at and no other. Judges end with the process that started them, however that ends.

In the folder of grades:

    NAME/results.json   what a submission earned; complete or not there
    NAME/error.txt      why the grader itself failed at it, for staff
    grades.csv          one row for each submission
    summary.md          the class report
    .seed .lock .log    the seed, the lock, and a line for each grade that was ever given
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
from tests.autograder.staff import cage, results
from tests.autograder.staff.sandbox import Sandbox, SandboxError

OWN_FILES = ("grades.csv", "summary.md")
NAMELESS = ("submission", "hw1")  # what students' files are called alike; their folder then tells whose it is
START_SECONDS = 300.0  # on a slow machine, and with the second best isolation if the best cannot be had
STOP_SECONDS = 10.0


class BatchError(Exception):
    """The batch cannot go on. A sentence for staff."""


# --- what is graded --------------------------------------------------------------------------------------------------
def submissions(paths: Iterable[Path]) -> dict[str, Path]:
    """Submissions by name. Raises BatchError if one is not there, or if two have the same name."""
    found: dict[str, Path] = {}
    for path in dict.fromkeys(Path(os.path.abspath(path)) for path in paths):
        if not path.exists():
            raise BatchError(f"{printable(path)} does not exist")
        if path.name == "submission_metadata.yml":  # lies beside the submissions that the platform exports
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
    """What a submission is called: as its file or folder; if that is `submission.zip` or the like, as the folder above.

    Only printable characters, no dot at the front and not too long: a file name that can be seen and typed.
    """
    stem = path.name[:-4] if path.name.lower().endswith(".zip") else path.name
    name = printable(path.parent.name if stem.lower() in NAMELESS else stem)
    name = name.encode()[:200].decode(errors="ignore")
    return "_" + name.lstrip(".") if name.startswith(".") else name or "_"


def printable(text: object) -> str:
    return "".join(c if c.isprintable() else "_" for c in str(text))


# --- the folder of grades --------------------------------------------------------------------------------------------
class Grades:
    """The folder that holds the grades. Only its owner may read it: it shows what everyone got, and the seed."""

    def __init__(self, folder: Path):
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise BatchError(f"{folder} cannot be made a folder of grades: {error.strerror}") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else grades into this folder meanwhile. Raises BatchError if somebody already does."""
        with (self.folder / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BatchError(
                    f"another batch is grading into {self.folder}: wait until it is done, or give another --out"
                ) from error
            yield

    def read(self, name: str) -> dict | None:
        """The results of a submission; None if it is not graded (a damaged file counts as none)."""
        try:
            page = json.loads((self.folder / name / "results.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return page if isinstance(page, dict) and {"tests", "extra_data"} <= page.keys() else None

    def error(self, name: str) -> str:
        """How the grader failed at a submission; "" if it did not."""
        path = self.folder / name / "error.txt"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def has(self, name: str, key: str) -> bool:
        """Whether the submission is graded, as it is now, by this grader, with this seed."""
        page = self.read(name)
        return page is not None and page["extra_data"]["key"] == key

    def names(self) -> list[str]:
        """Of all submissions that were ever graded into this folder."""
        files = ("results.json", "error.txt")
        return sorted({path.parent.name for file in files for path in self.folder.glob(f"*/{file}")})

    def keep(self, name: str, page: dict) -> None:
        """Write a submission's results, at once or not at all, and a line into the log."""
        (self.folder / name).mkdir(exist_ok=True, mode=0o700)
        results.write(self.folder / name / "results.json", page)
        (self.folder / name / "error.txt").unlink(missing_ok=True)
        self._log({"name": name, "key": page["extra_data"]["key"], "score": page["score"]})

    def keep_error(self, name: str, error: str) -> None:
        """Write how the grader failed; what an earlier version of the submission earned no longer counts."""
        (self.folder / name).mkdir(exist_ok=True, mode=0o700)
        write(self.folder / name / "error.txt", error + "\n")
        (self.folder / name / "results.json").unlink(missing_ok=True)
        self._log({"name": name, "error": last_line(error)})

    def _log(self, event: dict) -> None:
        line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **event}) + "\n"
        log = os.open(self.folder / ".log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(log, line.encode())
        finally:
            os.close(log)


def write(path: Path, text: str) -> None:
    """Write a file that only its owner may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def last_line(error: str) -> str:
    """Of a traceback: the exception."""
    return clean(error.strip().rpartition("\n")[2])


# --- judges ----------------------------------------------------------------------------------------------------------
Work = Callable[[Path, Sandbox], dict]
"""Grades one submission in a sandbox: the contents of its results.json."""


@dataclass(frozen=True)
class Outcome:
    """What became of one submission."""

    name: str
    page: dict = field(default_factory=dict)
    """The contents of its results.json."""
    error: str = ""
    """How the grader failed, if it did."""


@dataclass(frozen=True)
class Judges:
    """How to grade, and how many at once."""

    work: Work
    """Sent to the judges: a function at the top of a module, or a `functools.partial` of one."""
    jobs: int
    seconds: float
    """For one submission; a judge that takes longer hangs and is killed."""
    isolation: dict = field(default_factory=dict)
    """Arguments of `Sandbox`."""

    def grade(self, todo: dict[str, Path]) -> Iterator[Outcome]:
        """Grade submissions by name, in any order. Raises BatchError if judges cannot be started at all."""
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
        context = multiprocessing.get_context("spawn")  # nothing of this process gets into a judge's
        self.seconds = judges.seconds
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, os.getpid(), judges.work, judges.isolation))
        with interrupts_ignored():  # Ctrl-C reaches all; this process alone decides what it means
            self.process.start()
        theirs.close()
        self.name = ""
        self.usable = True
        self.due = time.monotonic() + START_SECONDS

    def give(self, name: str, submission: Path) -> None:
        """Have it grade a submission next."""
        self.name, self.due = name, time.monotonic() + self.seconds
        with suppress(OSError):  # it has died: `hear` finds out
            self.pipe.send(submission)

    def hear(self) -> Outcome | None:
        """What it has to say, when it speaks, has died, or is late; None: it has started and waits for work."""
        if not self.pipe.poll():
            self.process.terminate()
            most = self.seconds if self.name else START_SECONDS
            kind, what = "failed", f"the grader took more than {most:.0f} s and was stopped"
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
        self.usable = False  # whatever state it is in
        return Outcome(self.name, error=what)

    def stop(self) -> None:
        """End it and its sandbox. One that has nothing to do leaves when the pipe closes."""
        self.pipe.close()
        self.process.join(STOP_SECONDS)
        self.process.kill()
        self.process.join()


def serve(pipe: Connection, parent: int, work: Work, isolation: dict) -> None:
    """A judge's process: answers each submission by ("graded", results) or ("failed", how)."""
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
    except (EOFError, OSError):  # the other side is gone
        return
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def leave(*_) -> None:
    """Leave in good order, so that the sandbox is cleared; soon, in any case."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.alarm(int(STOP_SECONDS))
    sys.exit()


def end_with(parent: int) -> None:
    """Get SIGTERM when the parent dies, even by SIGKILL. Where the system cannot do that, the pipe's end will tell."""
    if sys.platform == "linux":
        cage.call("prctl", cage.PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died before the call
        leave()


@contextmanager
def interrupts_ignored() -> Iterator[None]:
    """What is started meanwhile ignores Ctrl-C for good."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
