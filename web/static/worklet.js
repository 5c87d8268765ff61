// Runs on the browser's sound thread: the microphone's sound becomes frames of 100 ms, 16-bit little-endian at 16 kHz, each with its level.
import { Resampler } from "./resample.js";

const frameSamples = 1600;

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.resampler = new Resampler(sampleRate);
    this.bytes = new DataView(new ArrayBuffer(2 * frameSamples));
    this.filled = 0;
    this.squares = 0;
    this.port.onmessage = () => { this.ended = true; this.send(); this.port.postMessage({ ended: true }); }; // any message: the recording is over
  }

  process([channels]) {
    if (this.ended) return false;
    if (!channels.length) return true; // no microphone connected yet
    const mono = channels.length === 1 ? channels[0] : channels[0].map((_, i) => channels.reduce((sum, c) => sum + c[i], 0) / channels.length);
    for (const sample of this.resampler.push(mono)) {
      this.squares += sample * sample;
      this.bytes.setInt16(2 * this.filled, Math.round(Math.max(-1, Math.min(1, sample)) * 32767), true);
      if (++this.filled === frameSamples) this.send();
    }
    return true;
  }

  send() {
    if (!this.filled) return;
    const frame = this.bytes.buffer.slice(0, 2 * this.filled);
    this.port.postMessage({ frame, level: Math.sqrt(this.squares / this.filled) }, [frame]);
    this.filled = this.squares = 0;
  }
}

registerProcessor("microphone", Microphone);
