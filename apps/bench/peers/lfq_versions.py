"""LFQ of given commits of vector-quantize-pytorch on the same inputs. Needs torch, einops, einx and a clone of lucidrains/vector-quantize-pytorch.

    python lfq_versions.py CLONE '["e244d47", "ff26058", "4a643eb"]' '[[8, 1, 2000], ...]'

For every case [bits, rms of an input, tokens] a line: for each commit, beside the first, ids that differ, probabilities whose bits differ and by how much,
the gradient of the entropy loss, and for each commit how far probabilities are from float64's product over the bits; null where the clone lacks a commit.
"""

import importlib
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import torch

warnings.filterwarnings("ignore")
clone, commits, cases = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
git = ["git", "--git-dir", clone if (Path(clone) / "HEAD").exists() else f"{clone}/.git"]
FILE = "vector_quantize_pytorch/lookup_free_quantization.py"
TEMPERATURE = 100.0


def library(commit, folder):
    found = subprocess.run([*git, "show", f"{commit}:{FILE}"], capture_output=True)
    if found.returncode != 0:
        return None
    (folder / f"lfq_{commit}.py").write_bytes(found.stdout)
    return importlib.import_module(f"lfq_{commit}").LFQ


def run(lfq, x, bits):
    """Ids, the probabilities that it computes inside, and the gradient of its entropy loss."""
    seen, softmax = [], torch.Tensor.softmax

    def watched(self, *args, **kwargs):
        seen.append(softmax(self, *args, **kwargs))
        return seen[-1]

    module = lfq(dim=bits, commitment_loss_weight=0.0, entropy_loss_weight=1.0)
    module.train()
    x = x.clone().requires_grad_()
    torch.Tensor.softmax = watched
    try:
        _, ids, loss = module(x[None], inv_temperature=TEMPERATURE)
    finally:
        torch.Tensor.softmax = softmax
    loss.backward()
    return ids[0], seen[0].detach().reshape(len(x), -1), x.grad


def exact(x, bits):
    """Bit i is one with probability 1 / (1 + exp(-4 τ x_i)): the log-odds, in float64."""
    one = torch.sigmoid(4 * TEMPERATURE * x.double())
    codes = (torch.arange(2**bits)[:, None] >> torch.arange(bits - 1, -1, -1)) & 1
    return torch.where(codes[None] == 1, one[:, None], 1 - one[:, None]).prod(-1)


with tempfile.TemporaryDirectory() as folder:
    sys.path.insert(0, folder)
    versions = {commit: library(commit, Path(folder)) for commit in commits}
    for bits, rms, tokens in cases:
        torch.manual_seed(0)
        x = rms * torch.randn(tokens, bits)
        truth = exact(x, bits)
        runs = {commit: lfq and run(lfq, x, bits) for commit, lfq in versions.items()}
        first = runs[commits[0]]
        row = []
        for commit in commits:
            if first is None or runs[commit] is None:
                row.append(None)
                continue
            (ids, probs, grad), (ids0, probs0, grad0) = runs[commit], first
            row.append({
                "ids": int((ids != ids0).sum()),
                "bits": int((probs != probs0).sum()),
                "probability": float((probs - probs0).abs().max()),
                "error": float((probs.double() - truth).abs().max()),
                "gradient": float((grad - grad0).norm() / grad0.norm()) if grad0.norm() > 0 else float((grad - grad0).norm()),
            })
        print(json.dumps({"values": truth.numel(), "commits": row}), flush=True)
