"""What the twins of arch `seanet` in PyTorch share: the quantizers and the losses of sound; the network is make_seanet_goldens.py's."""

import sys
from pathlib import Path

import librosa
import torch
from torch import nn

sys.path.append(str(Path(__file__).parents[3] / "packages/testing/fixtures"))
from make_seanet_goldens import Decoder, Encoder, last, named  # noqa: E402, F401


def rotate(z, q):
    """Fifty and others, "Restructuring Vector Quantization with the Rotation Trick": q with the gradient of a rotation and a scale of z."""
    with torch.no_grad():
        u, v = nn.functional.normalize(z, dim=-1), nn.functional.normalize(q, dim=-1)
        w = nn.functional.normalize(u + v, dim=-1)
        scale = (q.norm(dim=-1, keepdim=True) / z.norm(dim=-1, keepdim=True).clamp(min=1e-12)).clamp(max=100)
    return scale * (z - 2 * (z * w).sum(-1, keepdim=True) * w + 2 * (z * u).sum(-1, keepdim=True) * v)


class SimVq(nn.Module):
    """Frozen codes behind Linear - ReLU - Linear; the gradient by the rotation trick, or straight-through."""

    def __init__(self, frozen, hidden, commitment_weight, rotation):
        super().__init__()
        dim = frozen.shape[1]
        self.register_buffer("frozen", frozen)
        self.transform = nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, dim))
        self.weight, self.rotation = commitment_weight, rotation

    def codes(self):
        return self.transform(self.frozen)

    def forward(self, z):
        codes = self.codes()
        with torch.no_grad():
            ids = torch.cdist(z.reshape(-1, z.shape[-1]), codes).argmin(-1)
        q = codes[ids].reshape(z.shape)
        loss = self.weight * ((z.detach() - q).square().mean() + 0.25 * (z - q.detach()).square().mean())
        return rotate(z, q.detach()) if self.rotation else z + (q - z).detach(), ids, loss


class ResidualFsq(nn.Module):
    """Residual finite scalar quantization: every layer on a grid as many times as fine as it has levels."""

    def __init__(self, levels, layers):
        super().__init__()
        self.register_buffer("levels", torch.tensor(levels, dtype=torch.float32))
        self.layers = layers

    def forward(self, z):
        most = self.levels - 1
        limit = self.levels / most
        x = (z / limit).tanh() * limit
        basis = torch.cumprod(torch.cat([torch.ones(1), self.levels[:-1]]), 0)
        total, ids = torch.zeros_like(x), []
        with torch.no_grad():
            for layer in range(self.layers):
                scale = self.levels**-layer
                digits = (((x - total) / scale + 1) / 2 * most).round().clamp(min=0).minimum(most)
                total = total + scale * (2 * digits / most - 1)
                ids.append((digits * basis).sum(-1))
        return x + (total - x).detach(), torch.stack(ids, -1), torch.zeros(())


class SoundLoss:
    """The difference of the waveforms, the multi-resolution STFT loss and the mel distance of two batches of waveforms, weighted."""

    def __init__(self, rate, fft_sizes, mel_fft_size, mels, wave_weight=10, stft_weight=1, mel_weight=1):
        self.fft_sizes, self.mel_fft_size = fft_sizes, mel_fft_size
        self.weights = wave_weight, stft_weight, mel_weight
        self.windows = {size: torch.hann_window(size) for size in {*fft_sizes, mel_fft_size}}
        self.filters = torch.tensor(librosa.filters.mel(sr=rate, n_fft=mel_fft_size, n_mels=mels)).T

    def magnitude(self, x, size):
        out = torch.stft(x, size, size // 4, window=self.windows[size], return_complex=True).mT
        return (out.real**2 + out.imag**2).clamp(min=1e-10).sqrt()

    def __call__(self, own, goal):
        stft = 0
        for size in self.fft_sizes:
            a, b = self.magnitude(own, size), self.magnitude(goal, size)
            stft = stft + ((b - a).norm() / b.norm() + (b.log() - a.log()).abs().mean()) / len(self.fft_sizes)
        a, b = [self.magnitude(y, self.mel_fft_size) @ self.filters for y in (own, goal)]
        mel = (b.clamp(min=1e-5).log10() - a.clamp(min=1e-5).log10()).abs().mean() + (b - a).abs().mean()
        wave, stft_weight, mel_weight = self.weights
        return wave * (own - goal).abs().mean() + stft_weight * stft + mel_weight * mel
