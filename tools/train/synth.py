"""Speech for training: espeak-ng says every unit in many voices, FSDD gives human digits.

Each rendering is 16 kHz int16 without silence around it. Held-out voices and recordings go to sets of their own and are
never trained on.
"""

import collections
import concurrent.futures
import ctypes
import functools
import math
import os
import random
import re
import subprocess

import numpy as np
import soundfile
from scipy.signal import resample_poly

import words

RATE = 16000
HELD_OUT_INDICES = range(5)  # of each FSDD digit and speaker
HELD_OUT_VOICES = 0.1  # of the voices of each kind
# Voices that the first weights heard. They stay in training, so that weights can be trained further and yet be tested
# with voices they have never heard.
HEARD = """m1 m2 m3 m4 m5 m7 m8 f1 f2 f3 f5 klatt klatt2 adam Alex Andy Annie belinda benjamin david edward Gene linda Lee max Michael
 paul steph quincy Jacky aunty""".split()
TRAIN_RANGES = (95, 230), (10, 90)  # of espeak-ng's speed (words a minute) and pitch
TEST_RANGES = (110, 200), (25, 75)


def settings(path):
    """The lines of a voice file of espeak-ng: {keyword: [values]}, the last line of a keyword counting."""
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = [re.sub(r"(#|//).*", "", line).split() for line in file]
    return {line[0]: line[1:] for line in lines if line}


def is_effect(name, voice):
    """Whether a variant is a sound effect: loud echoes (the robots), hardly any voicing (whispers), a croak, or no voice at all."""
    number = lambda key, at, default: float(voice[key][at]) if len(voice.get(key, [])) > at else default
    return number("echo", 1, 0) >= 100 or number("voicing", 0, 100) <= 20 or name in ("croak", "fast")


def voices():
    """(voices to train on, voices to test on): espeak-ng's variants that are voices, a tenth of each kind held out.

    Kinds are male, female, and Klatt's synthesiser. Those held out are drawn from what is not in HEARD. "" is the plain voice,
    which is trained on.
    """
    said = subprocess.run(["espeak-ng", "--version"], stdout=subprocess.PIPE, check=True, text=True).stdout
    folder = os.path.join(said.split("Data at:")[1].strip(), "voices", "!v")
    kinds = collections.defaultdict(list)
    for name in sorted(os.listdir(folder)):
        voice = settings(os.path.join(folder, name))
        if not is_effect(name, voice):
            kinds["klatt" if "klatt" in voice else voice.get("gender", ["male"])[0]].append(name)
    dice = random.Random(2026)
    test = sorted(name for kind, names in sorted(kinds.items())
                  for name in dice.sample([n for n in names if n not in HEARD], math.ceil(HELD_OUT_VOICES * len(names))))
    return [""] + sorted(name for names in kinds.values() for name in names if name not in test), test


def trim(samples, below=0.02, margin=0.02):
    """Cuts silence off both ends: what is below a fiftieth of the peak over 10 ms, but for a margin."""
    hop = RATE // 100
    frames = samples[: len(samples) // hop * hop].reshape(-1, hop)
    loud = np.flatnonzero(np.abs(frames).max(1) > below * np.abs(samples).max())
    if loud.size == 0:
        return samples[:0]
    keep = int(margin * RATE)
    return samples[max(0, loud[0] * hop - keep): (loud[-1] + 1) * hop + keep]


class Speaker:
    """espeak-ng as a library: a process for every word would take ten times as long."""

    SYNCHRONOUS, RATE_PARAMETER, PITCH_PARAMETER, CHARACTERS, UTF8 = 2, 1, 3, 1, 1  # constants of espeak-ng/speak_lib.h
    Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int16), ctypes.c_int, ctypes.c_void_p)

    def __init__(self):
        self.library = ctypes.CDLL("libespeak-ng.so.1")
        self.rate = self.library.espeak_Initialize(self.SYNCHRONOUS, 0, None, 0)
        self.take = self.Callback(self.collect)  # kept alive
        self.library.espeak_SetSynthCallback(self.take)
        self.voice, self.parts = None, []

    def collect(self, samples, count, events):
        if samples and count:
            self.parts.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0

    def say(self, voice, spelling, speed, pitch):
        if voice != self.voice and self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SystemExit(f"espeak-ng has no voice {voice}: is it complete?")
        self.voice, self.parts, text = voice, [], spelling.encode()
        self.library.espeak_SetParameter(self.RATE_PARAMETER, speed, 0)
        self.library.espeak_SetParameter(self.PITCH_PARAMETER, pitch, 0)
        if self.library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, self.CHARACTERS, 0, self.UTF8, None, None) != 0:
            raise SystemExit(f"espeak-ng cannot say {spelling} as {voice}")
        return np.concatenate(self.parts or [np.zeros(0, np.int16)]).astype(np.float32) / 32768


