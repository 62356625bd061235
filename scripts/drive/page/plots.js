/** Results as small plots that grow, and as a table with the same numbers. */

import { fitted, palette } from "./draw.js";

const PANELS = [ // of the rounds of an intervention
  { key: "cost", title: "Cost", colour: "warn" },
  { key: "interventions", title: "Interventions", colour: "person" },
  { key: "labels", title: "Labels", colour: "expert" },
  { key: "autonomous", title: "Share driven alone", colour: "policy", most: 1 },
];
const NAMES = { autonomous: "alone", mean_abs_e: "mean |e|" };

const short = (value) => {
  if (value === null || value === undefined) return "–";
  return typeof value === "number" ? String(Number(value.toPrecision(3))) : String(value);
};

/** Fill `element` with a table of `rows` (objects with the same keys). */
export function table(element, rows, title) {
  const made = document.createElement("table");
  made.ariaLabel = title;
  const keys = Object.keys(rows[0] ?? {});
  const head = made.createTHead().insertRow();
  for (const key of keys) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = NAMES[key] ?? key;
    head.append(cell);
  }
  const body = made.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const key of keys) line.insertCell().textContent = short(row[key]);
  }
  element.replaceChildren(made);
}

/** Four small plots over the rounds. */
export function plotRounds(canvas, rows) {
  const { pen, width, height } = fitted(canvas);
  const colours = palette();
  pen.clearRect(0, 0, width, height);
  PANELS.forEach((panel, i) => {
    const box = { x: (i % 2) * (width / 2) + 34, y: Math.floor(i / 2) * (height / 2) + 22, w: width / 2 - 46, h: height / 2 - 44 };
    curve(pen, colours, panel, box, rows);
  });
}

function curve(pen, colours, { key, title, colour, most }, { x, y, w, h }, rows) {
  const values = rows.map((row) => row[key]);
  const top = most ?? Math.max(1, ...values.filter(Number.isFinite)) * 1.1;
  const across = (i) => x + (rows.length > 1 ? (i / (rows.length - 1)) * w : w / 2);
  const up = (value) => y + h - (value / top) * h;
  pen.font = "12px system-ui, 'DejaVu Sans', sans-serif";
  pen.fillStyle = colours.ink;
  pen.fillText(title, x, y - 8);
  pen.fillStyle = colours.soft;
  pen.textAlign = "right";
  pen.fillText(short(Math.round(top * 100) / 100), x - 5, y + 8);
  pen.fillText("0", x - 5, y + h + 2);
  pen.textAlign = "center";
  const every = Math.ceil(rows.length / 5);
  rows.forEach((row, i) => i % every || pen.fillText(row.round ?? i, across(i), y + h + 15));
  pen.textAlign = "left";
  pen.fillStyle = colours.line;
  pen.fillRect(x, y, 1, h);
  pen.fillRect(x, y + h, w, 1);
  pen.strokeStyle = pen.fillStyle = colours[colour];
  pen.lineWidth = 2.5;
  pen.beginPath();
  values.forEach((value, i) => Number.isFinite(value) && pen.lineTo(across(i), up(value)));
  pen.stroke();
  values.forEach((value, i) => {
    if (!Number.isFinite(value)) return;
    pen.beginPath();
    pen.arc(across(i), up(value), 3.5, 0, 7);
    pen.fill();
  });
}
