"""Grades on a Dask cluster: submissions travel as bytes, results come back, and each is kept once, by the batch.

    batch            has the folder of grades; sends no more than the workers can take
      Dask worker    of a cluster that is already running; starts from the same version of the repository
        helper       a process beside it, because a judge must be started from a main thread
          judge      `batch.Judge`, which stays warm from one submission to the next

Whatever ends, nothing is lost: a worker's submissions go to another one, and a batch or a scheduler that ended leaves
the grades that the batch has kept, from which the same command continues. The seed travels to the workers, so the
network must be trusted, or the cluster use TLS.
"""

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from hw1.exercises import ROOT
from tests.autograder.staff import keys
from tests.autograder.staff.batch import BatchError, Judge, Judges, Outcome

AHEAD = 2  # submissions that are sent for each thread of the cluster
CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Cluster:
    """Grades like `Judges`, but on the workers of a Dask scheduler."""

    address: str
    judges: Judges

    def grade(self, todo: dict[str, Path]) -> Iterator[Outcome]:
        """Grade submissions by name, in any order. Raises BatchError if there is no cluster, or it ended."""
        here = {name: path for name, path in todo.items() if not path.is_file()}  # could not be packed into a file
        there = {name: path for name, path in todo.items() if name not in here}
        if there:
            from distributed.comm import CommClosedError

            try:
                yield from self._grade(there)
            except CommClosedError as error:
                raise self._lost() from error
        if here:
            yield from replace(self.judges, jobs=1).grade(here)

    def _grade(self, todo: dict[str, Path]) -> Iterator[Outcome]:
        from distributed import as_completed

        with closing(connected(self.address)) as client:
            if not client.nthreads():
                raise BatchError(
                    f"--dask {self.address}: the cluster has no worker; start `dask worker {self.address}`"
                )
            send = Sender(client, self.judges)
            waiting, running, levels = deque(todo.items()), {}, {}
            results = as_completed(loop=client.loop)
            while waiting or running:
                while waiting and len(running) < AHEAD * max(1, sum(client.nthreads().values())):  # workers come and go
                    name, path = waiting.popleft()
                    running[future := send(name, path)] = name
                    results.add(future)
                future = next(results)
                outcome, worker = self._outcome(running.pop(future), future)
                if (level := outcome.page.get("extra_data", {}).get("isolation")) and worker not in levels:
                    levels[worker] = level
                    print(f"{worker}: isolation {level}", flush=True)
                yield outcome

    def _lost(self) -> BatchError:
        kept = "the grades so far are kept, and the same command continues"
        return BatchError(f"--dask {self.address}: the scheduler has ended; {kept}")

    def _outcome(self, name: str, future) -> tuple[Outcome, str]:
        """The outcome of a submission, and the worker that graded it."""
        from distributed import KilledWorker

        if future.status not in ("finished", "error"):  # the scheduler has forgotten it
            raise self._lost()
        try:
            outcome, worker = future.result()
        except BatchError:
            raise
        except KilledWorker:
            return Outcome(name, error="several workers of the cluster ended while they graded this submission"), ""
        except Exception as error:  # for example, the worker has no such module
            return Outcome(name, error=f"a worker of the cluster failed: {type(error).__name__}: {error}"), ""
        return outcome, worker


def connected(address: str):
    """A client of the scheduler. Raises BatchError if none answers."""
    try:
        from distributed import Client
    except ImportError:
        raise BatchError("--dask needs the package `distributed`: pip install distributed") from None
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise BatchError(
            f"--dask {address}: no Dask scheduler answers there ({error}); start `dask scheduler`, and give the "
            "address that it prints"
        ) from None


@dataclass(frozen=True)
class Sender:
    """Sends submissions to the cluster."""

    client: object
    judges: Judges

    def __call__(self, name: str, path: Path):
        job = (keys.grader(), replace(self.judges, jobs=1))
        return self.client.submit(work, name, path.name, path.read_bytes(), *job, pure=False, key=f"grade-{name}")


# --- on a worker ------------------------------------------------------------------------------------------------------
own = threading.local()  # a helper for each thread of the worker


def work(name: str, file: str, data: bytes, grader: str, judges: Judges) -> tuple[Outcome, str]:
    """Grade a submission on a worker. Raises BatchError if this cannot be the grade that the batch would give."""
    from distributed import get_worker

    if keys.grader() != grader:
        raise BatchError(
            f"{get_worker().address} has another version of the grader or its packages: start the workers from a "
            "checkout of the batch's version"
        )
    helper = getattr(own, "helper", None)
    if helper is None or helper.judges != judges or helper.process.poll() is not None:
        own.helper = helper = Helper(judges)
    return helper.grade(name, file, data), get_worker().address


class Helper:
    """A process with one judge, which ends when the worker does."""

    def __init__(self, judges: Judges):
        self.judges = judges
        self.pipe, theirs = Pipe()
        command = [sys.executable, "-c", f"from {__name__} import serve; serve({theirs.fileno()})"]
        self.process = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        theirs.close()
        self.pipe.send(judges)

    def grade(self, name: str, file: str, data: bytes) -> Outcome:
        try:
            self.pipe.send((name, file, data))
            answer = self.pipe.recv()
        except (EOFError, OSError):
            return Outcome(name, error=f"the grader's helper ended with exit status {self.process.wait()}")
        if isinstance(answer, BatchError):
            raise answer
        return answer


def serve(number: int) -> None:
    """The helper's process: answers each submission with its Outcome, or with a BatchError if no judge can start."""
    pipe, judge = Connection(number), None
    try:
        judges = pipe.recv()
        while True:
            name, file, data = pipe.recv()
            with TemporaryDirectory(prefix="grade-") as folder:
                path = Path(folder) / file
                path.write_bytes(data)
                try:
                    if judge is None:
                        judge = Judge(judges)
                        heard(judge, pipe)
                    judge.give(name, path)
                    answer = heard(judge, pipe)
                except BatchError as error:
                    answer = error
            if isinstance(answer, BatchError) or not judge.usable:
                judge.stop()
                judge = None
            pipe.send(answer)
    except (EOFError, OSError):  # the worker has ended
        pass
    finally:
        if judge:
            with suppress(OSError):
                judge.process.terminate()
            judge.stop()
    os._exit(0)


def heard(judge: Judge, pipe: Connection) -> Outcome | None:
    """What the judge answers. Raises EOFError if the worker ends before."""
    ready = wait([judge.pipe, pipe], max(0.0, judge.due - monotonic()))
    if pipe in ready:
        raise EOFError
    return judge.hear()
