#!/usr/bin/env python3
"""Writes segments.json: what FunASR's own state machine makes of random speech and silence.

    make_segments.py FunASR/funasr/models/fsmn_vad_streaming/model.py > segments.json

Of FsmnVADStreaming only the state machine runs, so neither torch nor numpy is needed: they are replaced by empty modules.
"""

import importlib.util
import json
import random
import sys
import types

SEED, CASES = 5, 60


def load(path):
    """Imports FunASR's file without what it imports."""
    names = ["torch", "torch.nn", "numpy", "funasr", "funasr.register", "funasr.utils", "funasr.utils.datadir_writer", "funasr.utils.load_utils"]
    fakes = {name: types.ModuleType(name) for name in names}
    sys.modules.update(fakes)
    torch = fakes["torch"]
    torch.nn, torch.Tensor, torch.tensor, torch.empty = fakes["torch.nn"], object, object, lambda *_: None
    torch.nn.Module = object
    fakes["funasr.register"].tables = types.SimpleNamespace(register=lambda *_: lambda c: c)
    fakes["funasr.utils.datadir_writer"].DatadirWriter = None
    fakes["funasr.utils.load_utils"].load_audio_text_image_video = None
    fakes["funasr.utils.load_utils"].extract_fbank = None
    spec = importlib.util.spec_from_file_location("model", path)
    model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(model)
    return model


def segments(model, options, speech):
    vad = model.FsmnVADStreaming.__new__(model.FsmnVADStreaming)
    vad.vad_opts = model.VADXOptions(**options)
    vad.DropCachedFrames = lambda *_, **__: None
    cache = vad.init_cache({})
    cache["stats"].data_buf = cache["stats"].data_buf_all = range(10**9)  # sound without end
    for i, flag in enumerate(speech):
        state = model.FrameState.kFrameStateSpeech if flag else model.FrameState.kFrameStateSil
        vad.DetectOneFrame(state, i, i == len(speech) - 1, cache=cache)
    return [[s.start_ms, s.end_ms] for s in cache["stats"].output_data_buf]


def random_options(rng, case):
    options = {
        "max_single_segment_time": rng.choice([1000, 2005, 15000, 60000]),
        "max_end_silence_time": rng.choice([0, 100, 150, 260, 300, 455, 800, 2000]),
        "window_size_ms": 200,
        "sil_to_speech_time_thres": 150,
        "speech_to_sil_time_thres": 150,
        "lookback_time_start_point": 200,
        "lookahead_time_end_point": 100,
    }
    if case % 2:
        window = options["window_size_ms"] = rng.choice([100, 200, 300])
        options["sil_to_speech_time_thres"] = min(rng.choice([20, 50, 100, 150, 300]), window)
        options["speech_to_sil_time_thres"] = min(rng.choice([0, 20, 50, 100, 150]), window - 10)
        options["lookback_time_start_point"] = rng.choice([0, 100, 305])
        options["lookahead_time_end_point"] = rng.choice([0, 50, 300, 1000])
    return options


def random_speech(rng):
    """Frames: stretches of speech and silence, some of them with single frames of the other."""
    frames, flag = [], rng.random() < 0.5
    wanted, mean = rng.choice([0, 1, 5, 60, 400, 3000]), rng.choice([15, 40, 120])
    while len(frames) < wanted:
        noise = rng.choice([0, 0, 0, 0.1])
        frames += [flag != (rng.random() < noise) for _ in range(1 + int(rng.expovariate(1 / mean)))]
        flag = not flag
    return frames[:wanted]


def run_lengths(frames):
    """Lengths of the stretches of equal frames, the first of silence (so it may be 0)."""
    lengths, flag = [0], False
    for frame in frames:
        if frame != flag:
            lengths.append(0)
            flag = frame
        lengths[-1] += 1
    return lengths


def main():
    model, rng = load(sys.argv[1]), random.Random(SEED)
    cases = []
    for case in range(CASES):
        options, speech = random_options(rng, case), random_speech(rng)
        cases.append({"options": options, "runs": run_lengths(speech), "segments": segments(model, options, speech)})
    print("[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]")


main()
