"""SimVQ of given commits of vector-quantize-pytorch, trained as issue #177 has it. Needs torch, einops, einx, safetensors and a clone of
lucidrains/vector-quantize-pytorch.

    python simvq_versions.py CLONE

For every line {"commit", "rotation", "weight", "start", "steps", "batch", "every", "without"} it trains from the weights and on the vectors of the
safetensors file `start`, and prints mse(z, q) and the reconstruction error of every step as a line; "without" is null or the first step of those
without the second half of the loss and the first with it again. A commit that the clone lacks gives null.
"""

import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import nn

clone = sys.argv[1]
git = ["git", "--git-dir", clone if (Path(clone) / "HEAD").exists() else f"{clone}/.git"]
torch.set_num_threads(1)
checkouts = tempfile.TemporaryDirectory()


def sources(commit):
    """The folder of a commit's sources, or None."""
    folder = Path(checkouts.name) / commit
    if not folder.exists():
        archive = subprocess.run([*git, "archive", commit, "vector_quantize_pytorch"], capture_output=True)
        if archive.returncode != 0:
            return None
        folder.mkdir()
        subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder


def library(commit):
    """SimVQ of a commit, or None where the clone lacks it."""
    folder = sources(commit)
    if folder is None:
        return None
    for name in [name for name in sys.modules if name.split(".")[0] == "vector_quantize_pytorch"]:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("vector_quantize_pytorch.sim_vq").SimVQ
    finally:
        sys.path.remove(str(folder))


def train(task):
    simvq = library(task["commit"])
    if simvq is None:
        return None
    start = load_file(task["start"])
    part = lambda name: {key.removeprefix(name): value for key, value in start.items() if key.startswith(name)}
    (hidden, inputs), (dim, _) = start["encoder.1.weight"].shape, start["encoder.2.weight"].shape
    encoder = nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, dim))
    decoder = nn.Sequential(nn.Linear(dim, hidden), nn.GELU(), nn.Linear(hidden, inputs))
    for module, name in [(encoder, "encoder"), (decoder, "decoder")]:
        module[0].load_state_dict(part(f"{name}.1."))
        module[2].load_state_dict(part(f"{name}.2."))
    # As in the issue: Linear, ReLU, Linear, twice as wide inside.
    quantizer = simvq(
        dim=dim,
        codebook_size=start["quantizer.frozen_codebook"].shape[0],
        codebook_transform=nn.Sequential(nn.Linear(dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, dim)),
        rotation_trick=task["rotation"],
        commitment_weight=task["weight"],
    )
    quantizer.load_state_dict(part("quantizer."))
    usual = quantizer.input_to_quantize_commit_loss_weight
    modules = nn.ModuleList([encoder, quantizer, decoder])
    optimizer = torch.optim.AdamW(modules.parameters(), lr=1e-3)
    vectors = start["vectors"]
    trace = []
    for step in range(task["steps"]):
        first = (step * task["batch"]) % len(vectors)
        x = vectors[first : first + task["batch"]]
        if task["without"] is not None:
            taken, back = task["without"]
            quantizer.input_to_quantize_commit_loss_weight = 0.0 if taken <= step < back else usual
        z = encoder(x)
        # One batch axis before the tokens, as the library wants it.
        quantized, _, loss = quantizer(z[None])
        reconstruction = F.mse_loss(decoder(quantized[0]), x)
        trace.append((F.mse_loss(z, quantized[0]).item(), reconstruction.item()))
        optimizer.zero_grad()
        (reconstruction + loss).backward()
        optimizer.step()
    return {"error": [error for error, _ in trace], "reconstruction": [error for _, error in trace]}


for line in sys.stdin:
    print(json.dumps(train(json.loads(line))), flush=True)
