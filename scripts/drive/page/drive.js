/** Drive: hears the server, knows the state, and passes on what the person does. */

import { Controls } from "./controls.js";
import { Painter } from "./draw.js";
import * as panel from "./panel.js";
import { Link } from "./socket.js";
import { Mover, stillLife } from "./world.js";

const { $ } = panel;
const form = $("#setup");
const SAMPLES = 1000; // of timing, that are kept
const MODES = ["demonstrate", "intervene", "fleet", "watch"];
const LETTERS = { g: "start", p: "pause", k: "keep", x: "discard", u: "undo", n: "next", h: "hand back", ",": "back", ".": "forward", Escape: "stop" };

const state = {
  link: "connecting", hello: null, mode: "demonstrate", phase: "idle", scene: null, telemetry: null, echo: null,
  chosen: 0, kept: 0, may: [], news: "", error: "", why: "", saved: null, last: null, alarm: true, mine: false, way: "keys",
};
/** For tests: the last telemetry, and for each key the times when it was pressed and when its echo was drawn. */
window.drive = state;
window.driveTiming = [];

const painter = new Painter($("#view"));
const pressed = new Map(); // number of a message that came from an event → time of the event
let movers = [];
let halted = 0; // when the cars stopped: they are drawn as they were then
let stale = true; // something to draw has changed
let own = 25; // ms that page and transport take from a key to the frame, without the latency asked for, four times in five
let told = { ms: 0, less: 0 }; // what the server knows of latency

const controls = new Controls($("#road"), $("#pads"), (what, fields, event) => {
  const n = link.say(what, fields);
  if (event && n >= 0) pressed.set(n, fields.at);
}, () => painter.metres);

function change(more) {
  Object.assign(state, more);
  panel.showPhase(state);
  tell();
  stale = true;
}

function tell() {
  const text = panel.sentence(state, performance.now());
  if ($("#who").textContent !== text) $("#who").textContent = text;
}

function message(text) {
  $("#message").hidden = !text;
  $("#message").textContent = text;
}

const heard = {
  hello(said) {
    const resumed = state.hello?.session === said.session;
    pressed.clear();
    panel.showChoices(said, state.mode);
    const news = state.hello && !resumed ? "That session is over; this is a new one." : state.news;
    if (!resumed) Object.assign(state, { scene: null, telemetry: null, kept: 0, news });
    change({ hello: said, phase: resumed ? state.phase : "idle" });
  },
  scene(said) {
    movers = fresh(said.cars);
    controls.begin(state.way, said.mode !== "watch");
    change({ scene: said, telemetry: null, echo: null, phase: "running", mode: said.mode, news: "", error: "", mine: false });
    if (!$("#setup").contains(document.activeElement)) $("#road").focus({ preventScroll: true });
  },
  tick(said) {
    if (!state.scene) return;
    const now = performance.now();
    const { world, dt, cars } = state.scene;
    if (state.phase !== "running") movers = fresh(cars); // one step on, or somewhere else: nothing to interpolate
    said.cars.forEach((car, i) => movers[i].renew(car, roadOf(said, i), world, control(car), now, dt));
    state.telemetry = said;
    panel.showTick(state);
    const mine = said.cars.some((car) => car.who === "person");
    if (mine !== state.mine) change({ mine });
    if (!$("#scrub").hidden) scrubbed(said.step);
    tell();
    stale = true;
  },
  echo(said) {
    state.echo = said;
    stale = true;
  },
  paused({ why }) {
    if (state.phase === "running") halted = performance.now();
    change({ phase: "paused", why });
  },
  resumed() {
    for (const mover of movers) mover.from += performance.now() - halted;
    change({ phase: "running", why: "" });
  },
  ended(said) {
    controls.on = false;
    halted = performance.now();
    const may = said.may ?? [];
    const next = { demonstrate: "ended", intervene: "training" }[state.mode] ?? "idle";
    change({ phase: next, may, last: said, news: "The episode is over.", mine: false });
  },
  saved(said) {
    const news = said.episodes < state.kept ? "The last episode is gone." : `Saved: ${said.episodes} in all.`;
    panel.showSaved(said);
    change({ saved: said, kept: said.episodes, phase: ["ended", "between"].includes(state.phase) ? "between" : state.phase, news });
  },
  report: (said) => panel.showRows("Ways to demonstrate", said.rows, { figure: said.figure }),
  training(said) {
    panel.showTraining(said);
    if (state.phase !== "training") change({ phase: "training" });
  },
  rounds(said) {
    panel.showRows("Rounds", said.rows, { plot: true });
    if (state.phase !== "running") change({ phase: "between", news: "The policy has learned: ready for the next round." });
  },
  finished: () => change({ phase: "idle", news: "All rounds are done." }),
  policies({ policies }) {
    state.hello.policies = policies;
    panel.showChoices(state.hello, state.mode);
  },
  fleet(said) {
    panel.showRows("Fleet", said.rows);
    change({ phase: "idle", news: "The fleet has arrived." });
  },
  watch({ length }) {
    $('[name="seek"]').max = Math.max(length - 1, 0);
  },
  error({ text }) {
    change({ error: text, phase: state.phase === "starting" ? "idle" : state.phase });
  },
};

