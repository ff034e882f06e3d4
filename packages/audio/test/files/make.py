"""Makes goldens.json of torch, librosa and SciPy: pip install torch librosa scipy, then run it here.

Sample i of a sound of seed s is sin(.05 (1 + s / 9) i) + .3 cos(.3 i + s) (1 + i mod 7), divided by 4, in float32.
"""

import json

import librosa
import numpy as np
import scipy.signal
import torch


def sound(seed, samples):
    i = np.arange(samples, dtype="f8")
    x = np.sin(0.05 * (1 + seed / 9) * i) + 0.3 * np.cos(0.3 * i + seed) * (1 + i % 7)
    return (x / 4).astype("f4")


stfts = []
for fft_size, hop, center, samples in [(16, 4, True, 40), (16, 8, False, 41), (64, 16, True, 33), (30, 5, True, 77)]:
    x = np.stack([sound(0, samples), sound(1, samples)])
    window = torch.hann_window(fft_size)
    out = torch.stft(torch.tensor(x), fft_size, hop, window=window, center=center, return_complex=True).mT
    stfts.append(
        dict(
            fftSize=fft_size,
            hop=hop,
            center=center,
            samples=samples,
            shape=list(out.shape),
            real=out.real.flatten().tolist(),
            imaginary=out.imag.flatten().tolist(),
        )
    )

mels = []
for rate, fft_size, hop, bands, low, high in [(16000, 256, 64, 20, 0, 8000), (24000, 512, 128, 12, 60, 7000)]:
    out = librosa.feature.melspectrogram(
        y=sound(2, 900), sr=rate, n_fft=fft_size, hop_length=hop, n_mels=bands, fmin=low, fmax=high, power=1, pad_mode="reflect"
    )
    mels.append(
        dict(sampleRate=rate, fftSize=fft_size, hop=hop, mels=bands, lowest=low, highest=high, values=out.T.flatten().tolist())
    )

resampled = []
for start, end, samples in [(3, 2, 50), (2, 3, 40), (441, 160, 1500), (160, 441, 120), (8000, 16000, 31), (48000, 16000, 200)]:
    out = scipy.signal.resample_poly(sound(3, samples).astype("f8"), end, start)
    resampled.append({"from": start, "to": end, "samples": samples, "values": out.tolist()})



def magnitude(x, size):
    out = torch.stft(x, size, size // 4, window=torch.hann_window(size), return_complex=True).mT
    return (out.real**2 + out.imag**2).clamp(min=1e-10).sqrt()


def multi_resolution(x, goal):
    terms = []
    for size in [16, 8]:
        own, wanted = magnitude(x, size), magnitude(goal, size)
        terms.append((wanted - own).norm() / wanted.norm() + (wanted.log() - own.log()).abs().mean())
    return sum(terms) / len(terms)


def mel(x, goal):
    filters = torch.tensor(librosa.filters.mel(sr=16000, n_fft=32, n_mels=6)).T
    own, wanted = [magnitude(y, 32) @ filters for y in (x, goal)]
    logs = wanted.clamp(min=1e-5).log10() - own.clamp(min=1e-5).log10()
    return logs.abs().mean() + (wanted - own).abs().mean()


losses = {}
for name, loss in dict(multiResolution=multi_resolution, mel=mel).items():
    x, goal = torch.tensor(sound(4, 40))[None].requires_grad_(), torch.tensor(sound(5, 40))[None]
    value = loss(x, goal)
    value.backward()
    losses[name] = dict(value=value.item(), gradient=x.grad.flatten().tolist())

json.dump(dict(losses=losses, stfts=stfts, mels=mels, resampled=resampled), open("goldens.json", "w"))
