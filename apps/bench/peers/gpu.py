"""vector-quantize-pytorch on CUDA for `pnpm bench gpu`: the works and the protocol of kernels.py on PyTorch's first CUDA device.

A run ends when its result is in main memory: the ids of an encoding, the loss of a training step after all its gradients.
"""

import json
import resource
import sys
import time

import torch

import kernels

DEVICE = "cuda"


def prepare(work):
    """One run, and one run that gives the ids."""
    quantizer = kernels.build(work).to(DEVICE)
    x = kernels.floats(work["inputPath"], 1, work["n"], work["dim"]).to(DEVICE)
    if work["op"] == "encode":
        quantizer.eval()

        def encode():
            with torch.no_grad():
                return quantizer(x)[1].cpu()

        return encode, encode

    x.requires_grad_(True)
    upstream = kernels.floats(work["gradientPath"], 1, work["n"], work["dim"]).to(DEVICE)
    quantizer.train()

    def train():
        quantizer.zero_grad()
        x.grad = None
        result = quantizer(x)
        loss = (result[0] * upstream).sum()
        if len(result) == 3:
            loss = loss + result[2].sum()
        loss.backward()
        torch.cuda.synchronize()
        return loss.item()

    return train, None


def answer(request, state):
    if request["do"] == "prepare":
        if not torch.cuda.is_available():
            return {"failed": "PyTorch finds no CUDA device"}
        state["run"], state["indices"] = prepare(request["work"])
        note = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, PyTorch {torch.__version__}"
        return {"ready": True, "note": note}
    if request["do"] == "measure":
        times = []
        for _ in range(request["count"]):
            start = time.perf_counter()
            state["run"]()
            times.append(1000 * (time.perf_counter() - start))
        return {"timesMs": times}
    if request["do"] == "indices":
        state["indices"]().to(torch.int32).numpy().tofile(request["path"])
        return {"written": True}
    return {"peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main():
    state = {}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), state)
        except (RuntimeError, ValueError) as error:
            reply = {"failed": str(error).splitlines()[0]}
        print("@bench " + json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