const link = new Link(
  (said) => heard[said.say]?.(said),
  (kind, text) => {
    state.link = kind;
    $("#connection").dataset.link = kind;
    $("#connection").textContent = text;
    message(kind === "open" ? "" : text);
  },
);

const fresh = (cars) => Array.from({ length: cars }, () => new Mover());
const roadOf = (telemetry, i) => telemetry.cars[i].road ?? telemetry.road;

/** The person's controls move a car at once, if the person drives it. */
function control(car) {
  return car.who === "person" && state.echo ? state.echo : null;
}

function scrubbed(step) {
  const slider = $('[name="seek"]');
  if (document.activeElement !== slider) slider.value = step;
  $("#scrub output").textContent = step;
}

// ---- what the person does -------------------------------------------------------------------------------------------

function settings() {
  const value = (name) => form.elements[name].value;
  const number = (name) => Number(value(name));
  const delay = { latency: number("latency"), less: Math.round(own) };
  const seed = value("seed") === "" ? null : number("seed");
  const shared = { mode: state.mode, world: value("world") };
  return {
    demonstrate: { ...shared, way: value("way"), ...delay, seed },
    intervene: {
      ...shared, rounds: number("rounds"), horizon: number("horizon"), alarm: form.elements.alarm.checked,
      demonstrations: value("demonstrations"), ...delay,
    },
    fleet: { ...shared, gate: value("gate"), horizon: number("horizon") },
    watch: { ...shared, policies: [value("first"), value("second")].filter(Boolean), seed: seed ?? 0 },
  }[state.mode];
}

function start() {
  if (!form.reportValidity()) return;
  const fields = settings();
  const way = state.mode === "demonstrate" ? fields.way : "keys";
  change({ phase: "starting", error: "", news: "", way, chosen: 0, alarm: fields.alarm ?? true });
  link.say("start", fields);
  told = { ms: fields.latency ?? 0, less: fields.less ?? 0 };
  if (state.mode === "watch") link.say("speed", { factor: Number(form.elements.speed.value) });
}

function stop() {
  link.say("stop");
  controls.on = false;
  if (["ended", "between", "starting", "training"].includes(state.phase)) change({ phase: "idle", news: "Stopped." });
}

function step(by) {
  const slider = $('[name="seek"]');
  if (state.phase === "running") link.say("pause");
  slider.value = Math.min(Math.max((state.telemetry?.step ?? 0) + by, 0), Number(slider.max));
  link.say("seek", { step: Number(slider.value) });
}

const actions = {
  start,
  stop,
  back: () => step(-1),
  forward: () => step(1),
  discard() {
    link.say("discard");
    change({ phase: "between", news: "Discarded." });
  },
  next() {
    link.say("next");
    change({ phase: "starting" });
  },
};

/** Do what a button or its key asks, if it is on offer now. */
function act(wish) {
  const action = wish === "pause" && state.phase === "paused" ? "resume" : wish;
  if (!panel.offered(state).includes(action) || $(`[data-do="${action}"]`).disabled) return;
  if (actions[action]) actions[action]();
  else link.say(action);
}

function choose(mode) {
  if (state.phase !== "idle") return;
  $("#results").hidden = $("#results").hidden || mode !== state.mode;
  Object.assign(state, { mode, error: "", news: "" });
  if (state.hello) panel.showChoices(state.hello, mode);
  change({});
}

function turnTo(i) {
  link.say("car", { i });
  change({ chosen: i });
}

function latency(value) {
  form.elements.latency.value = value;
  form.elements.ms.value = `${form.elements.latency.value} ms`;
  if (state.phase !== "idle") tellLatency();
}

