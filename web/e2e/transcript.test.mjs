import assert from "node:assert/strict";
import test from "node:test";

globalThis.navigator ??= { languages: ["en"] }; // before the module that asks for it
const { clock, cues, plain, segment, srt, vtt } = await import("../static/transcript.js");

const words = (text, from = 0, each = 0.5) => text.split(" ").map((word, i) => ({ word, start: from + i * each, end: from + (i + 1) * each - 0.1 }));
const said = (text, from = 0) => segment({ start: from, end: from + 30, raw_text: `<|en|><|NEUTRAL|><|Speech|><|withitn|>${text}`, words: words(text, from) });

test("tags are no text, and times move", () => {
  const s = segment({ start: 1, end: 2, raw_text: "<|zh|><|HAPPY|><|BGM|><|woitn|> 你好", words: [{ word: "你好", start: 1.1, end: 1.9 }], language: "zh" }, 10);
  assert.equal(s.text, "你好");
  assert.deepEqual([s.start, s.end, s.words[0].start], [11, 12, 11.1]);
});

test("clock", () => assert.deepEqual([0, 7.9, 65, 3600, 7384].map(clock), ["0:00", "0:07", "1:05", "1:00:00", "2:03:04"]));

test("subtitles are cut at sentences, pauses and full lines, and lose no word", () => {
  const text = "One sentence is here to be read. Another one follows it at once, and goes on for so long that it does not fit into two lines of a screen. End.";
  const found = cues([said(text)]);
  assert.equal(found.map(c => c.text).join(" "), text);
  assert.equal(found[0].text, "One sentence is here to be read.");
  for (const c of found) assert.ok(c.text.length <= 84 && c.end > c.start, JSON.stringify(c));
  const pause = said("these are words before a pause and after");
  for (const w of pause.words.slice(5)) { w.start += 3; w.end += 3; }
  assert.deepEqual(cues([{ start: 1, end: 1.1, text: "a", words: [] }, { start: 1.5, end: 1.6, text: "b", words: [] }]).map(c => c.end), [1.5, 2.5]);
  assert.deepEqual(cues([pause]).map(c => c.text), ["these are words before a", "pause and after"]);
});

test("wide characters count twice", () => {
  const text = "早".repeat(100);
  const s = { start: 0, end: 30, text, words: [...text].map((word, i) => ({ word, start: i * 0.2, end: i * 0.2 + 0.2 })) };
  assert.deepEqual(cues([s]).map(c => c.text.length), [42, 42, 16]);
});

test("a segment without the times of words stays whole, and one without words is left out", () => {
  const whole = { start: 3, end: 9, text: "whole", words: [] }, empty = { start: 9, end: 10, text: "", words: [] };
  assert.deepEqual(cues([whole, empty]), [{ start: 3, end: 9, text: "whole" }]);
  assert.equal(plain([whole, empty]), "whole\n");
});

test("words that the text does not have are left out", () => {
  const s = said("a b c");
  s.words.splice(1, 0, { word: "not there", start: 0.2, end: 0.3 });
  assert.equal(cues([s]).map(c => c.text).join(" "), "a b c");
});

test("srt and vtt", () => {
  const s = { start: 3723.4567, end: 3725, text: "a < b & c --> d", words: [] };
  assert.equal(srt([s]), "1\n01:02:03,457 --> 01:02:05,000\na < b & c --> d\n");
  assert.equal(vtt([s]), "WEBVTT\n\n01:02:03.457 --> 01:02:05.000\na &lt; b &amp; c --&gt; d\n");
});
