// Times sherpa-onnx on one clip: samples in memory to text, the work of one request.
//
//   NODE_PATH=.cache/peers/node_modules node sherpa.js MODEL.onnx TOKENS.txt CLIP.wav THREADS
//
// Loading the model takes seconds, so the process stays: each line on standard input is a number of decodes to time, and
// each is answered by one line of JSON. The first decode, which sets up buffers, is done before any line is read.
'use strict';
const fs = require('fs');
const readline = require('readline');
const sherpa = require('sherpa-onnx-node');

const [model, tokens, clip, threads] = process.argv.slice(2);
if (!threads) {
  console.error('usage: sherpa.js MODEL.onnx TOKENS.txt CLIP.wav THREADS');
  process.exit(2);
}

const wave = sherpa.readWave(clip);
const recognizer = new sherpa.OfflineRecognizer({
  featConfig: {sampleRate: 16000, featureDim: 80},
  modelConfig: {
    senseVoice: {model, language: 'auto', useInverseTextNormalization: 1},
    tokens,
    numThreads: Number(threads),
    provider: 'cpu',
  },
});

function decode() {
  const stream = recognizer.createStream();
  stream.acceptWaveform(wave);
  recognizer.decode(stream);
  return recognizer.getResult(stream);
}

function timed() {
  const begin = process.hrtime.bigint();
  decode();
  return Number(process.hrtime.bigint() - begin) / 1e9;
}

// The most memory this process has held, in MiB: VmHWM, the kernel's own count.
function peakRSS() {
  const [, kib] = fs.readFileSync('/proc/self/status', 'utf8').match(/^VmHWM:\s+(\d+)/m);
  return Math.round(Number(kib) / 1024);
}

function measure(runs) {
  const times = Array.from({length: runs}, timed);
  const sorted = [...times].sort((a, b) => a - b);
  const middle = runs >> 1;
  const median = runs % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return {
    engine: 'sherpa-onnx',
    version: sherpa.version,
    threads: Number(threads),
    audio_s: wave.samples.length / wave.sampleRate,
    median_s: median,
    min_s: sorted[0],
    runs_s: times,
    peak_rss_mb: peakRSS(),
  };
}

decode();
readline.createInterface({input: process.stdin}).on('line', (line) => {
  const runs = Number(line);
  if (!Number.isInteger(runs) || runs < 1) {
    console.error(`sherpa.js: ${JSON.stringify(line)} is not a number of decodes: want 1 or more`);
    process.exit(2);
  }
  console.log(JSON.stringify(measure(runs)));
});
