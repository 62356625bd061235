"""Moving pictures: three drivers on the same road with the same gusts, on Lane and on Fork.

The policies are trained with the first seed alone. The road is the first test road on which the weakest of the three
leaves its way and the other two do not; what happens on all roads is what the claims count.
"""

import copy
import io
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from hw1.envs import fork, lane
from hw1.envs.base import BatchedEnv
from hw1.envs.render import draw_camera, draw_scene
from hw1.envs.road import Cars
from hw1.experts import LaneExpert
from hw1.policy import Actor
from hw1.rollout import Expert
from hw1.tasks import FORK, LANE, Task
from scripts.experiments.base import Arrays, Clip, Experiment, Job
from scripts.experiments.fork.lab import BOTH, TREES, crew, train
from scripts.experiments.lane.lab import Lab, Plan
from scripts.experiments.lane.methods import train_rounds
from scripts.experiments.style import lecture_hall

SIZE = (7.2, 5.7)  # inches
PIXELS_PER_INCH = 100
BEFORE, AFTER = 3.0, 4.5  # seconds of the clip before and after the weakest driver leaves its way
GOOD, BAD = "#00543d", "#a33c00"


@dataclass(frozen=True)
class Moment:
    """What there is to see after a step."""

    cars: Cars
    obs: np.ndarray
    lost: bool
    """Whether the car is off the lane, or has crashed."""
    trees: np.ndarray | tuple[()]
    """Metres along the road to each tree."""


@dataclass(frozen=True)
class Take:
    """The drive of one driver."""

    driver: str
    moments: Sequence[Moment]

    @property
    def exit(self) -> int | None:
        """The first step at which the car is lost."""
        return next((step for step, moment in enumerate(self.moments) if moment.lost), None)


@dataclass(frozen=True)
class Stage:
    """How one task is filmed."""

    task: Task
    half_width: float
    """Metres from the centre line to the edge of the lane, as drawn."""
    dt: float
    """Seconds in a step."""
    lost: Callable[[BatchedEnv], bool]
    well: str
    """What is said while all is well."""
    ill: str
    """What is said after the exit."""
    beside: Callable[[Axes, Moment], None]
    """Draws what the policy sees, beside the road."""
    trees: Callable[[BatchedEnv], np.ndarray | tuple[()]] = lambda env: ()
    """Metres along the road to each tree."""


def take(stage: Stage, name: str, driver: Actor | Expert, road: int) -> Take:
    """One drive. The same number always gives the same road and the same gusts, whoever drives."""
    env = stage.task.env(1)
    obs, info = env.reset(seed=road)
    if isinstance(driver, Actor):
        driver.reset(road)
    moments = []
    for _ in range(stage.task.horizon):
        world = env.unwrapped
        moments.append(Moment(copy.copy(world.cars), obs[0], stage.lost(world), stage.trees(world)))
        obs, *_, info = env.step(driver(obs) if isinstance(driver, Actor) else driver(info["state"]))
    return Take(name, moments)


def rehearse(stage: Stage, drivers: dict[str, Actor | Expert], weak: str, seed: int, tries: int) -> list[Take]:
    """The drives on the first road on which only the weak driver is lost. Raises ValueError if there is none."""
    for road in range(1_000 * seed, 1_000 * seed + tries):
        if take(stage, weak, drivers[weak], road).exit:
            takes = [take(stage, name, driver, road) for name, driver in drivers.items()]
            if [each.driver for each in takes if each.exit] == [weak]:
                return takes
    raise ValueError(f"{weak} alone is lost on none of {tries} roads")


# --- drawing ---------------------------------------------------------------------------------------------------------
def frames(stage: Stage, takes: Sequence[Take], exit: int, every: int) -> tuple[list[np.ndarray], int]:
    """The pictures around the exit, and which of them to show without motion."""
    last = len(takes[0].moments)
    steps = range(max(exit - round(BEFORE / stage.dt), 0), min(exit + round(AFTER / stage.dt), last), every)
    still = sum(step < exit + 0.5 / stage.dt for step in steps)
    return [picture(stage, takes, step, (steps.start, steps.stop)) for step in steps], min(still, len(steps) - 1)


