"""What the notebooks share: a check of what is installed, `if_done` for exercises that are not done yet, predictions,
and sliders.

Imports no package that may be missing, so that `setup` can report it.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

from hw1 import exercises
from hw1.exercises import ROOT
from scripts.predictions import FAST, outcome, predict

__all__ = ["FAST", "if_done", "outcome", "predict", "setup", "sliders"]

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PACKAGES = ("torch", "numpy", "jaxtyping", "gymnasium", "matplotlib", "safetensors", "tqdm")


def setup() -> None:
    """Prepares a notebook; can be called again. If packages are missing, it ends with a sentence, not a traceback."""
    if absent := [name for name in PACKAGES if find_spec(name) is None]:
        raise SystemExit(f"missing: {', '.join(absent)}. Run this in a cell, then start again:\n{install(absent)}")
    import torch
    from IPython import get_ipython

    torch.set_num_threads(1)
    if shell := get_ipython():
        shell.run_line_magic("matplotlib", "inline")
        # Changes to your files take effect in the next cell, without a restart.
        shell.run_line_magic("reload_ext", "autoreload")
        shell.run_line_magic("autoreload", "1")
        for file in exercises.files():
            shell.run_line_magic("aimport", file.removesuffix(".py").replace("/", "."))
    print(f"the homework in {ROOT.name}/, {'fast' if FAST else 'ordinary'} mode")
    if find_spec("ipywidgets") is None:
        print(f"for sliders, run this in a cell and start again:\n{install(['ipywidgets'])}")


def install(packages: Sequence[str]) -> str:
    """The command that installs `packages` in the versions of requirements.txt."""
    pinned = dict(
        re.findall(r"^([\w-]+)\S*?==(\S+)", (ROOT / "requirements.txt").read_text(encoding="utf-8"), re.MULTILINE)
    )
    return "%pip install " + " ".join(f"{name}=={pinned[name]}" if name in pinned else name for name in packages)


@contextmanager
def if_done() -> Iterator[None]:
    """Runs its block as far as your exercises allow. If one is not done yet, prints which, and continues after it."""
    try:
        yield
    except NotImplementedError as error:
        id = exercises.unfinished(error)
        if id not in exercises.load():
            raise
        print(f"needs exercise {id}: not done yet; python -m scripts.check {id}")


def sliders(draw: "Callable[..., Figure]", **choices: Sequence) -> None:
    """Shows `draw()`, with a slider for each argument in `choices`, which lists its values.

    Without ipywidgets there is only the figure.
    """
    parameters = inspect.signature(draw).parameters
    values = {name: parameters[name].default for name in choices}
    from IPython.display import display

    figure = display(draw(**values), display_id=True)
    if find_spec("ipywidgets") is None:
        print(f"other values: {draw.__name__}({', '.join(f'{name}={value!r}' for name, value in values.items())})")
        return
    import ipywidgets

    made = {
        name: ipywidgets.SelectionSlider(
            options=choices[name], value=values[name], description=name.replace("_", " "), continuous_update=False
        )
        for name in choices
    }

    def redraw(change) -> None:
        for slider in made.values():  # shows that it is busy, and that moves are not queued
            slider.disabled = True
        try:
            figure.update(draw(**{name: slider.value for name, slider in made.items()}))
        finally:
            for slider in made.values():
                slider.disabled = False

    for slider in made.values():
        slider.style.description_width = "initial"
        slider.observe(redraw, names="value")
    display(ipywidgets.VBox(list(made.values())))
