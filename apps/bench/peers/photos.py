"""The twin of `--preset photos` in PyTorch: VQGAN's residual autoencoder around vector-quantize-pytorch's FSQ, L1 + squared error, AdamW, the gradient clipped at norm 1, the
learning rate on a cosine. First weights and batches come from vqkit, apps/bench/src/photos/worker.ts with the same task, so that both see the same numbers in the same order.

    python photos.py '{"do": "train", "weights": "w.safetensors", "batches": "b.f32", "test": "t.f32", "widths": [16, 32], "blocks": 1, "groups": 4,
                       "levels": [8, 5, 5, 5], "size": 32, "batchSize": 16, "steps": 150, "learningRate": 1e-3, "threads": 2, "seed": 1}'

`batches` is float32 [steps, batchSize, size, size, 3] in [-1, 1], `test` [n, size, size, 3]. Prints one line of JSON: the loss of each step and the test L1, of the output clamped to [-1, 1]. With
`"do": "time"` it needs no files, trains on one random batch, and prints the milliseconds of each step after the first two and the peak memory.
"""

import json
import math
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
import vector_quantize_pytorch as vqp
from torch import nn

sys.path.append(str(Path(__file__).parents[3] / "packages/testing/fixtures"))
from make_resnet_goldens import Decoder, Encoder  # noqa: E402


class Tokenizer(nn.Module):
    def __init__(self, widths, blocks, groups, levels):
        super().__init__()
        options = dict(widths=widths, blocks=blocks, attention=False, groups=groups, channels=3, dim=len(levels))
        self.encoder, self.decoder = Encoder(**options), Decoder(**options)
        self.quantizer = vqp.FSQ(levels)

    def forward(self, x):
        return self.decoder(self.quantizer(self.encoder(x))[0])


def tensors(path):
    """Of a safetensors file of float32."""
    raw = Path(path).read_bytes()
    begin = 8 + int.from_bytes(raw[:8], "little")
    found = {}
    for name, entry in json.loads(raw[8:begin]).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            values = np.frombuffer(raw[begin + first : begin + last], dtype=np.float32)
            found[name] = torch.from_numpy(values.copy()).reshape(entry["shape"])
    return found


def images(path, *shape):
    """Channels last in the file, channels first in PyTorch, which computes fastest on memory that stays channels last."""
    values = torch.from_numpy(np.fromfile(path, dtype=np.float32)).reshape(*shape)
    return values.movedim(-1, -3)


def training(model, learning_rate, steps):
    """One step on a batch, which gives its loss."""
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(parameters, lr=learning_rate)

    def step(x, number):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * (1 + math.cos(math.pi * number / steps)) / 2
        optimizer.zero_grad()
        difference = model(x) - x
        loss = difference.abs().mean() + difference.square().mean()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1)
        optimizer.step()
        return loss

    return step


WARM_UP = 2


def time_steps(step, work):
    batch, size = work["batchSize"], work["size"]
    x = (torch.rand(batch, size, size, 3) * 2 - 1).movedim(-1, -3)
    times = []
    for number in range(work["steps"]):
        start = time.perf_counter()
        step(x, number).item()
        times.append(1000 * (time.perf_counter() - start))
    return {"timesMs": times[WARM_UP:], "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def train(model, step, work):
    size, steps, batch = work["size"], work["steps"], work["batchSize"]
    unknown = model.load_state_dict(tensors(work["weights"]), strict=False)
    assert not [name for name in unknown.missing_keys if not name.startswith("quantizer.")], unknown
    batches, test = images(work["batches"], steps, batch, size, size, 3), images(work["test"], -1, size, size, 3)
    losses = [step(x, number).item() for number, x in enumerate(batches)]
    model.eval()
    with torch.no_grad():
        difference = torch.cat([model(x).clamp(-1, 1) - x for x in test.split(batch)])
    return {"losses": losses, "l1": difference.abs().mean().item()}


def main():
    work = json.loads(sys.argv[1])
    torch.set_num_threads(work["threads"])
    model = Tokenizer(work["widths"], work["blocks"], work["groups"], work["levels"])
    step = training(model, work["learningRate"], work["steps"])
    result = time_steps(step, work) if work["do"] == "time" else train(model, step, work)
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main()
