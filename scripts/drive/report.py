"""The ways to demonstrate compared: what the person did with keys, wheel and hand, as a table and a figure."""

import io
from typing import Any

import numpy as np
from matplotlib.figure import Figure

COLUMNS = {
    "cost per 100 steps": "steps off the lane in 100,\nor crashes in 100",
    "mean |e|": "metres\nfrom the centre",
    "smoothness": "change of steering\nin a second",
    "seconds": "seconds\nfor an episode",
}
WAYS = {"keys": "remote control", "wheel": "puppeteering", "drag": "kinesthetic"}
COLOURS = {"keys": "#0072B2", "wheel": "#D55E00", "drag": "#009E73"}  # Okabe and Ito: safe for colour-blind eyes


def rows(driven: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each world, way and latency: means over the episodes that were kept."""
    groups: dict[tuple, list[dict]] = {}
    for each in driven:
        groups.setdefault((each["world"], each["way"], each["latency"]), []).append(each)
    return [_row(*key, group) for key, group in sorted(groups.items())]


def _row(world: str, way: str, latency: float, group: list[dict]) -> dict[str, Any]:
    steps = sum(each["steps"] for each in group)
    values = {
        "cost per 100 steps": 100 * sum(each["cost"] for each in group) / max(steps, 1),
        "mean |e|": np.mean([each["mean_abs_e"] for each in group]),
        "smoothness": np.mean([each["smoothness"] for each in group]),
        "seconds": np.mean([each["seconds"] for each in group]),
    }
    about = {"way": way, "world": world, "latency": latency, "episodes": len(group)}
    return about | {name: round(float(value), 3) for name, value in values.items()}


def figure(driven: list[dict[str, Any]]) -> bytes:
    """The table as bars, a PNG."""
    found = rows(driven)
    # As wide as the page's panel, or as a phone.
    figure = Figure(figsize=(5, 2 + 1.2 * len(found)), layout="constrained")
    names = [f"{row['world']}: {WAYS[row['way']]}\n{row['latency']:g} ms ({row['episodes']})" for row in found]
    panels = figure.subplots(2, 2, sharey=True)
    for axes, (name, title) in zip(panels.flat, COLUMNS.items(), strict=True):
        axes.barh(names, [row[name] for row in found], color=[COLOURS[row["way"]] for row in found])
        axes.set_xlabel(title)
        axes.set_xlim(0, 1.05 * max(row[name] for row in found) or 1)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0, 0].invert_yaxis()
    picture = io.BytesIO()
    figure.savefig(picture, dpi=150)
    return picture.getvalue()