def picture(stage: Stage, takes: Sequence[Take], step: int, span: tuple[int, int]) -> np.ndarray:
    """All drivers after `step` steps, below each other: `[height, width, 3]`."""
    with lecture_hall():
        figure = Figure(figsize=SIZE, dpi=PIXELS_PER_INCH)
        for row, each in enumerate(takes):
            bottom = 1 - (row + 1) / len(takes)
            draw_strip(figure, stage, each, step, span, bottom, 1 / len(takes))
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def draw_strip(
    figure: Figure, stage: Stage, drive: Take, step: int, span: tuple[int, int], bottom: float, height: float
) -> None:
    """One driver: name and state, the road from above, what the policy sees, and the time."""
    moment, exit = drive.moments[step], drive.exit
    gone = exit is not None and step >= exit
    road = figure.add_axes((0.01, bottom + 0.045, 0.72, height - 0.105))
    draw_scene(road, moment.cars, 0, stage.half_width, moment.trees)
    follow(road, moment.cars)
    colour = BAD if gone else GOOD
    road.spines[:].set(visible=True, color=colour, linewidth=3 if gone else 1)
    words = f"{stage.ill} at {exit * stage.dt:.1f} s" if gone else stage.well
    figure.text(0.01, bottom + height - 0.045, drive.driver, size=13, weight="bold")
    figure.text(0.73, bottom + height - 0.045, words, size=13, color=colour, weight="bold", ha="right")
    stage.beside(figure.add_axes((0.75, bottom + 0.045, 0.24, height - 0.105)), moment)
    draw_time(figure.add_axes((0.01, bottom + 0.01, 0.72, 0.025)), step, span, exit)


def follow(ax: Axes, cars: Cars) -> None:
    """The part of the scene that is shown: the car is always in it."""
    box = ax.get_window_extent()
    half = 25.0 * box.height / box.width
    aside = np.sign(cars.e[0]) * max(abs(cars.e[0]) - half / 2, 0.0)
    ax.set(xlim=(-10, 40), ylim=(aside - half, aside + half))


def draw_time(ax: Axes, step: int, span: tuple[int, int], exit: int | None) -> None:
    """A line from the beginning to the end of the clip: where it is now, and when the car is lost."""
    ax.plot(span, (0, 0), color="0.75", linewidth=3)
    ax.plot((span[0], step), (0, 0), color="0.25", linewidth=3)
    if exit is not None and span[0] <= exit <= step:
        ax.plot(exit, 0, marker="X", color=BAD, markersize=11, clip_on=False)
    ax.set(xlim=span, ylim=(-1, 1))
    ax.axis("off")


def camera(ax: Axes, moment: Moment) -> None:
    draw_camera(ax, moment.obs.reshape(-1, lane.COLUMNS))
    ax.set_title("")
    ax.set_xlabel("camera", labelpad=1, size=11)


def speed(ax: Axes, moment: Moment) -> None:
    ax.axis("off")
    ax.text(0.5, 0.6, f"{moment.cars.v[0]:.1f} m/s", size=17, ha="center", va="center")
    ax.text(0.5, 0.3, "speed", size=12, ha="center", va="center")


# --- jobs ------------------------------------------------------------------------------------------------------------
ON_LANE = Stage(
    task=LANE,
    half_width=lane.HALF_WIDTH,
    dt=lane.DT,
    lost=lambda env: abs(env.cars.e[0]) > lane.HALF_WIDTH,
    well="in the lane",
    ill="left the lane",
    beside=camera,
)
ON_FORK = Stage(
    task=FORK,
    half_width=fork.HALF_WIDTH,
    dt=fork.DT,
    lost=lambda env: bool(env.terminated[0]),
    well="on its way",
    ill="crashed",
    beside=speed,
    trees=lambda env: env.tree_s[0],
)


