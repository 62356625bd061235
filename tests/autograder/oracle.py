"""The sources of expected values: what the reference answers. The stored ones come with those of known mistakes.

Inputs are drawn from a seed and the probe's id, so they do not depend on which other probes run.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from tests.autograder import originals
from tests.autograder.compare import ANY, THIN, half
from tests.autograder.originals import SNAPSHOT
from tests.autograder.probes.base import Arrays, Probe, Sample

PUBLIC_SEED = "public"
SAMPLE = "/sample"  # at the end of an array's name
UNKNOWN = ""  # instead of an array's name
NAME = SNAPSHOT.as_posix()
RESTORE = f"Restore it with `git checkout -- {NAME}`, or download the homework again."


class Oracle(Protocol):
    """The answers of the reference to a probe's inputs."""

    seed: str

    def expected(self, probe: Probe, inputs: Arrays) -> Arrays: ...


def paired(probe: Probe) -> bool:
    """Whether two mistakes at once are tried: for the first probe of an exercise, if it compares numbers."""
    exact = probe.facts is None and not any(isinstance(rule, Sample) for rule in probe.rules.values())
    return exact and probe.id == f"{probe.exercise}.1"


def draw(probe: Probe, seed: str) -> Arrays:
    """The probe's inputs for a seed."""
    digest = hashlib.sha256(f"{seed}/{probe.id}".encode()).digest()
    inputs = probe.draw(np.random.default_rng(list(digest)))
    return dict(sorted(inputs.items()))  # in the order in which a worker gets them


# --- the snapshot: what the reference answered on the public seed -----------------------------------------------------
class SnapshotError(Exception):
    """There are no expected values to compare with. A sentence for the student."""


class Stored:
    """What the reference and each known mistake answered on the public seed.

    The file contains every array once. Its index lists the arrays of each answer, by probe and by the number of the
    sentence for the student; sentence 0, of the reference's answer, is "". An answer of a mistake lists only what
    differs from the reference's, by its place among the reference's arrays, with "" for `ANY`; it is null if the
    mistake ends in an exception. An array "pairs 1.3.1" has one row for each pair of mistakes.
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
            self.answers: dict[str, dict[int, dict[str, str] | None]] = {
                probe: dict(_named(rows)) for probe, rows in index["answers"].items()
            }
            self.named_pairs: dict[str, list[tuple[int, int]]] = index["pairs"]
            self.sentences: list[str] = index["sentences"]
            self.given: dict[str, str] = index["given"]
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise SnapshotError(f"{NAME} cannot be read ({error}). {RESTORE}") from error
        if absent := [probe.id for probe in probes if probe.id not in self.answers]:
            more = f" and {len(absent) - 1} more" if absent[1:] else ""
            raise SnapshotError(
                f"{NAME} has no expected values for check {absent[0]}{more}: it is older than the checks. {RESTORE}"
            )

    def expected(self, probe: Probe, inputs: Arrays) -> Arrays:
        return self._answer(self.answers[probe.id][0])

    def mistakes(self, probe: Probe) -> dict[str, Arrays]:
        reference = self.answers[probe.id][0]
        return {
            self.sentences[says]: {} if names is None else self._answer(reference | names)
            for says, names in self.answers[probe.id].items()
            if says
        }

    def pairs(self, probe: Probe, expected: Arrays) -> Iterable[tuple[str, str, Arrays]]:
        shapes = {name: (array.shape, array.dtype) for name, array in expected.items()}
        for names, row in zip(
            self.named_pairs.get(probe.id, []), self.arrays.get(f"pairs {probe.id}", ()), strict=True
        ):
            first, second = (self.sentences[number] for number in names)
            yield first, second, _unpacked(row, shapes)

    def _answer(self, names: dict[str, str]) -> Arrays:
        return {name: self._array(key) for name, key in names.items()}

    def _array(self, key: str) -> np.ndarray:
        if key == UNKNOWN:
            return ANY
        return self.arrays[key].astype(np.float32) if key.endswith(SAMPLE) else self.arrays[key]

    def edited(self, root: Path) -> list[str]:
        """The given files that were changed, added or removed since the snapshot was written."""
        return originals.edited(root, self.given)


@dataclass(frozen=True)
class Answers:
    """What a snapshot knows about a probe."""

    probe: Probe
    by_says: dict[str, Arrays]
    """Of the reference, under "", and of each mistake, by the sentence for the student."""
    pairs: Sequence[tuple[str, str, Arrays]] = ()
    """Of two mistakes at once."""


def snapshot(answers: Iterable[Answers], given: dict[str, str]) -> bytes:
    """The contents of a snapshot: answers, and the digests of given files. The same answers give the same bytes.

    Samples are kept in half precision, and only the first rows of a mistake's sample: enough to recognise it.
    """
    arrays: dict[str, np.ndarray] = {}
    known: dict[bytes, str] = {}  # names of arrays by their contents
    sentences = {"": 0}
    index: dict[str, object] = {"answers": {}, "pairs": {}, "given": given}
    for each in answers:
        rows, order = [], list(each.by_says[""])
        for says, by_name in each.by_says.items():
            names = {}
            for name, array in by_name.items():
                if name not in order:
                    continue  # nobody compares it
                if array is ANY:
                    names[name] = UNKNOWN
                    continue
                kept = array
                if sample := isinstance(each.probe.rules.get(name), Sample):
                    kept = half(array[: len(array) // THIN] if says and len(array) % THIN == 0 else array)
                content = f"{kept.dtype} {kept.shape} ".encode() + kept.tobytes()
                names[name] = key = known.setdefault(content, f"{len(known)}" + SAMPLE * sample)
                arrays[key] = np.asarray(kept, order="C")
            if says:  # what is as in the reference's answer is left out
                changed = names.items() - rows[0][1].items()
                names = sorted((order.index(name), key) for name, key in changed) if names else None
            rows.append((sentences.setdefault(says, len(sentences)), names))
        index["answers"][each.probe.id] = rows
        if each.pairs:
            index["pairs"][each.probe.id] = [
                tuple(sentences.setdefault(says, len(sentences)) for says in both) for *both, _ in each.pairs
            ]
            arrays[f"pairs {each.probe.id}"] = np.stack([_packed(answer) for *_, answer in each.pairs])
    index["sentences"] = list(sentences)
    return save(arrays, metadata={"index": json.dumps(index)})


def _named(rows: list[tuple[int, dict | list | None]]) -> Iterable[tuple[int, dict[str, str] | None]]:
    """The arrays of each answer by name, from the rows of an index; the first one is the reference's."""
    order = list(rows[0][1])
    for says, answer in rows:
        yield says, {order[place]: key for place, key in answer} if isinstance(answer, list) else answer


def _packed(answer: Arrays) -> np.ndarray:
    row = np.concatenate([array.ravel() for array in answer.values()])
    return row.astype(np.float32) if row.dtype.kind == "f" else row


def _unpacked(row: np.ndarray, shapes: dict[str, tuple[tuple[int, ...], np.dtype]]) -> Arrays:
    ends = np.cumsum([math.prod(shape) for shape, _ in shapes.values()])
    parts = np.split(row, ends[:-1])
    return {
        name: part.reshape(shape).astype(dtype)
        for part, (name, (shape, dtype)) in zip(parts, shapes.items(), strict=True)
    }
