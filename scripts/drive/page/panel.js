/** What stands beside the road: settings, buttons, figures and texts. It shows the state and changes nothing in it. */

import { plotRounds, table } from "./plots.js";

export const $ = (selector) => document.querySelector(selector);
const all = (selector) => [...document.querySelectorAll(selector)];

const ABOUT = {
  demonstrate: "You drive. Keep good episodes: a policy can learn from them.",
  intervene: "The policy drives. Touch a control to take over, then hand back; the policy learns from what you drove.",
  fleet: "Three cars, one person. A car that doubts calls you; turn to it, drive, and hand back.",
  watch: "A policy drives. Its distribution over steering is drawn below the car.",
};
const HINTS = {
  keys: "Remote control: hold a key to steer.",
  wheel: "The pointer on the road is the wheel: left of the middle steers left.",
  drag: "Press on the road: the car goes to your hand.",
};
const FORK = "Pass a tree on the left at 10.5 m/s or more, or on the right at 9.5 m/s or less.";
const BUTTONS = { // which actions each phase offers
  idle: ["start"],
  starting: ["stop"],
  running: ["pause", "stop"],
  paused: ["resume", "stop"],
  ended: ["keep", "discard", "stop"],
  between: ["next", "undo", "stop"],
  training: ["stop"],
};
const WHO = { person: "You drive", policy: "The policy drives", expert: "The expert drives" };
const STAYS = 2000; // ms that a doubt stays said, so that a flickering light does not chatter

