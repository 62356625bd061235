"""Checkpoints of a training run. A checkpoint is complete or absent, and only the same run can load it.

Ctrl-C waits for the end of the gradient step: in the middle of one, weights and random numbers do not belong together.
"""

import hashlib
import inspect
import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hw1 import given_heads, heads, losses, sampling
from hw1.demos import Dataset


def fingerprint(dataset: Dataset, *options) -> str:
    """Hash of the options (dataclasses), the data, and the code of losses and heads."""
    numbers_of_numpy = {"default": lambda number: number.item()}
    digest = hashlib.sha256(json.dumps([asdict(option) for option in options], **numbers_of_numpy).encode())
    for module in (losses, sampling, given_heads, heads):
        digest.update(inspect.getsource(module).encode())
    for array in (dataset.obs, dataset.action, dataset.episode, dataset.learner):
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


@contextmanager
def interrupts_after_steps() -> Iterator[Callable[[], bool]]:
    """Ctrl-C raises nothing inside; the function that is given answers whether it was pressed. Twice raises at once.

    Python lets only the main thread handle Ctrl-C; in other threads, and where it is ignored, nothing changes.
    """
    pressed: list[int] = []

    def press(number: int, frame) -> None:
        pressed.append(number)
        if len(pressed) > 1:
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    signal.signal(signal.SIGINT, press)
    try:
        yield lambda: bool(pressed)
    finally:
        signal.signal(signal.SIGINT, before)


def save(path: Path, tensors: dict[str, Tensor], step: int, fingerprint: str) -> None:
    """Write a checkpoint; it replaces the last one only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, unfinished, metadata={"step": str(step), "fingerprint": fingerprint})
    unfinished.replace(path)


def load(path: Path, fingerprint: str, device: str) -> tuple[int, dict[str, Tensor]]:
    """The gradient steps made, and the tensors.

    Raises ValueError, which names the file, if it is damaged or belongs to another run.
    """
    try:
        with safe_open(path, framework="pt", device=device) as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: a damaged checkpoint ({error}); delete it to start again") from error
    if about.get("fingerprint") != fingerprint:
        raise ValueError(
            f"{path}: a checkpoint of a run with other options, data or code of losses and heads; "
            "delete it to start again"
        )
    return int(about["step"]), tensors
