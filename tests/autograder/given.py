"""What the given files of `hw1` define: to say where a name comes from and how a function is called."""

import ast
from functools import cache
from pathlib import Path

from hw1 import exercises
from hw1.exercises import ROOT


@cache
def functions() -> dict[str, str]:
    """Functions and methods by "sampling.draw_normal", as "draw_normal(like, generator) of hw1/sampling.py"."""
    found = {}
    for file in _files():
        for node in ast.walk(_tree(file)):
            if isinstance(node, ast.FunctionDef):
                arguments = ", ".join(a.arg for a in (*node.args.args, *node.args.kwonlyargs) if a.arg != "self")
                found[f"{file.stem}.{node.name}"] = f"{node.name}({arguments}) of hw1/{file.name}"
    return found


METHODS = {
    "heads.DiffusionHead.forward": "self(features, noisy, n) of DiffusionHead",
    "heads.DiffusionHead._denoise": "_denoise(features, noisy, n) of DiffusionHead",
    "heads.FlowMatchingHead.forward": "self(features, x, t) of FlowMatchingHead",
}
"""Given methods in the files that students edit, by "heads.DiffusionHead.forward"."""

LIBRARIES = {"np": "import numpy as np", "F": "from torch.nn import functional as F"} | {
    name: f"import {name}" for name in ("torch", "math")
}


@cache
def import_of(name: str) -> str:
    """The line that imports a name, such as "from hw1.rollout import rollout"; empty if it is not known."""
    for file in _files():
        if any(getattr(node, "name", "") == name for node in _tree(file).body):
            return f"from hw1.{file.stem} import {name}"
    return LIBRARIES.get(name, "")


def _files() -> list[Path]:
    own = {ROOT / file for file in exercises.files()}
    return [file for file in sorted((ROOT / "hw1").glob("*.py")) if file not in own]


def _tree(file: Path) -> ast.Module:
    """Empty if a student has broken the file."""
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError):
        return ast.Module(body=[], type_ignores=[])
