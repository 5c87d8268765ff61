/** Resampler turns mono sound of any rate into 16 kHz: a low pass at 7.4 kHz (or 0.46 of a lower rate) by a Blackman-windowed sinc, one
 *  row of coefficients for each place that a new sample can have between two old ones. Sound may come in pieces of any size. */
export class Resampler {
  constructor(rate, to = 16000) {
    const divisor = gcd(rate, to);
    this.up = to / divisor;      // places between two old samples
    this.down = rate / divisor;  // old places from one new sample to the next
    const cutoff = 0.46 * Math.min(rate, to) / rate;  // in cycles per old sample
    this.half = Math.ceil(16 / cutoff);               // old samples on each side: the edge is 1.2 kHz wide
    this.rows = Array.from({ length: this.up }, (_, place) => row(place / this.up, this.half, cutoff));
    this.kept = new Float32Array(this.half);          // silence before the beginning, then what the next piece still needs
    this.at = this.half * this.up;                    // of the next new sample, in places from the start of kept
  }

  /** push takes a piece and returns the samples it completes. */
  push(piece) {
    const all = new Float32Array(this.kept.length + piece.length);
    all.set(this.kept);
    all.set(piece, this.kept.length);
    const { half, up, down } = this;
    const out = new Float32Array(Math.max(0, Math.floor(((all.length - half) * up - 1 - this.at) / down) + 1));
    for (let i = 0; i < out.length; i++, this.at += down) {
      const first = Math.floor(this.at / up) - half + 1, coefficients = this.rows[this.at % up];
      let sum = 0;
      for (let k = 0; k < 2 * half; k++) sum += coefficients[k] * all[first + k];
      out[i] = sum;
    }
    const gone = Math.max(0, Math.floor(this.at / up) - half);
    this.kept = all.slice(gone);
    this.at -= gone * up;
    return out;
  }
}

const gcd = (a, b) => b ? gcd(b, a % b) : a;

// row is the filter for a new sample that lies `fraction` after old sample 0; its coefficients are those of old samples 1-half … half.
function row(fraction, half, cutoff) {
  const coefficients = new Float32Array(2 * half);
  let sum = 0;
  for (let k = 0; k < 2 * half; k++) {
    const x = k - half + 1 - fraction, w = Math.PI * x / half;
    const window = Math.abs(x) < half ? 0.42 + 0.5 * Math.cos(w) + 0.08 * Math.cos(2 * w) : 0;
    sum += coefficients[k] = window * (x ? Math.sin(2 * Math.PI * cutoff * x) / (Math.PI * x) : 2 * cutoff);
  }
  return coefficients.map(c => c / sum); // so that a constant stays what it is
}
