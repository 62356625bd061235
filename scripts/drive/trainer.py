"""Trains policies in a process of its own, so that no session misses a tick while another one learns."""

import multiprocessing
import signal
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch

from hw1 import bc
from hw1.demos import Dataset
from hw1.policy import Actor
from hw1.rollout import rollout
from hw1.tasks import LANE, TASKS
from hw1.training import Training
from scripts.drive.paced import Stopped

MEMBERS = 5  # of an ensemble, whose disagreement is the doubt
EVERY = 25  # gradient steps between two reports
EVALUATIONS, EVALUATION_SEED = 16, 2_000_000  # episodes, on roads that nobody has driven


class TrainingError(Exception):
    """Training has failed; a sentence for the page."""


class Trainer:
    """One process, which is started when it is needed; sessions take turns."""

    def __init__(self, steps: int):
        """`steps`: gradient steps of a policy."""
        self.steps, self.turn = steps, threading.Lock()
        self.process: multiprocessing.process.BaseProcess | None = None
        self.connection: Connection | None = None

    def fit(self, data: Dataset, seed: int, progress: Callable[[int, int], None]) -> tuple[Actor, float]:
        """An ensemble for Lane, and its cost for 100 steps on roads that it has not seen.

        Calls progress(step, steps); what that raises ends the training. Raises TrainingError.
        """
        with self.turn, tempfile.TemporaryDirectory(prefix="hw1-drive-") as folder:
            path = Path(folder) / "policy.safetensors"
            progress(0, self.steps)
            self._start()
            try:
                self.connection.send((data, self.steps, seed, path))
                while True:
                    kind, value = self.connection.recv()
                    if kind == "cost":
                        return Actor.load(path), value
                    if kind == "failed":
                        raise TrainingError(value)
                    progress(value, self.steps)
            except (EOFError, OSError) as error:
                self.close()
                raise TrainingError("the process that trains has ended; start again") from error
            except Stopped:
                self.close()  # nobody waits for what it computes, but others wait for their turn
                raise

    def _start(self) -> None:
        if self.process is not None and self.process.is_alive():
            return
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
        self.process = None


def _serve(connection: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, with which this process ends
    torch.set_num_threads(1)
    while True:
        try:
            data, steps, seed, path = connection.recv()
        except EOFError:
            return
        try:
            recipe = LANE.recipe("l2")
            run = Training(data, recipe.policy, replace(recipe.train, steps=steps, members=MEMBERS, seed=seed))
            while not run.finished:
                bc.gradient_step(run)
                if run.step % EVERY == 0:
                    connection.send(("step", run.step))
            policy = Actor(run.policies())
            policy.save(path)
            connection.send(("cost", cost_of(policy)))
        except NotImplementedError as error:
            connection.send(("failed", f"this waits for {error}"))
        except Exception as error:
            connection.send(("failed", f"the policy could not be trained: {error}"))


def cost_of(policy: Actor) -> float:
    """Steps off the lane in 100, alone on unseen roads."""
    task = TASKS["lane"]
    steps = rollout(task.env(EVALUATIONS), policy, task.horizon, EVALUATION_SEED)
    return float(100 * np.mean(steps.cost))
