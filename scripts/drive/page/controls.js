/** What the hands do: keys, pointer, touch pads, gamepad, tilt. Says it to the server on every change, at 20 Hz while
 * a control is touched. */

const KEYS = {
  ArrowLeft: "left", a: "left", ArrowRight: "right", d: "right", ArrowUp: "up", w: "up", ArrowDown: "down", s: "down",
};
const MOST = 0.6; // steering of a held key or a full stick: more would only spin the car
const JUMP = 0.12; // steering at the first moment of a press, so that a tap does something at once
const RISE = 1.2; // further steering per second of holding
const FALL = 5; // per second, after letting go
const WHEEL = 0.8; // of the absolute wheel per second of holding a key
const HAND = 1.2; // metres per second of the hand, for keys
const WIDEST = 3; // metres from the centre line that a hand may ask for
const PAUSE = 50; // ms between messages while a control is touched
const DEAD = 0.1; // of a stick: less is its own noise

const clip = (value, most) => Math.min(Math.max(value, -most), most);
const typing = (target) => target.matches?.("input, select, textarea");

export class Controls {
  /** `send(what, fields, at)` says a control; `metres()` is how many pixels a metre beside the car is. */
  constructor(road, pads, send, metres) {
    Object.assign(this, { road, send, metres, way: "keys", on: false, held: new Set(), steer: 0, accel: 0, hand: 0 });
    this.pointer = null; // place of the pointer on the road, -1 left edge to 1 right edge
    this.pressed = false;
    this.tilt = null;
    this.said = { steer: 0, accel: 0, hand: 0, touch: false, time: 0 };
    this.listen(pads);
  }

