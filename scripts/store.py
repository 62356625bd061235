"""Results on disk, found again by what they depend on: code, options and seeds."""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch

VERSIONS = {"numpy": np.__version__, "torch": torch.__version__}


class Store:
    """A folder of `.npz` files, one for each result. A file is either complete or not there."""

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, name: str, code: str, options: dict) -> Path:
        """The file for the result of the computation `name`, by code with the digest `code` (`scripts.closure`)."""
        about = json.dumps({"code": code, "versions": VERSIONS, "options": options}, sort_keys=True)
        return self.folder / f"{name.replace(' ', '_')}-{hashlib.sha256(about.encode()).hexdigest()[:16]}.npz"

    def load(self, path: Path) -> dict[str, np.ndarray] | None:
        """The result; None if it must be computed, also because the file is damaged."""
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
