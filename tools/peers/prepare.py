"""What the comparison needs, made on first use and kept in .cache/peers: the peer's packages, its model, the clips.

Each folder there is named after a hash of what it was made from, so a changed source makes a new one.
"""

import array
import hashlib
import math
import pathlib
import shutil
import subprocess
import sys
import wave

HERE = pathlib.Path(__file__).resolve().parent
CACHE = HERE.parent.parent / ".cache" / "peers"

RATE = 16000


class Missing(Exception):
    """Something the comparison needs is not on this machine; the text says what to install."""


def packages():
    """The node_modules folder with sherpa-onnx, in the versions of package-lock.json."""

    def install(folder):
        if not shutil.which("npm"):
            raise Missing("npm is not there: sherpa-onnx comes as a package of Node.js (18 or newer)")
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        call(["npm", "ci", "--silent"], cwd=folder)

    return cached("packages", ["package-lock.json"], install) / "node_modules"


def models():
    """The folder with model.onnx, model.int8.onnx and tokens.txt."""

    def build(folder):
        print("peers: making the ONNX models, once; about a minute, 1.2 GB", file=sys.stderr)
        call([python_with_torch(), HERE / "make_onnx.py", "--int8", folder])

    return cached("models", ["make_onnx.py", "sensevoice.py"], build)


def cached(name, sources, make):
    """The cache's folder for these sources; make fills it where it is missing. Folders of older sources go."""
    digest = hashlib.sha256(b"".join((HERE / source).read_bytes() for source in sources)).hexdigest()
    folder = CACHE / f"{name}-{digest[:12]}"
    if not folder.exists():
        # Under another name until it is whole, so that an interrupted run leaves nothing that looks complete.
        part = CACHE / f"{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        make(part)
        for old in CACHE.glob(f"{name}-*"):
            shutil.rmtree(old)
        part.rename(folder)
    return folder


def call(command, **options):
    """Runs a program; what it prints goes to standard error, which leaves standard output to the results."""
    done = subprocess.run(command, stdout=sys.stderr, check=False, **options)
    if done.returncode != 0:
        raise Missing(f"{pathlib.Path(command[0]).name} ended with status {done.returncode}; its error is above")


def python_with_torch():
    """A Python that has torch and onnx: this one, or else the system's, where Debian's packages go."""
    for python in (sys.executable, "/usr/bin/python3"):
        probe = [python, "-c", "import numpy, onnx, torch"]
        if pathlib.Path(python).exists() and subprocess.run(probe, capture_output=True, check=False).returncode == 0:
            return python
    raise Missing("no Python with torch and onnx (to make the model): apt-get install python3-torch python3-onnx")


def clip(seconds):
    """The path of a 16-bit mono WAV of so many seconds at 16 kHz: two sweeps under a slow envelope, and noise."""
    path = CACHE / f"clip-{seconds}s.wav"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with wave.open(str(part), "wb") as out:
            out.setparams((1, 2, RATE, 0, "NONE", ""))
            out.writeframes(samples(seconds * RATE).tobytes())
        part.rename(path)
    return path


def samples(count):
    pcm = array.array("h")
    state = 1  # of a linear congruential generator, for the noise
    for i in range(count):
        t = i / RATE % 3.2  # the envelope is zero there: the sweeps start again unheard, and stay below 8 kHz
        state = (state * 1664525 + 1013904223) % 2**32
        envelope = 0.5 - 0.5 * math.cos(2 * math.pi * 1.25 * t)
        sweeps = math.sin(2 * math.pi * (150 * t + 40 * t**2)) + 0.5 * math.sin(2 * math.pi * (2500 * t - 300 * t**2))
        pcm.append(round(8000 * envelope * sweeps + 300 * (state / 2**31 - 1)))
    if sys.byteorder == "big":
        pcm.byteswap()
    return pcm
