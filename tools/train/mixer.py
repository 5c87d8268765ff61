"""Makes training clips: words in a row with gaps, in rooms, through telephones, in noise, and at any level."""

import dataclasses

import numpy as np
from scipy.signal import butter, oaconvolve, resample_poly, sosfilt

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

    def __init__(self, spoken, human, seed, human_share=0.3, silent_share=0.07, one_voice=0.7, changed=0.5, alone=0.0):
        self.spoken, self.human = spoken, human  # as synth.cached and synth.human_digits return them
        self.dice = np.random.default_rng(seed)
        self.human_share, self.silent_share = human_share, silent_share
        self.one_voice, self.changed = one_voice, changed
        self.alone = alone  # part of the utterances that are a word or phrase on its own, whatever else is drawn
        self.units = {language: words.units(language) for language in words.LANGUAGES}
        self.digits = [([name], "") for name in words.digits("en")]
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
        return self.said_by(self.human, self.digits, self.dice.integers(0, 10, count).tolist())

    def utterance(self, language, voices=None):
        """1 to 8 words, or a phrase or two, or both."""
        units = self.units[language]
        count = int(self.dice.integers(1, 9)) if self.dice.random() < 0.7 else int(self.dice.integers(1, 3))
        if self.alone and self.dice.random() < self.alone:
            count = 1
        drawn, length = [], 0
        while length < count:
            index = int(self.dice.integers(len(units)))
            if length and length + len(units[index][0]) > 8:
                break
            drawn.append(index)
            length += len(units[index][0])
        return self.said_by(voices or self.spoken[language], units, drawn)

    def said_by(self, voices, units, drawn):
        """[(pieces, samples)] of the units, all in one voice and at one speed, or each in any."""
        one, manner, said = self.dice.random() < self.one_voice, self.manner(voices), []
        for index in drawn:
            voice, speed = manner if one else self.manner(voices)
            while index not in voice:  # espeak-ng has no sound for a few units in a few voices
                voice, speed = self.manner(voices)
            renderings = voice[index]
            said.append((units[index][0], self.at_speed(renderings[self.dice.integers(len(renderings))], speed)))
        return said

    def manner(self, voices):
        """A voice, and how much longer and lower it is made, in twentieths."""
        speed = int(self.dice.integers(17, 24)) if self.dice.random() < self.changed else 20
        return voices[self.dice.integers(len(voices))], speed

    def at_speed(self, samples, speed):
        samples = samples.astype(np.float32) / 32768
        if speed != 20:
            samples = resample_poly(samples, speed, 20).astype(np.float32)
        return samples * np.float32(0.3 / max(0.02, np.abs(samples).max()) * 10 ** self.dice.uniform(-0.3, 0.3))

    def join(self, language, drawn):
        silence = lambda low, high: np.zeros(int(RATE * self.dice.uniform(low, high)), np.float32)
        parts, pieces, speech = [silence(0.05, 0.5)], [], []
        for number, (unit, samples) in enumerate(drawn):
            if number:
                parts.append(silence(0.02, 0.4) if self.dice.random() < 0.85 else silence(0.4, 1.5))
            at = sum(map(len, parts))
            speech.append((at, at + len(samples)))
            parts.append(samples)
            pieces += unit
        parts.append(silence(0.05, 0.5))
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
        tail = self.dice.standard_normal(length, np.float32) * np.exp(-6.9 / length * np.arange(length, dtype=np.float32))
        echo = oaconvolve(samples, tail / np.sqrt((tail**2).sum()))[: len(samples)]
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
