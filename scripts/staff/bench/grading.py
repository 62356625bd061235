"""The grader: one submission, a class, the price of isolation, and a batch that is killed and continued."""

import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from scripts.staff.bench.peers import classes
from scripts.staff.bench.peers.process import Unmeasured
from scripts.staff.bench.rows import Row, limit
from scripts.staff.bench.timing import interleaved
from tests.autograder import worker
from tests.autograder.judge import judge
from tests.autograder.oracle import draw
from tests.autograder.probes import PROBES
from tests.autograder.probes.base import Arrays, Homework, Probe
from tests.autograder.runner import InProcess, Runner
from tests.autograder.staff.live import Live
from tests.autograder.staff.sandbox import Sandbox, SandboxError

COPIES, CLASS, CORES = 12, 200, 2


def measure_grade() -> Iterator[Row]:
    """One submission with a cold start, many in a batch, and the most memory that a worker needs."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copies = [classes.submission(folder / f"student {i}") for i in range(COPIES)]
        cold, bare = [], []
        for i in range(3):
            cold.append(classes.Batch(copies[:1], folder / f"cold {i}", "--jobs", "1").finish())
            bare.append(seconds_of_an_import())
        note = f"meanwhile, Python with nothing but `import torch` takes {statistics.median(bare):.1f} s"
        yield limit("grading one submission, cold", statistics.median(cold), 8, "s", note)

        few = classes.Batch(copies[:CORES], folder / "few", "--jobs", f"{CORES}").finish()
        many = classes.Batch(copies, folder / "many", "--jobs", f"{CORES}").finish()
        warm = statistics.median(classes.seconds(folder / "many"))
        note = f"median; {CORES} at once, so that the batch needs {(many - few) / (COPIES - CORES):.1f} s for each"
        yield limit("grading a submission, warm in a batch", warm, 6, "s", note)

        bomb = classes.attack(classes.HOSTILE / "losses_memory_bomb.py", folder)
        right = classes.Batch(copies[:2], folder / "right", "--jobs", "1").peak_of_workers() / 2**20
        paths = [classes.submission(folder / "bomb", bomb)]
        peak = classes.Batch(paths, folder / "peak", "--jobs", "1").peak_of_workers() / 2**20
        note = f"of a submission that takes all the memory it can get; of the reference {right:.0f} MiB"
        yield limit("peak memory of a worker", max(peak, right), 768, "MiB", note)


def seconds_of_an_import() -> float:
    begin = time.monotonic()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.monotonic() - begin


def measure_isolation() -> Iterator[Row]:
    """The reference in a warm sandbox, and in this process, which is warm as well: both import its files."""
    inputs = [(probe, draw(probe, classes.SEED)) for probe in PROBES.values()]
    try:
        with tempfile.TemporaryDirectory() as folder, Sandbox() as sandbox:
            student = classes.submission(Path(folder) / "student")
            for what, work in (("all probes", partial(ask_all, inputs)), ("a submission judged", judge_all)):
                isolated = partial(seconds_isolated, work, sandbox, student)
                costs = interleaved(15, isolated=isolated, in_process=partial(seconds_in_process, work, student))
                ratio = costs["isolated"] / costs["in_process"]
                note = (
                    f"{len(inputs)} probes, level {sandbox.level}, with the start and the end of the worker; wall clock"
                )
                yield Row(
                    f"{what}, isolated against in process", *costs.values(), ratio, "<= 1.3x", ratio <= 1.3, "s", note
                )
    except SandboxError as error:
        raise Unmeasured(str(error)) from error


def ask_all(inputs: list[tuple[Probe, Arrays]], runner: Runner | InProcess) -> None:
    """Only the answers of the student's code."""
    answers = {probe.id: runner.ask(probe, given) for probe, given in inputs}
    if failed := [id for id, answer in answers.items() if answer.status != "ok"]:
        raise Unmeasured(f"the reference does not answer the probes {', '.join(failed)}.")


def judge_all(runner: Runner | InProcess) -> None:
    """Also the reference's answers and the verdicts. In one process, student's code and reference take turns: they
    share PyTorch's global generator."""
    oracle, turn = Live(classes.SEED), threading.Lock()
    if isinstance(runner, InProcess):
        oracle.expected, runner.ask = _one_at_a_time(oracle.expected, turn), _one_at_a_time(runner.ask, turn)
    verdicts = [v for own in judge(runner, oracle, PROBES.values(), reveal=False) for v in own]
    if failed := [v.probe.id for v in verdicts if v.status != "passed"]:
        raise Unmeasured(f"the reference does not pass the probes {', '.join(failed)}.")


def _one_at_a_time(function: Callable, turn: threading.Lock) -> Callable:
    def alone(*arguments):
        with turn:
            return function(*arguments)

    return alone


def seconds_isolated(work: Callable[[Runner], None], sandbox: Sandbox, student: Path) -> float:
    begin = time.monotonic()
    with Runner(sandbox.launcher(student)) as runner:
        work(runner)
    return time.monotonic() - begin


def seconds_in_process(work: Callable[[InProcess], None], student: Path) -> float:
    begin = time.monotonic()
    worker.use(student)
    work(InProcess(Homework(), student))
    return time.monotonic() - begin


def measure_batch() -> Iterator[Row]:
    """A class of right, wrong, unusable and hostile submissions, killed at a random moment and then continued."""
    rng = random.Random()
    options = ("--jobs", f"{CORES}", "--probe-timeout", f"{classes.PROBE_SECONDS:g}")
    with tempfile.TemporaryDirectory() as name:
        out, moment = Path(name) / "out", rng.randrange(1, CLASS)
        paths = classes.mixed(Path(name), CLASS, rng)
        begin = time.monotonic()
        left = classes.Batch(paths, out, *options).kill_after(moment)
        before = classes.finished(out)
        classes.Batch(paths, out, *options).finish()
        minutes = (time.monotonic() - begin) / 60
        after, times = classes.finished(out), classes.times_graded(out)
    kept = all(after[name] == before[name] for name in before)
    # A grade whose line in the log was prevented by the kill counts as well: its file has not been written again.
    once = sum(times.get(name, 1 if name in before else 0) == 1 for name in after)
    note = f"killed after {len(before)}, {minutes:.1f} minutes in all, {len(left)} processes left by the kill"
    holds = once == CLASS and kept and not left
    what = f"a class of {CLASS}, right, wrong and hostile, killed with kill -9 and continued: graded exactly once"
    yield Row(what, once, None, None, f"{CLASS}", holds, "submissions", note)
