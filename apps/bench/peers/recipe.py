"""The example recipe of vector-quantize-pytorch, trained by the library itself: what `vqkit train --preset recipe` is compared with.

    python recipe.py --quantizer lfq|fsq|simvq --images train.idx --test-images test.idx [--loss mse|l1] [--seed 1] [--steps 1000] [--threads 2]
                     [--start start.safetensors]

IDX files may be gzipped. `--start` has the initial weights and the images of each step (src/recipe/start.ts); without it both are the seed's. Prints one
line of JSON: the losses of the first 100 steps, test L1 and PSNR (dB, of the mean squared error over all pixels of all images) on the output clamped to
[-1, 1], used codes, perplexity, steps per second.
"""

import argparse
import gzip
import json
import math
import resource
import time

import numpy as np
import torch
import torch.nn.functional as F
import vector_quantize_pytorch as vqp
from torch import nn

BATCH = 256


def read_idx(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as file:
        pixels = np.frombuffer(file.read(), dtype=np.uint8, offset=16)
    return torch.from_numpy(pixels.copy()).reshape(-1, 1, 28, 28)


def to_input(images):
    return images.float() / 127.5 - 1


def build(name):
    """Encoder, quantizer and decoder of the examples; and the number of codes."""
    encoder = [nn.Conv2d(1, 16, 3, 1, 1), nn.MaxPool2d(2), nn.GELU(), nn.Conv2d(16, 32, 3, 1, 1), nn.MaxPool2d(2)]
    if name == "lfq":
        encoder += [nn.GroupNorm(4, 32, affine=False), nn.Conv2d(32, 8, 1)]
        quantizer = vqp.LFQ(dim=8, entropy_loss_weight=0.02, diversity_gamma=1.0, spherical=True)
        decoder, codes = [nn.Conv2d(8, 32, 3, 1, 1)], 256
    elif name == "fsq":
        encoder += [nn.Conv2d(32, 3, 1)]
        quantizer = vqp.FSQ([8, 6, 5])
        decoder, codes = [nn.Conv2d(3, 32, 3, 1, 1)], 240
    else:
        transform = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 32))
        quantizer = vqp.SimVQ(
            dim=32, codebook_size=256, codebook_transform=transform, rotation_trick=True, channel_first=True
        )
        decoder, codes = [], 256
    decoder += [
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(32, 16, 3, 1, 1),
        nn.GELU(),
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(16, 1, 3, 1, 1),
    ]
    return nn.Sequential(*encoder), quantizer, nn.Sequential(*decoder), codes


def load_start(path, encoder, quantizer, decoder):
    """Loads initial weights, and gives the images of each step."""
    from safetensors.torch import load_file

    start = load_file(path)
    ends = start.pop("ends").tolist()
    order = start.pop("order").long()
    own = {name.removeprefix("quantizer."): start.pop(name) for name in list(start) if name.startswith("quantizer.")}
    # Its buffers are constants, which vqkit does not keep.
    missing, unexpected = quantizer.load_state_dict(own, strict=False)
    parameters = {name for name, _ in quantizer.named_parameters()}
    assert not unexpected and not parameters & set(missing), f"other weights: {missing}, {unexpected}"
    names = [["encoder.conv1", "encoder.conv2", "to_code"], ["from_code", "decoder.conv1", "decoder.conv2"]]
    for module, wanted in zip((encoder, decoder), names):
        convolutions = [layer for layer in module if isinstance(layer, nn.Conv2d)]
        present = [name for name in wanted if f"{name}.weight" in start]
        for layer, name in zip(convolutions, present, strict=True):
            layer.load_state_dict({"weight": start.pop(f"{name}.weight"), "bias": start.pop(f"{name}.bias")})
    assert not start, f"not used: {list(start)}"
    return [order[first:end] for first, end in zip([0, *ends], ends)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--quantizer", choices=["lfq", "fsq", "simvq"], required=True)
    parser.add_argument("--images", required=True)
    parser.add_argument("--test-images", required=True)
    parser.add_argument("--loss", choices=["mse", "l1"], default="mse")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--start")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    train, test = read_idx(args.images), read_idx(args.test_images)
    encoder, quantizer, decoder, codes = build(args.quantizer)
    parameters = [p for module in (encoder, quantizer, decoder) for p in module.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=3e-4)

    def quantize(x):
        result = quantizer(encoder(x))
        return (*result, torch.zeros(())) if len(result) == 2 else result

    planned = None if args.start is None else load_start(args.start, encoder, quantizer, decoder)
    step, seconds, losses = 0, 0.0, []
    while step < args.steps:
        for rows in planned or torch.randperm(len(train)).split(BATCH):
            x = to_input(train[rows])
            start = time.perf_counter()
            optimizer.zero_grad()
            quantized, _, auxiliary = quantize(x)
            output = decoder(quantized)
            reconstruction = F.mse_loss(output, x) if args.loss == "mse" else (output.clamp(-1, 1) - x).abs().mean()
            loss = reconstruction + auxiliary
            loss.backward()
            optimizer.step()
            seconds += time.perf_counter() - start
            if step < 100:
                losses.append(loss.item())
            step += 1
            if step == args.steps:
                break

    for module in (encoder, quantizer, decoder):
        module.eval()
    counts, absolute, squared = torch.zeros(codes), 0.0, 0.0
    with torch.no_grad():
        for x in map(to_input, test.split(500)):
            quantized, indices, _ = quantize(x)
            output = decoder(quantized).clamp(-1, 1)
            counts += torch.bincount(indices.flatten(), minlength=codes)
            absolute += (output - x).abs().mean(dim=(1, 2, 3)).sum().item()
            squared += (output - x).double().square().mean(dim=(1, 2, 3)).sum().item()
    used = resource.getrusage(resource.RUSAGE_SELF)
    shares = counts[counts > 0] / counts.sum()
    result = {
        "quantizer": args.quantizer,
        "loss": args.loss,
        "seed": args.seed,
        "steps": args.steps,
        "threads": args.threads,
        "losses": losses,
        "l1": absolute / len(test),
        "psnr": 10 * math.log10(4 * len(test) / squared) if squared > 0 else None,
        "usedCodes": int((counts > 0).sum()),
        "perplexity": (-(shares * shares.log()).sum()).exp().item(),
        "stepsPerSecond": args.steps / seconds,
        "cpuSeconds": used.ru_utime + used.ru_stime,
        "peakMiB": used.ru_maxrss / 1024,
        "torch": torch.__version__,
    }
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
