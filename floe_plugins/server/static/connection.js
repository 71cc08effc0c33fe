// The server, asked and listened to: a snapshot at the beginning, after events, and now and then.

const EVENTS = ["message", "state", "call_begun", "call_ended", "retry", "health", "problem", "platform"];
const PAUSE = 500; // milliseconds between two snapshots: at most two a second
const POLL = 10_000; // what makes no event, such as a heartbeat's age, is seen after this time
const PATIENCE = 10_000; // how long a snapshot may take
const LONGEST_WAIT = 15_000;

function reason(error) {
  if (error.name === "TimeoutError") return `no answer in ${PATIENCE / 1000} s`;
  return error instanceof TypeError ? "the server does not answer" : error.message;
}

export class Connection {
  // changed(): something to show is different; received(snapshot); heard(event).
  constructor({ changed, received, heard }) {
    this.changed = changed;
    this.received = received;
    this.heard = heard;
    this.live = false;
    this.lostAt = null; // when the connection was lost, on this page's clock
    this.retryAt = null;
    this.error = "";
    this.updatedAt = null; // when the snapshot that is shown arrived
    this.serverTime = null; // the server's clock then, in seconds since the epoch
    this.failures = 0;
    this.askedAt = -Infinity;
    this.timer = null;
    this.asking = false;
    this.askAgain = false;
  }

  open() {
    clearTimeout(this.retryTimer);
    this.retryAt = null;
    this.source?.close();
    const source = new EventSource("api/events");
    this.source = source;
    this.ask();
    source.addEventListener("open", () => this.ask());
    source.addEventListener("error", () => this.lose("the stream of events ended"));
    for (const name of EVENTS) {
      source.addEventListener(name, (message) => {
        let event = null;
        try {
          event = JSON.parse(message.data);
        } catch {
          console.warn("an event is no JSON", message.data);
        }
        if (event) this.heard(event);
        this.ask();
      });
    }
    clearInterval(this.poll);
    this.poll = setInterval(() => this.live && this.ask(), POLL);
    this.changed();
  }

  // Fetch a snapshot soon: many calls in a short time lead to one.
  ask() {
    if (this.asking) {
      this.askAgain = true;
      return;
    }
    if (this.timer !== null) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.fetch();
    }, Math.max(0, this.askedAt + PAUSE - performance.now()));
  }

  async fetch() {
    this.asking = true;
    this.askAgain = false;
    this.askedAt = performance.now();
    try {
      const response = await fetch("api/snapshot", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
      if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`);
      const snapshot = await response.json();
      this.updatedAt = performance.now();
      this.serverTime = Date.parse(response.headers.get("Date") ?? "") / 1000 || Date.now() / 1000;
      if (this.source.readyState === EventSource.OPEN) {
        this.live = true;
        this.failures = 0;
        this.lostAt = null;
        this.error = "";
      }
      this.received(snapshot);
    } catch (error) {
      this.lose(reason(error));
    } finally {
      this.asking = false;
    }
    if (this.askAgain && this.live) this.ask();
  }

  lose(error) {
    this.source?.close();
    this.live = false;
    this.lostAt ??= performance.now();
    this.error = error;
    if (this.retryAt === null) {
      const wait = Math.min(LONGEST_WAIT, 1000 * 2 ** this.failures);
      this.failures += 1;
      this.retryAt = performance.now() + wait;
      this.retryTimer = setTimeout(() => this.open(), wait);
    }
    this.changed();
  }

  // How old the data is, in seconds; null before the first snapshot.
  get age() {
    return this.updatedAt === null ? null : (performance.now() - this.updatedAt) / 1000;
  }

  // What the server's clock shows now.
  get now() {
    return this.serverTime === null ? Date.now() / 1000 : this.serverTime + this.age;
  }
}
