"""Trains the small SenseVoice: train.py FSDD_FOLDER OUT.pt [--steps N] [--leave-out SPEAKER] [--init MODEL] [--resume CHECKPOINT]

Tags are learnt by cross-entropy on the four query rows, words by CTC on the others, as SenseVoice was. The checkpoint holds a
running average of the weights as "net", and what is needed to go on from it.
"""

import argparse
import math
import multiprocessing
import os
import time

import numpy as np
import torch
from torch.nn import functional

import export
import frontend
import mixer
import model
import synth
import words

SORTED = 4  # batches drawn together and sorted by length, so that little of a batch is padding
WARM_UP = 300  # steps
KEPT = 48  # batches that wait for their second use
ALONE = 0.3  # part of the synthetic clips that are a single word or phrase: in these the language is hardest to tell
AVERAGED = 0.998  # part of the running average that stays at a step
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


def batches(source, size):
    """Draws clips for ever, in batches of like lengths."""
    while True:
        clips = sorted((source.clip() for _ in range(SORTED * size)), key=lambda c: len(c.samples))
        for part in source.dice.permutation(SORTED):
            yield batch(source, clips[part * size: (part + 1) * size])


def batch(source, clips):
    """Log-mel rows before normalisation, rows a clip, query rows, tags and words."""
    rows, queries, tags, said = [], [], [], []
    longest = len(clips[-1].samples)
    padded = np.zeros((len(clips), longest), np.float32)
    for i, clip in enumerate(clips):
        padded[i, : len(clip.samples)] = clip.samples
        q, t, s = targets(clip, source.dice.random() < 0.5, source.dice)
        queries.append(q), tags.append(t), said.append(s)
    mel = frontend.disguised(torch.from_numpy(padded), source.dice)
    for i, clip in enumerate(clips):
        frames = 1 + (len(clip.samples) - frontend.FRAME) // frontend.HOP
        mel[i, frames:] = mel[i, frames - 1]  # as the stacking of a clip alone repeats its last frame
        rows.append(-(-frames // 6))
    features = frontend.stack(mel, 7, 6)[:, : max(rows)]
    return features.numpy(), np.array(rows), np.array(queries), np.array(tags), said


def produce(queue, spoken, human, seed, options):
    os.setsid()  # Linux shares a busy machine among sessions: neither process should wait for the other's share
    torch.set_num_threads(1)
    source = mixer.Mixer(spoken, human, seed, options.human_share, alone=ALONE)
    for drawn in batches(source, options.batch):
        queue.put(drawn)


def normalisation(batches):
    """Shift and scale that bring every column to mean 0 and variance 1."""
    values = np.concatenate([f[i, :r] for f, rows, *_ in batches for i, r in enumerate(rows)])
    return torch.from_numpy(-values.mean(0)), torch.from_numpy(1 / (values.std(0) + 1e-3))


def twice(queue, dice):
    """Yields every batch when it comes and once more later, so that half as many need to be made."""
    waiting = []
    while True:
        waiting.append(queue.get())
        yield waiting[-1]
        if len(waiting) > KEPT:
            yield waiting.pop(dice.integers(KEPT))


def mask(features, dice):
    """SpecAugment: bands of mel bins and a few rows of each clip are put to the mean."""
    for clip in features:
        for _ in range(2):
            if dice.random() < 0.5:
                low, width = dice.integers(0, 72), dice.integers(1, 12)
                clip.view(-1, 7, 80)[:, :, low: low + width] = 0
        if dice.random() < 0.3:
            start = dice.integers(0, clip.shape[0])
            clip[start: start + 1] = 0
    return features


def loss_of(net, language_weight, features, rows, queries, tags, said):
    """The loss to descend, and its parts for words and for the language."""
    logits = net(features, torch.from_numpy(rows), torch.from_numpy(queries))
    tag_losses = [functional.cross_entropy(logits[:, i], torch.from_numpy(tags[:, i])) for i in range(4)]
    log_probs = functional.log_softmax(logits[:, 4:], -1).transpose(0, 1)
    flat = torch.tensor([p for s in said for p in s], dtype=torch.long)
    ctc = functional.ctc_loss(log_probs, flat, torch.from_numpy(rows), torch.tensor([len(s) for s in said]), zero_infinity=True)
    loss = ctc + language_weight * tag_losses[0] + 0.05 * sum(tag_losses[1:])  # emotion, event and text norm are easy
    return loss, ctc.item(), tag_losses[0].item()


def rate_at(step, options):
    """The learning rate: up over the first steps, then down along half a cosine to nothing."""
    return options.rate * min(1, step / WARM_UP) * 0.5 * (1 + math.cos(math.pi * step / options.steps))


def train(options):
    torch.set_num_threads(1)  # the other core makes the clips
    torch.manual_seed(options.seed)
    net = model.SenseVoice(len(PIECES), width=options.width, hidden=4 * options.width, blocks=options.blocks)
    optimiser = torch.optim.AdamW(net.parameters(), lr=options.rate, weight_decay=0.01, betas=(0.9, 0.98))
    before = torch.load(options.resume) if options.resume else {"step": 0}
    seed = options.seed + before["step"]  # other clips than those already heard
    dice = np.random.default_rng(seed)
    spoken, _ = synth.cached(options.cache)
    human, _ = synth.human_digits(options.fsdd, options.leave_out)
    queue = multiprocessing.Queue(8)
    maker = multiprocessing.Process(target=produce, args=(queue, spoken, human, seed, options), daemon=True)
    maker.start()
    if options.init:
        average, shift, scale = export.unpack(options.init)
        net.load_state_dict(average)
    elif options.resume:
        net.load_state_dict(before["raw"]), optimiser.load_state_dict(before["optimiser"])
        average, shift, scale = before["net"], before["shift"], before["scale"]
    else:
        average = {name: tensor.clone() for name, tensor in net.state_dict().items()}
        shift, scale = normalisation([queue.get() for _ in range(640 // options.batch)])
    print(sum(p.numel() for p in net.parameters()), "parameters,", len(PIECES), "pieces", flush=True)
    start, recent = time.time(), []
    for step, (features, *rest) in zip(range(before["step"] + 1, options.steps + 1), twice(queue, dice)):
        features = mask((torch.from_numpy(features) + shift) * scale, dice)
        loss, *parts = loss_of(net, options.language_weight, features, *rest)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        optimiser.param_groups[0]["lr"] = rate_at(step, options)
        optimiser.step()
        for name, tensor in net.state_dict().items():
            average[name].lerp_(tensor, max(1 - AVERAGED, 1 / step))
        recent.append(parts)
        if step % 100 == 0:
            print(f"step {step} ctc {np.mean([r[0] for r in recent]):.4f} language {np.mean([r[1] for r in recent]):.4f} {time.time() - start:.0f} s", flush=True)
            recent = []
        if step % 100 == 0 or step == options.steps:
            torch.save({"net": average, "raw": net.state_dict(), "optimiser": optimiser.state_dict(), "shift": shift, "scale": scale, "step": step},
                       options.out + ".new")
            os.replace(options.out + ".new", options.out)
    maker.terminate()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("fsdd", help="the folder recordings/ of the Free Spoken Digit Dataset")
    parser.add_argument("out", help="checkpoint to write")
    parser.add_argument("--batch", type=int, default=16, help="clips a step")
    parser.add_argument("--steps", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--width", type=int, default=104)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--rate", type=float, default=1.4e-3)
    parser.add_argument("--human-share", type=float, default=0.3, help="part of the clips that are human digits")
    parser.add_argument("--language-weight", type=float, default=2.0, help="of the loss of the language tag; that of the words has 1")
    parser.add_argument("--init", help="begin with the weights of this safetensors file, which export.py made, not with random ones")
    parser.add_argument("--resume", help="go on from this checkpoint; --steps counts its steps too, so fewer than planned end the training early but annealed")
    parser.add_argument("--leave-out", help="an FSDD speaker to keep out of training")
    parser.add_argument("--cache", default=os.path.expanduser("~/.cache/sensevoice-train"), help="where synthetic speech is kept")
    train(parser.parse_args())