def film_lane(seeds: tuple[int, ...], tries: int, every: int, **plan: int) -> Arrays:
    """Expert, behaviour cloning and DAgger on Lane."""
    rounds = train_rounds(Lab(seeds, Plan(**plan)), "dagger")
    drivers = {"expert": LaneExpert(), "behaviour cloning": rounds[0].policy, "DAgger": rounds[-1].policy}
    return film(ON_LANE, rehearse(ON_LANE, drivers, "behaviour cloning", seeds[0], tries), 1, every)


def film_fork(seeds: tuple[int, ...], tries: int, every: int, episodes: int, steps: int) -> Arrays:
    """A driver, l2 and a mixture on Fork."""
    [seed] = seeds
    drivers: dict[str, Actor | Expert] = {"a driver": crew(FORK.env(1, trees=TREES), BOTH, seed)}
    for name in ("l2", "mixture"):
        drivers[name] = train(seeds, FORK.recipes[name], [(episodes, BOTH)], steps)
    return film(ON_FORK, rehearse(ON_FORK, drivers, "l2", seed, tries), 1, every)


def film(stage: Stage, takes: Sequence[Take], weak: int, every: int) -> Arrays:
    """The bytes of an animated WebP and of a PNG, and the size `[1, 2]` of both in pixels. `weak`: whose exit it is."""
    images, still = frames(stage, takes, takes[weak].exit or 0, every)
    pictures = [Image.fromarray(image) for image in images]
    clip, png = io.BytesIO(), io.BytesIO()
    wait = round(1_000 * stage.dt * every)
    pictures[0].save(
        clip, "WEBP", save_all=True, append_images=pictures[1:], duration=wait, loop=0, quality=55, method=4
    )
    pictures[still].quantize(128, dither=Image.Dither.NONE).save(png, "PNG", optimize=True)
    files = {"clip": clip, "still": png}
    return {name: np.frombuffer(file.getvalue(), np.uint8)[None] for name, file in files.items()} | {
        "size": np.array([images[0].shape[:2]])
    }


def jobs(quick: bool) -> list[Job]:
    """A coarse run has none: they would take as long as all the rest."""
    if quick:
        return []
    # Some clones are lost on one road in a hundred only.
    on_lane = {"tries": 400, "every": 2} | asdict(Plan())
    on_fork = {"tries": 40, "every": 1, "episodes": 150, "steps": FORK.recipes["mixture"].train.steps}
    return [Job("clip lane", film_lane, on_lane, seeds=1), Job("clip fork", film_fork, on_fork, seeds=1)]


EXPERIMENT = Experiment(
    name="clips",
    title="On the road: the same road, the same gusts",
    jobs=jobs,
    claims=(),
    drawings=(),
    clips=[
        Clip(
            "clip_lane",
            "Lane, from above, with the camera's picture on the right: all that a policy sees. The three drive on the "
            "same road, and the same gusts turn them. Behaviour cloning has hardly ever seen how one gets back to the "
            "middle; DAgger has, because the expert labelled the states in which its own policy had drifted away. The "
            "first test road on which the clone leaves the lane and the two others do not.",
            "Three strips, one below the other, show a car on a curvy road from above. On top is the expert, below it "
            "behaviour cloning, at the bottom DAgger. The clone drifts to the edge and leaves the lane; a cross on the "
            "time line below it marks the moment. The two others stay in the middle of the lane. On the right is the "
            "noisy black and white picture of each car's camera, 8 by 16 pixels.",
            "clip lane",
        ),
        Clip(
            "clip_fork",
            "Fork, from above. A driver passes each tree on the left and fast, or on the right and slow. The policy "
            "that was trained with l2 averages the two and hits a tree; a mixture of Gaussians chooses one side, and "
            "the speed that belongs to it. The first test road on which l2 crashes and the others do not.",
            "Three strips, one below the other, show a car on a road with trees in its middle from above. On top a "
            "driver who steers around the trees, in the middle the l2 policy, which drives straight into a tree and "
            "stops there; a cross on the time line below it marks the moment. At the bottom the mixture, which passes "
            "the trees. On the right is the speed of each car.",
            "clip fork",
        ),
    ],
)
