"""Predict first: what a student expects of a figure, stored, and shown beside the outcome.

out/predictions.json has {"1/between": {"question": ..., "prediction": 30.0, "outcome": 27.4, "fast": false}}, by
notebook and name. The outcome is null until it is known; until then the prediction can be changed. The outcome of a
fast run says so, and the next ordinary run replaces it. Without a prediction nothing is stored.
"""

import json
import math
import os
import re
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from hw1.exercises import ROOT

STORED = ROOT / "out" / "predictions.json"
Answer = float | str
FAST = os.environ.get("HW1_FAST") == "1"
"""Whether to train less and measure fewer drives, as the tests do. Set HW1_FAST=1 before Jupyter starts."""


def predict(name: str, question: str, choices: Sequence[str] = (), answer: Answer | None = None) -> None:
    """Asks for a number, or for one of `choices`, and stores the answer.

    Args:
        name: notebook and question, such as "1/between".
        answer: the answer itself, for those who type it into the call; it is also the way without ipywidgets.
    """
    entry = read().get(name, {})
    if entry.get("outcome") is not None:
        print(f"{question}\n{beside(entry)}")
    elif answer is not None:
        print(f"{question}\n{_keep(name, question, choices, answer)}")
    elif find_spec("ipywidgets") is None:
        what = f"one of {', '.join(map(repr, choices))}" if choices else "a number"
        print(f"{question}\nTo predict, add answer=... to the call, {what}, and run the cell again.{_before(entry)}")
    else:
        _widget(question, choices, entry, lambda given: _keep(name, question, choices, given))


def outcome(name: str, value: Answer, exact: bool = False) -> None:
    """Shows the prediction beside what came out, and stores both together, once; after a fast run, once more.

    `exact`: a formula gives the value, so no run changes it.
    """
    entries = read()
    if not (entry := entries.get(name)):
        print(f"the outcome: {in_words(value)}. No prediction is stored; predict first next time.")
        return
    now = {"outcome": value if isinstance(value, str) else float(value), "fast": FAST and not exact}
    if entry.get("outcome") is None or entry.get("fast"):
        entries[name] = entry | now
        _write(entries)
    print(beside(entry | now))


def beside(entry: dict) -> str:
    """Prediction and outcome, in a sentence."""
    return f"You predicted {in_words(entry['prediction'])}; the outcome: {came_out(entry)}."


def came_out(entry: dict) -> str:
    """The outcome, and whether a fast run gave it; a notebook that was not run to the end does not know it."""
    if entry["outcome"] is None:
        return "nothing yet"
    coarse = " (in fast mode; an ordinary run replaces it)" if entry.get("fast") else ""
    return in_words(entry["outcome"]) + coarse


def read(path: Path | None = None) -> dict[str, dict]:
    """All predictions by name; none if there is no file, or if it cannot be read, which is said."""
    path = path or STORED
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        print(f"{path} cannot be read ({error}); delete it to begin anew")
        return {}
    rows = entries.items() if isinstance(entries, dict) else ()
    return {name: entry for name, entry in rows if isinstance(entry, dict) and "prediction" in entry}


def _keep(name: str, question: str, choices: Sequence[str], given: Answer) -> str:
    """Stores an answer; returns what is said about it."""
    value = _checked(given, choices)
    if value is None:
        wanted = f"one of {', '.join(choices)}" if choices else "a number such as 1000 or 2.5, without a separator"
        return f"{given!r} is not {wanted}"
    _write(read() | {name: {"question": question, "prediction": value, "outcome": None}})
    return f"stored: {in_words(value)}. Now run the next cell."


def _checked(given: Answer, choices: Sequence[str]) -> Answer | None:
    """The answer as a choice or a finite number; None if it is neither."""
    if choices:
        return given if given in choices else None
    text = str(given).strip()
    if re.fullmatch(r"-?[1-9]\d{0,2}[.,]\d{3}", text):  # one thousand, or one?
        return None
    try:
        number = float(text.removesuffix("%").replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _widget(question: str, choices: Sequence[str], entry: dict, keep: Callable[[Answer], str]) -> None:
    import ipywidgets
    from IPython.display import display

    said = ipywidgets.HTML(_before(entry))
    if choices:
        before = entry.get("prediction")
        field = ipywidgets.ToggleButtons(options=choices, value=before if before in choices else None)
    else:
        field = ipywidgets.Text(placeholder="a number, then Enter", continuous_update=False)

    def store(change) -> None:
        if change["new"] not in (None, ""):
            said.value = keep(change["new"])

    field.observe(store, names="value")
    display(ipywidgets.VBox([ipywidgets.HTML(question), field, said]))


def _before(entry: dict) -> str:
    return f" (stored: {in_words(entry['prediction'])})" if entry else ""


def in_words(value: object) -> str:
    """A choice as it is, a number with three digits: 27.4, or 1000."""
    return f"{float(f'{value:.3g}'):.15g}" if isinstance(value, int | float) else str(value)


def _write(entries: dict[str, dict]) -> None:
    STORED.parent.mkdir(parents=True, exist_ok=True)
    unfinished = STORED.with_suffix(".part")
    unfinished.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(STORED)
