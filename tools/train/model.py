"""SenseVoice and FSMN-VAD in PyTorch, with the tensor names and the arithmetic of the released checkpoints."""

import math

import torch
from torch import nn
from torch.nn import functional

QUERY_ROWS = 4


class SelfAttention(nn.Module):
    def __init__(self, inputs, width, heads, taps):
        super().__init__()
        self.heads = heads
        self.linear_out = nn.Linear(width, width)
        self.linear_q_k_v = nn.Linear(inputs, 3 * width)
        self.fsmn_block = nn.Conv1d(width, width, taps, groups=width, bias=False)
        self.pad = ((taps - 1) // 2, taps - 1 - (taps - 1) // 2)

    def forward(self, x, valid):
        q, k, v = self.linear_q_k_v(x).chunk(3, -1)
        v = v * valid[..., None]
        memory = (self.fsmn_block(functional.pad(v.transpose(1, 2), self.pad)).transpose(1, 2) + v) * valid[..., None]
        split = lambda z: z.unflatten(-1, (self.heads, -1)).transpose(1, 2)
        scores = split(q) @ split(k).transpose(-2, -1) / math.sqrt(q.shape[-1] // self.heads)
        weights = torch.softmax(scores + (valid[:, None, None] - 1) * 1e9, -1)
        context = (weights @ split(v)).transpose(1, 2).flatten(2)
        return self.linear_out(context) + memory


class FeedForward(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.w_1 = nn.Linear(width, hidden)
        self.w_2 = nn.Linear(hidden, width)


class Layer(nn.Module):
    def __init__(self, inputs, width, heads, hidden, taps):
        super().__init__()
        self.self_attn = SelfAttention(inputs, width, heads, taps)
        self.feed_forward = FeedForward(width, hidden)
        self.norm1 = nn.LayerNorm(inputs)
        self.norm2 = nn.LayerNorm(width)
        self.residual = inputs == width

    def forward(self, x, valid, dropout):
        attended = dropout(self.self_attn(self.norm1(x), valid))
        x = x + attended if self.residual else attended
        hidden = torch.relu(self.feed_forward.w_1(self.norm2(x)))
        return x + dropout(self.feed_forward.w_2(hidden))


class Encoder(nn.Module):
    def __init__(self, inputs, width, heads, hidden, blocks, tp_blocks, taps):
        super().__init__()
        self.width = width
        layer = lambda size: Layer(size, width, heads, hidden, taps)
        self.encoders0 = nn.ModuleList([layer(inputs)])
        self.encoders = nn.ModuleList([layer(width) for _ in range(blocks - 1)])
        self.tp_encoders = nn.ModuleList([layer(width) for _ in range(tp_blocks)])
        self.after_norm = nn.LayerNorm(width)
        self.tp_norm = nn.LayerNorm(width)

    def forward(self, x, valid, dropout):
        x = x * math.sqrt(self.width) + positions(x.shape[1], x.shape[2])
        for layer in [*self.encoders0, *self.encoders]:
            x = layer(x, valid, dropout)
        x = self.after_norm(x)
        for layer in self.tp_encoders:
            x = layer(x, valid, dropout)
        return self.tp_norm(x)


def positions(rows, width):
    """Sinusoids counted from 1: sines in the first half of the columns, cosines in the second."""
    step = math.log(10000) / (width / 2 - 1)
    scaled = torch.arange(1, rows + 1).float()[:, None] * torch.exp(torch.arange(width // 2).float() * -step)
    return torch.cat([torch.sin(scaled), torch.cos(scaled)], 1)


class CTC(nn.Module):
    def __init__(self, width, vocabulary):
        super().__init__()
        self.ctc_lo = nn.Linear(width, vocabulary)


class SenseVoice(nn.Module):
    """(batch, rows, 560) features, valid rows a clip, (batch, 4) query rows -> (batch, 4 + rows, vocabulary) logits."""

    def __init__(self, vocabulary, width=96, heads=4, hidden=384, blocks=6, tp_blocks=2, taps=11, inputs=560, dropout=0.0):
        super().__init__()
        self.encoder = Encoder(inputs, width, heads, hidden, blocks, tp_blocks, taps)
        self.ctc = CTC(width, vocabulary)
        self.embed = nn.Embedding(16, inputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features, rows, queries):
        x = torch.cat([self.embed(queries), features], 1)
        valid = (torch.arange(x.shape[1]) < (rows + QUERY_ROWS)[:, None]).float()
        return self.ctc.ctc_lo(self.encoder(x, valid, self.dropout))


class Affine(nn.Module):
    def __init__(self, inputs, outputs, bias=True):
        super().__init__()
        self.linear = nn.Linear(inputs, outputs, bias)

    def forward(self, x):
        return self.linear(x)


class Memory(nn.Module):
    """x plus a causal depthwise convolution of it over time."""

    def __init__(self, channels, rows):
        super().__init__()
        self.conv_left = nn.Conv2d(channels, channels, (rows, 1), groups=channels, bias=False)
        self.rows = rows

    def forward(self, x):
        y = functional.pad(x.transpose(1, 2)[..., None], (0, 0, self.rows - 1, 0))
        return x + self.conv_left(y)[..., 0].transpose(1, 2)


class Block(nn.Module):
    def __init__(self, width, channels, rows):
        super().__init__()
        self.linear = Affine(width, channels, bias=False)
        self.fsmn_block = Memory(channels, rows)
        self.affine = Affine(channels, width)

    def forward(self, x):
        return torch.relu(self.affine(self.fsmn_block(self.linear(x))))


class FSMN(nn.Module):
    def __init__(self):
        super().__init__()
        self.in_linear1 = Affine(400, 140)
        self.in_linear2 = Affine(140, 250)
        self.fsmn = nn.ModuleList([Block(250, 128, 20) for _ in range(4)])
        self.out_linear1 = Affine(250, 140)
        self.out_linear2 = Affine(140, 248)


class VAD(nn.Module):
    """(batch, rows, 400) features -> (batch, rows, 248) logits; output 0 is silence."""

    def __init__(self):
        super().__init__()
        self.encoder = FSMN()

    def forward(self, x):
        e = self.encoder
        x = torch.relu(e.in_linear2(e.in_linear1(x)))
        for block in e.fsmn:
            x = block(x)
        return e.out_linear2(e.out_linear1(x))
