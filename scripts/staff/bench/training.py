"""Behaviour cloning: many seeds together against one alone, and against `imitation`."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from hw1.bc import fit
from hw1.demos import Dataset
from hw1.policy import PolicyConfig
from hw1.training import TrainConfig
from scripts.staff.bench.peers.process import Imitation
from scripts.staff.bench.rows import Row
from scripts.staff.bench.timing import cpu_seconds, interleaved

SEEDS = 10
FEW, MANY = 100, 600  # gradient steps; the difference of two runs does not contain what is paid once
SHAPE = {"batch_size": 64, "obs_dim": 128, "action_dim": 1, "samples": 2000, "seed": 0}  # observations as in Lane
PER_STEP_NOTE = f"a run of {MANY} gradient steps minus one of {FEW}, so that set-up is not counted"


def measure_seeds() -> Iterator[Row]:
    """Ten seeds trained in one batched computation against one of them alone."""
    together = partial(ms_per_step, lambda steps: train_seconds(SEEDS, steps, "l2"))
    alone = partial(ms_per_step, lambda steps: train_seconds(1, steps, "l2"))
    costs = interleaved(7, together=together, alone=alone)
    ratio = costs["together"] / costs["alone"]
    what = "10 seeds trained together against one alone (2x64, batch 64)"
    yield Row(what, costs["together"], costs["alone"], ratio, "<= 3x", ratio <= 3, "ms/step", PER_STEP_NOTE)


def measure_bc() -> Iterator[Row]:
    """A gradient step per seed against imitation's, which trains one seed at a time; both with a Gaussian policy."""
    with Imitation() as peer:
        costs = interleaved(
            7,
            together=partial(ms_per_step, lambda steps: train_seconds(SEEDS, steps, "gaussian")),
            alone=partial(ms_per_step, lambda steps: train_seconds(1, steps, "gaussian")),
            imitation=partial(ms_per_step, lambda steps: peer.ask("bc", steps=steps, **SHAPE)["cpu_seconds"]),
        )
    ours, theirs = costs["together"] / SEEDS, costs["imitation"]
    note = (
        f"{PER_STEP_NOTE}; one seed of ours alone: {costs['alone']:.2f} ms; imitation's policy must have a value "
        "function, here reduced to one linear unit"
    )
    what = "BC step per seed, 10 seeds together, against imitation 1.0.1 (2x64, batch 64)"
    yield Row(what, ours, theirs, theirs / ours, ">= 8x less", theirs / ours >= 8, "CPU ms", note)


def ms_per_step(run: Callable[[int], float]) -> float:
    """Milliseconds for each further gradient step of `run`, which maps a number of them to CPU seconds."""
    return 1e3 * (run(MANY) - run(FEW)) / (MANY - FEW)


def train_seconds(learners: int, steps: int, head: str) -> float:
    data = noise_dataset(learners)
    train = TrainConfig(steps=steps, batch_size=SHAPE["batch_size"])
    return cpu_seconds(lambda: fit(data, PolicyConfig(head=head), train))


def noise_dataset(learners: int) -> Dataset:
    """Random observations and actions: the cost of a gradient step does not depend on what is learned."""
    rng = np.random.default_rng(SHAPE["seed"])
    size = learners * SHAPE["samples"]
    return Dataset(
        obs=rng.random((size, SHAPE["obs_dim"]), dtype=np.float32),
        action=rng.uniform(-1, 1, (size, SHAPE["action_dim"])).astype(np.float32),
        episode=np.arange(size) // 100,
        learner=np.arange(size) // SHAPE["samples"],
        driver=np.zeros(size, dtype=np.int64),
    )