function set(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Show what can be done now, and which settings belong to the mode. */
export function showPhase(state) {
  const { mode, phase } = state;
  document.body.dataset.mode = mode;
  document.body.dataset.phase = phase;
  document.body.dataset.world = state.scene?.world ?? "";
  for (const button of all("nav [data-mode]")) {
    if (button.dataset.mode === mode) button.setAttribute("aria-current", "page");
    else button.removeAttribute("aria-current");
    button.disabled = phase !== "idle" && button.dataset.mode !== mode;
  }
  set($("#setup-title"), $(`nav [data-mode="${mode}"]`).textContent.replace(/\d/, "").trim());
  set($("#about"), ABOUT[mode]);
  set($("#hint"), hint(mode));
  for (const element of all("[data-for]")) element.hidden = !element.dataset.for.split(" ").includes(mode);
  $("#tilt").hidden ||= !("DeviceOrientationEvent" in window && matchMedia("(any-pointer: coarse)").matches);
  showWaits(state);
  showButtons(state);
}

function hint(mode) {
  const way = mode === "demonstrate" ? HINTS[$('[name="way"]').value] : "";
  return [way, $('[name="world"]').value === "fork" && mode !== "watch" ? FORK : ""].join(" ").trim();
}

function showWaits({ hello, mode, phase }) {
  const exercise = hello?.waits?.[mode];
  $("#waits").hidden = !exercise;
  if (exercise) set($("#waits"), `${mode[0].toUpperCase()}${mode.slice(1)} waits for ${exercise}.`);
  const light = hello?.waits?.alarm; // a missing warning light keeps nobody from driving
  $('[name="alarm"]').disabled = Boolean(light);
  if (light) $('[name="alarm"]').checked = false;
  $("#no-alarm").hidden = !light || mode !== "intervene";
  if (light) set($("#no-alarm"), `The warning light waits for ${light}.`);
  const unready = !hello || Boolean(exercise) || (mode === "watch" && !hello.policies.length);
  if (phase === "idle") $('[data-do="start"]').disabled = unready;
}

export function offered(state) {
  const { mode, phase, kept, may } = state;
  const driving = ["running", "paused"].includes(phase);
  const offers = BUTTONS[phase].filter((action) => {
    if (["keep", "discard"].includes(action)) return may.includes(action);
    return action !== "undo" || (mode === "demonstrate" && kept > 0);
  });
  if (driving && mode === "watch") offers.push("back", "forward");
  if (phase === "running" && ["intervene", "fleet"].includes(mode) && state.mine) offers.unshift("hand back");
  return offers;
}

function showButtons(state) {
  const offers = offered(state);
  for (const button of all("#actions [data-do]")) {
    const hide = !offers.includes(button.dataset.do);
    if (hide && button === document.activeElement) $("#road").focus({ preventScroll: true });
    button.hidden = hide;
  }
  set($('[data-do="next"] span'), state.mode === "intervene" ? "Next round" : "Next episode");
  const driving = state.phase === "running" || state.phase === "paused";
  $("#pads").hidden = !driving || state.mode === "watch";
  $("#cars").hidden = !driving || state.mode !== "fleet";
  $("#scrub").hidden = !driving || state.mode !== "watch";
  $("#training").hidden = state.phase !== "training";
  if (!driving) $("#doubt").hidden = true;
  $("#now").hidden = !state.telemetry && state.phase !== "training";
  for (const button of all("[data-car]")) button.setAttribute("aria-pressed", String(Number(button.dataset.car) === state.chosen));
}

/** One sentence: who drives, what is asked. Screen readers say it, so it changes only when that changes. */
export function sentence(state, now) {
  const { phase, telemetry, mode } = state;
  if (state.error) return state.error;
  if (phase === "starting" || (phase === "running" && !telemetry)) return "Starting …";
  if (phase === "paused") return state.why === "hidden" ? "Paused while the tab was hidden." : "Paused.";
  if (phase === "training") return "The policy learns from what was driven.";
  if (phase === "ended") return over(state.last);
  if (phase === "between") return state.news || "Ready for the next.";
  if (phase !== "running") return state.news || "Choose what to do, then press Start.";
  if (mode === "fleet") return fleetSentence(state);
  const car = telemetry.cars[0];
  if (doubts(car)) state.doubted = now;
  const doubt = state.alarm && car.who === "policy" && now - (state.doubted ?? -Infinity) < STAYS;
  return `${WHO[car.who]}${doubt ? " and doubts: touch a control to take over" : ""}.`;
}

function over({ cost, mean_abs_e: offset }) {
  const mean = Number.isFinite(offset) ? `, ${offset.toFixed(2)} m off centre on average` : "";
  return `The episode is over: cost ${Math.round(cost)}${mean}. Keep or discard it?`;
}

function fleetSentence({ telemetry, chosen }) {
  const calls = telemetry.cars.map((car, i) => (car.waiting > 0 && car.who !== "person" ? i + 1 : 0)).filter(Boolean);
  const call = calls.length ? ` Car ${calls.join(" and ")} calls.` : "";
  return `${WHO[telemetry.cars[chosen]?.who ?? "policy"]} car ${chosen + 1}.${call}`;
}

const doubts = (car) => car.doubt != null && car.threshold != null && car.doubt > car.threshold;

/** Numbers and warning light of the last tick. */
export function showTick(state) {
  const { telemetry, chosen } = state;
  const car = telemetry.cars[chosen] ?? telemetry.cars[0];
  const figures = {
    Speed: `${car.v.toFixed(1)} m/s`,
    Wheel: `${car.steer >= 0 ? "left" : "right"} ${Math.abs(car.steer).toFixed(2)}`,
    Offset: `${car.e.toFixed(2)} m`,
    Cost: String(Math.round(car.cost)),
    "Time left": `${Math.max(telemetry.time_left ?? 0, 0).toFixed(0)} s`,
    Step: String(telemetry.step),
  };
  for (const [name, value] of Object.entries(telemetry.score ?? {})) {
    figures[name[0].toUpperCase() + name.slice(1)] = Number.isFinite(value) ? `${Math.round(value * 100)} %` : "–";
  }
  $("#now").hidden = false;
  showFigures(figures);
  showDoubt(car, state.alarm);
}

function showFigures(figures) {
  const list = $("#figures");
  const names = Object.keys(figures);
  if (list.children.length !== names.length) {
    list.replaceChildren(...names.map(() => {
      const row = document.createElement("div");
      row.append(document.createElement("dt"), document.createElement("dd"));
      return row;
    }));
  }
  names.forEach((name, i) => {
    set(list.children[i].firstChild, name);
    set(list.children[i].lastChild, figures[name]);
  });
}

function showDoubt(car, alarm) {
  const known = alarm && car.doubt != null && car.threshold != null;
  $("#doubt").hidden = !known;
  if (!known) return;
  const on = doubts(car);
  $("#doubt").classList.toggle("on", on);
  set($("#doubt-text"), `${on ? "Doubt" : "No doubt"}: ${car.doubt.toFixed(3)}, limit ${car.threshold.toFixed(3)}`);
  const share = Math.min(car.doubt / Math.max(car.threshold, 1e-9), 2);
  $("#doubt-bar").ariaValueNow = share.toFixed(2);
  $("#doubt-bar").style.setProperty("--share", share / 2);
}

export function showTraining({ round, step, steps }) {
  set($("#training-text"), `Training, round ${round}`);
  $("#progress").max = steps;
  $("#progress").value = step;
}

/** Rows as a table; the rounds of an intervention also as a plot that grows. */
export function showRows(title, rows, { plot = false, figure = "" } = {}) {
  $("#results").hidden = false;
  set($("#results-title"), title);
  $("#rows").hidden = false;
  table($("#rows"), rows, title);
  $("#plot").hidden = !plot;
  if (plot) plotRounds($("#plot"), rows);
  $("#figure").hidden = !figure;
  if (figure) $("#figure").src = figure;
}

export function showSaved({ episodes, steps, dataset, train }) {
  $("#results").hidden = false;
  if (!$("#rows").hasChildNodes()) {
    $("#rows").hidden = true;
    set($("#results-title"), "Your demonstrations");
  }
  $("#saved").hidden = false;
  set($("#saved p"), `${dataset}: ${episodes} episode${episodes === 1 ? "" : "s"}, ${steps} steps. Train on them with:`);
  set($("#saved code"), train ?? "");
}

/** Fill the lists with what the server offers. */
export function showChoices({ policies, worlds, ways }, mode) {
  const names = mode === "demonstrate" || mode === "watch" ? Object.keys(worlds) : ["lane"];
  options($('[name="world"]'), names.map((name) => [name, name[0].toUpperCase() + name.slice(1)]));
  for (const option of $('[name="way"]').options) option.hidden = option.disabled = !ways.includes(option.value);
  const world = $('[name="world"]').value;
  const fitting = policies.filter((policy) => policy.world === world).map(({ name, head }) => [name, `${name} (${head})`]);
  options($('[name="first"]'), fitting.length ? fitting : [["", "none yet: train one first"]]);
  options($('[name="second"]'), [["", "nobody"], ...fitting]);
}

function options(select, pairs) {
  const before = select.value;
  select.replaceChildren(...pairs.map(([value, text]) => new Option(text, value)));
  if (pairs.some(([value]) => value === before)) select.value = before;
}
