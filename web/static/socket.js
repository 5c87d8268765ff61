// The live interface, /ws/asr: 16-bit sound of 16 kHz goes up in binary frames, text comes down as JSON. A connection that breaks is made anew,
// and hears again what had no final text yet.
import { Problem, address, key, read } from "./server.js";

const bytesPerSecond = 32000;
const keptSeconds = 60;      // of sound without final text that a new connection hears again
const patience = 30_000;     // milliseconds for the last text after the end
const delays = [500, 1000, 2000, 4000, 5000]; // milliseconds before each new try; the last one stays
const attempts = 12;

/** Connection carries one recording. It calls on.state(name), on.result(message, later), where later is to be added to the message's times in
 *  seconds, on.lag(seconds) and on.problem(error). */
export class Connection {
  constructor(config, on) {
    Object.assign(this, { config, on, kept: [], keptBytes: 0, from: 0, failures: 0, lost: 0 });
    this.finished = new Promise(resolve => { this.finish = resolve; });
    this.open();
  }

  open() {
    const url = address("ws/asr");
    url.protocol = url.protocol.replace("http", "ws");
    if (key.get()) url.searchParams.set("api_key", key.get());
    this.ready = false;
    this.socket = new WebSocket(url);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.opened();
    this.socket.onmessage = e => this.receive(JSON.parse(e.data));
    this.socket.onclose = e => this.closed(e);
  }

  opened() {
    this.later = this.from; // the new connection counts from the first sound it hears
    this.ready = true;
    this.socket.send(JSON.stringify({ type: "config", config: this.config }));
    for (const frame of this.kept) this.socket.send(frame);
    if (this.lost > 0.5) this.on.problem(new Problem("Sound was lost", { t: ["The connection was away for too long: {0} s were not kept.", Math.round(this.lost)] }));
    this.lost = 0;
    this.on.state(this.ending ? "finishing" : "listening");
    if (this.ending) this.socket.send(JSON.stringify({ type: "end" }));
  }

  /** send takes the next frame of sound. */
  send(frame) {
    this.kept.push(frame);
    this.keptBytes += frame.byteLength;
    if (this.ready) this.socket.send(frame);
    this.forget(this.from + this.keptBytes / bytesPerSecond - keptSeconds);
  }

  /** behind is how much sound waits in this computer for the network, in seconds. */
  get behind() { return this.ready ? this.socket.bufferedAmount / bytesPerSecond : this.keptBytes / bytesPerSecond; }

  // forget drops the kept sound that lies before a time of the recording.
  forget(seconds) {
    while (this.kept.length && this.from + this.kept[0].byteLength / bytesPerSecond <= seconds + 1e-6) {
      const bytes = this.kept.shift().byteLength;
      this.keptBytes -= bytes;
      this.from += bytes / bytesPerSecond;
      if (!this.ready) this.lost += bytes / bytesPerSecond;
    }
  }

  receive(message) {
    if (typeof message.lag_ms === "number") this.on.lag(message.lag_ms / 1000);
    switch (message.type) {
      case "result":
        this.failures = 0;
        this.on.result(message, this.later);
        if (message.is_final) this.forget(this.later + message.segment_end_time);
        break;
      case "ended": // all that it has heard is answered
        if (this.ending) return this.close();
        this.forget(this.later + message.duration); // it is about to go away: see closed
        break;
      case "error":
        this.on.problem(new Problem("The server reports an error", { detail: [message.message, message.detail].filter(Boolean).join(": ") }));
        break;
    }
  }

  async closed(event) {
    const refused = !this.ready;
    this.ready = false;
    if (this.over) return;
    this.on.state("reconnecting");
    if (refused) { // browsers do not say why; a plain request does
      const error = await read("api/v1/status").then(() => null, e => e);
      if (error?.status === 401 || error?.status === 403) return this.fail(error);
    }
    if (event.code === 1008 || ++this.failures > attempts) { // the server does not want us, or is gone
      return this.fail(new Problem("The connection is closed", { detail: event.reason, t: "The server does not answer. What was said until here stays on this page." }));
    }
    if (!this.over) this.timer = setTimeout(() => this.open(), delays[Math.min(this.failures, delays.length) - 1]);
  }

  fail(error) {
    this.failed = true;
    this.on.problem(error);
    this.close();
  }

  /** end tells the server that the recording is over, and settles when its last text is here. */
  end() {
    if (this.over) return this.finished;
    this.ending = true;
    this.on.state("finishing");
    if (this.ready) this.socket.send(JSON.stringify({ type: "end" }));
    this.deadline = setTimeout(() => this.fail(new Problem("The server does not acknowledge the end", { t: "The last words may be missing." })), patience);
    return this.finished;
  }

  close() {
    this.over = true;
    clearTimeout(this.timer);
    clearTimeout(this.deadline);
    this.socket.close(1000);
    this.finish();
  }
}