@functools.cache
def speaker():
    return Speaker()


def espeak(language, spelling, variant, speed, pitch):
    samples = speaker().say(words.VOICES[language] + (f"+{variant}" if variant else ""), spelling, speed, pitch)
    return resample_poly(samples, RATE // 50, speaker().rate // 50).astype(np.float32)


def render(job):
    language, voice, index, spelling, variant, speed, pitch = job
    samples = trim(espeak(language, spelling, variant, speed, pitch))
    return language, voice, index, (np.clip(samples, -1, 1) * 32767).astype(np.int16)


def speak(variants, renderings, ranges, seed):
    """{language: [a voice's {unit index: [int16 samples]}]}: all units in all variants, with random speeds and pitches."""
    dice = random.Random(seed)
    jobs = [(language, voice, index, spelling, variant, dice.randint(*ranges[0]), dice.randint(*ranges[1]))
            for language in words.LANGUAGES for voice, variant in enumerate(variants)
            for index, (_, spelling) in enumerate(words.units(language)) for _ in range(renderings)]
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        return gather((r for r in pool.map(render, jobs, chunksize=64) if len(r[-1]) > RATE // 20))


def gather(renderings):
    said = {}
    for language, voice, index, samples in renderings:
        of = said.setdefault(language, [])
        of += [{} for _ in range(voice + 1 - len(of))]
        of[voice].setdefault(index, []).append(samples)
    return said


def human_digits(folder, leave_out=None):
    """FSDD as ([a speaker's {digit: [int16 samples]}] to train on, the same to test on); with leave_out, that speaker alone is tested."""
    train, test = (collections.defaultdict(lambda: collections.defaultdict(list)) for _ in range(2))
    for name in sorted(os.listdir(folder)):
        match = re.fullmatch(r"(\d)_([a-z]+)_(\d+)\.wav", name)
        if not match:
            continue
        digit, speaker, index = int(match[1]), match[2], int(match[3])
        samples, rate = soundfile.read(os.path.join(folder, name), dtype="float32")
        samples = trim(resample_poly(samples, RATE, rate).astype(np.float32))
        held_out = speaker == leave_out if leave_out else index in HELD_OUT_INDICES
        (test if held_out else train)[speaker][digit].append((np.clip(samples, -1, 1) * 32767).astype(np.int16))
    if leave_out and leave_out not in test:
        raise SystemExit(f"--leave-out {leave_out}: no such speaker; there are {', '.join(sorted(train))}")
    return list(train.values()), list(test.values())


def save(path, said):
    flat = [(language, voice, index, samples) for language, of in said.items() for voice, units in enumerate(of)
            for index, list_ in units.items() for samples in list_]
    np.savez(path, samples=np.concatenate([f[3] for f in flat]), lengths=[len(f[3]) for f in flat],
             language=[f[0] for f in flat], voice=[f[1] for f in flat], unit=[f[2] for f in flat])


def load(path):
    with np.load(path) as stored:
        cuts = np.cumsum(stored["lengths"])[:-1]
        return gather(zip(stored["language"].tolist(), stored["voice"].tolist(), stored["unit"].tolist(), np.split(stored["samples"], cuts)))


def cached(folder):
    """The espeak-ng sets for training and for test, made on first use."""
    os.makedirs(folder, exist_ok=True)
    sets = []
    for name, variants, ranges, seed in zip(("train", "test"), voices(), (TRAIN_RANGES, TEST_RANGES), (1, 2)):
        path = os.path.join(folder, f"espeak-voices-{name}.npz")
        if not os.path.exists(path):
            save(path + ".new.npz", speak(variants, 2, ranges, seed))
            os.replace(path + ".new.npz", path)
        sets.append(load(path))
    return sets
