"""Makes training clips: words in a row with gaps, in rooms, through telephones, in noise, and at any level."""

import dataclasses

import numpy as np
from scipy.signal import butter, fftconvolve, resample_poly, sosfilt

import words

RATE = 16000


@dataclasses.dataclass
class Clip:
    samples: np.ndarray  # float32
    language: str  # or "nospeech"
    pieces: list  # what is said, as words
    speech: list  # (start, end) in samples of each unit


class Mixer:
    """Draws clips from sets of speech. The same seed draws the same clips."""

    def __init__(self, spoken, human, seed, human_share=0.25, silent_share=0.07):
        self.spoken, self.human = spoken, human
        self.dice = np.random.default_rng(seed)
        self.human_share, self.silent_share = human_share, silent_share
        self.bank = self.make_bank()
        self.hiss = self.dice.standard_normal(1 << 20).astype(np.float32)
        self.phone = butter(4, [300, 3400], "bandpass", fs=RATE, output="sos")

    def clip(self):
        kind = self.dice.random()
        if kind < self.silent_share:
            clean, language, pieces, speech = np.zeros(int(RATE * self.dice.uniform(0.5, 4)), np.float32), "nospeech", [], []
        elif kind < self.silent_share + self.human_share:
            clean, language, pieces, speech = self.join("en", self.human_digits(self.dice.integers(1, 9)))
        else:
            language = words.LANGUAGES[self.dice.integers(len(words.LANGUAGES))]
            clean, language, pieces, speech = self.join(language, self.utterance(language))
        return Clip(self.disturb(clean, bool(pieces)), language, pieces, speech)

    def human_digits(self, count):
        names = words.digits("en")
        drawn = []
        for _ in range(count):
            digit = int(self.dice.integers(10))
            drawn.append(([names[digit]], self.one_of(self.human[digit])))
        return drawn

    def utterance(self, language):
        """1 to 8 words, or a phrase or two, or both."""
        units, said = words.units(language), self.spoken[language]
        indices = list(said)
        count = int(self.dice.integers(1, 9)) if self.dice.random() < 0.7 else int(self.dice.integers(1, 3))
        drawn, length = [], 0
        while length < count:
            index = indices[self.dice.integers(len(indices))]
            if length and length + len(units[index][0]) > 8:
                break
            drawn.append((units[index][0], self.one_of(said[index])))
            length += len(units[index][0])
        return drawn

    def one_of(self, renderings):
        samples = renderings[self.dice.integers(len(renderings))].astype(np.float32) / 32768
        if self.dice.random() < 0.4:  # another speed and pitch
            samples = resample_poly(samples, int(self.dice.integers(18, 23)), 20).astype(np.float32)
        return samples * (0.3 / max(0.02, np.abs(samples).max())) * 10 ** self.dice.uniform(-0.3, 0.3)

    def join(self, language, drawn):
        silence = lambda low, high: np.zeros(int(RATE * self.dice.uniform(low, high)), np.float32)
        parts, pieces, speech = [silence(0.05, 0.6)], [], []
        for number, (unit, samples) in enumerate(drawn):
            if number:
                parts.append(silence(0.02, 0.6) if self.dice.random() < 0.85 else silence(0.6, 1.6))
            at = sum(map(len, parts))
            speech.append((at, at + len(samples)))
            parts.append(samples)
            pieces += unit
        parts.append(silence(0.05, 0.6))
        return np.concatenate(parts), language, pieces, speech

    def disturb(self, clean, has_speech):
        samples = clean
        if has_speech and self.dice.random() < 0.3:
            samples = self.room(samples)
        if self.dice.random() < 0.25:
            samples = sosfilt(self.phone, samples).astype(np.float32)
        if has_speech:
            if self.dice.random() < 0.8:
                samples = samples + self.noise(len(samples)) * loudness(clean) * 10 ** (-self.dice.uniform(8, 40) / 20)
            samples = samples * (10 ** (self.dice.uniform(-26, 2) / 20))
        elif self.dice.random() < 0.85:
            samples = self.noise(len(samples)) * 10 ** (self.dice.uniform(-80, -15) / 20)
        start = self.dice.integers(len(self.hiss) - len(samples))
        samples = samples + self.hiss[start: start + len(samples)] * np.float32(10 ** self.dice.uniform(-5.5, -4))
        return np.round(np.clip(samples, -1, 0.9999) * 32768).astype(np.float32) / 32768

    def room(self, samples):
        """Noise that dies away over 0.1 to 0.5 s stands for a room's echoes."""
        length = int(RATE * self.dice.uniform(0.1, 0.5))
        tail = self.dice.standard_normal(length) * np.exp(-6.9 * np.arange(length) / length)
        echo = fftconvolve(samples, tail / np.sqrt((tail**2).sum()))[: len(samples)]
        return (samples + echo * self.dice.uniform(0.1, 0.6)).astype(np.float32)

    def noise(self, length):
        """A piece of the bank: noise of unit loudness, at times with hum or in bursts."""
        bank = self.bank[self.dice.integers(len(self.bank))]
        start = self.dice.integers(len(bank) - length) if length < len(bank) else 0
        noise = np.resize(bank[start:], length)
        t = np.arange(length, dtype=np.float32) / RATE
        if self.dice.random() < 0.15:
            noise = 0.5 * noise + np.sin(2 * np.pi * np.float32(self.dice.uniform(50, 1500)) * t)
        if self.dice.random() < 0.15:
            noise = noise * (0.2 + (np.sin(2 * np.pi * np.float32(self.dice.uniform(0.3, 4)) * t + np.float32(self.dice.uniform(0, 6))) > 0.3))
        return noise

    def make_bank(self, count=48, length=1 << 18):
        """Noises from white to brown."""
        tilts = self.dice.uniform(0, 1, (count, 1))
        spectra = np.fft.rfft(self.dice.standard_normal((count, length)))
        spectra *= np.maximum(np.arange(spectra.shape[1]), 1.0) ** -tilts
        noises = np.fft.irfft(spectra)
        return (noises / np.sqrt((noises**2).mean(1, keepdims=True))).astype(np.float32)


def loudness(samples):
    """Root mean square where there is sound."""
    loud = samples[np.abs(samples) > 0]
    return np.sqrt((loud**2).mean()) if loud.size else 0.1
