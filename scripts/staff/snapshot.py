"""Write the snapshot, expected.safetensors: the answers of the reference and of each known mistake on the public seed.

    python -m scripts.staff.snapshot

The students' checks compare with it. Run it whenever the reference, a probe, a given file or the bug bank changes.

Some mistakes multiply rounding errors, so their answers depend on the processor. All are computed twice, the second
time without the instructions that processors learnt since about 2009 and with other rounding errors; what differs is
stored as `compare.ANY`.
"""

import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_map_only

from hw1.exercises import ROOT
from scripts.command import ended, read_options
from tests.autograder import compare
from tests.autograder.oracle import PUBLIC_SEED, SNAPSHOT, Answers, draw, snapshot
from tests.autograder.originals import digest, given
from tests.autograder.probes import PROBES, Probe
from tests.autograder.probes.base import Arrays, Close
from tests.autograder.staff.live import Live
from tests.autograder.staff.markers import strip

OLD_PROCESSOR = {
    "ATEN_CPU_CAPABILITY": "default",
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "MKL_CBWR": "COMPATIBLE",
    "OPENBLAS_CORETYPE": "Nehalem",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3 AVX512F AVX512_SKX",
}
SUMS = {
    "sum",
    "mean",
    "var",
    "std",
    "cumsum",
    "linalg_vector_norm",
    "mse_loss",
    "mm",
    "bmm",
    "mv",
    "dot",
    "addmm",
    "baddbmm",
}
FUNCTIONS = {
    "exp",
    "expm1",
    "log",
    "log1p",
    "logsumexp",
    "_softmax",
    "_log_softmax",
    "sigmoid",
    "softplus",
    "tanh",
    "erf",
}


@dataclass(frozen=True)
class Options:
    """There are none: unknown arguments are refused."""


def answers(probe: Probe, own: dict[str, Arrays], elsewhere: dict[str, Arrays]) -> Answers:
    """The reference's answer, under "", and the wrong answers of known mistakes, by the sentence for the student.

    An array that is right in spite of the mistake is replaced by the reference's, so that it is stored only once.
    `own`, `elsewhere`: the mistakes' answers on this processor and on another one.
    """
    live = Live(PUBLIC_SEED)
    inputs = draw(probe, PUBLIC_SEED)
    expected = live.expected(probe, inputs)
    found = {"": expected}
    for says, answer in own.items():
        if not compare.same(probe, answer, expected):
            other = elsewhere[says]
            found[says] = {name: _stable(probe, name, array, expected, other) for name, array in answer.items()}
    return Answers(probe, found, list(live.pairs(probe, inputs)))


def _stable(probe: Probe, name: str, array: np.ndarray, expected: Arrays, other: Arrays) -> np.ndarray:
    rule = probe.rules.get(name, Close())
    if name in expected and compare.equal(rule, array, expected[name]):
        return expected[name]
    if name not in other:
        return array
    alike = compare.equal(rule, array, other[name]) and _as_precise(array, other[name], expected.get(name, array))
    return array if alike else compare.ANY


def _as_precise(array: np.ndarray, other: np.ndarray, expected: np.ndarray) -> bool:
    """Whether numbers that are small beside the right ones agree in their own size: if they do not, they would be zero
    without rounding errors, such as the standard deviation of equal numbers."""
    if array.dtype.kind != "f" or not array.shape == other.shape == expected.shape:
        return True
    small = np.abs(array) < 1e-3 * np.abs(expected)
    return bool(np.allclose(array[small], other[small], rtol=1e-2, atol=0.0))


def _mistakes(
    probes: Sequence[str], rounding: Callable[[], AbstractContextManager] = nullcontext
) -> dict[str, dict[str, Arrays]]:
    """The answers of all known mistakes to the public inputs of some probes.

    `rounding` is entered anew for each probe: what its answers become does not depend on other probes.
    """
    torch.set_num_threads(1)
    live, found = Live(PUBLIC_SEED), {}
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):  # some mistakes divide by zero
        for id in probes:
            with rounding():
                found[id] = live.mistakes(PROBES[id], draw(PROBES[id], PUBLIC_SEED))
    return found


class OtherRounding(TorchDispatchMode):
    """Changes the last digit in the operations in which processors differ: of the terms of sums (also in products of
    matrices), and of the values of exponentials and logarithms. Other operations give the same bits everywhere."""

    def __init__(self):
        super().__init__()
        self.generator = torch.Generator().manual_seed(0)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in SUMS:  # what is lost where the terms cancel depends on their order
            args = tree_map_only(torch.Tensor, self._rounded, args)
        result = func(*args, **(kwargs or {}))
        return self._rounded(result) if name in FUNCTIONS else result

    def _rounded(self, values: torch.Tensor) -> torch.Tensor:
        if not values.is_floating_point():
            return values
        noise = torch.rand(values.shape, generator=self.generator, dtype=values.dtype)
        return values * (1 + torch.finfo(values.dtype).eps * (2 * noise - 1))


@contextmanager
def old_processor() -> Iterator[None]:
    """Let processes that start meanwhile use the instructions of old processors, each library in its own way."""
    before = dict(os.environ)
    os.environ.update(OLD_PROCESSOR)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def manifest() -> dict[str, str]:
    """Digests of the given files as students get them."""
    texts = {file: (ROOT / file).read_text(encoding="utf-8") for file in given(ROOT)}
    return {file: digest(strip(text, file).encode()) for file, text in texts.items()}


def make(probes: Iterable[Probe] = PROBES.values(), *, twice: bool = True) -> bytes:
    """The contents of the snapshot. Computed once only, it takes answers that depend on the processor for reliable."""
    torch.set_num_threads(1)
    probes = list(probes)
    own, elsewhere = (_twice if twice else _once)([probe.id for probe in probes])
    with np.errstate(all="ignore"), warnings.catch_warnings(action="ignore"):
        return snapshot((answers(probe, own[probe.id], elsewhere[probe.id]) for probe in probes), manifest())


def _once(probes: Sequence[str]) -> tuple[dict[str, dict[str, Arrays]], ...]:
    own = _mistakes(probes)
    return own, own


def _twice(probes: Sequence[str]) -> tuple[dict[str, dict[str, Arrays]], ...]:
    """The answers on this processor and on an old one."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        with old_processor():
            future = pool.submit(_mistakes, probes, OtherRounding)
        return _mistakes(probes), future.result()


def main(arguments: Sequence[str] = ()) -> int:
    read_options(Options, arguments, "scripts.staff.snapshot", __doc__)
    return ended(run)


def run() -> None:
    contents = make()
    (ROOT / SNAPSHOT).write_bytes(contents)
    print(f"{SNAPSHOT.as_posix()}: {len(PROBES)} probes, {len(contents) / 1024:.0f} KiB")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
