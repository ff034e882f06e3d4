"""One step with a discriminator, in float64 by PyTorch: python make_adversarial.py writes adversarial.json beside it. Weights and data are as in adversarial.test.ts."""

import json
import math
import pathlib

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import weight_norm

EVERY = 7


def formula(size, phase, low, high):
    """Between low and high; float32 numbers."""
    i = torch.arange(size, dtype=torch.float64)
    return ((low + high) / 2 + (high - low) / 2 * torch.sin(1.3 * i * (1 + 0.01 * i / size) + phase)).float().double()


def fill(module, phase):
    for p, (name, parameter) in enumerate(sorted(module.named_parameters())):
        is_norm = name.endswith("weight") and parameter.ndim == 1
        low, high = (1.8, 2.6) if name.endswith("weight_g") else (0.8, 1.2) if is_norm else (-0.4, 0.4)
        parameter.data = formula(parameter.numel(), phase + 0.7 * p, low, high).reshape(parameter.shape)


class Patch(nn.Module):
    def __init__(self, channels, layers, filters):
        super().__init__()
        parts = [nn.Conv2d(channels, filters, 4, 2, 1), nn.LeakyReLU(0.2)]
        inputs = filters
        for level in range(1, layers + 1):
            outputs = filters * min(2**level, 8)
            stride = 2 if level < layers else 1
            parts += [nn.Conv2d(inputs, outputs, 4, stride, 1), nn.GroupNorm(outputs // 4, outputs), nn.LeakyReLU(0.2)]
            inputs = outputs
        self.main = nn.Sequential(*parts, nn.Conv2d(inputs, 1, 4, 1, 1))

    def forward(self, x):
        return [self.main(x)], []


class Normed(nn.Module):
    def __init__(self, *args, **kwargs):
        super().__init__()
        self.conv = weight_norm(nn.Conv2d(*args, **kwargs))

    def forward(self, x):
        return self.conv(x)


class Scale(nn.Module):
    def __init__(self, channels, size, filters):
        super().__init__()
        self.size = size
        self.convs = nn.ModuleList([Normed(2 * channels, filters, (3, 9), padding=(1, 4))])
        for d in (1, 2, 4):
            self.convs.append(Normed(filters, filters, (3, 9), stride=(1, 2), dilation=(d, 1), padding=(d, 4)))
        self.convs.append(Normed(filters, filters, (3, 3), padding=(1, 1)))
        self.conv_post = Normed(filters, 1, (3, 3), padding=(1, 1))

    def forward(self, x):
        batch, channels, samples = x.shape
        window = torch.hann_window(self.size, dtype=x.dtype)
        z = torch.stft(x.reshape(-1, samples), self.size, self.size // 4, window=window, center=False, return_complex=True)
        z = (z / window.pow(2).sum().sqrt()).reshape(batch, channels, *z.shape[1:])
        z = torch.cat([z.real, z.imag], 1).transpose(2, 3)
        features = []
        for conv in self.convs:
            z = F.leaky_relu(conv(z), 0.2)
            features.append(z)
        return self.conv_post(z), features


class Stft(nn.Module):
    def __init__(self, channels, sizes, filters):
        super().__init__()
        self.discriminators = nn.ModuleList([Scale(channels, size, filters) for size in sizes])

    def forward(self, x):
        judged = [scale(x) for scale in self.discriminators]
        return [s for s, _ in judged], [f for _, features in judged for f in features]


def l1(x, y):
    return (x - y).abs().mean()


def reconstruction_of(kind, x, y):
    return l1(x, y) + ((x - y) ** 2).mean() if kind == "l1+mse" else l1(x, y)


def step(encoder, decoder, discriminator, data, kind, weight, feature_weight):
    model = nn.ModuleDict({"decoder": decoder, "encoder": encoder})
    fill(model, 0.1)
    fill(discriminator, 0.5)
    latents = encoder(data)
    output = decoder(F.elu(latents))
    quantizer = 0.1 * (latents**2).mean()
    reconstruction = reconstruction_of(kind, output, data)
    scores, features = discriminator(output)
    _, originals = discriminator(data)
    generator = sum(-s.mean() for s in scores) / len(scores)
    matching = torch.zeros((), dtype=torch.float64)
    if feature_weight > 0:
        pairs = list(zip(originals, features))
        matching = sum(l1(f.detach(), g) / f.detach().abs().mean() for f, g in pairs) / len(pairs)
    adversarial = generator + feature_weight * matching
    last = [p for name, p in decoder.named_parameters() if name != "bias"]
    norm = lambda loss: math.sqrt(sum((g**2).sum().item() for g in torch.autograd.grad(loss, last, retain_graph=True)))
    adaptive = weight * min(max(norm(reconstruction) / (norm(adversarial) + 1e-4), 0), 1e4)
    total = reconstruction + adaptive * adversarial + quantizer
    own = dict(model.named_parameters())
    gradients = dict(zip(own, torch.autograd.grad(total, list(own.values()), retain_graph=True)))
    real, fake = discriminator(data)[0], discriminator(output.detach())[0]
    hinge = sum(0.5 * F.relu(1 - r).mean() + 0.5 * F.relu(1 + f).mean() for r, f in zip(real, fake)) / len(real)
    judges = dict(discriminator.named_parameters())
    judged = dict(zip(judges, torch.autograd.grad(hinge, list(judges.values()))))
    some = lambda named: {k: [float(f"{x:.7g}") for x in g.flatten()[::EVERY].tolist()] for k, g in named.items()}
    numbers = {"loss": total, "reconstruction": reconstruction, "generator": generator, "features": matching, "discriminator": hinge}
    return {
        **{name: value.item() for name, value in numbers.items()},
        "weight": adaptive,
        "gradients": some(gradients),
        "discriminatorGradients": some(judged),
    }


torch.set_default_dtype(torch.float64)
pictures = formula(2 * 16 * 16, 0.9, -0.9, 0.9).reshape(2, 16, 16, 1).permute(0, 3, 1, 2)
sounds = formula(2 * 96 * 2, 0.3, -0.8, 0.8).reshape(2, 96, 2).permute(0, 2, 1)
result = {
    "torch": torch.__version__,
    "every": EVERY,
    "pictures": step(
        nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 1, 3, padding=1), Patch(1, 2, 2), pictures, "l1+mse", 0.8, 0
    ),
    "sounds": step(
        weight_norm(nn.Conv1d(2, 3, 5, padding=2)),
        weight_norm(nn.Conv1d(3, 2, 5, padding=2)),
        Stft(2, [32, 16], 2),
        sounds,
        "l1",
        0.5,
        0.7,
    ),
}
pathlib.Path(__file__).with_name("adversarial.json").write_text(json.dumps(result) + "\n")
