"""Classes of submissions for the benchmark of the grader, and batches of `python -m scripts.staff.grade` on them."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from itertools import cycle, islice
from pathlib import Path

import psutil

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.staff.bench.peers.process import Unmeasured
from tests.autograder.staff import bank

HOSTILE = ROOT / "tests" / "staff" / "hostile"
SEED = "a seed of the benchmarks"
PROBE_SECONDS = 2.0  # shorter than on the server: submissions that hang on purpose would take most of the time
UNUSABLE = {"empty": b"", "a text": b"I was ill.", "half a zip": b"PK\x03\x04" + b"\0" * 200}


def submission(folder: Path, changed: dict[str, str] | None = None) -> Path:
    """The reference, with a different text for some of its files."""
    for file in exercises.files():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text((changed or {}).get(file) or (ROOT / file).read_text(), encoding="utf-8")
    return folder


def mixed(folder: Path, count: int, rng: random.Random) -> list[Path]:
    """A class of `count`: 60 % with a mistake, 20 % right, 10 % hostile, 10 % that cannot be graded."""
    wrong = [{bug.file: bug.source()} for bug in bank.bugs().values()]
    right = [{}, *({file: text} for file, text, _ in bank.alternatives().values())]
    hostile = [attack(path, folder) for path in sorted(HOSTILE.glob("*.py"))]
    if not (wrong and hostile):
        raise Unmeasured("the banks of bugs and of attacks are empty.")
    texts = []
    for kinds, share in ((wrong, 0.6), (right, 0.2), (hostile, 0.1)):
        texts += islice(cycle(rng.sample(kinds, len(kinds))), round(share * count))
    paths = [submission(folder / f"student {i}", changed) for i, changed in enumerate(texts)]
    for i, (name, data) in zip(range(len(texts), count), cycle(UNUSABLE.items()), strict=False):
        paths.append(folder / f"student {i}, {name}.zip")
        paths[-1].write_bytes(data)
    return rng.sample(paths, count)


PACKED_WRONGLY: tuple[Callable[[str], str], ...] = (
    lambda file: Path(file).name,
    lambda file: Path(file).name.capitalize(),
    lambda file: f"{file}.txt",
    lambda file: f"homework 1/my work/{file}",
)
"""What students make of the names in their zip; all of it is understood."""


def canvas(folder: Path, count: int, rng: random.Random) -> Path:
    """The class `mixed` as a folder from Canvas: one zip in ten is late, one in ten is packed wrongly."""
    export = folder / "export"
    export.mkdir()
    for i, path in enumerate(mixed(folder / "class", count, rng)):
        late = "LATE_" if rng.random() < 0.1 else ""
        target = export / f"student{i}_{late}{1000 + i}_{5000 + i}_submission.zip"
        name = rng.choice(PACKED_WRONGLY) if rng.random() < 0.1 else str
        if path.is_file():
            target.write_bytes(path.read_bytes())
            continue
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in exercises.files():
                archive.write(path / file, name(file))
    return export


def attack(path: Path, folder: Path) -> dict[str, str]:
    """An attack of the hostile bank, appended to the reference and given the paths that it might look for."""
    file = bank.overlaid(path).file
    paths = {
        "RESULTS": str(folder / "out"),
        "FELLOW": str(folder / "student 0"),
        "REPOSITORY": str(ROOT),
        "JUDGE": os.getpid(),
    }
    names = [f"{name} = {value!r}" for name, value in paths.items()]
    return {file: "\n".join([(ROOT / file).read_text(), *names, path.read_text()])}


class Batch:
    """A batch of `scripts.staff.grade` that is running."""

    def __init__(self, paths: list[Path], out: Path, *options: str):
        self.out = out
        self.began = time.monotonic()
        command = [sys.executable, "-m", "scripts.staff.grade", *map(str, paths), "--out", str(out), "--seed", SEED]
        self.process = subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.DEVNULL)

    def finish(self) -> float:
        """Wait for the end and return the seconds that it took. Raises Unmeasured if it failed."""
        if self.process.wait():
            raise Unmeasured(f"the batch ended with exit status {self.process.returncode}; see its message above.")
        return time.monotonic() - self.began

    def kill_after(self, count: int) -> list[psutil.Process]:
        """`kill -9` when `count` submissions are graded; returns the processes that survived it."""
        while self.process.poll() is None and len(finished(self.out)) < count:
            time.sleep(0.02)
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        psutil.wait_procs(family, timeout=30)
        return [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]

    def memory(self) -> list[int]:
        """Watch until the end and return the bytes of the batch and its judges, without students' processes."""
        seen = []
        while self.process.poll() is None:
            try:
                batch = psutil.Process(self.process.pid)
                seen.append(sum(_size(each) for each in (batch, *batch.children())))
            except psutil.NoSuchProcess:
                break
            time.sleep(1.0)
        self.finish()
        return seen

    def peak_of_workers(self) -> int:
        """Watch until the end and return the most bytes that a worker had in memory at once."""
        peak = 0
        while self.process.poll() is None:
            family = {each.pid: each for each in psutil.Process(self.process.pid).children(recursive=True)}
            zygotes = [pid for pid, each in family.items() if "zygote.main" in _command(each)]
            peak = max([peak, *(_peak(pid) for zygote in zygotes for pid in _children(zygote))])
            time.sleep(0.02)
        self.finish()
        return peak


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:  # it has ended
        return ""


def _size(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _children(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.Error:
        return []


def _peak(pid: int) -> int:
    """The most bytes that a process had in memory so far."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) << 10 if found else 0


def finished(out: Path) -> dict[str, int]:
    """Graded submissions, each with the time at which its result was written."""
    return {path.parent.name: path.stat().st_mtime_ns for path in out.glob("*/results.json")}


def seconds(out: Path) -> list[float]:
    """How long each submission took."""
    return [json.loads(path.read_text())["execution_time"] for path in out.glob("*/results.json")]


def times_graded(out: Path) -> dict[str, int]:
    """How often each submission was graded, according to the batches' own log."""
    names = [json.loads(line)["name"] for line in (out / ".log").read_text().splitlines()]
    return {name: names.count(name) for name in names}
