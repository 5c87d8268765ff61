#!/usr/bin/env python3
"""Times this project's engine beside sherpa-onnx: same machine, same minutes, same clip, same size of model.

    tools/peers/run.py [--seconds 3,10,30] [--threads 1,2] [--int8] [--only sherpa] [--json]

The engines take turns, so that whatever else the machine does hits both. What the peer needs (packages, a synthetic
model) is made on the first run and kept in .cache/peers. Python's standard library only; see README.md.
"""

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys

import prepare

ROOT = prepare.HERE.parent.parent

BUSY = 0.5  # load average above which the times with all CPUs say little


class Failed(Exception):
    """An engine that could not be timed, and why."""


def read_answer(text, engine):
    """An engine's JSON object, with the two numbers that every engine must give."""
    try:
        answer = json.loads(text)
        if answer["median_s"] > 0 and answer["peak_rss_mb"] > 0:
            return answer
    except (ValueError, KeyError, TypeError):
        pass
    raise Failed(f"{engine} answered {text.strip()[:200]!r}; want JSON with median_s and peak_rss_mb, both above 0")


class Sherpa:
    """A sherpa-onnx process with the model loaded, for one clip and number of threads."""

    name = "sherpa-onnx"

    def __init__(self, modules, model, clip, threads):
        command = ["node", prepare.HERE / "sherpa.js", model, model.with_name("tokens.txt"), clip, str(threads)]
        environment = {**os.environ, "NODE_PATH": str(modules)}
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def measure(self, runs):
        """Between its turns the process is stopped: its idle threads spin, which would slow whoever's turn it is."""
        self.process.send_signal(signal.SIGCONT)
        try:
            return self.decode(runs)
        finally:
            self.process.send_signal(signal.SIGSTOP)

    def decode(self, runs):
        try:
            self.process.stdin.write(f"{runs}\n")
        except BrokenPipeError:
            pass  # it has ended: the missing answer tells
        answer = self.process.stdout.readline()
        if not answer:
            raise Failed(f"{self.name} ended with status {self.process.wait()}; its error is above")
        return read_answer(answer, self.name)

    def close(self):
        self.process.kill()
        self.process.communicate()


class SenseVoice:
    """This project's binary: a new process each time, which loads the model and warms up before it times anything."""

    name = "sensevoice"

    def __init__(self, binary, model, clip, seconds, threads):
        self.command = [binary, "bench", "--model", model, "--clip", clip, "--seconds", str(seconds)]
        self.command += ["--threads", str(threads), "--json"]

    def measure(self, runs):
        done = subprocess.run([*self.command, "--runs", str(runs)], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise Failed(f"{self.command[0]} bench ended with status {done.returncode}; its error is above")
        return read_answer(done.stdout, self.name)

    def close(self):
        pass


def take_turns(engines, rounds, runs):
    """Engine -> its answers, one a round. Every second round goes backwards, so that neither is always first."""
    answers = {engine.name: [] for engine in engines}
    for number in range(rounds):
        for engine in engines[:: -1 if number % 2 else 1]:
            answers[engine.name].append(engine.measure(runs))
    return answers


def summary(answers):
    medians = [answer["median_s"] for answer in answers]
    return {
        "median_s": statistics.median(medians),
        "min_s": min(answer.get("min_s", answer["median_s"]) for answer in answers),
        "rounds_s": medians,
        "peak_rss_mb": max(answer["peak_rss_mb"] for answer in answers),
    }


def compare(options, modules, model, seconds, threads):
    """The engines' times on one clip with one number of threads."""
    clip = prepare.clip(seconds)
    with contextlib.ExitStack() as stack:
        engines = []
        if options.only != "sherpa":
            engines.append(SenseVoice(options.binary, options.model, clip, seconds, threads))
        if options.only != "sensevoice":
            engines.append(Sherpa(modules, model, clip, threads))
        for engine in engines:
            stack.callback(engine.close)
        answers = take_turns(engines, options.rounds, options.runs)
    case = {"seconds": seconds, "threads": threads}
    case.update({name: summary(of_engine) for name, of_engine in answers.items()})
    if len(engines) == 2:
        pairs = zip(case["sherpa-onnx"]["rounds_s"], case["sensevoice"]["rounds_s"])
        case["speed_ratio"] = statistics.median(theirs / ours for theirs, ours in pairs)
    return case


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    return {"cpu": cpu, "cpus": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0]}


HEADER = f"{'audio':>6} {'threads':>7}  {'engine':<12} {'median s':>9} {'min s':>8} {'x real time':>11} {'peak MiB':>8} {'ratio':>6}"


def lines(case):
    """A case for people: a line an engine. The ratio, on ours, is how many times faster it is than the peer."""
    for name in ("sensevoice", "sherpa-onnx"):
        if name not in case:
            continue
        took = case[name]
        ratio = f"{case['speed_ratio']:6.2f}" if name == "sensevoice" and "speed_ratio" in case else ""
        yield (
            f"{case['seconds']:>4} s {case['threads']:>7}  {name:<12} {took['median_s']:9.3f} {took['min_s']:8.3f} "
            f"{case['seconds'] / took['median_s']:11.1f} {took['peak_rss_mb']:8.0f} {ratio}"
        )


def number(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value}: want 1 or more")
    return value


def numbers(text):
    return [number(part) for part in text.split(",")]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=numbers, default=[3, 10, 30], help="lengths of the clip (3,10,30)")
    parser.add_argument("--threads", type=numbers, default=[1, 2], help="numbers of threads (1,2)")
    parser.add_argument("--rounds", type=number, default=3, help="turns that each engine gets (3)")
    parser.add_argument("--runs", type=number, default=3, help="timed decodes in a turn (3)")
    parser.add_argument("--int8", action="store_true", help="let sherpa-onnx run its int8 model")
    parser.add_argument("--only", choices=["sherpa", "sensevoice"], help="time one engine alone")
    parser.add_argument("--binary", default=str(ROOT / "bin" / "sensevoice"), help="this project's binary (bin/sensevoice)")
    parser.add_argument("--model", default="synthetic:small", help="what the binary runs (synthetic:small)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser.parse_args()


def main():
    options = parse()
    report = {**machine(), "cases": []}
    if report["load"] > BUSY:
        print(f"run.py: the load is {report['load']:.2f}: others are computing here, so trust minima at most", file=sys.stderr)
    if options.only != "sherpa" and not os.access(options.binary, os.X_OK):
        raise Failed(f"{options.binary} is not there: build it first, or time the peer alone with --only sherpa")
    modules = model = None
    if options.only != "sensevoice":
        modules = prepare.packages()
        model = prepare.models() / ("model.int8.onnx" if options.int8 else "model.onnx")
    report["sherpa_model"] = model and model.name
    if not options.json:
        print(f"{report['cpu']}, {report['cpus']} CPUs, load {report['load']:.2f}; sherpa-onnx runs {report['sherpa_model']}")
        print(HEADER)
    for seconds in options.seconds:
        for threads in options.threads:
            case = compare(options, modules, model, seconds, threads)
            report["cases"].append(case)
            if not options.json:
                print(*lines(case), sep="\n", flush=True)
    if options.json:
        print(json.dumps(report))


if __name__ == "__main__":
    try:
        main()
    except (Failed, prepare.Missing) as error:
        sys.exit(f"run.py: {error}")
