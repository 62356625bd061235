"""Pictures of the environments, drawn with matplotlib, for `render()` and for the figures."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Polygon, Rectangle
from matplotlib.transforms import Affine2D

from hw1.envs.road import Cars

GRASS, ASPHALT, LINE, CAR, TREE = "#cfe3b4", "#8d9399", "#fbfbf7", "#d1495b", "#3b7a45"
SHOULDER = 2.0  # metres of asphalt next to the lane


def to_image(draw: Callable[[Figure], None]) -> UInt8[np.ndarray, "360 640 3"]:
    """What `draw` puts on a figure, as pixels."""
    figure = Figure(figsize=(6.4, 3.6), dpi=100)
    canvas = FigureCanvasAgg(figure)
    draw(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def draw_scene(
    ax: Axes, cars: Cars, row: int, half_width: float, trees: Float[np.ndarray, " trees"] | tuple[()] = ()
) -> None:
    """The road from above, from 12 m behind the car to 48 m ahead of it; the car drives to the right.

    `half_width`: metres from the centre line to the edge of the lane; `trees`: metres along the road to each tree.
    """
    here, e, psi = cars.s[row], cars.e[row], cars.psi[row]
    along = np.linspace(here - 20.0, here + 60.0, 300)
    points = _in_view(cars, row, here)

    ax.set_facecolor(GRASS)
    _band(ax, points, along, half_width + SHOULDER, ASPHALT)
    for side in (-half_width, half_width):
        ax.plot(*points(along, side).T, color=LINE, linewidth=2)
    ax.plot(*points(along, 0.0).T, color=LINE, linewidth=1.2, linestyle=(0, (8, 8)))
    for tree in trees:
        centre = points(np.array([tree]), 0.0)[0]
        ax.add_patch(Circle(centre, 1.0, color=TREE, zorder=3))
        ax.add_patch(Circle(centre, 0.35, color="#5b4636", zorder=4))
    place = points(np.array([here]), e)[0]
    turn = Affine2D().rotate(psi).translate(*place)
    body = Rectangle((-2.0, -0.85), 4.0, 1.7, facecolor=CAR, edgecolor="black", linewidth=0.8, zorder=5)
    glass = Rectangle((0.3, -0.7), 0.9, 1.4, facecolor="#e9f1f7", zorder=6)
    for patch in (body, glass):
        patch.set_transform(turn + ax.transData)
        ax.add_patch(patch)
    ax.set(xlim=(-12, 48), ylim=(-16.9, 16.9), aspect="equal", xticks=[], yticks=[])


def _in_view(cars: Cars, row: int, here: float) -> Callable[[np.ndarray, float], np.ndarray]:
    """Road coordinates -> the picture's coordinates, in which the road at `here` runs to the right through (0, 0)."""
    s = np.maximum(np.array([here, here + 0.5]), 0.0)
    origin, following = cars.road.points(row, s)
    angle = np.arctan2(*(following - origin)[::-1])
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])

    def points(along: np.ndarray, e: float) -> np.ndarray:
        # Behind the start the road is continued straight.
        inside = cars.road.points(row, np.maximum(along, 0.0), e)
        return (inside - origin) @ rotation + np.minimum(along, 0.0)[:, None] * np.array([1.0, 0.0])

    return points


def _band(ax: Axes, points, along: np.ndarray, half_width: float, colour: str) -> None:
    outline = np.concatenate([points(along, half_width), points(along[::-1], -half_width)])
    ax.add_patch(Polygon(outline, color=colour, zorder=0))


def draw_camera(ax: Axes, image: Float[np.ndarray, "rows columns"]) -> None:
    """What the camera sees, with the nearest row at the bottom."""
    ax.imshow(image[::-1], cmap="gray", vmin=0, vmax=1, aspect="auto")
    ax.set(xticks=[], yticks=[])
    ax.set_title("camera", fontsize=8, pad=2)


def draw_tightrope(ax: Axes, on_rope: bool, step: int) -> None:
    """A walker on a rope, or below it."""
    ax.set(xlim=(0, 10), ylim=(0, 5), xticks=[], yticks=[], facecolor="#e9f1f7")
    ax.plot([0.5, 9.5], [2.5, 2.5], color="#5b4636", linewidth=3)
    height = 2.5 if on_rope else 0.4
    ax.plot([5, 5], [height, height + 1.2], color="black", linewidth=3)
    ax.add_patch(Circle((5, height + 1.45), 0.25, color=CAR))
    ax.plot([3.8, 6.2], [height + 0.9, height + 0.9], color="black", linewidth=1.5)
    ax.text(0.5, 4.5, f"step {step}", fontsize=12)
