// The view that listens: microphone, connection and text brought together.
import { $, h, problem, say } from "./dom.js";
import { Level } from "./level.js";
import * as microphone from "./microphone.js";
import { Connection } from "./socket.js";
import { actions, clock, row, segment } from "./transcript.js";

const states = {
  opening: "Opening the microphone …",
  connecting: "Connecting …",
  listening: "Listening. Speak.",
  reconnecting: "The connection broke. Connecting again; what you say meanwhile is kept.",
  finishing: "Waiting for the last words …",
  done: "Finished.",
};

/** start makes the view work. options() gives {language, itn}. */
export function start(options) {
  const level = new Level($("level"));
  let session = null;
  level.draw();
  addEventListener("resize", () => level.draw());
  addEventListener("hashchange", () => level.draw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => level.draw());
  $("record").onclick = () => {
    if (session) return session.stop();
    session = new Session(options(), level);
    session.run().finally(() => { session = null; });
  };
}

/** Session is one recording, from the press of the button to the last word. */
class Session {
  constructor(options, level) {
    Object.assign(this, { level, options, segments: [], seconds: 0 });
    this.stopped = new Promise(resolve => { this.stop = resolve; });
  }

  async run() {
    this.clear();
    this.button(true, "Stop");
    this.state("opening");
    try {
      const source = await microphone.open((frame, level) => this.heard(frame, level), error => { this.problem(error); this.stop(); });
      this.state("connecting");
      this.connection = new Connection(
        { language: this.options.language, use_itn: this.options.itn, encoding: "pcm16" },
        { state: name => this.state(name), result: (r, later) => this.result(r, later), lag: s => this.lag(s), problem: e => this.problem(e) });
      await Promise.race([this.stopped, this.connection.finished]);
      this.button(false, "Stop");
      await source.close();
      await this.connection.end();
      this.state(this.connection.failed ? "" : "done");
    } catch (error) {
      this.problem(error);
      this.state("");
    }
    $("saying").textContent = "";
    say($("lag"), "–");
    this.button(true, "Start", false);
  }

  clear() {
    for (const id of ["said", "saying", "live-problem", "live-actions"]) $(id).replaceChildren();
    $("live-actions").hidden = true;
    this.level.clear();
    this.problems = new Set();
  }

  button(enabled, text, pressed = true) {
    $("record").disabled = !enabled;
    $("record").setAttribute("aria-pressed", pressed);
    say($("record-text"), text);
  }

  state(name) {
    this.current = name;
    say($("live-state"), states[name] || "");
  }

  problem(error) {
    if (this.problems.has(error.message)) return; // once is enough
    this.problems.add(error.message);
    $("live-problem").append(problem(error));
  }

  heard(frame, level) {
    this.seconds += frame.byteLength / 32000;
    $("elapsed").textContent = clock(this.seconds);
    this.level.add(level);
    this.connection?.send(frame);
    if (this.connection?.behind > 1) this.lag(this.connection.behind);
  }

  lag(seconds) {
    say($("lag"), "{0} s", seconds.toFixed(1));
  }

  result(message, later) {
    const s = segment({ ...message, start: message.segment_start_time, end: message.segment_end_time }, later);
    $("saying").textContent = message.is_final ? "" : s.text;
    $("saying").lang = s.language;
    if (!message.is_final || !s.text) return;
    this.segments.push(s);
    const atEnd = innerHeight + scrollY > document.body.scrollHeight - 120;
    $("said").append(row(s));
    if (atEnd) scrollTo(0, document.body.scrollHeight); // follow, unless the reader has gone up
    if ($("live-actions").hidden) {
      const name = `live-${new Date().toISOString().slice(0, 16).replace(/[T:]/g, "-")}.wav`;
      $("live-actions").append(...actions(name, () => this.segments, () => ({ segments: this.segments })));
      $("live-actions").hidden = false;
    }
  }
}