/** What is felt from key to frame shall be what the slider says, so the server leaves out what we take anyway. */
function tellLatency() {
  told = { ms: Number(form.elements.latency.value), less: Math.round(own) };
  link.say("latency", told);
}

function number(i) {
  if (state.phase === "idle") choose(MODES[i]);
  else if (state.mode === "fleet" && i < 3) turnTo(i);
}

function pressedKey(event) {
  const { key, target } = event;
  if (event.altKey || event.ctrlKey || event.metaKey || event.repeat) return;
  const types = target.matches("input:not([type=range], [type=checkbox]), select, textarea"); // letters mean something there
  if (types && key !== "Escape") return;
  if (/^[1-4]$/.test(key)) number(Number(key) - 1);
  else if (key === "+" || key === "-") latency(Number(form.elements.latency.value) + (key === "+" ? 50 : -50));
  else if (key === "?") $("#help").open = !$("#help").open;
  else if (key.length > 1 || $("#letters").checked) act(LETTERS[key] ?? LETTERS[key.toLowerCase()]);
}

addEventListener("keydown", pressedKey);
document.addEventListener("visibilitychange", () => link.say("hidden", { hidden: document.hidden }));
addEventListener("resize", () => (stale = true));
form.addEventListener("submit", (event) => event.preventDefault());
form.elements.latency.addEventListener("input", ({ target }) => latency(target.value));
form.elements.world.addEventListener("change", () => choose(state.mode));
form.elements.way.addEventListener("change", () => change({}));
form.elements.speed.addEventListener("change", ({ target }) => {
  if (state.phase !== "idle") link.say("speed", { factor: Number(target.value) });
});
$('[name="seek"]').addEventListener("input", ({ target }) => link.say("seek", { step: Number(target.value) }));
$("#tilt").addEventListener("click", () => controls.useTilt());
for (const button of document.querySelectorAll("nav [data-mode]")) button.addEventListener("click", () => choose(button.dataset.mode));
for (const button of document.querySelectorAll("[data-do]")) button.addEventListener("click", () => act(button.dataset.do));
for (const button of document.querySelectorAll("[data-car]")) button.addEventListener("click", () => turnTo(Number(button.dataset.car)));

// ---- frames ---------------------------------------------------------------------------------------------------------

function views(now) {
  const { telemetry, scene, phase } = state;
  return telemetry.cars.map((car, i) => ({
    tick: car,
    shown: movers[i].at(phase === "running" ? now : halted, control(car)),
    road: roadOf(telemetry, i),
    trees: car.trees ?? telemetry.trees,
    name: named(car, i, scene),
  }));
}

function named(car, i, { mode }) {
  if (mode === "watch") return [form.elements.first.value, form.elements.second.value][i] ?? "";
  if (mode !== "fleet") return { person: "you", policy: "policy", expert: "expert" }[car.who];
  const waits = car.waiting > 0 && car.who !== "person" ? `calls, ${car.waiting.toFixed(0)} s` : car.who === "person" ? "you" : "policy";
  return `car ${i + 1}: ${waits}`;
}

let before = performance.now();

function frame(now) {
  controls.update(Math.min((now - before) / 1000, 0.1), now);
  before = now;
  const moving = state.phase === "running";
  if (!state.telemetry && stale) painter.frame([stillLife()], { world: form.elements.world.value || "lane" });
  if (state.telemetry && (moving || stale)) {
    const fixed = state.mode === "demonstrate" && state.way === "drag";
    painter.frame(views(performance.now()), { world: state.scene.world, chosen: state.chosen, fixed });
    timed();
  }
  stale = false;
  requestAnimationFrame(frame);
}

/** The frame that shows an echo is drawn: note how long that took since the key. */
function timed() {
  const at = state.echo && pressed.get(state.echo.n);
  if (at === undefined || at === null) return;
  for (const n of pressed.keys()) if (n <= state.echo.n) pressed.delete(n); // older ones will have no echo
  const drawn = performance.now();
  window.driveTiming.push({ n: state.echo.n, at, drawn });
  if (window.driveTiming.length > SAMPLES) window.driveTiming.shift();
  own += drawn - at - Math.max(told.ms - told.less, 0) > own ? 2 : -0.5; // such steps lead to the 80th percentile
  own = Math.min(Math.max(own, 0), 200);
  if (told.ms > 0 && Math.abs(own - told.less) > 3) tellLatency();
}

panel.showPhase(state);
requestAnimationFrame(frame);
