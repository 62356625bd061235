"""Checkpoints of a training run: tensors on disk, complete or not there, and only for the very same run."""

import hashlib
import inspect
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from hw1 import given_heads, heads, losses, sampling
from hw1.demos import Dataset


def fingerprint(dataset: Dataset, *options) -> str:
    """Hash of everything that determines a run: options (dataclasses), the code of losses and heads, and data."""
    digest = hashlib.sha256(json.dumps([asdict(option) for option in options]).encode())
    for module in (losses, sampling, given_heads, heads):
        digest.update(inspect.getsource(module).encode())
    for array in (dataset.obs, dataset.action, dataset.episode, dataset.learner):
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def save(path: Path, tensors: dict[str, Tensor], step: int, fingerprint: str) -> None:
    """Write a checkpoint; it replaces the last one only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, unfinished, metadata={"step": str(step), "fingerprint": fingerprint})
    unfinished.replace(path)


def load(path: Path, fingerprint: str, device: str) -> tuple[int, dict[str, Tensor]]:
    """The gradient steps made and the tensors. Raises ValueError, which names the file, if it is damaged or of
    another run."""
    try:
        with safe_open(path, framework="pt", device=device) as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path}: a damaged checkpoint ({error}); delete it to start again") from error
    if about.get("fingerprint") != fingerprint:
        raise ValueError(f"{path}: a checkpoint of a run with other options or data; delete it to start again")
    return int(about["step"]), tensors
