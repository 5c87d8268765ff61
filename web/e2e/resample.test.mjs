// node --test web/e2e/resample.test.mjs
import assert from "node:assert/strict";
import test from "node:test";
import { Resampler } from "../static/resample.js";

const tone = (hz, rate, seconds) => Float32Array.from({ length: Math.round(rate * seconds) }, (_, i) => Math.sin(2 * Math.PI * hz * i / rate));

function resampled(sound, rate, piece) {
  const resampler = new Resampler(rate), out = [];
  for (let i = 0; i < sound.length; i += piece) out.push(...resampler.push(sound.subarray(i, i + piece)));
  return out;
}

for (const rate of [8000, 16000, 22050, 32000, 44100, 48000, 96000]) {
  test(`a tone of 1 kHz at ${rate} Hz comes out as itself, and in step`, () => {
    const out = resampled(tone(1000, rate, 0.15), rate, 128);
    const want = tone(1000, 16000, 0.15);
    assert.ok(out.length > want.length - 150 && out.length <= want.length, `${out.length} samples`);
    for (let i = 200; i < out.length; i++) assert.ok(Math.abs(out[i] - want[i]) < 2e-3, `sample ${i}: ${out[i]}, want ${want[i]}`);
  });
  test(`pieces of any size give the same at ${rate} Hz`, () => {
    const sound = tone(440, rate, 0.05), whole = resampled(sound, rate, sound.length);
    for (const piece of [1, 7, 128, 1000]) assert.deepEqual(resampled(sound, rate, piece), whole);
  });
}

test("what 16 kHz can hold stays", () => {
  for (const hz of [50, 300, 3400, 6500]) {
    const out = resampled(tone(hz, 44100, 0.15), 44100, 128).slice(200);
    const loudest = Math.max(...out.map(Math.abs));
    assert.ok(Math.abs(loudest - 1) < 0.02, `${hz} Hz: ${loudest}`);
  }
});

test("what 16 kHz cannot hold is gone", () => {
  for (const hz of [8300, 9500, 12000, 20000]) {
    const out = resampled(tone(hz, 48000, 0.15), 48000, 128).slice(200);
    const loudest = Math.max(...out.map(Math.abs));
    assert.ok(loudest < 1e-3, `${hz} Hz: ${loudest}`);
  }
});
