"""The sources of expected values. An oracle also knows what each known mistake would answer.

Inputs are drawn from a seed and the probe's id, so they do not depend on which other probes run.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from hw1 import exercises
from tests.autograder.probes.base import Arrays, Probe, Sample

PUBLIC_SEED = "public"
SNAPSHOT = Path("tests/autograder/probes/expected.safetensors")
THIN = 4  # every fourth row of a mistake's sample is kept
NAME = SNAPSHOT.as_posix()
RESTORE = f"Restore it with `git checkout -- {NAME}`, or download the homework again."
GIVEN = ("hw1/**/*.py", "hw1/*.toml", "tests/autograder/probes/*.py")


class Oracle(Protocol):
    """The answers of the reference and of each known mistake to a probe's inputs."""

    seed: str

    def expected(self, probe: Probe, inputs: Arrays) -> Arrays: ...

    def mistakes(self, probe: Probe, inputs: Arrays) -> dict[str, Arrays]:
        """By the sentence for the student: "your loss equals the one that ..."."""


def draw(probe: Probe, seed: str) -> Arrays:
    """The probe's inputs for a seed."""
    digest = hashlib.sha256(f"{seed}/{probe.id}".encode()).digest()
    return probe.draw(np.random.default_rng(list(digest)))


# --- the snapshot: what the reference answered on the public seed -----------------------------------------------------
class SnapshotError(Exception):
    """There are no expected values to compare with. A sentence for the student."""


class Stored:
    """What the reference and each known mistake answered on the public seed.

    The file contains every array once. Its index lists the arrays of each answer, by probe and by the sentence for the
    student; the sentence of the reference's answer is "". An array called "00012/4" is every fourth row of a sample.
    """

    seed = PUBLIC_SEED

    def __init__(self, root: Path, probes: Iterable[Probe] = ()):
        """Raises SnapshotError if the homework's folder `root` has no snapshot, or one without some of these probes."""
        path = root / SNAPSHOT
        if not path.is_file():
            raise SnapshotError(f"{NAME} is missing: without it there are no expected values. {RESTORE}")
        try:
            with safe_open(path, framework="np") as file:
                index = json.loads(file.metadata()["index"])
                self.arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            self.answers: dict[str, dict[str, dict[str, str]]] = index["answers"]
            self.given: dict[str, str] = index["given"]
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise SnapshotError(f"{NAME} cannot be read ({error}). {RESTORE}") from error
        if absent := [probe.id for probe in probes if probe.id not in self.answers]:
            more = f" and {len(absent) - 1} more" if absent[1:] else ""
            raise SnapshotError(
                f"{NAME} has no expected values for check {absent[0]}{more}: it is older than the checks. {RESTORE}"
            )

    def expected(self, probe: Probe, inputs: Arrays) -> Arrays:
        return self._answer(self.answers[probe.id][""])

    def mistakes(self, probe: Probe, inputs: Arrays) -> dict[str, Arrays]:
        return {says: self._answer(names) for says, names in self.answers[probe.id].items() if says}

    def _answer(self, names: dict[str, str]) -> Arrays:
        return {
            name: np.concatenate([self.arrays[key]] * THIN).astype(np.float32) if "/" in key else self.arrays[key]
            for name, key in names.items()
        }

    def edited(self, root: Path) -> list[str]:
        """The given files that were changed, added or removed since the snapshot was written."""
        now = given(root)
        return sorted(file for file in now.keys() | self.given.keys() if now.get(file) != self.given.get(file))


def snapshot(answers: Iterable[tuple[Probe, dict[str, Arrays]]], given: dict[str, str]) -> bytes:
    """The contents of a snapshot: each probe's answers by the sentence for the student, and the digests of given files.

    The same answers give the same bytes. Only part of a mistake's sample is kept, and repeated when it is read. The
    result is hardly further from a new sample than the whole sample would be, so the mistake is still recognised.
    """
    arrays: dict[str, np.ndarray] = {}
    known: dict[bytes, str] = {}  # names of arrays by their contents
    index: dict[str, dict[str, dict[str, str]]] = {}
    for probe, by_says in answers:
        index[probe.id] = {says: {} for says in by_says}
        for says, by_name in by_says.items():
            for name, array in by_name.items():
                sample = isinstance(probe.rules.get(name), Sample) and len(array) % THIN == 0
                content = f"{array.dtype} {array.shape} ".encode() + array.tobytes()
                key = known.setdefault(content, f"{len(known):05}" + f"/{THIN}" * bool(sample and says))
                arrays[key] = np.asarray(_thinned(array) if "/" in key else array, order="C")
                index[probe.id][says][name] = key
    return save(arrays, metadata={"index": json.dumps({"answers": index, "given": given})})


def _thinned(sample: np.ndarray) -> np.ndarray:
    """Every fourth row, in half precision. Values that repeat are not rounded: they must stay equal to new draws."""
    rows = sample[::THIN]
    half = rows.astype(np.float16)
    continuous = all(len(np.unique(column)) > 0.99 * len(column) for column in rows.reshape(len(rows), -1).T)
    return half if continuous and np.isfinite(half).all() else rows


def given(root: Path) -> dict[str, str]:
    """Digests of the files that students do not edit, by path. Line ends do not matter."""
    files = {path for pattern in GIVEN for path in root.glob(pattern)}
    names = sorted({file.relative_to(root).as_posix() for file in files} - set(exercises.files()))
    return {name: digest((root / name).read_bytes()) for name in names}


def digest(text: bytes) -> str:
    return hashlib.sha256(text.replace(b"\r\n", b"\n")).hexdigest()