  listen(pads) {
    addEventListener("keydown", (event) => this.key(event, true));
    addEventListener("keyup", (event) => this.key(event, false));
    addEventListener("blur", () => this.release());
    for (const pad of pads.querySelectorAll("[data-hold]")) {
      pad.addEventListener("pointerdown", (event) => this.hold(pad.dataset.hold, true, event.timeStamp));
      for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
        pad.addEventListener(end, (event) => this.hold(pad.dataset.hold, false, event.timeStamp));
      }
    }
    this.road.addEventListener("pointerdown", (event) => this.point(event, true));
    this.road.addEventListener("pointermove", (event) => this.point(event, this.pressed));
    for (const end of ["pointerup", "pointercancel"]) this.road.addEventListener(end, (event) => this.point(event, false));
  }

  /** Begin an episode: nothing is touched, the wheel is straight. */
  begin(way, on) {
    Object.assign(this, { way, on, steer: 0, accel: 0, hand: 0 });
    this.release();
  }

  release() {
    this.held.clear();
    this.pressed = false;
    this.pointer = null;
  }

  key(event, down) {
    if (event.altKey || event.ctrlKey || event.metaKey || typing(event.target)) return;
    const name = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
    if (down && event.key.toLowerCase() === "c") this.centre(event.timeStamp);
    if (!name) return;
    if (this.on) event.preventDefault(); // do not scroll
    if (!event.repeat) this.hold(name, down, event.timeStamp);
  }

  centre(at) {
    Object.assign(this, { steer: 0, hand: 0, pointer: null });
    this.say(at, true);
  }

  hold(name, down, at) {
    if (down === this.held.has(name)) return;
    if (down) this.held.add(name);
    else this.held.delete(name);
    if (!this.on) return;
    const side = this.side();
    if (this.way === "keys" && side && this.steer * side < JUMP) this.steer = side * JUMP;
    if (this.way === "wheel" && side) this.steer = clip(this.steer + side * 0.02, 1);
    if (this.way === "drag" && side) this.hand = clip(this.hand + side * 0.05, WIDEST);
    this.accel = this.pedal();
    this.say(at, true);
  }

  side() {
    return (this.held.has("left") ? 1 : 0) - (this.held.has("right") ? 1 : 0);
  }

  pedal() {
    return (this.held.has("up") ? 1 : 0) - (this.held.has("down") ? 1 : 0);
  }

  point(event, pressed) {
    const changed = pressed !== this.pressed;
    this.pressed = pressed;
    if (!this.on) return;
    if (pressed && changed) this.road.setPointerCapture(event.pointerId);
    const box = this.road.getBoundingClientRect();
    const x = event.clientX - box.left - box.width / 2; // pixels right of the middle
    this.pointer = this.way === "keys" && !pressed ? null : clip((2 * x) / box.width, 1);
    if (this.way === "drag" && pressed) this.hand = clip(-x / this.metres(), WIDEST);
    if (this.way === "wheel") this.steer = -this.pointer;
    if (this.way === "keys" && pressed) this.steer = -this.pointer * MOST;
    if (changed) this.say(event.timeStamp, true);
  }

  pad() {
    const pad = navigator.getGamepads?.().find((one) => one?.connected);
    if (!pad) return null;
    const steer = Math.abs(pad.axes[0] ?? 0) > DEAD ? -pad.axes[0] : 0;
    const pedals = (pad.buttons[7]?.value ?? 0) - (pad.buttons[6]?.value ?? 0);
    return steer || Math.abs(pedals) > DEAD ? { steer, accel: pedals } : null;
  }

  get touched() {
    const pointing = this.pressed || (this.way === "wheel" && this.pointer !== null);
    return this.held.size > 0 || pointing || this.stick != null || this.tilt !== null;
  }

  /** Move wheel and hand by what is held for `seconds`; called once a frame. */
  update(seconds, now) {
    if (!this.on) return;
    this.stick = this.pad();
    const side = this.side();
    if (this.way === "wheel") this.steer = clip(this.steer + side * WHEEL * seconds, 1);
    if (this.way === "drag") this.hand = clip(this.hand + side * HAND * seconds, WIDEST);
    if (this.way === "keys") this.ramp(side, seconds);
    this.accel = this.pedal();
    this.sticks();
    this.say(now, false);
  }

  ramp(side, seconds) {
    if (side) this.steer = clip(this.steer + side * RISE * seconds, MOST);
    else if (!this.pressed) this.steer = Math.sign(this.steer) * Math.max(Math.abs(this.steer) - FALL * seconds, 0);
  }

  /** Gamepad and tilt are absolute. */
  sticks() {
    const turn = this.stick?.steer ?? this.tilt;
    if (this.stick) this.accel = clip(this.stick.accel, 1);
    if (turn == null) return;
    if (this.way === "drag") this.hand = turn * WIDEST;
    else this.steer = clip(turn * (this.way === "keys" ? MOST : 1), 1);
  }

  /** Say it if it is new (`event`: something was pressed or let go) or if it is time. */
  say(at, event) {
    if (!this.on) return;
    const touch = this.touched;
    const key = this.way === "drag" ? "hand" : "steer";
    const moved = Math.abs(this[key] - this.said[key]) > 1e-3 || this.accel !== this.said.accel || touch !== this.said.touch;
    const due = performance.now() - this.said.time >= PAUSE;
    if (!(event || (due && (moved || touch)))) return;
    const more = this.way === "drag" ? { e: this.hand } : { steer: this.steer, accel: this.accel };
    this.send(this.way === "drag" ? "drag" : "control", { ...more, touch, at }, event);
    this.said = { steer: this.steer, accel: this.accel, hand: this.hand, touch, time: performance.now() };
  }

  /** Steer by tilting a phone; asks for the permission that some phones want. */
  async useTilt() {
    await DeviceOrientationEvent.requestPermission?.();
    addEventListener("deviceorientation", ({ gamma, beta }) => {
      const sideways = { 0: gamma, 90: beta, 180: -gamma, 270: -beta }[screen.orientation?.angle ?? 0]; // degrees
      this.tilt = gamma === null ? null : clip(-sideways / 45, 1);
    });
  }
}
