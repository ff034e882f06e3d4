"""Values and gradients of the losses of images, in float64 by PyTorch: python make.py writes image-losses.json beside it."""

import json
import pathlib

import torch
import torch.nn.functional as F

WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
BATCH, HEIGHT, WIDTH, CHANNELS = 2, 24, 22, 3


def window():
    g = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2))
    g /= g.sum()
    return g[:, None] * g[None, :]


def ms_ssim(a, b, scales):
    c1, c2 = 0.02**2, 0.06**2
    channels = a.shape[1]
    kernel = window().expand(channels, 1, 11, 11)
    weights = torch.tensor(WEIGHTS[:scales], dtype=torch.float64)
    weights = weights / weights.sum()
    product = 1
    for j in range(scales):
        blur = lambda x: F.conv2d(x, kernel, groups=channels)
        ma, mb = blur(a), blur(b)
        va, vb, cov = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
        cs = (2 * cov + c2) / (va + vb + c2)
        ssim = (2 * ma * mb + c1) / (ma * ma + mb * mb + c1) * cs
        means = (ssim if j == scales - 1 else cs).mean((2, 3))
        product = product * (F.relu(means) + 1e-8) ** weights[j]
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return product.mean()


def gradient_difference(a, b):
    d = a - b
    down = (d[:, :, 1:] - d[:, :, :-1]).abs().mean()
    across = (d[..., 1:] - d[..., :-1]).abs().mean()
    return (down + across) / 2


def images():
    """As in loss.test.ts."""
    y = torch.arange(HEIGHT, dtype=torch.float64)[:, None]
    x = torch.arange(WIDTH, dtype=torch.float64)[None, :]
    over = lambda f: torch.stack([torch.stack([f(n, c) for c in range(CHANNELS)]) for n in range(BATCH)])
    clean = over(lambda n, c: torch.sin(0.3 * y * (c + 1) + 0.2 * x * (n + 1) + c)) * 0.7
    noise = over(lambda n, c: torch.cos(1.7 * y + 2.3 * x * (c + 1) + n)) * 0.25
    return (clean + noise).float().double(), clean.float().double()


output, examples = images()
output.requires_grad_()
result = {"torch": torch.__version__, "shape": [BATCH, HEIGHT, WIDTH, CHANNELS]}
losses = {"ssimWeight": lambda: 1 - ms_ssim(output, examples, 2), "gradientWeight": lambda: gradient_difference(output, examples)}
for name, loss in losses.items():
    output.grad = None
    value = loss()
    value.backward()
    gradient = output.grad.permute(0, 2, 3, 1).reshape(-1)
    result[name] = {"value": value.item(), "every61st": [float("%.9g" % g) for g in gradient[::61]]}
pathlib.Path(__file__).with_name("image-losses.json").write_text(json.dumps(result) + "\n")
