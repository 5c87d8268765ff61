"""Writes strings of held-out speech with known gaps, for TestVADTable of internal/vad: vad_strings.py FSDD_FOLDER OUT_FOLDER

Groups of 2 to 5 words or phrases with gaps of 50 to 400 ms in them, and 1 to 2.5 s between them, each string in one voice with noise
20 dB below it. strings.json says at which samples each sounds.
"""

import argparse
import json
import os

import numpy as np
import soundfile

import evaluate
import mixer
import synth
import words

COUNT = 60  # strings of each kind


def string(source, voices, units):
    dice = source.dice
    silence = lambda low, high: np.zeros(int(mixer.RATE * dice.uniform(low, high)), np.float32)
    groups, speech, parts = [int(n) for n in dice.integers(2, 6, dice.integers(2, 5))], [], [silence(0.5, 1.5)]
    said = iter(source.said_by(voices, units, dice.integers(0, len(units), sum(groups)).tolist()))
    for count in groups:
        for _ in range(count):
            _, samples = next(said)
            at = sum(map(len, parts))
            speech.append([at, at + len(samples)])
            parts += [samples, silence(0.05, 0.4)]
        parts.append(silence(1, 2.5))
    return evaluate.with_noise(source, np.concatenate(parts), 20), speech


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fsdd")
    parser.add_argument("out")
    parser.add_argument("--cache", default=os.path.expanduser("~/.cache/sensevoice-train"))
    options = parser.parse_args()
    _, speakers = synth.human_digits(options.fsdd)
    _, voices = synth.cached(options.cache)
    source = mixer.Mixer(voices, speakers, seed=78, one_voice=1, changed=0)
    made = [("human digits", *string(source, speakers, source.digits)) for _ in range(COUNT)]
    made += [(f"{language}, synthetic", *string(source, voices[language], source.units[language])) for language in words.LANGUAGES for _ in range(COUNT)]
    made += [("silence and noise", samples, []) for samples, _ in evaluate.silent(source)]
    os.makedirs(options.out, exist_ok=True)
    listed = []
    for number, (group, samples, speech) in enumerate(made):
        soundfile.write(os.path.join(options.out, f"{number}.wav"), samples, mixer.RATE, subtype="PCM_16")
        listed.append({"file": f"{number}.wav", "group": group, "speech": speech})
    with open(os.path.join(options.out, "strings.json"), "w") as out:
        json.dump(listed, out)


if __name__ == "__main__":
    main()
