"""The twin of `--preset speech --quantizer simvq` in PyTorch: the same network around SimVQ with the rotation trick, 8,192 codes and a commitment weight of 1,000, the same losses and AdamW.
Prints, on one thread and for 16 kHz, how many seconds of sound it encodes and decodes in a second, and the milliseconds of a training step of 16 segments of half a second: the least and the
median of so many repetitions, processor time, which other work on the machine changes little. apps/train/bench/seanet.mjs prints the same of vqkit.

Needs a Python with torch and librosa.
usage: python seanet.py [repetitions]
"""

import sys
import time

import torch
from torch import nn

from seanet_parts import Decoder, Encoder, SimVq, SoundLoss, last

RATE, SEGMENT, BATCH, DIM, CODES = 16_000, 8_000, 16, 64, 8192
repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 10
torch.set_num_threads(1)
torch.manual_seed(0)

options = dict(filters=16, strides=[4, 4, 5], dilations=[1, 3, 9], activation="elu", causal=False, channels=1)
encoder, decoder = Encoder(**options, dim=DIM), Decoder(**options, dim=DIM)
quantizer = SimVq(torch.randn(CODES, DIM) * DIM**-0.5, 128, 1000, True)
reconstruction = SoundLoss(RATE, [2048, 1024, 512], 1024, 64)


def loss_of(x):
    quantized, _, loss = quantizer(last(encoder(x)))
    return reconstruction(decoder(last(quantized))[:, 0], x[:, 0]) + loss


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
    codes = quantizer.codes()
    timed("encode", lambda: torch.cdist(last(encoder(sound))[0], codes).argmin(-1), 1)
    ids = torch.cdist(last(encoder(sound))[0], codes).argmin(-1)
    timed("decode", lambda: decoder(codes[ids].T[None]), 1)

parameters = [p for part in (encoder, decoder, quantizer) for p in part.parameters()]
optimizer = torch.optim.AdamW(parameters, 1e-3)
batch = torch.randn(BATCH, 1, SEGMENT) * 0.1


def step():
    optimizer.zero_grad()
    loss_of(batch).backward()
    nn.utils.clip_grad_norm_(parameters, 1)
    optimizer.step()


timed("training step", step)
