"""Makes the clips in testdata with espeak-ng: make_clips.py TESTDATA_FOLDER

clips.json says what is said in each, in both text norms, and at which samples each word or phrase sounds. Voices are espeak-ng's plain ones, speed 150, pitch 50.
"""

import json
import os
import subprocess
import sys

import numpy as np
import soundfile
from scipy.signal import resample_poly

import mixer
import synth
import words

# name: language, and what is said; | is a pause of 1.5 s
CLIPS = {
    "hello": ("en", "hello good+morning thanks"),
    "en": ("en", "open+door play+music one two three"),
    "zh": ("zh", "你好 打开+灯 今天+天气 三 五 八"),
    "yue": ("yue", "早晨 播放+音樂 唔該 六 七 九"),
    "ja": ("ja", "こんにちは 音楽+再生 ありがとう 一 二 三"),
    "ko": ("ko", "안녕하세요 음악+크게 감사합니다 일 이 삼"),
    "digits": ("en", "zero one two three four five six seven eight nine"),
    "phrases": ("en", "hello|open+window|one two three|stop+music|seven eight|good+night|goodbye"),
    "silence": ("nospeech", ""),
    "noise": ("nospeech", ""),
}


def program(language, spelling):
    """One word or phrase by the program espeak-ng: what the library says depends a little on what it said before."""
    command = ["espeak-ng", "-v", words.VOICES[language], "-s", "150", "-p", "50", "--stdout", spelling]
    raw = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    samples = np.frombuffer(raw[44:], "<i2").astype(np.float32) / 32768  # the WAV header is 44 bytes, 22,050 Hz
    return synth.trim(resample_poly(samples, 320, 441).astype(np.float32))


def say(language, said):
    """Samples of what is said with short pauses, its pieces, and where each unit sounds: [start, end] in samples."""
    spelled = {"+".join(p.replace("▁", "") for p in pieces): (pieces, spelling) for pieces, spelling in words.units(language)}
    silence = lambda seconds: np.zeros(int(mixer.RATE * seconds), np.float32)
    parts, pieces, speech = [silence(0.25)], [], []
    for number, phrase in enumerate(said.split("|")):
        parts += [silence(1.5)] if number else []
        for unit in phrase.split():
            unit_pieces, spelling = spelled[unit]
            samples, at = program(language, spelling), sum(map(len, parts))
            speech.append([at, at + len(samples)])
            parts += [samples, silence(0.15)]
            pieces += unit_pieces
    return np.concatenate(parts + [silence(0.25)]), pieces, speech


def text(pieces):
    return "".join(pieces).replace("▁", " ").strip()


def main():
    folder, dice, listed = sys.argv[1], np.random.default_rng(5), []
    for name, (language, said) in CLIPS.items():
        if said:
            samples, pieces, speech = say(language, said)
            samples = 0.3 * samples / np.abs(samples).max()
        else:
            samples, pieces, speech = np.zeros(2 * mixer.RATE), [], []
        if name != "silence":
            samples = samples + dice.standard_normal(len(samples)) * (0.03 if name == "noise" else 0.0003)
        soundfile.write(os.path.join(folder, name + ".wav"), samples, mixer.RATE, subtype="PCM_16")
        listed.append({"file": name + ".wav", "language": language, "duration": round(len(samples) / mixer.RATE, 3),
                       "woitn": text(pieces), "withitn": text(words.with_itn(language, pieces)), "speech": speech})
    with open(os.path.join(folder, "clips.json"), "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(clip, ensure_ascii=False) for clip in listed) + "\n]\n")


if __name__ == "__main__":
    main()
