/** A car of boxes in perspective, with front wheels that turn. */

const BODY = [ // metres: [front, back, left, right, bottom, top], brightness
  { box: [2.1, -1.9, 0.5, -0.5, 0.25, 0.62], shade: 1 },
  { box: [0.5, -1.9, 0.72, -0.72, 0.3, 0.72], shade: 0.94 },
  { box: [0.35, -1.0, 0.45, -0.45, 0.72, 1.15], shade: 0.35 },
  { box: [-1.75, -1.95, 0.85, -0.85, 1.0, 1.1], shade: 1.08 },
];
const WHEEL = [0.36, -0.36, 0.15, -0.15, 0, 0.7];
const WHEELS = [[1.35, 0.85], [1.35, -0.85], [-1.35, 0.95], [-1.35, -0.95]]; // front ones first
const FACES = [ // corners of a box by bits front, left, top; and how light the face is
  { corners: [1, 3, 7, 5], light: 1.12 }, // top
  { corners: [4, 5, 7, 6], light: 0.9 }, // back
  { corners: [0, 2, 3, 1], light: 0.9 }, // front
  { corners: [0, 1, 5, 4], light: 0.78 }, // left
  { corners: [2, 6, 7, 3], light: 0.78 }, // right
];

/** Eight corners in the car's own frame; bit 1 top, bit 2 right, bit 4 back. */
function corners([front, back, left, right, bottom, top]) {
  return [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => [bit & 4 ? back : front, bit & 2 ? right : left, bit & 1 ? top : bottom]);
}

const turned = (angle, [x, y]) => [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)];

function tint(colour, light) {
  const share = Math.round(Math.min(Math.abs(light - 1), 1) * 100);
  return `color-mix(in srgb, ${colour} ${100 - share}%, ${light < 1 ? "black" : "white"})`;
}

/** The boxes of a car in its frame: points and colour, wheels turned by `angle` radians. */
function boxes(colour, angle) {
  const body = BODY.map(({ box, shade }) => ({ points: corners(box), colour: tint(colour, shade) }));
  const wheels = WHEELS.map(([x, y], i) => ({
    points: corners(WHEEL).map(([dx, dy, z]) => {
      const [turnedX, turnedY] = turned(i < 2 ? angle : 0, [dx, dy]);
      return [x + turnedX, y + turnedY, z];
    }),
    colour: i < 2 ? "#30363f" : "#23282f",
  }));
  return [...wheels, ...body];
}

/** Draw it with `project(x, y, z)` (world to screen, with depth). */
export function drawCar(pen, project, car, colour, angle) {
  const seen = boxes(colour, angle).map(({ points, colour: own }) => {
    const screen = points.map(([x, y, z]) => {
      const [dx, dy] = turned(car.heading, [x, y]);
      return project(car.x + dx, car.y + dy, z);
    });
    return { screen, own, depth: Math.min(...screen.map((p) => p.depth)) };
  });
  if (seen.some(({ depth }) => depth < 0.5)) return;
  shadow(pen, project, car);
  seen.sort((a, b) => b.depth - a.depth);
  for (const { screen, own } of seen) for (const face of FACES) fillFace(pen, face, screen, own);
}

function shadow(pen, project, car) {
  pen.beginPath();
  for (const [x, y] of [[2.2, 1.1], [2.2, -1.1], [-2.0, -1.2], [-2.0, 1.2]]) {
    const [dx, dy] = turned(car.heading, [x, y]);
    const point = project(car.x + dx, car.y + dy, 0);
    pen.lineTo(point.x, point.y);
  }
  pen.fillStyle = "rgb(0 0 0 / 25%)";
  pen.fill();
}

function fillFace(pen, { corners: four, light }, screen, colour) {
  const [a, b, c] = four.map((i) => screen[i]);
  if ((b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x) <= 0) return; // looks away from us
  pen.beginPath();
  for (const i of four) pen.lineTo(screen[i].x, screen[i].y);
  pen.closePath();
  pen.fillStyle = tint(colour, light);
  pen.fill();
}
