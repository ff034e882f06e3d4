"""A DataLoader of PyTorch and the tokenizer's twin, beside src/workers/worker.ts: pip install torch pillow safetensors numpy.

    python loader.py '{"pictures": "folder", "tokenizer": "x.safetensors", "out": "shards", "workers": 2, "threads": 2, "batchSize": 16}'

The twin is the reader of packages/tokenizer/README.md. Prints one line of JSON: pictures per second, from a tenth of the pictures to nine tenths, and
the share of ids that are those of the shards in `out`.
"""

import glob
import json
import math
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import safe_open
from torch.utils.data import DataLoader, Dataset


class Pictures(Dataset):
    def __init__(self, folder):
        self.paths = sorted(glob.glob(os.path.join(folder, "*.jpg")))

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        with Image.open(self.paths[index]) as picture:
            return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)


def read_encoder(path):
    with safe_open(path, "pt") as file:
        config = json.loads(file.metadata()["tokenizer"])
        w = {name: file.get_tensor(name) for name in file.keys()}

    def conv(x, name):
        return F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], padding="same")

    def encode(x):
        for i in range(1, len(config["widths"]) + 1):
            x = F.max_pool2d(conv(x if i == 1 else F.gelu(x), f"encoder.conv{i}"), 2)
        x = F.group_norm(x, config["normGroups"]) if config["normGroups"] else x
        return conv(x, "to_code") if "to_code.weight" in w else x

    return encode, torch.tensor(config["quantizerOptions"]["levels"])


def ids_of(z, levels):
    """FSQ of vector-quantize-pytorch: z [batch, dim, rows, columns]."""
    z = z.movedim(1, -1)
    half = (levels - 1) * (1 + 1e-3) / 2
    offset = torch.where(levels % 2 == 0, 0.5, 0.0)
    rounded = ((z + (offset / half).atanh()).tanh() * half - offset).round()
    basis = torch.cumprod(torch.cat([torch.ones(1, dtype=torch.int64), levels[:-1]]), 0)
    return ((rounded + levels // 2) * basis).sum(-1).to(torch.int32)


task = json.loads(sys.argv[1])
torch.set_num_threads(task["threads"])
encode, levels = read_encoder(task["tokenizer"])
pictures = Pictures(task["pictures"])
more = {"prefetch_factor": 4} if task["workers"] > 0 else {}
loader = DataLoader(pictures, batch_size=task["batchSize"], num_workers=task["workers"], **more)
seen, found = [], []
with torch.inference_mode():
    for batch in loader:
        found.append(ids_of(encode(batch.float() / 127.5 - 1), levels).numpy())
        seen.append((time.perf_counter(), (seen[-1][1] if seen else 0) + len(batch)))
(start, first), (end, last) = [next(at for at in seen if at[1] >= math.floor(share * len(pictures))) for share in [0.1, 0.9]]
own = np.concatenate([np.load(path) for path in sorted(glob.glob(os.path.join(task["out"], "ids-*.npy")))])
same = float((np.concatenate(found) == own).mean())
print("@workers " + json.dumps({"perSecond": (last - first) / (end - start), "same": same}))
