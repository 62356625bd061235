"""Where expected values come from. An oracle also knows what each known mistake would have answered.

Inputs are drawn from a seed and the probe's id, so no probe's inputs depend on which others are run.
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
THIN = 4  # of a mistake's sample so many rows become one
NAME = SNAPSHOT.as_posix()
MEND = f"Get it again from where the homework is published (`git checkout -- {NAME}`)."
GIVEN = ("hw1/**/*.py", "hw1/*.toml", "tests/autograder/probes/*.py")


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


# --- the snapshot: what the reference answered on the public seed -----------------------------------------------------
class SnapshotError(Exception):
    """There are no expected values to compare with. A sentence."""


class Stored:
    """What the reference, and each known mistake, answered on the public seed.

    The file holds every array once. Its index says which arrays make up an answer, by probe and by what to tell the
    student; the reference's answer is under "". Of a sample called "00012/4" it holds every fourth row.
    """

    seed = PUBLIC_SEED

    def __init__(self, root: Path, probes: Iterable[Probe] = ()):
        """Raises SnapshotError if there is no snapshot in the homework's folder `root`, or not of all these probes."""
        path = root / SNAPSHOT
        if not path.is_file():
            raise SnapshotError(f"{NAME} is missing: without it there are no expected values. {MEND}")
        try:
            with safe_open(path, framework="np") as file:
                index = json.loads(file.metadata()["index"])
                self.arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            self.answers: dict[str, dict[str, dict[str, str]]] = index["answers"]
            self.given: dict[str, str] = index["given"]
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise SnapshotError(f"{NAME} cannot be read ({error}). {MEND}") from error
        if absent := [probe.id for probe in probes if probe.id not in self.answers]:
            more = f" and {len(absent) - 1} more" if absent[1:] else ""
            raise SnapshotError(
                f"{NAME} holds no expected values for check {absent[0]}{more}: it is older than the probes. {MEND}"
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
        """The given files that are no longer as they were when the snapshot was written."""
        now = given(root)
        return sorted(file for file in now.keys() | self.given.keys() if now.get(file) != self.given.get(file))


def snapshot(answers: Iterable[tuple[Probe, dict[str, Arrays]]], given: dict[str, str]) -> bytes:
    """The contents of a snapshot: each probe's answers by what to tell the student, and the digests of given files.

    The same bytes for the same answers. Of a mistake's sample a part is kept; read again it is repeated, and differs
    from one that is drawn afresh by hardly more than the whole does, so that the mistake is still recognised.
    """
    arrays: dict[str, np.ndarray] = {}
    known: dict[bytes, str] = {}  # names of arrays by what they hold
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
    """Every fourth row; in half precision, unless values occur often: rounding would part them from their equals."""
    rows = sample[::THIN]
    half = rows.astype(np.float16)
    continuous = all(len(np.unique(column)) > 0.99 * len(column) for column in rows.reshape(len(rows), -1).T)
    return half if continuous and np.isfinite(half).all() else rows


def given(root: Path) -> dict[str, str]:
    """Digests of the files that students do not edit, by path; the same whatever the line ends."""
    files = {path for pattern in GIVEN for path in root.glob(pattern)}
    names = sorted({file.relative_to(root).as_posix() for file in files} - set(exercises.files()))
    return {name: digest((root / name).read_bytes()) for name in names}


def digest(text: bytes) -> str:
    return hashlib.sha256(text.replace(b"\r\n", b"\n")).hexdigest()
