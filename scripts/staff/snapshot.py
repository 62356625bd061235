"""Write the snapshot, expected.safetensors: the answers of the reference and of each known mistake on the public seed.

    python -m scripts.staff.snapshot

The students' checks compare with it. Run it whenever the reference, a probe, a given file or the bug bank changes.
"""

import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from hw1.exercises import ROOT
from scripts.command import ended, read_options
from tests.autograder import compare
from tests.autograder.oracle import PUBLIC_SEED, SNAPSHOT, Answers, digest, draw, given, snapshot
from tests.autograder.probes import PROBES, Probe
from tests.autograder.probes.base import Arrays, Close
from tests.autograder.staff.live import Live
from tests.autograder.staff.markers import strip


@dataclass(frozen=True)
class Options:
    """There are none: unknown arguments are refused."""


def answers(probe: Probe) -> Answers:
    """The reference's answer, under "", and the wrong answers of known mistakes, by the sentence for the student.

    An array that is right in spite of the mistake is replaced by the reference's, so that it is stored only once.
    """
    live = Live(PUBLIC_SEED)
    inputs = draw(probe, PUBLIC_SEED)
    expected = live.expected(probe, inputs)
    found = {"": expected}
    for says, answer in live.mistakes(probe, inputs).items():
        if not compare.same(probe, answer, expected):
            found[says] = {name: _or_expected(probe, name, array, expected) for name, array in answer.items()}
    return Answers(probe, found, list(live.pairs(probe, inputs)))


def _or_expected(probe: Probe, name: str, array: np.ndarray, expected: Arrays) -> np.ndarray:
    wanted = expected.get(name)
    same = wanted is not None and not compare.difference(probe.rules.get(name, Close()), array, wanted)
    return wanted if same else array


def manifest() -> dict[str, str]:
    """Digests of the given files as students get them."""
    texts = {file: (ROOT / file).read_text(encoding="utf-8") for file in given(ROOT)}
    return {file: digest(strip(text, file).encode()) for file, text in texts.items()}


def make(probes: Iterable[Probe] = PROBES.values()) -> bytes:
    """The contents of the snapshot."""
    torch.set_num_threads(1)
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):  # some mistakes divide by zero
        return snapshot(map(answers, probes), manifest())


def main(arguments: Sequence[str] = ()) -> int:
    read_options(Options, arguments, "scripts.staff.snapshot", __doc__)
    return ended(run)


def run() -> None:
    contents = make()
    (ROOT / SNAPSHOT).write_bytes(contents)
    print(f"{SNAPSHOT.as_posix()}: {len(PROBES)} probes, {len(contents) / 1024:.0f} KiB")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
