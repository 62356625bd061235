"""Lane: keep a car on a curvy road that only a tiny noisy camera sees, with gusts of wind.

In the spirit of ALVINN (Pomerleau 1989), whose 30 x 32 retina saw the road ahead. The idea of the task: the expert is
hardly ever more than ten centimetres off the centre, less than the noisy camera can show. So the demonstrations show
how to follow bends, but almost nothing about how to get back, and a clone that drifts away reaches states that no
demonstration shows.
"""

import numpy as np
from gymnasium import spaces

from hw1.envs.base import BatchedEnv, require_bool, require_number
from hw1.envs.road import Cars, Road

DT = 0.1  # seconds in a step
MAX_STEER = 0.5  # radians of wheel angle at a steering command of 1
SPEED = 10.0  # metres per second, constant: Lane is about steering
HALF_WIDTH = 1.75  # metres from the centre line to the edge of the lane
AHEAD = np.array([2.0, 4.0, 6.5, 9.5, 13.0, 17.0, 21.5, 26.5])  # metres along the road, one camera row each
COLUMNS = 16
BLUR = 0.4  # metres over which a pixel fades from road to grass


class Lane(BatchedEnv):
    """Observation: `[128]` pixels of 8 rows x 16 columns in [0, 1] (row 0 nearest; column 0 leftmost).
    Action: `[1]` steering in [-1, 1], left positive. State: `[4]` e, psi, curvature here and half a second ahead.
    Reward: -1 for each step off the lane (|e| > 1.75 m), so cost = -reward. Never terminates: a car that leaves the
    road has to find its way back.

    With `heading=False` the camera looks straight down: its single row shows where the car is, but not where it points.
    One observation is then not enough to steer, and the policy needs o_{t-m:t}.
    """

    def __init__(
        self,
        num_envs: int = 1,
        *,
        heading: bool = True,
        pixel_noise: float = 0.35,
        gust_probability: float = 0.15,
        gust_heading: float = 0.02,
        curvature: float = 0.018,
        **options,
    ):
        """A gust comes with `gust_probability` in each step. It turns the car by a normally distributed angle with
        standard deviation `gust_heading`, in radians, and at most twice that.
        """
        require_bool(heading=heading)
        require_number(pixel_noise=pixel_noise, gust_heading=gust_heading, curvature=curvature)
        require_number(1.0, gust_probability=gust_probability)
        self.ahead = AHEAD if heading else np.zeros(1)
        pixels = len(self.ahead) * COLUMNS
        super().__init__(
            num_envs, spaces.Box(0.0, 1.0, (pixels,), np.float32), spaces.Box(-1.0, 1.0, (1,), np.float32), **options
        )
        self.pixel_noise, self.gust_probability, self.gust_heading = pixel_noise, gust_probability, gust_heading
        self.cars = Cars(num_envs, Road(num_envs, curvature), MAX_STEER)
        # The field of view opens with distance: 2 m to either side at the bumper, 6 m at the far end; the camera that
        # looks down hangs higher.
        view = 2.0 + 0.15 * self.ahead if heading else np.full(1, 5.0)
        self.pixel_y = (view[:, None] * np.linspace(1.0, -1.0, COLUMNS)).astype(np.float32)

    def _reset_rows(self, rows):
        self.cars.road.redraw(rows, self.np_random)
        self.cars.s[rows] = 0.0
        # About the spread of the expert's own states, so that an episode does not begin with a correction.
        self.cars.e[rows] = self.np_random.uniform(-0.1, 0.1, len(rows))
        self.cars.psi[rows] = self.np_random.uniform(-0.02, 0.02, len(rows))
        self.cars.v[rows] = SPEED

    def _advance(self, actions):
        self.cars.step(np.clip(actions[:, 0], -1.0, 1.0), 0.0, self.cars.curvature(), DT)
        self.cars.gust(self.gust_probability, self.gust_heading, self.np_random)
        return -(np.abs(self.cars.e) > HALF_WIDTH).astype(np.float64)

    def _observe(self):
        cars = self.cars
        # From here on in float32: a camera needs no more digits, and takes most of the time of a step.
        centre = cars.road.sightline(cars.s, cars.e, cars.psi, self.ahead).astype(np.float32)  # (N, rows)
        inside = HALF_WIDTH - np.abs(self.pixel_y - centre[..., None])  # (N, rows, columns), metres inside the lane
        pixels = (0.5 + 0.5 * np.tanh(inside / BLUR)).reshape(self.num_envs, -1)
        pixels += self.pixel_noise * self.np_random.standard_normal(pixels.shape, dtype=np.float32)
        return np.clip(pixels, 0.0, 1.0)

    def _info(self):
        cars = self.cars
        curvature = cars.road.curvature(cars.s[:, None] + np.array([0.0, 0.5 * SPEED]))  # (N, 2)
        state = np.concatenate([cars.e[:, None], cars.psi[:, None], curvature], axis=1)
        return {"state": state.astype(np.float32)}

    def draw(self, figure, row=0):
        from hw1.envs.render import draw_camera, draw_scene

        draw_scene(figure.add_axes((0, 0, 1, 1)), self.cars, row, HALF_WIDTH)
        image = self._observe_quietly()[row].reshape(len(self.ahead), COLUMNS)
        draw_camera(figure.add_axes((0.02, 0.06, 0.3, 0.3)), image)

    def _observe_quietly(self) -> np.ndarray:
        """The picture, without changing the random stream: rendering must not change an episode."""
        state = self.np_random.bit_generator.state
        pixels = self._observe()
        self.np_random.bit_generator.state = state
        return pixels
