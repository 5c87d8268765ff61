"""The front end in PyTorch, for many clips at once: log-mel frames and low frame rate as docs/model.md has them."""

import math

import numpy as np
import torch

FRAME, HOP, FFT, BINS = 400, 160, 512, 80


def mel_filters(warp=1.0):
    """(257, 80): triangles equally spaced in mel = 1127 ln(1 + f/700) from 20 Hz to 8 kHz, linear in mel.

    A warp other than 1 hears a vocal tract that much shorter: frequencies are stretched by it up to about 6 kHz, and the
    rest squeezed into what is left below 8 kHz.
    """
    mel = lambda hz: 1127 * math.log(1 + hz / 700)
    edges = torch.linspace(mel(20), mel(8000), BINS + 2, dtype=torch.float64)
    hz = torch.arange(FFT // 2 + 1, dtype=torch.float64) * (16000 / FFT)
    knee = 6000 * min(warp, 1) / warp
    hz = torch.where(hz <= knee, hz * warp, 8000 - (8000 - warp * knee) / (8000 - knee) * (8000 - hz))
    at = 1127 * torch.log(1 + hz / 700)
    up = (at[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    down = (edges[2:] - at[:, None]) / (edges[2:] - edges[1:-1])
    filters = torch.clamp(torch.minimum(up, down), min=0)
    filters[FFT // 2] = 0
    return filters.float()


FILTERS = mel_filters()
WARPED = torch.stack([mel_filters(0.84 + 0.02 * i) for i in range(18)])  # 0.84 to 1.18
FLOOR = 1.1920929e-07
WINDOW = 0.54 - 0.46 * torch.cos(2 * math.pi * torch.arange(FRAME) / (FRAME - 1))


def log_mel(samples, filters=FILTERS):
    """(..., n) samples in [-1, 1) -> (..., 1 + (n - 400) // 160, 80). Filters may differ from clip to clip."""
    frames = (samples * 32768).unfold(-1, FRAME, HOP)
    frames = frames - frames.mean(-1, keepdim=True)
    before = torch.cat([frames[..., :1], frames[..., :-1]], -1)
    spectrum = torch.fft.rfft((frames - 0.97 * before) * WINDOW, FFT)
    power = spectrum.real**2 + spectrum.imag**2
    return torch.log(torch.clamp(power @ filters, min=FLOOR))


def disguised(samples, dice):
    """log_mel of clips, most as if by somebody else: another vocal tract, another microphone."""
    chosen = np.where(dice.random(len(samples)) < 0.7, dice.integers(0, len(WARPED), len(samples)), 8)  # 8 is as it was
    mel = log_mel(samples, WARPED[chosen])
    bins = np.arange(BINS) / (BINS - 1)
    curves = dice.normal(0, 1.2, (len(samples), 1)) * (bins - 0.5)
    for waves in (1, 2, 3):
        curves = curves + dice.normal(0, 0.4, (len(samples), 1)) * np.cos(np.pi * waves * bins + dice.uniform(0, np.pi, (len(samples), 1)))
    curves *= dice.random((len(samples), 1)) < 0.7
    return torch.clamp(mel + torch.from_numpy(curves.astype(np.float32))[:, None], min=math.log(FLOOR))


def stack(mel, m, n):
    """(batch, T, 80) -> (batch, ceil(T / n), 80 m): (m-1)/2 copies of frame 0 in front, then m frames every n."""
    rows = math.ceil(mel.shape[1] / n)
    left = (m - 1) // 2
    right = max(0, (rows - 1) * n + m - left - mel.shape[1])
    padded = torch.cat([mel[:, :1].expand(-1, left, -1), mel, mel[:, -1:].expand(-1, right, -1)], 1)
    return padded.unfold(1, m, n)[:, :rows].transpose(2, 3).reshape(mel.shape[0], rows, -1)
