"""The folder `--out`: what a run has written so far, from which the same command continues, and its result.

    policy.safetensors        the last policy
    result.json               options, versions, seeds, losses, evaluations
    checkpoint.safetensors    while training: the unfinished round
    rounds/                   until the run ends: its options (run.json), the finished rounds and their evaluations
    earlier/1, 2, ...         results of earlier runs, moved here when they would be replaced

Every file is complete or absent. Nothing that this command did not write is changed or deleted.
"""

import hashlib
import importlib.metadata
import json
import platform
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from hw1 import bc, checkpoint
from hw1.demos import Dataset
from hw1.exercises import ROOT
from hw1.policy import Actor
from scripts.training.options import Options

PACKAGES = ("numpy", "torch", "gymnasium", "minari")
# They change neither what is trained nor on what.
NOT_THE_RUN = ("out", "evaluations")
OURS = re.compile(r"(run|trained|[0-9a-f]{16}(-evaluation)?)\.(json|safetensors|part)")


def versions() -> dict[str, str]:
    """Of Python and the packages that results depend on."""
    return {"python": platform.python_version()} | {name: importlib.metadata.version(name) for name in PACKAGES}


def code_of(*files: str | None) -> str:
    """Hash of the code of `hw1` and of some other files."""
    digest = hashlib.sha256()
    for path in [*sorted((ROOT / "hw1").rglob("*.py")), *(Path(file) for file in files if file)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


class Folder:
    """The folder of one run."""

    def __init__(self, options: Options, code: str):
        """`code`: hash of the code that the run depends on, from `code_of`."""
        self.options, self.code, self.out = options, code, options.out
        self.rounds = self.out / "rounds"
        self.checkpoint, self.policy, self.result = (
            self.out / name for name in ("checkpoint.safetensors", "policy.safetensors", "result.json")
        )
        self.run = {"options": _plain(asdict(options)), "versions": versions()}
        for name in NOT_THE_RUN:
            del self.run["options"][name]

    # --- whose folder is it? ---
    def check(self) -> None:
        """Raises ValueError if the folder holds what this run must not touch: another run, or other files."""
        said = f"--out {self.out}"
        other = "choose another --out, or delete"
        about = self.rounds / "run.json"
        if about.exists():
            begun = self.checkpoint.exists() or any(path != about for path in self.rounds.iterdir())
            if begun and (differ := self._differences(about)) is not None:
                raise ValueError(
                    f"{said}: holds an unfinished run{differ}; {other} {self.rounds} and {self.checkpoint}"
                )
            if self._began(about):
                return
            raise ValueError(f"{said}: {about} is not from this command; choose another --out")
        if self.rounds.exists() and (not self.rounds.is_dir() or any(not _ours(p) for p in self.rounds.iterdir())):
            raise ValueError(f"{said}: {self.rounds} is not from this command; choose another --out")
        if self.checkpoint.exists():
            raise ValueError(f"{said}: {self.checkpoint} is a checkpoint of another run; {other} it to start again")
        for path in (self.policy, self.result):
            if path.exists() and not self._is_result():
                raise ValueError(f"{said}: {path} is not from this command; choose another --out")

    def _differences(self, about: Path) -> str | None:
        """How the unfinished run differs from this one, in words; None if it does not."""
        try:
            there = _flat(json.loads(about.read_text(encoding="utf-8")))
        except (OSError, ValueError, AttributeError):
            return f", whose {about} is damaged"
        here = _flat(self.run)
        differ = [key for key in sorted(here | there) if here.get(key) != there.get(key)]
        if not differ:
            return None
        shown = "; ".join(f"{key.split('.')[-1]}: {there.get(key)} there, {here.get(key)} here" for key in differ[:3])
        return f" with other options ({shown}{'; and others' if len(differ) > 3 else ''})"

    def _began(self, about: Path) -> bool:
        """Whether this command wrote `about`, or other files show that it did and `about` is damaged."""
        found = _json(about)
        ours = isinstance(found, dict) and {"options", "versions"} <= set(found)
        return ours or any(path != about and _ours(path) for path in self.rounds.iterdir())

    def _is_result(self) -> bool:
        found = _json(self.result)
        return isinstance(found, dict) and {"options", "train_loss"} <= set(found)

    def claim(self) -> None:
        """Make the folder this run's. Raises ValueError if it cannot be written."""
        try:
            self.rounds.mkdir(parents=True, exist_ok=True)
            self.write(self.rounds / "run.json", self.run)
        except OSError as error:
            raise ValueError(f"--out {self.out}: cannot be written ({error}); choose another folder") from error

    def write(self, path: Path, value: Any) -> None:
        """Write JSON, complete or not at all."""
        unfinished = path.with_suffix(".part")
        unfinished.write_text(json.dumps(_plain(value), indent=2) + "\n", encoding="utf-8")
        unfinished.replace(path)

    # --- rounds ---
    def key(self, dataset: Dataset) -> str:
        """The name of a fit: of the data, the options and the code of losses and heads."""
        return checkpoint.fingerprint(dataset, self.options.policy, self.options.train)[:16]

    def fit(self, dataset: Dataset) -> bc.Fit:
        """`hw1.bc.fit`, which is done once for the same data: a finished fit is read from the disk.

        An unfinished one continues from its checkpoint.
        """
        key = self.key(dataset)
        kept = self.finished_fit(key)
        if kept is not None:
            if self._checkpoint_key() == key:  # the computer stopped between the two steps below
                self.checkpoint.unlink()
            return kept
        options = self.options
        fit = bc.fit(dataset, options.policy, options.train, progress=True, checkpoint=self.checkpoint)
        with checkpoint.interrupts_after_steps() as interrupted:
            self._save_policy(fit.policy, self.rounds / f"{key}.safetensors")
            losses = {"train_loss": fit.train_loss.tolist(), "validation_loss": fit.validation_loss.tolist()}
            self.write(self.rounds / f"{key}.json", losses)
            self.checkpoint.unlink(missing_ok=True)
            if interrupted():
                raise KeyboardInterrupt
        return fit

    def finished_fit(self, key: str) -> bc.Fit | None:
        """The fit of this name; None if it is not finished."""
        losses = self.rounds / f"{key}.json"
        if not losses.exists():
            return None
        try:
            curves = json.loads(losses.read_text(encoding="utf-8"))
            policy = Actor.load(self.rounds / f"{key}.safetensors")
            shape = (-1, self.options.seeds)
            arrays = [np.array(curves[name], np.float32).reshape(shape) for name in ("train_loss", "validation_loss")]
        except (KeyError, TypeError, ValueError):  # damaged: fitted again
            return None
        return bc.Fit(policy, *arrays)

    def _checkpoint_key(self) -> str:
        try:
            with safe_open(self.checkpoint, framework="pt") as file:
                return (file.metadata() or {}).get("fingerprint", "")[:16]
        except (SafetensorError, OSError):
            return ""

    def _save_policy(self, policy: Actor, path: Path) -> None:
        unfinished = path.with_suffix(".part")
        policy.save(unfinished)
        unfinished.replace(path)

    # --- what follows training ---
    def trained(self, data: Dataset | None) -> list[dict] | None:
        """The rounds as `save_trained` wrote them.

        None if training is not finished, or was done by other code or on other stored data than `data`.
        """
        found = self._read(self.rounds / "trained.json", {"code": self.code})
        if not found or not all(self.finished_fit(about["key"]) for about in found["rounds"]):
            return None
        same = data is None or found["rounds"][0]["key"] == self.key(data)
        return found["rounds"] if same else None

    def save_trained(self, rounds: list[dict]) -> None:
        """Keep every round, and write the last policy, before anything is evaluated."""
        policy = Actor.load(self.rounds / f"{rounds[-1]['key']}.safetensors")
        with checkpoint.interrupts_after_steps() as interrupted:
            new = self.out / "policy.part"
            policy.save(new)
            if self.policy.exists() and self.policy.read_bytes() != new.read_bytes():
                self._move_earlier()
            new.replace(self.policy)
            self.write(self.rounds / "trained.json", {"code": self.code, "rounds": rounds})
            if interrupted():
                raise KeyboardInterrupt

    def _move_earlier(self) -> None:
        number = next(n for n in range(1, 1_000_000) if not (self.out / "earlier" / str(n)).exists())
        place = self.out / "earlier" / str(number)
        place.mkdir(parents=True)
        for path in (self.policy, self.result):
            if path.exists():
                path.replace(place / path.name)
        print(f"the earlier result is now in {place}")

    def evaluation(self, key: str, measure: Callable[[Actor], dict[str, list[float]]]) -> dict[str, list[float]]:
        """The evaluation of the fit of this name, which is done once."""
        path = self.rounds / f"{key}-evaluation.json"
        about = {"code": self.code, "evaluations": self.options.evaluations}
        if (kept := self._read(path, about)) is not None:
            return kept["measured"]
        measured = measure(self.finished_fit(key).policy)
        self.write(path, about | {"measured": measured})
        return measured

    def _read(self, path: Path, about: dict) -> dict | None:
        """What a file holds, if it says what `about` says."""
        found = _json(path)
        known = isinstance(found, dict) and all(found.get(name) == value for name, value in about.items())
        return found if known else None

    def close(self, result: dict) -> None:
        """Write the result and remove what only an interrupted run needs."""
        with checkpoint.interrupts_after_steps():
            self.write(self.result, result)
            ours = [path for path in self.rounds.iterdir() if _ours(path)]
            for path in sorted(ours, key=lambda path: path.name == "run.json"):  # until the end, it says whose they are
                path.unlink()
            if not any(self.rounds.iterdir()):
                self.rounds.rmdir()


def _json(path: Path) -> Any:
    """What a file holds; None if it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _ours(path: Path) -> bool:
    return path.is_file() and bool(OURS.fullmatch(path.name))


def _plain(value: Any) -> Any:
    """As it comes back from JSON."""
    return json.loads(json.dumps(value, default=str))


def _flat(about: dict) -> dict[str, Any]:
    """Nested options by their names, joined by dots."""
    flat = {}
    for key, value in about.items():
        flat |= {f"{key}.{k}": v for k, v in _flat(value).items()} if isinstance(value, dict) else {key: value}
    return flat
