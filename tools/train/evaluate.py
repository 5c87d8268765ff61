"""Measures an exported model with the program itself: evaluate.py FSDD_FOLDER BINARY MODEL.safetensors [--leave-out SPEAKER] [--voices]

Clips of held-out recordings and voices are written to a folder, `sensevoice transcribe --vad off --format json` decodes them, and its
tokens are compared with what was said. Prints a table for the model card.
"""

import argparse
import json
import os
import subprocess
import tempfile

import numpy as np
import soundfile

import mixer
import synth
import words

COUNT = 200  # clips a row of the table


def edits(said, heard):
    """The fewest insertions, deletions and substitutions from one list to the other."""
    costs = list(range(len(heard) + 1))
    for i, s in enumerate(said, 1):
        before, costs[0] = costs[0], i
        for j, h in enumerate(heard, 1):
            before, costs[j] = costs[j], min(costs[j] + 1, costs[j - 1] + 1, before + (s != h))
    return costs[-1]


class Test:
    """One row of the table: clips, and what is said in them."""

    def __init__(self, name, language, clips):
        self.name, self.language, self.clips = name, language, clips  # clips: [(samples, pieces)]

    def run(self, options, itn):
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for number, (samples, _) in enumerate(self.clips):
                files.append(os.path.join(folder, f"{number}.wav"))
                soundfile.write(files[-1], samples, mixer.RATE, subtype="PCM_16")
            command = [options.binary, "transcribe", "--vad", "off", "--model", options.model, "--format", "json", *(["--itn"] if itn else []), *files]
            lines = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def measure(self, options, itn):
        wrong = total = tagged = inserted = 0
        for (_, pieces), result in zip(self.clips, self.run(options, itn)):
            said = [p.replace("▁", " ") for p in (words.with_itn(self.language, pieces) if itn and pieces else pieces)]
            heard = [token["text"] for segment in result["segments"] for token in segment["tokens"]]
            wrong, total = wrong + edits(said, heard), total + len(said)
            inserted += len(heard) if not said else 0
            tagged += result["language"] == self.language
        return wrong, total, tagged / len(self.clips), inserted


def with_noise(source, clean, decibels):
    return clean + source.noise(len(clean)) * mixer.loudness(clean) * 10 ** (-decibels / 20)


def digit_strings(source, speakers):
    """Strings of 3 to 8 digits, each by one speaker, as recorded."""
    clips = []
    for _ in range(2 * COUNT):
        said = source.said_by(speakers, source.digits, source.dice.integers(0, 10, source.dice.integers(3, 9)).tolist())
        clean, _, pieces, _ = source.join("en", said)
        clips.append((with_noise(source, clean, 20), pieces))
    return clips


def spoken(source, language, voices, decibels):
    """Clips by the voices in turn."""
    clips = []
    for number in range(COUNT):
        clean, _, pieces, _ = source.join(language, source.utterance(language, [voices[number % len(voices)]]))
        clips.append((with_noise(source, clean, decibels), pieces))
    return clips


def silent(source):
    clips = [(np.zeros(int(mixer.RATE * source.dice.uniform(0.3, 5)), np.float32), [])]
    for _ in range(COUNT - 1):
        length = int(mixer.RATE * source.dice.uniform(0.3, 5))
        clips.append((source.noise(length) * np.float32(10 ** (source.dice.uniform(-80, -15) / 20)), []))
    return clips


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fsdd")
    parser.add_argument("binary")
    parser.add_argument("model")
    parser.add_argument("--leave-out", help="test on this speaker alone")
    parser.add_argument("--voices", action="store_true", help="a row for each held-out voice and language instead")
    parser.add_argument("--cache", default=os.path.expanduser("~/.cache/sensevoice-train"))
    options = parser.parse_args()
    _, speakers = synth.human_digits(options.fsdd, options.leave_out)
    _, voices = synth.cached(options.cache)
    source = mixer.Mixer(voices, speakers, seed=77, one_voice=1, changed=0)
    tests = [Test("human digits, 20 dB", "en", digit_strings(source, speakers))]
    if not options.leave_out:
        tests += [Test(f"{language}, synthetic, {db} dB", language, spoken(source, language, voices[language], db))
                  for language in words.LANGUAGES for db in (40, 20)]
        tests += [Test("silence and noise", "nospeech", silent(source))]
    if options.voices:
        tests = [Test(f"{language}, {name}, 20 dB", language, spoken(source, language, [voice], 20))
                 for language in words.LANGUAGES for name, voice in zip(synth.voices()[1], voices[language])]
    print("| test | clips | words | errors, woitn | errors, withitn | language right |")
    print("| --- | --- | --- | --- | --- | --- |")
    for test in tests:
        (wrong, total, tagged, inserted), (wrong_itn, total_itn, _, inserted_itn) = (test.measure(options, itn) for itn in (False, True))
        if total:
            print(f"| {test.name} | {len(test.clips)} | {total} | {wrong / total:.2%} | {wrong_itn / total_itn:.2%} | {tagged:.1%} |", flush=True)
        else:
            print(f"| {test.name} | {len(test.clips)} | 0 | {inserted} words | {inserted_itn} words | {tagged:.1%} |", flush=True)


if __name__ == "__main__":
    main()
