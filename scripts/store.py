"""Results on disk, found again by what they were made from: options, seeds and source code."""

import hashlib
import json
from functools import cache
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent


class Store:
    """A folder of `.npz` files, one for each result. A file is complete or not there."""

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, name: str, sources: tuple[Path, ...], options: dict) -> Path:
        """Where the result of computation `name` with `options` by the code in `sources` is kept."""
        digest = hashlib.sha256(json.dumps(options, sort_keys=True).encode())
        digest.update(sources_digest(sources).encode())
        return self.folder / f"{name.replace(' ', '_')}-{digest.hexdigest()[:16]}.npz"

    def load(self, path: Path) -> dict[str, np.ndarray] | None:
        """The result, or None if it has to be computed (a damaged file counts as none)."""
        try:
            with np.load(path, allow_pickle=False) as file:
                return dict(file)
        except (OSError, ValueError, EOFError, KeyError):
            return None
        except Exception as error:  # zipfile.BadZipFile, zlib.error: whatever a damaged archive raises
            print(f"{path}: damaged ({error}), computed again")
            return None

    def save(self, path: Path, arrays: dict[str, np.ndarray]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        with unfinished.open("wb") as file:
            np.savez_compressed(file, **arrays)
        unfinished.replace(path)


@cache
def sources_digest(sources: tuple[Path, ...]) -> str:
    """Hash of all Python files among and below `sources`, and of the versions of what they call."""
    import torch

    digest = hashlib.sha256(f"{np.__version__} {torch.__version__}".encode())
    for source in sources:
        for file in sorted([source] if source.is_file() else source.rglob("*.py")):
            digest.update(file.relative_to(ROOT).as_posix().encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()
