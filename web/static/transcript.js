// A transcript: what the server answers made into one shape, shown as rows of segments, and written as files.
import { h, say } from "./dom.js";

const languages = { zh: "Mandarin", en: "English", yue: "Cantonese", ja: "Japanese", ko: "Korean", nospeech: "no speech" };
const feelings = { HAPPY: "happy 😊", SAD: "sad 😔", ANGRY: "angry 😡", NEUTRAL: "neutral", FEARFUL: "fearful 😰", DISGUSTED: "disgusted 🤢", SURPRISED: "surprised 😮" };
const events = { BGM: "music 🎼", Applause: "applause 👏", Laughter: "laughter 😀", Cry: "crying 😭", Sneeze: "sneeze 🤧", Cough: "cough 🤧", Breath: "breath" };

const untagged = raw => raw.replace(/<\|[^|<>]*\|>/g, " ").replace(/\s+/g, " ").trim();

/** segment makes one of the server's, in the file and the live interface alike, moved later by so many seconds. */
export function segment(s, later = 0) {
  const move = w => ({ ...w, start: w.start + later, end: w.end + later });
  return {
    start: s.start + later, end: s.end + later, text: untagged(s.raw_text ?? s.text), language: s.language || "",
    emotion: s.emotion || "", event: s.event || "", words: (s.words || []).map(move),
  };
}

/** clock writes seconds as people read them: 0:07, 1:02:03. */
export function clock(seconds) {
  const s = Math.max(0, Math.floor(seconds)), two = n => String(n).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}

/** row shows a segment. With play(from, to), its time and its words are places to listen from. */
export function row(s, play) {
  const time = clock(s.start);
  return h("li", null,
    play ? h("button", { class: "time", type: "button", label: ["Play from {0}", time], onclick: () => play(s.start, s.end) }, time) : h("span", { class: "time" }, time),
    h("p", { class: "words", lang: s.language in languages && s.language !== "nospeech" ? s.language : "" }, spans(s, play)),
    badges(s));
}

// spans makes the words that have times places to listen from.
function spans(s, play) {
  const parts = play ? pieces(s) : [];
  if (!parts.length) return [s.text];
  return parts.flatMap(p => {
    const word = p.text.trimEnd();
    return [h("span", { "data-from": p.start, "data-to": p.end, onclick: () => play(p.start, s.end) }, word), p.text.slice(word.length)];
  });
}

// pieces cuts a segment's text before each word that has times. Joined, they are the text.
function pieces(s) {
  const found = [];
  let at = 0;
  for (const w of s.words) {
    const word = w.word.trim(), from = s.text.indexOf(word, at);
    if (!word || from < 0) continue;
    found.push({ start: w.start, end: w.end, from: found.length && from });
    at = from + word.length;
  }
  return found.map((p, i) => ({ ...p, text: s.text.slice(p.from, found[i + 1]?.from) }));
}

function badges(s) {
  const badge = (text, strong) => text && h("span", { class: strong ? "badge strong" : "badge", t: text });
  return h("div", { class: "badges" },
    badge(languages[s.language] || s.language),
    badge(feelings[s.emotion], s.emotion !== "NEUTRAL"),
    badge(events[s.event], true));
}

/** actions are the buttons to copy and to save segments, which are asked for when one is pressed. */
export function actions(name, segments, whole) {
  const base = name.replace(/\.[^.]+$/, "");
  const save = (ending, type, text) => h("button", { type: "button", label: ["Save as {0}", ending.toUpperCase()], onclick: () => download(`${base}.${ending}`, type, text()) }, ending.toUpperCase());
  const copy = h("button", { type: "button", t: "Copy text", onclick: async () => {
    say(copy, await copied(plain(segments())) ? "Copied" : "Copying is not allowed here");
    setTimeout(() => say(copy, "Copy text"), 2000);
  } });
  return [copy, save("txt", "text/plain", () => plain(segments())), save("srt", "application/x-subrip", () => srt(segments())),
    save("vtt", "text/vtt", () => vtt(segments())), save("json", "application/json", () => JSON.stringify(whole(), null, 2) + "\n")];
}

// copied works without https too, where browsers hide the clipboard interface.
async function copied(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => false);
  const area = h("textarea", null, text);
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}

function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export const plain = segments => segments.map(s => s.text).filter(Boolean).join("\n") + "\n";
export const srt = segments => cues(segments).map((c, i) => `${i + 1}\n${stamp(c.start, ",")} --> ${stamp(c.end, ",")}\n${c.text}\n`).join("\n");
export const vtt = segments => "WEBVTT\n\n" + cues(segments).map(c => `${stamp(c.start, ".")} --> ${stamp(c.end, ".")}\n${escaped(c.text)}\n`).join("\n");

const escaped = text => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const columns = text => [...text].reduce((sum, c) => sum + (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60]/.test(c) ? 2 : 1), 0);

function stamp(seconds, point) {
  const ms = Math.round(seconds * 1000), part = (unit, size, width = 2) => String(Math.floor(ms / unit) % size).padStart(width, "0");
  return `${part(3_600_000, 1e6)}:${part(60_000, 60)}:${part(1000, 60)}${point}${part(1, 1000, 3)}`;
}

/** cues cuts segments into subtitles: before 84 columns are full, and after a sentence or a pause once half a line is. A segment whose words
 *  have no times stays whole. Each stays for a second at least, if the next one lets it. */
export function cues(segments) {
  return segments.filter(s => s.text).flatMap(s => {
    const found = [];
    let last; // the piece before
    for (const p of s.words.length ? pieces(s) : [s]) {
      const cue = found.at(-1);
      const rest = cue && columns(cue.text) > 21 && (/[.!?。！？]\s*$/.test(cue.text) || p.start - last.end > 0.8);
      if (!cue || rest || columns(cue.text + p.text.trimEnd()) > 84) found.push({ start: p.start, end: p.end, text: p.text });
      else Object.assign(cue, { end: p.end, text: cue.text + p.text });
      last = p;
    }
    return found.map(c => ({ ...c, text: c.text.trim() }));
  }).map((c, i, all) => ({ ...c, end: Math.max(c.end, Math.min(c.start + 1, all[i + 1]?.start ?? Infinity)) }));
}
