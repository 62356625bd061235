"""A curvy road and a car: the world that Lane and Fork share.

The road is defined by the heading of its centre line, a sum of sinusoids of the arc length s, so it never ends and
needs no table. The car is a kinematic bicycle (Rajamani 2011, *Vehicle Dynamics and Control*, chapter 2) written in
road coordinates:

    s     metres along the centre line
    e     metres to the left of it
    psi   radians, heading of the car relative to the road, left positive
    v     metres per second
"""

import numpy as np
from jaxtyping import Bool, Float, Int

WHEELBASE = 2.6  # metres between the axles
MAX_SPEED = 16.0  # metres per second
FENCE = 12.0  # metres from the centre line: no car gets further away
STRONGEST = 2.0  # standard deviations: no gust is stronger, or one in ten thousand would decide an experiment


class Road:
    """`num` random roads, one for each environment; everything is vectorised over them.

    heading(s) = sum_i amplitude_i cos(frequency_i s + phase_i); the curvature is its derivative.
    """

    HARMONICS = 3

    def __init__(self, num: int, curvature: float):
        """`curvature`: the largest curvature of one harmonic, in 1/m; 0 makes a straight road."""
        self.curvature_scale = curvature
        self.frequency = np.ones((num, self.HARMONICS))
        self.amplitude = np.zeros((num, self.HARMONICS))
        self.phase = np.zeros((num, self.HARMONICS))

    def redraw(self, rows: Int[np.ndarray, " rows"], rng: np.random.Generator) -> None:
        """Draw new roads for the environments `rows` (integer indices)."""
        shape = (len(rows), self.HARMONICS)
        # Similar bends on every road: if some roads were much harder than others, a policy would be lost on those at
        # once and never on the others, and its cost would level off early.
        wavelength = rng.uniform(60.0, 120.0, shape)
        self.frequency[rows] = 2 * np.pi / wavelength
        self.amplitude[rows] = self.curvature_scale / self.frequency[rows]
        self.phase[rows] = rng.uniform(0, 2 * np.pi, shape)

    def heading(self, s: Float[np.ndarray, "N ..."]) -> Float[np.ndarray, "N ..."]:
        """Heading of the centre line in radians at arc lengths `s`."""
        angle = self._angle(s)
        return np.einsum("n...h,nh->n...", np.cos(angle), self.amplitude)

    def curvature(self, s: Float[np.ndarray, "N ..."]) -> Float[np.ndarray, "N ..."]:
        """Curvature in 1/m at arc lengths `s`; positive in bends to the left."""
        angle = self._angle(s)
        return np.einsum("n...h,nh->n...", np.sin(angle), -self.amplitude * self.frequency)

    def _angle(self, s: np.ndarray) -> np.ndarray:
        extra = (slice(None),) + (None,) * (s.ndim - 1)
        return s[..., None] * self.frequency[extra] + self.phase[extra]

    def points(
        self, row: int, s: Float[np.ndarray, " points"], e: Float[np.ndarray, " points"] | float = 0.0
    ) -> Float[np.ndarray, "points 2"]:
        """World coordinates of road coordinates (s, e) on road number `row`; `s` rises from 0."""
        fine = np.arange(0.0, max(float(np.max(s)), 1.0) + 1.0, 0.25)
        heading = np.cos(fine[:, None] * self.frequency[row] + self.phase[row]) @ self.amplitude[row]
        x = np.concatenate([[0.0], np.cumsum(np.cos(heading[:-1]) * 0.25)])
        y = np.concatenate([[0.0], np.cumsum(np.sin(heading[:-1]) * 0.25)])
        angle = np.interp(s, fine, heading)
        return np.stack([np.interp(s, fine, x) - e * np.sin(angle), np.interp(s, fine, y) + e * np.cos(angle)], axis=-1)

    def sightline(
        self,
        s: Float[np.ndarray, " N"],
        e: Float[np.ndarray, " N"],
        psi: Float[np.ndarray, " N"],
        ahead: Float[np.ndarray, " distances"],
    ) -> Float[np.ndarray, "N distances"]:
        """Where the driver sees the centre line: metres to the left of the car's nose, at increasing distances `ahead`.

        Integrates the heading by the midpoint rule.
        """
        step = np.diff(ahead, prepend=0.0)
        relative = self.heading(s[:, None] + (ahead - step / 2)) - (self.heading(s) + psi)[:, None]
        return (-e * np.cos(psi))[:, None] + np.cumsum(np.sin(relative) * step, axis=1)


class Cars:
    """`num` kinematic bicycles on a `Road`; the fields are arrays `[N]`."""

    def __init__(self, num: int, road: Road, max_steer: float, max_accel: float = 0.0):
        """`max_steer`: radians of wheel angle, `max_accel`: metres per second squared, at a command of 1."""
        self.road, self.max_steer, self.max_accel = road, max_steer, max_accel
        self.s, self.e, self.psi, self.v = np.zeros((4, num))

    def curvature(self) -> Float[np.ndarray, " N"]:
        """Curvature of the road where the cars are, in 1/m."""
        return self.road.curvature(self.s)

    def step(
        self,
        steer: Float[np.ndarray, " N"],
        accel: Float[np.ndarray, " N"] | float,
        curvature: Float[np.ndarray, " N"],
        dt: float,
    ) -> None:
        """Advance all cars by `dt` seconds. The commands lie in [-1, 1]; `curvature` is that of the road at the cars.

        ds/dt = v cos(psi) / (1 - curvature e),  de/dt = v sin(psi),
        dpsi/dt = v tan(wheel angle) / wheelbase - curvature ds/dt
        """
        self.v = np.clip(self.v + accel * self.max_accel * dt, 0.0, MAX_SPEED)
        along = self.v * np.cos(self.psi) / (1.0 - np.clip(curvature * self.e, -0.8, 0.8))
        turn = self.v * np.tan(steer * self.max_steer) / WHEELBASE - curvature * along
        self.e = np.clip(self.e + self.v * np.sin(self.psi) * dt, -FENCE, FENCE)
        self.s = self.s + along * dt
        # A car that has left the road may turn around: keep its heading in [-pi, pi).
        self.psi = (self.psi + turn * dt + np.pi) % (2 * np.pi) - np.pi

    def gust(
        self, probability: float, heading: float, rng: np.random.Generator, hit: Bool[np.ndarray, " N"] | bool = True
    ) -> None:
        """With `probability`, a gust of wind turns a car among those to `hit`, by a normally distributed angle.

        `heading` is its standard deviation in radians; a gust stronger than STRONGEST is as strong as that.
        """
        hit = hit & (rng.random(len(self.psi)) < probability)
        self.psi += hit * heading * np.clip(rng.standard_normal(len(self.psi)), -STRONGEST, STRONGEST)
