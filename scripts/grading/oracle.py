"""Where expected values come from. An oracle also knows what each known mistake would have answered.

Inputs are drawn from a seed and the probe's id, so no probe's inputs depend on which others are run.
"""

import hashlib
import json
from pathlib import Path
from typing import Protocol

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from tests.probes.base import Arrays, Probe

PUBLIC_SEED = "public"
SNAPSHOT = Path("tests/probes/expected.safetensors")


class Oracle(Protocol):
    """Inputs of a probe, what the reference makes of them, and what each known mistake does."""

    seed: str

    def expected(self, probe: Probe, inputs: Arrays) -> Arrays: ...

    def mistakes(self, probe: Probe, inputs: Arrays) -> dict[str, Arrays]:
        """By what to tell the student: "your loss equals the one that ..."."""


def draw(probe: Probe, seed: str) -> Arrays:
    """The probe's inputs for a seed."""
    digest = hashlib.sha256(f"{seed}/{probe.id}".encode()).digest()
    return probe.draw(np.random.default_rng(list(digest)))


class Stored:
    """What the reference answered on the public seed (written by `scripts.staff.snapshot`)."""

    seed = PUBLIC_SEED

    def __init__(self, path: Path):
        with safe_open(path, framework="np") as file:
            index = json.loads(file.metadata()["index"])
            self.arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        self.says: dict[str, str] = index

    def expected(self, probe: Probe, inputs: Arrays) -> Arrays:
        return self._of(probe.id, "")

    def mistakes(self, probe: Probe, inputs: Arrays) -> dict[str, Arrays]:
        found = {says: self._of(probe.id, bug) for bug, says in self.says.items()}
        return {says: arrays for says, arrays in found.items() if arrays}

    def _of(self, probe: str, bug: str) -> Arrays:
        prefix = f"{probe}|{bug}|"
        return {name.removeprefix(prefix): a for name, a in self.arrays.items() if name.startswith(prefix)}


def store(path: Path, answers: dict[tuple[str, str], Arrays], says: dict[str, str]) -> None:
    """Write a snapshot: arrays by (probe, bug), the reference's under the bug ""; and what to say about each bug."""
    arrays = {
        f"{probe}|{bug}|{name}": np.asarray(array, order="C")
        for (probe, bug), by_name in answers.items()
        for name, array in by_name.items()
    }
    save_file(arrays, path, metadata={"index": json.dumps(says)})
