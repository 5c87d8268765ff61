"""Trains the small FSMN-VAD: train_vad.py FSDD_FOLDER OUT.pt [--steps N]

Rows of 10 ms are speech where a unit sounds at their middle; output 0 says silence, so the loss is the likelihood of it or of the
rest. The network looks back only: a row's answer depends on the 20 rows before it in each of four layers.
"""

import argparse
import multiprocessing
import os
import time

import numpy as np
import torch

import frontend
import mixer
import model
import synth

BATCH = 4
LIMIT = float(np.log(0.8 / 0.2))  # log odds from which the detector takes a row for speech
SPEECH_WEIGHT = 2.5  # of a row of speech in the loss: the detector asks for a probability of 0.8, not 0.5


def batch(source):
    """Draws clips of at most 8 s: stacked log-mel rows, labels, and how many rows count."""
    clips = [source.clip() for _ in range(BATCH)]
    longest = min(max(len(c.samples) for c in clips), 8 * mixer.RATE)
    padded = np.zeros((BATCH, longest), np.float32)
    rows = np.zeros(BATCH, int)
    for i, clip in enumerate(clips):
        samples = clip.samples[:longest]
        padded[i, : len(samples)] = samples
        rows[i] = 1 + (len(samples) - frontend.FRAME) // frontend.HOP
    mel = frontend.disguised(torch.from_numpy(padded), source.dice)
    labels = np.zeros(mel.shape[:2], np.float32)
    for i, clip in enumerate(clips):
        mel[i, rows[i]:] = mel[i, rows[i] - 1]
        for start, end in clip.speech:
            row = lambda sample: max(0, -(-(sample - frontend.FRAME // 2) // frontend.HOP))  # the first whose middle is not before it
            labels[i, row(start): row(end)] = 1
    return frontend.stack(mel, 5, 1).numpy(), labels, rows


def produce(queue, spoken, human, seed):
    torch.set_num_threads(1)
    source = mixer.Mixer(spoken, human, seed, silent_share=0.12)
    while True:
        queue.put(batch(source))


def log_silence(logits):
    """log p(silence) and log p(speech) from the 248 outputs."""
    total = torch.logsumexp(logits, -1)
    return logits[..., 0] - total, torch.logsumexp(logits[..., 1:], -1) - total


def train(options):
    torch.set_num_threads(1)  # the other core makes the clips
    torch.manual_seed(options.seed)
    spoken, _ = synth.cached(options.cache)
    human, _ = synth.human_digits(options.fsdd)
    queue = multiprocessing.Queue(8)
    maker = multiprocessing.Process(target=produce, args=(queue, spoken, human, options.seed + 100), daemon=True)
    maker.start()
    first = np.concatenate([features[i, :r] for features, _, rows in (queue.get() for _ in range(20)) for i, r in enumerate(rows)])
    shift, scale = torch.from_numpy(-first.mean(0)), torch.from_numpy(1 / (first.std(0) + 1e-3))
    net = model.VAD()
    optimiser = torch.optim.AdamW(net.parameters(), lr=options.rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.rate, options.steps, pct_start=0.1)
    start, recent = time.time(), []
    for step in range(1, options.steps + 1):
        features, labels, rows = queue.get()
        logits = net((torch.from_numpy(features) + shift) * scale)
        silence, speech = log_silence(logits)
        labels = torch.from_numpy(labels)
        counts = (torch.arange(labels.shape[1]) < torch.from_numpy(rows)[:, None]).float()
        loss = -((SPEECH_WEIGHT * labels * speech + (1 - labels) * silence) * counts).sum() / counts.sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        right = ((((speech - silence) > LIMIT).float() == labels).float() * counts).sum() / counts.sum()
        recent.append((loss.item(), right.item()))
        if step % 100 == 0:
            print(f"step {step} loss {np.mean([r[0] for r in recent]):.4f} rows right {np.mean([r[1] for r in recent]):.4f} {time.time() - start:.0f} s", flush=True)
            recent = []
        if step % 250 == 0 or step == options.steps:
            torch.save({"net": net.state_dict(), "shift": shift, "scale": scale, "step": step}, options.out + ".new")
            os.replace(options.out + ".new", options.out)
    maker.terminate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fsdd")
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--cache", default=os.path.expanduser("~/.cache/sensevoice-train"))
    train(parser.parse_args())
