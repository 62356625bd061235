/** The connection to the server: numbers what we say, and comes back after it was lost. */

const DELAYS = [250, 500, 1000, 2000, 4000, 8000, 12000]; // ms; together less than the 30 s for which a session lives
const REASONS = {
  4401: "This page needs the address that the command printed, with its token.",
  4409: "Your session is open in another tab; this tab begins a new one.",
};

export class Link {
  /** `heard(message)` gets what the server says, `changed(link, text)` whether we are connected. */
  constructor(heard, changed) {
    this.heard = heard;
    this.changed = changed;
    this.failures = 0;
    this.connect();
  }

  connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const token = new URLSearchParams(location.search).get("token") ?? "";
    this.socket = new WebSocket(`${scheme}://${location.host}/drive?token=${encodeURIComponent(token)}`);
    this.n = 0;
    this.socket.onopen = () => this.say("hello", { session: sessionStorage.getItem("session") ?? "" });
    this.socket.onmessage = (event) => this.receive(JSON.parse(event.data));
    this.socket.onclose = (event) => this.lost(event);
  }

  receive(message) {
    if (message.say === "hello") {
      sessionStorage.setItem("session", message.session);
      this.failures = 0;
      this.changed("open", "Connected");
    }
    this.heard(message);
  }

  /** Send a message and return its number, or -1 without a connection. */
  say(what, more = {}) {
    if (this.socket.readyState !== WebSocket.OPEN) return -1;
    this.socket.send(JSON.stringify({ n: this.n, do: what, ...more }));
    return this.n++;
  }

  lost({ code, reason }) {
    if (code === 4401) return this.changed("closed", REASONS[code]);
    if (code === 4409) sessionStorage.removeItem("session");
    const delay = DELAYS[Math.min(this.failures++, DELAYS.length - 1)];
    const why = REASONS[code] ?? (reason || "The connection was lost.");
    this.changed("lost", `${why} Trying again in ${delay < 1000 ? "a moment" : `${delay / 1000} s`}.`);
    setTimeout(() => this.connect(), delay);
  }
}
