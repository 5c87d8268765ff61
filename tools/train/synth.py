"""Speech for training: espeak-ng says every unit in many voices, FSDD gives human digits.

Each rendering is 16 kHz float32 without silence around it, kept as int16 in one .npz a set. Held-out voices and recordings
go to sets of their own and are never trained on.
"""

import concurrent.futures
import os
import random
import re
import subprocess

import numpy as np
import soundfile
from scipy.signal import resample_poly

import words

RATE = 16000
TRAIN_VARIANTS = ["", "m1", "m2", "m3", "m4", "m5", "m7", "m8", "f1", "f2", "f3", "f5", "klatt", "klatt2", "adam", "Alex", "Andy", "Annie",
                  "belinda", "benjamin", "david", "edward", "Gene", "linda", "Lee", "max", "Michael", "paul", "steph", "quincy", "Jacky", "aunty"]
TEST_VARIANTS = ["m6", "f4", "Alicia", "john", "pedro", "shelby"]
HELD_OUT_INDICES = range(5)  # of each FSDD digit and speaker


def trim(samples, below=0.02, margin=0.02):
    """Cuts silence off both ends: what is below a fiftieth of the peak over 10 ms, but for a margin."""
    hop = RATE // 100
    frames = samples[: len(samples) // hop * hop].reshape(-1, hop)
    loud = np.flatnonzero(np.abs(frames).max(1) > below * np.abs(samples).max())
    if loud.size == 0:
        return samples[:0]
    keep = int(margin * RATE)
    return samples[max(0, loud[0] * hop - keep): (loud[-1] + 1) * hop + keep]


def espeak(language, spelling, variant, speed, pitch):
    voice = words.VOICES[language] + (f"+{variant}" if variant else "")
    command = ["espeak-ng", "-v", voice, "-s", str(speed), "-p", str(pitch), "--stdout", spelling]
    raw = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    samples = np.frombuffer(raw[44:], "<i2").astype(np.float32) / 32768  # espeak-ng's WAV header is 44 bytes, 22,050 Hz
    return resample_poly(samples, 320, 441).astype(np.float32)


def render(job):
    language, index, spelling, variant, speed, pitch = job
    samples = trim(espeak(language, spelling, variant, speed, pitch))
    return language, index, (np.clip(samples, -1, 1) * 32767).astype(np.int16)


def speak(variants, renderings, seed):
    """{language: {unit index: [int16 samples]}} for all units in all variants, with random speeds and pitches."""
    dice = random.Random(seed)
    jobs = [(language, index, spelling, variant, dice.randint(110, 200), dice.randint(25, 75))
            for language in words.LANGUAGES for index, (_, spelling) in enumerate(words.units(language))
            for variant in variants for _ in range(renderings)]
    said = {language: {} for language in words.LANGUAGES}
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        for language, index, samples in pool.map(render, jobs, chunksize=64):
            if len(samples) > RATE // 20:
                said[language].setdefault(index, []).append(samples)
    return said


def human_digits(folder, leave_out=None):
    """FSDD as ({digit: [int16 samples]} to train on, the same to test on); with leave_out, that speaker alone is tested."""
    train, test = ({digit: [] for digit in range(10)} for _ in range(2))
    for name in sorted(os.listdir(folder)):
        match = re.fullmatch(r"(\d)_([a-z]+)_(\d+)\.wav", name)
        if not match:
            continue
        digit, speaker, index = int(match[1]), match[2], int(match[3])
        samples, rate = soundfile.read(os.path.join(folder, name), dtype="float32")
        samples = trim(resample_poly(samples, RATE, rate).astype(np.float32))
        held_out = speaker == leave_out if leave_out else index in HELD_OUT_INDICES
        (test if held_out else train)[digit].append((np.clip(samples, -1, 1) * 32767).astype(np.int16))
    return train, test


def save(path, said):
    np.savez(path, **{f"{language}/{index}/{n}": samples for language, of in said.items() for index, list_ in of.items()
                      for n, samples in enumerate(list_)})


def load(path):
    said = {}
    with np.load(path) as stored:
        for key in stored.files:
            language, index, _ = key.split("/")
            said.setdefault(language, {}).setdefault(int(index), []).append(stored[key])
    return said


def cached(folder):
    """The espeak-ng sets for training and for test, made on first use."""
    os.makedirs(folder, exist_ok=True)
    sets = []
    for name, variants, renderings, seed in (("train", TRAIN_VARIANTS, 2, 1), ("test", TEST_VARIANTS, 2, 2)):
        path = os.path.join(folder, f"espeak-{name}.npz")
        if not os.path.exists(path):
            save(path, speak(variants, renderings, seed))
        sets.append(load(path))
    return sets
