// The view that sends files: each is one request, two at a time, so that one failure or one long recording holds up no other.
import { $, h, problem, say } from "./dom.js";
import { upload } from "./server.js";
import { actions, clock, row, segment } from "./transcript.js";

const atOnce = 2;
const waiting = [];
let running = 0;

/** start makes the view work. options() gives {language, itn}. */
export function start(options) {
  const drop = $("drop"), picker = $("picker");
  $("choose").onclick = () => picker.click();
  picker.onchange = () => { add(picker.files, options()); picker.value = ""; };
  for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
    addEventListener(name, e => { // anywhere: a file that misses the box must not replace the page
      e.preventDefault();
      drop.classList.toggle("over", name === "dragenter" || name === "dragover");
      if (name === "drop" && !$("files").hidden) add(e.dataTransfer.files, options());
    });
  }
}

function add(files, options) {
  const jobs = [...files].map(file => new Job(file, options));
  $("jobs").prepend(...jobs.map(job => job.element)); // the newest choice is on top, in its own order
  waiting.push(...jobs);
  next();
}

function next() {
  while (running < atOnce && waiting.length) {
    running++;
    waiting.shift().run().finally(() => { running--; next(); });
  }
}

/** Job is a file on its way through the server, and its place on the page. */
class Job {
  constructor(file, options) {
    Object.assign(this, { file, options, aborter: new AbortController() });
    this.state = h("span", { class: "note", role: "status", t: "Waiting" });
    this.bar = h("progress", { max: 1, value: 0, label: ["Upload of {0}", file.name] });
    this.body = h("div", null);
    this.stop = h("button", { class: "plain", type: "button", t: "Cancel", onclick: () => this.cancel() });
    this.element = h("article", { class: "job" }, h("header", null, h("h2", null, file.name), this.state, this.stop), this.bar, this.body);
  }

  cancel() {
    this.aborter.abort();
    const place = waiting.indexOf(this);
    if (place >= 0) waiting.splice(place, 1);
    this.element.remove();
    if (this.url) URL.revokeObjectURL(this.url);
  }

  async run() {
    const form = new FormData();
    form.append("files", this.file, this.file.name);
    form.append("lang", this.options.language);
    form.append("use_itn", this.options.itn);
    form.append("words", true);
    form.append("vad", true); // short recordings, too, in segments: their times are what one clicks on
    const begun = performance.now();
    try {
      const answer = await upload("api/v1/asr", form, { signal: this.aborter.signal, sent: share => this.sent(share) });
      this.done(answer, (performance.now() - begun) / 1000);
    } catch (error) {
      if (error.name !== "AbortError") this.fail(error);
    } finally {
      this.bar.remove();
    }
  }

  sent(share) {
    if (share < 1) {
      this.bar.value = share;
      say(this.state, "Sending {0} %", Math.round(share * 100));
    } else {
      this.bar.removeAttribute("value"); // it moves without an end: the server is at work
      say(this.state, "Listening");
    }
  }

  fail(error) {
    say(this.state, "Failed");
    say(this.stop, "Remove");
    const again = h("button", { type: "button", t: "Try again", onclick: () => {
      this.element.replaceWith((new Job(this.file, this.options)).queue());
    } });
    this.body.replaceChildren(problem(error), h("div", { class: "actions" }, again));
  }

  queue() {
    waiting.push(this);
    queueMicrotask(next);
    return this.element;
  }

  done(answer, seconds) {
    const result = answer.result[0] || {}, segments = (result.segments || []).map(s => segment(s));
    const duration = result.duration;
    say(this.state, ...(duration ? ["{0} in {1} s", clock(duration), seconds.toFixed(1)] : ["{0} s", seconds.toFixed(1)]));
    say(this.stop, "Remove");
    if (!segments.some(s => s.text)) {
      this.body.replaceChildren(h("p", { class: "silent", t: "No words in this recording." }));
      return;
    }
    this.url = URL.createObjectURL(this.file);
    const list = h("ol", { class: "segments" }), player = new Player(this.url, list);
    list.append(...segments.map(s => row(s, (from, to) => player.play(from, to))));
    this.body.replaceChildren(player.element, list, h("div", { class: "actions" }, actions(this.file.name, () => segments, () => result)));
  }
}

/** Player plays parts of a file, and shows in its list where it is. */
class Player {
  constructor(url, list) {
    this.list = list;
    this.until = Infinity;
    this.element = h("audio", { controls: true, preload: "metadata", src: url,
      ontimeupdate: () => this.tick(),
      onpause: () => { this.until = Infinity; },
      onerror: () => this.element.replaceWith(h("p", { class: "note", t: "This browser cannot play this format." })),
    });
  }

  play(from, to) {
    this.element.currentTime = from;
    this.element.play().then(() => { this.until = to; }, () => { /* said by onerror */ });
  }

  tick() {
    const now = this.element.currentTime, words = [...this.list.querySelectorAll("[data-from]")];
    if (now >= this.until) this.element.pause();
    const latest = words.findLast(w => +w.dataset.from <= now && now < +w.dataset.to + 0.4); // a word's time is short: it stays for a moment
    for (const word of words) word.classList.toggle("now", word === latest && !this.element.paused);
  }
}
