"""The twin of `--preset speech` in PyTorch: the same network around SimVQ with the rotation trick, 8,192 codes and a commitment weight of 1,000, the same losses and AdamW.
Prints, on one thread and for 16 kHz, how many seconds of sound it encodes and decodes in a second, and the milliseconds of a training step of 16 segments of half a second: the least and the
median of so many repetitions, processor time, which other work on the machine changes little. apps/train/bench/seanet.mjs prints the same of vqkit.

Needs a Python with torch and librosa.
usage: python seanet.py [repetitions]
"""

import sys
import time
from pathlib import Path

import librosa
import torch
from torch import nn

sys.path.append(str(Path(__file__).parents[3] / "packages/testing/fixtures"))
from make_seanet_goldens import Decoder, Encoder, last  # noqa: E402

RATE, SEGMENT, BATCH, DIM, CODES = 16_000, 8_000, 16, 64, 8192
repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 10
torch.set_num_threads(1)
torch.manual_seed(0)

options = dict(filters=16, strides=[4, 4, 5], dilations=[1, 3, 9], activation="elu", causal=False, channels=1)
encoder, decoder = Encoder(**options, dim=DIM), Decoder(**options, dim=DIM)
frozen = torch.randn(CODES, DIM) * DIM**-0.5
transform = nn.Sequential(nn.Linear(DIM, 128), nn.ReLU(), nn.Linear(128, DIM))
windows = {size: torch.hann_window(size) for size in (2048, 1024, 512)}
filters = torch.tensor(librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=64)).T


def rotate(z, q):
    """Fifty and others, "Restructuring Vector Quantization with the Rotation Trick": q with the gradient of a rotation and a scale of z."""
    with torch.no_grad():
        u, v = nn.functional.normalize(z, dim=-1), nn.functional.normalize(q, dim=-1)
        w = nn.functional.normalize(u + v, dim=-1)
        scale = q.norm(dim=-1, keepdim=True) / z.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    return scale * (z - 2 * (z * w).sum(-1, keepdim=True) * w + 2 * (z * u).sum(-1, keepdim=True) * v)


def magnitude(x, size):
    out = torch.stft(x, size, size // 4, window=windows[size], return_complex=True).mT
    return (out.real**2 + out.imag**2).clamp(min=1e-10).sqrt()


def loss_of(x):
    z = last(encoder(x))
    codes = transform(frozen)
    with torch.no_grad():
        ids = torch.cdist(z.reshape(-1, DIM), codes).argmin(-1)
    q = codes[ids].reshape(z.shape)
    commitment = (z - q.detach()).square().mean() + (z.detach() - q).square().mean()
    y = decoder(last(rotate(z, q)))
    own, goal = y[:, 0], x[:, 0]
    stft = 0
    for size in windows:
        a, b = magnitude(own, size), magnitude(goal, size)
        stft = stft + ((b - a).norm() / b.norm() + (b.log() - a.log()).abs().mean()) / len(windows)
    a, b = magnitude(own, 1024) @ filters, magnitude(goal, 1024) @ filters
    mel = (b.clamp(min=1e-5).log10() - a.clamp(min=1e-5).log10()).abs().mean() + (b - a).abs().mean()
    return 10 * (own - goal).abs().mean() + stft + mel + 1000 * commitment


def timed(name, work, seconds=None):
    work()
    times = []
    for _ in range(repetitions):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    least, median = min(times), sorted(times)[len(times) // 2]
    if seconds is None:
        print(f"{name}: {1000 * least:.0f} ms (median {1000 * median:.0f})")
    else:
        print(f"{name}: {seconds / least:.1f} seconds a second (median {seconds / median:.1f})")


sound = torch.randn(1, 1, RATE) * 0.1
with torch.no_grad():
    codes = transform(frozen)
    timed("encode", lambda: torch.cdist(last(encoder(sound))[0], codes).argmin(-1), 1)
    ids = torch.cdist(last(encoder(sound))[0], codes).argmin(-1)
    timed("decode", lambda: decoder(codes[ids].T[None]), 1)

parameters = [p for part in (encoder, decoder, transform) for p in part.parameters()]
optimizer = torch.optim.AdamW(parameters, 1e-3)
batch = torch.randn(BATCH, 1, SEGMENT) * 0.1


def step():
    optimizer.zero_grad()
    loss_of(batch).backward()
    nn.utils.clip_grad_norm_(parameters, 1)
    optimizer.step()


timed("training step", step)
