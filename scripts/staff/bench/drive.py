"""The server of `scripts.drive` with eight people at once: how late its ticks and controls are, and what it forgets."""

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import psutil
from websockets.sync.client import ClientConnection, connect

from hw1.exercises import ROOT
from scripts.staff.bench.rows import Row, limit

PEOPLE, INPUTS = 8, 2  # sessions, and messages of each for every tick: 20 in a second
MINUTES = 10.0
START = {"do": "start", "mode": "demonstrate", "world": "lane", "way": "keys", "less": 0}


class Client:
    """A page without a browser."""

    def __init__(self, socket: ClientConnection):
        self.socket, self.n = socket, 0
        self.say(do="hello", session="")
        self.hear("hello")

    def say(self, **message: object) -> int:
        """Returns the number of the message."""
        self.socket.send(json.dumps({"n": self.n, **message}))
        self.n += 1
        return self.n - 1

    def hear(self, *what: str) -> dict:
        """The next message, of those kinds if any are given."""
        while True:
            said = json.loads(self.socket.recv(timeout=20))
            if not what or said["say"] in what:
                return said


@contextlib.contextmanager
def serving(out: Path, *options: str) -> Iterator[tuple[subprocess.Popen, str]]:
    """The command in a process of its own; yields the process and the address that it prints."""
    words = [sys.executable, "-m", "scripts.drive", "--port", "0", "--out", str(out), *options]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, re.search(r"http://\S+", process.stdout.readline())[0]
        finally:
            process.kill()


@contextlib.contextmanager
def running(out: Path) -> Iterator[tuple[subprocess.Popen, Callable[[], Client]]]:
    """As `serving`, but with a function that connects to it instead of the address."""
    with serving(out) as (process, address), ExitStack() as stack:
        origin, _, token = address.partition("/?")
        place = f"{origin.replace('http', 'ws', 1)}/drive?{token}"
        yield process, lambda: Client(stack.enter_context(connect(place, origin=origin, max_size=None)))


def drive(client: Client, seconds: float) -> list[float]:
    """Drive, episode after episode, none of which is kept; returns how many milliseconds late each tick was."""
    end, late = time.monotonic() + seconds, []
    while time.monotonic() < end:
        said = client.hear()
        if said["say"] == "tick":
            late.append(said["late"])
            for i in range(INPUTS):
                client.say(do="control", steer=float(np.sin(len(late) + i)), accel=0.0, touch=True, at=0)
        if said["say"] == "ended":
            client.say(do="discard")
            client.say(do="next")
    return late


def together(clients: list[Client], seconds: float) -> list[float]:
    """Everybody drives at once; how late all their ticks were."""
    late: list[float] = []
    threads = [threading.Thread(target=lambda each=each: late.extend(drive(each, seconds))) for each in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return late


def delays(client: Client, latency: float, times: int = 40) -> list[float]:
    """Milliseconds from a control to its echo, beyond the latency that was chosen."""
    client.say(do="latency", ms=latency, less=0)
    found = []
    for i in range(times):
        begin = time.monotonic()
        n = client.say(do="control", steer=i / times, accel=0.0, touch=True, at=0)
        while client.hear("echo")["n"] != n:  # those of earlier ones come first
            pass
        found.append(1000 * (time.monotonic() - begin) - latency)
    return found


def measure_drive() -> Iterator[Row]:
    """Eight people for ten minutes, and the controls of one."""
    yield from measure_ticks()
    yield from measure_controls()


def measure_ticks() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as (process, client_of):
        clients = [client_of() for _ in range(PEOPLE)]
        for seed, client in enumerate(clients):
            client.say(**START, latency=0, seed=seed)
        memory = psutil.Process(process.pid).memory_info
        late = together(clients, 60.0)
        before = memory().rss
        late += together(clients, 60.0 * (MINUTES - 1))
        grown = (memory().rss - before) / 2**20
        note = f"{PEOPLE} sessions, {10 * INPUTS} messages a second each, {MINUTES:g} minutes, {len(late)} ticks"
        yield limit("driving: a tick is late, 95th percentile", float(np.percentile(late, 95)), 16, "ms", note)
        yield limit("driving: a tick is late, 99th percentile", float(np.percentile(late, 99)), 50, "ms", note)
        yield limit("driving: memory of the server grows after the first minute", grown, 10, "MiB", note)


def measure_controls() -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as (_, client_of):
        client = client_of()
        client.say(**START, latency=0, seed=0)
        client.hear("tick")
        for latency in (0, 150, 400):
            p95 = float(np.percentile(delays(client, latency), 95))
            yield limit(f"driving: a control acts later than the latency of {latency} ms, p95", p95, 15, "ms")
