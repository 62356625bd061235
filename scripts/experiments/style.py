"""How every figure of the demo looks: it must be readable in a lecture hall, and by colour-blind eyes.

Each method has a colour, a marker and a line style of its own, so that colour is never the only difference.
"""

from contextlib import AbstractContextManager

import matplotlib

# The palette of Okabe and Ito (2008). Its yellow is left out, its orange and sky blue are darker: on white they would
# be too pale.
BLACK, BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY = (
    "#000000",
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#b87700",
    "#cc79a7",
    "#2a8bc5",
)
COLOURS = (BLACK, BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "-", "--", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (3, 1)), ":")

RC = {
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 12,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "legend.fontsize": 10,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "lines.markersize": 6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "figure.facecolor": "white",
    "svg.hashsalt": "hw1",  # the same figure always has the same bytes
}


def lecture_hall() -> AbstractContextManager:
    """Figures that are drawn and saved in this block have the common style."""
    return matplotlib.rc_context(RC)


def look(number: int, points: int = 1) -> dict:
    """Colour, marker and line style of the method with this number, as keywords of `Axes.plot`.

    A curve with many points has about ten markers.
    """
    i = number % len(COLOURS)
    return {"color": COLOURS[i], "marker": MARKERS[i], "linestyle": LINES[i], "markevery": -(-points // 10)}
