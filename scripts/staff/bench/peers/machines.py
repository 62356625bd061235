"""A Dask cluster on this machine: a scheduler and two workers, in processes of their own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
from distributed import Client

from hw1.exercises import ROOT
from scripts.staff.bench.peers.process import Unmeasured

WORKERS = 2


class Machines:
    """They run until `stop`."""

    def __init__(self, folder: Path):
        """`folder`: for the scheduler's file and the log."""
        self.file = folder / "scheduler.json"
        self.started: list[subprocess.Popen] = []
        self.log = (folder / "log").open("w")
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        while not self.file.exists() or not self.file.read_text():
            if self.scheduler.poll() is not None:
                raise Unmeasured(f"the scheduler did not start; see {self.log.name}")
            time.sleep(0.05)
        self.address = json.loads(self.file.read_text())["address"]
        self.workers = [self.worker() for _ in range(WORKERS)]
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(WORKERS, timeout=60)

    def worker(self) -> subprocess.Popen:
        return self._start("worker", "--nthreads", "1", "--no-nanny", "--no-dashboard", "--death-timeout", "30")

    def _start(self, kind: str, *options: str) -> subprocess.Popen:
        command = [sys.executable, "-m", "dask", kind, "--scheduler-file", str(self.file), *options]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "1s"}
        self.started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=self.log, stderr=self.log))
        return self.started[-1]

    def stop(self) -> list[psutil.Process]:
        """End all; returns the processes that helped them and outlived them."""
        family = [each for p in self.started if p.poll() is None for each in psutil.Process(p.pid).children(True)]
        for process in self.started:
            process.kill()
            process.wait()
        self.log.close()
        return psutil.wait_procs(family, timeout=20)[1]
