/** Where cars are between two ticks: the kinematic bicycle of hw1/envs/road.py, with the controls that act now. */

const WHEELBASE = 2.6; // metres
const LIMITS = { lane: { steer: 0.5, accel: 0 }, fork: { steer: 0.3, accel: 2 } }; // rad and m/s2 at a command of 1
const FADE = 90; // ms over which the jump from where we guessed a car to where it is fades

export const wheelAngle = (world, steer) => steer * LIMITS[world].steer;

const clip = (value, low, high) => Math.min(Math.max(value, low), high);

/** The road at arc length s: a point, its heading and curvature. */
export function roadAt(road, s) {
  const last = road.x.length - 1;
  const place = clip((s - road.s0) / road.ds, 0, last - 1e-6);
  const i = Math.floor(place);
  const share = place - i;
  const between = (values) => values[i] + share * (values[i + 1] - values[i]);
  const beyond = s - road.s0 - place * road.ds; // metres past either end: straight on
  const heading = between(road.heading);
  return {
    x: between(road.x) + beyond * Math.cos(heading),
    y: between(road.y) + beyond * Math.sin(heading),
    heading,
    curvature: (road.heading[i + 1] - road.heading[i]) / road.ds,
  };
}

/** World coordinates of road coordinates. */
export function pointAt(road, s, e) {
  const { x, y, heading } = roadAt(road, s);
  return [x - e * Math.sin(heading), y + e * Math.cos(heading)];
}

/** Road coordinates of a car `seconds` after its tick, if it is steered by `steer` and `accel` from then on. */
function later(car, road, world, steer, accel, seconds) {
  const v = clip(car.v + accel * LIMITS[world].accel * seconds, 0, 16);
  const { curvature } = roadAt(road, car.s);
  const along = (v * Math.cos(car.psi)) / (1 - clip(curvature * car.e, -0.8, 0.8));
  const turn = (v * Math.tan(wheelAngle(world, steer))) / WHEELBASE - curvature * along;
  const psi = car.psi + turn * seconds;
  // The mean heading of the interval: so a turn of the wheel shows in the very next frame.
  return { s: car.s + along * seconds, e: car.e + v * Math.sin((car.psi + psi) / 2) * seconds, psi, v };
}

/** A road to look at before anything has begun. */
export function stillLife() {
  const heading = Array.from({ length: 90 }, (_, i) => 0.55 * Math.sin(i / 26) - 0.12);
  const [x, y] = [[0], [0]];
  for (const angle of heading.slice(1)) {
    x.push(x.at(-1) + Math.cos(angle));
    y.push(y.at(-1) + Math.sin(angle));
  }
  const road = { s0: 0, ds: 1, x, y, heading };
  const car = { s: 16, e: 0, psi: 0, v: 0, steer: 0.12, accel: 0, who: "person" };
  const [carX, carY] = pointAt(road, car.s, car.e);
  return { tick: car, shown: { ...car, x: carX, y: carY, heading: roadAt(road, car.s).heading }, road, trees: [], name: "" };
}

/** One car as it is drawn: continues its motion between ticks, and hides the small jumps at ticks. */
export class Mover {
  constructor() {
    this.tick = null;
    this.jump = { s: 0, e: 0, psi: 0 };
    this.from = 0;
  }

  /** A new tick: remember how far the guess was off, to let it fade. */
  renew(car, road, world, control, now, dt) {
    const seen = this.tick && car.s - this.tick.car.s < 30 && car.s >= this.tick.car.s ? this.at(now, control) : null;
    this.jump = { s: 0, e: 0, psi: 0 };
    if (seen) for (const key of Object.keys(this.jump)) this.jump[key] = seen[key] - car[key];
    this.tick = { car, road, world, dt };
    this.from = now;
  }

  /** Road and world coordinates at the time `now` (ms); `control` overrides the car's own, once the person drives it. */
  at(now, control) {
    const { car, road, world, dt } = this.tick;
    const steer = control?.steer ?? car.steer;
    const accel = control?.accel ?? car.accel ?? 0;
    const since = Math.max(now - this.from, 0);
    const seconds = car.ended ? 0 : Math.min(since / 1000, 1.5 * dt);
    const state = later(car, road, world, steer, accel, seconds);
    const left = Math.exp(-since / FADE);
    for (const key of Object.keys(this.jump)) state[key] += left * this.jump[key];
    const [x, y] = pointAt(road, state.s, state.e);
    return { ...state, x, y, heading: roadAt(road, state.s).heading + state.psi, steer, accel };
  }
}
