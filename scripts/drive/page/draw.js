/** The road in perspective, seen from behind the car; one view for each car. */

import { drawCar } from "./car.js";
import { pointAt, roadAt, wheelAngle } from "./world.js";

const BACK = 8.5; // metres the eye is behind the car
const HEIGHT = 3.2; // and above the road
const NEAR = 0.6; // metres: nothing nearer is drawn
const BINS = 41; // of the histogram over steering
const ROADS = { // half widths in metres
  lane: { half: 1.75, shoulder: 2.1, middle: false },
  fork: { half: 3, shoulder: 5, middle: true },
};

/** Colours of the page (they follow dark and light). */
export function palette() {
  const style = getComputedStyle(document.documentElement);
  const names = ["ink", "soft", "line", "card", "person", "policy", "expert", "warn", "sky", "sky-low", "grass", "grass-2",
    "tarmac", "gravel", "paint", "trunk", "leaves", "plate", "accent"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** Fit a canvas to its element at the screen's resolution; returns its pen and size in CSS pixels. */
export function fitted(canvas) {
  const { clientWidth: width, clientHeight: height } = canvas;
  const scale = Math.min(window.devicePixelRatio || 1, 2);
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  return { pen, width, height };
}

/** Rectangles for `count` views; the car that the person looks at gets the largest of three. */
export function layout(count, width, height, chosen) {
  const gap = 4;
  if (count === 1) return [{ x: 0, y: 0, w: width, h: height }];
  if (count === 2) {
    const w = (width - gap) / 2;
    return [0, 1].map((i) => ({ x: i * (w + gap), y: 0, w, h: height }));
  }
  const wide = width > height * 1.2;
  const large = wide ? { x: 0, y: 0, w: width * 0.64, h: height } : { x: 0, y: 0, w: width, h: height * 0.6 };
  let small = -1;
  return [0, 1, 2].map((i) => {
    if (i === chosen) return large;
    small += 1;
    return wide
      ? { x: large.w + gap, y: small * ((height + gap) / 2), w: width - large.w - gap, h: (height - gap) / 2 }
      : { x: small * ((width + gap) / 2), y: large.h + gap, w: (width - gap) / 2, h: height - large.h - gap };
  });
}

/** The eye of a view: projects world metres to pixels. `fixed`: it follows the road, not the car (for the hand). */
function eye(rect, car, road, fixed, calm) {
  const at = roadAt(road, car.s);
  const yaw = at.heading + (fixed || calm ? 0 : 0.6 * (car.heading - at.heading));
  const [x, y] = fixed ? [at.x, at.y] : [car.x, car.y];
  const focal = Math.min(rect.w * 0.95, rect.h * 1.25);
  const horizon = rect.y + rect.h * 0.34;
  const [cos, sin] = [Math.cos(yaw), Math.sin(yaw)];
  const project = (px, py, pz) => {
    const depth = (px - x) * cos + (py - y) * sin + BACK;
    const left = (py - y) * cos - (px - x) * sin;
    const scale = focal / Math.max(depth, NEAR);
    return { x: rect.x + rect.w / 2 - left * scale, y: horizon + (HEIGHT - pz) * scale, depth };
  };
  return { project, horizon, scale: focal / BACK };
}

export class Painter {
  constructor(canvas) {
    this.canvas = canvas;
    this.colours = palette();
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (this.colours = palette()));
    this.metres = 1; // pixels of a metre beside the car, for the hand
  }

  /** Draw the views; each has `tick` (the car as told), `shown` (as extrapolated), `road`, `trees`, `name`. */
  frame(views, { world, chosen, fixed }) {
    const { pen, width, height } = fitted(this.canvas);
    this.pen = pen;
    pen.fillStyle = this.colours.card;
    pen.fillRect(0, 0, width, height);
    const rects = layout(views.length, width, height, chosen);
    views.forEach((view, i) => this.view(view, rects[i], world, fixed, views.length > 2 && i === chosen));
  }

  view(view, rect, world, fixed, marked) {
    const { pen } = this;
    pen.save();
    pen.beginPath();
    pen.rect(rect.x, rect.y, rect.w, rect.h);
    pen.clip();
    const sight = eye(rect, view.shown, view.road, fixed, this.calm);
    if (!marked || rect.w > 300) this.metres = sight.scale;
    this.land(rect, sight, view, world);
    this.things(sight, view, world);
    this.overlays(rect, view);
    if (marked) this.border(rect);
    pen.restore();
  }

  /** Sky, grass in stripes that show the speed, road and paint. */
  land(rect, { project, horizon }, { road }, world) {
    const { pen, colours } = this;
    const sky = pen.createLinearGradient(0, rect.y, 0, horizon);
    sky.addColorStop(0, colours.sky);
    sky.addColorStop(1, colours["sky-low"]);
    pen.fillStyle = sky;
    pen.fillRect(rect.x, rect.y, rect.w, horizon - rect.y + 1);
    pen.fillStyle = colours.grass;
    pen.fillRect(rect.x, horizon, rect.w, rect.h);
    const { half, shoulder, middle } = ROADS[world];
    const [first, last] = [Math.ceil(road.s0), Math.floor(road.s0 + (road.x.length - 1) * road.ds)];
    const strip = (from, to, left, right, colour) => this.strip(project, road, from, to, left, right, colour);
    if (!this.calm) for (let s = Math.floor(first / 10) * 10; s < last; s += 10) strip(s, s + 5, 14, -14, colours["grass-2"]);
    strip(first, last, middle ? half + 0.6 : shoulder, -shoulder, colours.gravel);
    strip(first, last, half, -half, colours.tarmac);
    strip(first, last, half, half - 0.12, colours.paint);
    strip(first, last, 0.12 - half, -half, colours.paint);
    for (let s = Math.floor(first / 6) * 6; s < last; s += 6) strip(s, s + 2.5, 0.06, -0.06, colours.paint);
  }

  /** The part of the ground between two arc lengths and two distances from the centre line. */
  strip(project, road, from, to, left, right, colour) {
    const { pen } = this;
    const edge = (e) => {
      const points = [];
      for (let s = from; s <= to; s += 1) {
        const point = project(...pointAt(road, s, e), 0);
        if (point.depth > NEAR) points.push(point);
      }
      return points;
    };
    pen.beginPath();
    for (const point of [...edge(left), ...edge(right).reverse()]) pen.lineTo(point.x, point.y);
    pen.fillStyle = colour;
    pen.fill();
  }

  /** Posts, trees and the car, from far to near. */
  things({ project }, { shown, tick, road, trees }, world) {
    const { colours } = this;
    const far = road.s0 + (road.x.length - 1) * road.ds;
    const all = [];
    const side = ROADS[world].shoulder + 1;
    for (let s = Math.ceil(far / 20) * 20; s > road.s0; s -= 20) for (const e of [side, -side]) if (s < far) all.push({ s, e });
    for (const s of trees ?? []) if (s > road.s0 && s < far) all.push({ s, e: 0, tree: true });
    all.sort((a, b) => b.s - a.s);
    const draw = (thing) => (thing.tree ? this.tree(project, road, thing) : this.post(project, road, thing));
    all.filter(({ s }) => s > shown.s).forEach(draw);
    drawCar(this.pen, project, shown, colours[tick.who] ?? colours.policy, wheelAngle(world, shown.steer));
    all.filter(({ s }) => s <= shown.s).forEach(draw);
  }

  post(project, road, { s, e }) {
    const foot = project(...pointAt(road, s, e), 0);
    if (foot.depth < 1.5) return;
    const top = project(...pointAt(road, s, e), 0.9);
    const width = Math.max((foot.y - top.y) / 7, 1);
    this.pen.fillStyle = this.colours.paint;
    this.pen.fillRect(foot.x - width / 2, top.y, width, foot.y - top.y);
    this.pen.fillStyle = this.colours.warn;
    this.pen.fillRect(foot.x - width / 2, top.y + (foot.y - top.y) * 0.12, width, (foot.y - top.y) * 0.16);
  }

  tree(project, road, { s, e }) {
    const { pen, colours } = this;
    const foot = project(...pointAt(road, s, e), 0);
    if (foot.depth < 2) return;
    const metre = foot.y - project(...pointAt(road, s, e), 1).y;
    pen.fillStyle = "rgb(0 0 0 / 25%)";
    this.disc(foot.x, foot.y, 1.2 * metre, 0.3 * metre);
    pen.fillStyle = colours.trunk;
    pen.fillRect(foot.x - 0.25 * metre, foot.y - 1.6 * metre, 0.5 * metre, 1.6 * metre);
    pen.fillStyle = colours.leaves;
    for (const [dx, up, r] of [[0, 2.3, 1.2], [-0.5, 2.9, 0.85], [0.5, 3.1, 0.8]]) this.disc(foot.x + dx * metre, foot.y - up * metre, r * metre, r * metre);
  }

  disc(x, y, a, b) {
    this.pen.beginPath();
    this.pen.ellipse(x, y, Math.max(a, 0), Math.max(b, 0), 0, 0, 7);
    this.pen.fill();
  }

  overlays(rect, view) {
    const seen = view.tick.camera?.length && rect.w >= 320 ? Math.min(176, rect.w * 0.36) : 0; // width of the picture
    if (seen) this.camera({ x: rect.x + 12, y: rect.y + 12, w: seen }, view.tick);
    this.steering({ x: rect.x + rect.w * 0.12, y: rect.y + rect.h - 16, w: rect.w * 0.76 }, view, rect.h * 0.13);
    const names = [`${view.name} · ${view.shown.v.toFixed(1)} m/s`, view.name];
    if (view.name) this.plate(names, rect.x + rect.w - 10, rect.y + 10, rect.w - seen - 40);
  }

  /** The picture as the policy sees it: row 0 is the nearest, so at the bottom. */
  camera({ x, y, w }, { camera }) {
    const { pen } = this;
    const [columns, rows] = [16, camera.length / 16];
    const [cellX, cellY] = [w / columns, (w * 0.5) / 8];
    pen.fillStyle = this.colours.plate;
    pen.fillRect(x - 4, y - 4, w + 8, rows * cellY + 26);
    camera.forEach((grey, i) => {
      pen.fillStyle = `rgb(${grey} ${grey} ${grey})`;
      pen.fillRect(x + (i % columns) * cellX, y + (rows - 1 - Math.floor(i / columns)) * cellY, cellX + 0.5, cellY + 0.5);
    });
    this.text("what the policy sees", x, y + rows * cellY + 15, "left");
  }

  /** Steering as a mark on a strip; above it the distribution from which the policy draws, as a histogram. */
  steering({ x, y, w }, { shown, tick }, tall) {
    const { pen, colours } = this;
    const place = (steer) => x + ((1 - steer) / 2) * w; // left is left
    pen.fillStyle = colours.plate;
    pen.fillRect(x - 6, y - 6, w + 12, 14);
    const samples = tick.distribution?.steer;
    if (samples?.length) this.histogram(samples, { x, y: y - 8, w, tall });
    pen.fillStyle = colours.soft;
    pen.fillRect(x, y, w, 2);
    pen.fillRect(place(0) - 0.5, y - 4, 1, 10);
    pen.fillStyle = colours[tick.who] ?? colours.policy;
    pen.fillRect(place(shown.steer) - 3, y - 6, 6, 14);
  }

  histogram(samples, { x, y, w, tall }) {
    const { pen, colours } = this;
    const counts = new Array(BINS).fill(0);
    for (const steer of samples) counts[Math.min(Math.max(Math.floor(((1 - steer) / 2) * BINS), 0), BINS - 1)] += 1;
    const most = Math.max(...counts);
    pen.fillStyle = colours.plate;
    pen.fillRect(x - 6, y - tall - 18, w + 12, tall + 20);
    pen.fillStyle = colours.policy;
    counts.forEach((count, i) => {
      const high = (count / most) * tall;
      pen.fillRect(x + (i * w) / BINS + 0.5, y - high, w / BINS - 1, high);
    });
    this.text("left", x, y - tall - 5, "left");
    if (w > 240) this.text("steering it may choose", x + w / 2, y - tall - 5, "center");
    this.text("right", x + w, y - tall - 5, "right");
  }

  /** The first of `texts` for which there is room, or the beginning of the last. */
  plate(texts, right, top, room) {
    const { pen } = this;
    pen.font = "600 13px system-ui, 'DejaVu Sans', sans-serif";
    const fits = (text) => pen.measureText(text).width + 16 <= room;
    let text = texts.find(fits) ?? `${texts.at(-1)}…`;
    while (!fits(text) && text.length > 2) text = `${text.slice(0, -2)}…`;
    const width = pen.measureText(text).width;
    pen.fillStyle = this.colours.plate;
    pen.fillRect(right - width - 16, top, width + 16, 24);
    this.text(text, right - 8, top + 17, "right", 600);
  }

  text(words, x, y, align, weight = 400) {
    this.pen.font = `${weight} ${weight > 400 ? 13 : 12}px system-ui, 'DejaVu Sans', sans-serif`;
    this.pen.textAlign = align;
    this.pen.fillStyle = this.colours.ink;
    this.pen.fillText(words, x, y);
    this.pen.textAlign = "left";
  }

  border(rect) {
    this.pen.strokeStyle = this.colours.accent;
    this.pen.lineWidth = 5;
    this.pen.strokeRect(rect.x + 2.5, rect.y + 2.5, rect.w - 5, rect.h - 5);
  }
}
