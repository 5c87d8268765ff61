"""SenseVoice in PyTorch, at full size, with weights made from the tensors' names.

The parameter names and the arithmetic are those of FunASR's SenseVoiceSmall
(funasr/models/sense_voice/model.py), so what is exported from here costs a
runtime the same work as the released checkpoint. Speed does not depend on the
values of the weights; the synthetic ones need no download and no licence.
"""

import math

import numpy as np
import torch
from torch import nn

LANGUAGES = {"auto": 0, "zh": 3, "en": 4, "yue": 7, "ja": 11, "ko": 12, "nospeech": 13}
WITH_ITN, WITHOUT_ITN = 14, 15

INPUT, WIDTH, HEADS, HIDDEN, KERNEL = 560, 512, 4, 2048, 11
BLOCKS, TP_BLOCKS = 50, 20
VOCABULARY = 25055
QUERIES = 4  # rows in front of the features: language, event, emotion, text norm


class Attention(nn.Module):
    """Self-attention plus the FSMN memory, a depthwise convolution of the values over time."""

    def __init__(self, inputs):
        super().__init__()
        self.linear_q_k_v = nn.Linear(inputs, 3 * WIDTH)
        self.linear_out = nn.Linear(WIDTH, WIDTH)
        self.fsmn_block = nn.Conv1d(WIDTH, WIDTH, KERNEL, groups=WIDTH, padding=KERNEL // 2, bias=False)

    def forward(self, x, mask):
        batch, rows, _ = x.shape
        q, k, v = self.linear_q_k_v(x).split(WIDTH, -1)
        kept = v * mask.transpose(1, 2)
        memory = (self.fsmn_block(kept.transpose(1, 2)).transpose(1, 2) + kept) * mask.transpose(1, 2)
        q, k, v = (t.reshape(batch, rows, HEADS, WIDTH // HEADS).transpose(1, 2) for t in (q, k, v))
        scores = (q * (WIDTH // HEADS) ** -0.5) @ k.transpose(-2, -1)
        padding = mask.unsqueeze(1).eq(0)
        weights = scores.masked_fill(padding, -float("inf")).softmax(-1).masked_fill(padding, 0.0)
        return self.linear_out((weights @ v).transpose(1, 2).reshape(batch, rows, WIDTH)) + memory


class FeedForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.w_1 = nn.Linear(WIDTH, HIDDEN)
        self.w_2 = nn.Linear(HIDDEN, WIDTH)

    def forward(self, x):
        return self.w_2(self.w_1(x).relu())


class Block(nn.Module):
    """One pre-norm block. The first of all goes from 560 to 512 and so has no residual around its attention."""

    def __init__(self, inputs=WIDTH):
        super().__init__()
        self.self_attn, self.feed_forward = Attention(inputs), FeedForward()
        self.norm1, self.norm2 = nn.LayerNorm(inputs), nn.LayerNorm(WIDTH)
        self.residual = inputs == WIDTH

    def forward(self, x, mask):
        attended = self.self_attn(self.norm1(x), mask)
        x = x + attended if self.residual else attended
        return x + self.feed_forward(self.norm2(x))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoders0 = nn.ModuleList([Block(INPUT)])
        self.encoders = nn.ModuleList([Block() for _ in range(BLOCKS - 1)])
        self.tp_encoders = nn.ModuleList([Block() for _ in range(TP_BLOCKS)])
        self.after_norm, self.tp_norm = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)

    def forward(self, x, lengths):
        mask = (torch.arange(x.shape[1]) < lengths.unsqueeze(-1)).float().unsqueeze(1)
        x = x * WIDTH**0.5 + positions(x.shape[1])
        for block in [*self.encoders0, *self.encoders]:
            x = block(x, mask)
        x = self.after_norm(x)
        for block in self.tp_encoders:
            x = block(x, mask)
        return self.tp_norm(x)


def positions(rows):
    """Sinusoids over the 560 inputs, (1, rows, 560): positions from 1, sines in the first half, cosines in the second."""
    half = INPUT // 2
    rates = torch.exp(torch.arange(half, dtype=torch.float32) * (-math.log(10000) / (half - 1)))
    angles = torch.arange(1, rows + 1, dtype=torch.float32).reshape(1, -1, 1) * rates
    return torch.cat([angles.sin(), angles.cos()], -1)


class SenseVoice(nn.Module):
    """Features (batch, rows, 560), lengths, language and text norm (batch,) -> logits (batch, 4 + rows, 25055)."""

    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.ctc = nn.ModuleDict({"ctc_lo": nn.Linear(WIDTH, VOCABULARY)})
        self.embed = nn.Embedding(16, INPUT)

    def forward(self, features, lengths, language, text_norm):
        event_and_emotion = self.embed.weight[1:3].repeat(features.shape[0], 1, 1)
        queries = self.embed(language).unsqueeze(1), event_and_emotion, self.embed(text_norm).unsqueeze(1)
        return self.ctc["ctc_lo"](self.encoder(torch.cat([*queries, features], 1), lengths + QUERIES))


def synthetic(name, shape):
    """The synthetic weights of one tensor: splitmix64 of (fnv1a64(name) + index), scaled by the kind of tensor.

    The arithmetic is float64, rounded to float32 once; `sensevoice bench --model synthetic:small` makes the same numbers.
    """
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) % 2**64
    z = np.arange(math.prod(shape), dtype=np.uint64) + np.uint64((seed + 0x9E3779B97F4A7C15) % 2**64)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    unit = (z >> np.uint64(40)).astype(np.float64) * 2.0**-23 - 1  # in [-1, 1)
    if "norm" in name and name.endswith("weight"):
        values = 1 + 0.1 * unit
    elif name.endswith("bias"):
        values = 0.05 * unit
    elif "fsmn_block" in name:
        values = 0.1 * unit
    elif name.startswith("embed"):
        values = unit
    else:
        values = unit * math.sqrt(3 / shape[-1])
    return torch.from_numpy(values.astype(np.float32).reshape(shape))


def build():
    """The full-size model with synthetic weights, ready to run."""
    model = SenseVoice().eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(synthetic(name, tuple(parameter.shape)))
    return model
