"""Trains the small SenseVoice: train.py FSDD_FOLDER OUT.pt [--steps N] [--leave-out SPEAKER]

Tags are learnt by cross-entropy on the four query rows, words by CTC on the others, as SenseVoice was.
"""

import argparse
import multiprocessing
import os
import time

import numpy as np
import torch
from torch.nn import functional

import frontend
import mixer
import model
import synth
import words

BATCH = 32
SORTED = 4  # batches drawn together and sorted by length, so that little of a batch is padding
PIECES = {p: i for i, p in enumerate(words.vocabulary())}
QUERY = words.QUERIES


def targets(clip, itn, dice):
    """(query rows, tag ids, word ids) of a clip for one text norm."""
    norm = "withitn" if itn else "woitn"
    speech = clip.language != "nospeech"
    language = clip.language if speech and dice.random() < 0.35 else "auto"
    queries = [QUERY["language"][language], QUERY["event"], QUERY["emotion"], QUERY["textnorm"][norm]]
    tags = [clip.language, "NEUTRAL" if speech else "EMO_UNKNOWN", "Speech" if speech else "Event_UNK", norm]
    said = words.with_itn(clip.language, clip.pieces) if itn and speech else clip.pieces
    return queries, [PIECES[f"<|{tag}|>"] for tag in tags], [PIECES[p] for p in said]


def batches(source):
    """Draws clips for ever, in batches of like lengths."""
    while True:
        clips = sorted((source.clip() for _ in range(SORTED * BATCH)), key=lambda c: len(c.samples))
        for part in source.dice.permutation(SORTED):
            yield batch(source, clips[part * BATCH: (part + 1) * BATCH])


def batch(source, clips):
    """Log-mel rows before normalisation, rows a clip, query rows, tags and words."""
    rows, queries, tags, said = [], [], [], []
    longest = len(clips[-1].samples)
    padded = np.zeros((BATCH, longest), np.float32)
    for i, clip in enumerate(clips):
        padded[i, : len(clip.samples)] = clip.samples
        q, t, s = targets(clip, source.dice.random() < 0.5, source.dice)
        queries.append(q), tags.append(t), said.append(s)
    mel = frontend.log_mel(torch.from_numpy(padded))
    for i, clip in enumerate(clips):
        frames = 1 + (len(clip.samples) - frontend.FRAME) // frontend.HOP
        mel[i, frames:] = mel[i, frames - 1]  # as the stacking of a clip alone repeats its last frame
        rows.append(-(-frames // 6))
    features = frontend.stack(mel, 7, 6)[:, : max(rows)]
    return features.numpy(), np.array(rows), np.array(queries), np.array(tags), said


def produce(queue, spoken, human, seed, human_share):
    torch.set_num_threads(1)
    source = mixer.Mixer(spoken, human, seed, human_share)
    for drawn in batches(source):
        queue.put(drawn)


def normalisation(batches):
    """Shift and scale that bring every column to mean 0 and variance 1."""
    values = np.concatenate([f[i, :r] for f, rows, *_ in batches for i, r in enumerate(rows)])
    return torch.from_numpy(-values.mean(0)), torch.from_numpy(1 / (values.std(0) + 1e-3))


def mask(features, dice):
    """SpecAugment: a band of mel bins and a few rows of each clip are put to the mean."""
    for clip in features:
        if dice.random() < 0.5:
            low, width = dice.integers(0, 70), dice.integers(1, 10)
            clip.view(-1, 7, 80)[:, :, low: low + width] = 0
        if dice.random() < 0.3:
            start = dice.integers(0, clip.shape[0])
            clip[start: start + 1] = 0
    return features


def loss_of(net, features, rows, queries, tags, said):
    logits = net(features, torch.from_numpy(rows), torch.from_numpy(queries))
    tag_loss = functional.cross_entropy(logits[:, :4].flatten(0, 1), torch.from_numpy(tags).flatten())
    log_probs = functional.log_softmax(logits[:, 4:], -1).transpose(0, 1)
    flat = torch.tensor([p for s in said for p in s], dtype=torch.long)
    ctc = functional.ctc_loss(log_probs, flat, torch.from_numpy(rows), torch.tensor([len(s) for s in said]), zero_infinity=True)
    return ctc + 0.5 * tag_loss, ctc.item(), tag_loss.item()


def train(options):
    torch.set_num_threads(1)  # the other core makes the clips
    torch.manual_seed(options.seed)
    dice = np.random.default_rng(options.seed)
    spoken, _ = synth.cached(options.cache)
    human, _ = synth.human_digits(options.fsdd, options.leave_out)
    queue = multiprocessing.Queue(8)
    maker = multiprocessing.Process(target=produce, args=(queue, spoken, human, options.seed, options.human_share), daemon=True)
    maker.start()
    shift, scale = normalisation([queue.get() for _ in range(20)])
    net = model.SenseVoice(len(PIECES), width=options.width, hidden=4 * options.width, blocks=options.blocks)
    print(sum(p.numel() for p in net.parameters()), "parameters,", len(PIECES), "pieces", flush=True)
    optimiser = torch.optim.AdamW(net.parameters(), lr=options.rate, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, options.rate, options.steps, pct_start=0.08, final_div_factor=100)
    start, recent = time.time(), []
    for step in range(1, options.steps + 1):
        features, *rest = queue.get()
        features = mask((torch.from_numpy(features) + shift) * scale, dice)
        loss, *parts = loss_of(net, features, *rest)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        recent.append(parts)
        if step % 100 == 0:
            print(f"step {step} ctc {np.mean([r[0] for r in recent]):.4f} tags {np.mean([r[1] for r in recent]):.4f} {time.time() - start:.0f} s", flush=True)
            recent = []
        if step % 250 == 0 or step == options.steps:
            torch.save({"net": net.state_dict(), "shift": shift, "scale": scale, "step": step}, options.out + ".new")
            os.replace(options.out + ".new", options.out)
    maker.terminate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fsdd", help="the folder recordings/ of the Free Spoken Digit Dataset")
    parser.add_argument("out", help="checkpoint to write")
    parser.add_argument("--steps", type=int, default=6500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--width", type=int, default=104)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--rate", type=float, default=1.5e-3)
    parser.add_argument("--human-share", type=float, default=0.25, help="part of the clips that are human digits")
    parser.add_argument("--leave-out", help="an FSDD speaker to keep out of training")
    parser.add_argument("--cache", default=os.path.expanduser("~/.cache/sensevoice-train"), help="where synthetic speech is kept")
    train(parser.parse_args())
