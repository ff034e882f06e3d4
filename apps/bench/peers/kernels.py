"""vector-quantize-pytorch for `pnpm bench kernels`: does a piece of work as often as it is asked to and says how long each time took.

Reads one JSON object per line and answers with one line of JSON behind "@bench ":
    {"do": "prepare", "work": {...}, "threads": 1}  builds the quantizer and its input, nothing is timed
    {"do": "measure", "count": 5}                   milliseconds of each of 5 runs
    {"do": "indices", "path": "..."}                writes the ids of the input as int32
    {"do": "memory"}                                peak of the whole process in MiB
"""

import json
import resource
import sys
import time

import numpy as np
import torch
import vector_quantize_pytorch as vqp


def floats(path, *shape):
    return torch.from_numpy(np.fromfile(path, dtype=np.float32)).reshape(*shape)


def build(work):
    """The quantizer in the library's own defaults; SimVQ gets the codebook and the transform that vqkit has."""
    kind = work["quantizer"]
    if kind == "fsq":
        return vqp.FSQ(work["levels"])
    if kind == "lfq":
        return vqp.LFQ(dim=work["dim"], codebook_size=2 ** work["dim"])
    if kind == "residual-vq":
        return vqp.ResidualVQ(dim=work["dim"], codebook_size=work["codes"], num_quantizers=work["depth"])
    if kind == "residual-simvq":
        return vqp.ResidualSimVQ(dim=work["dim"], codebook_size=work["codes"], num_quantizers=work["depth"])
    width = work["frozenDim"]
    quantizer = vqp.SimVQ(dim=work["dim"], codebook_size=work["codes"], frozen_codebook_dim=width)
    quantizer.frozen_codebook.copy_(floats(work["codebookPath"], work["codes"], width))
    with torch.no_grad():
        quantizer.code_transform.weight.copy_(floats(work["weightPath"], work["dim"], width))
    return quantizer


def prepare(work, device="cpu", take_ids=lambda ids: ids, take_loss=lambda loss: None):
    """(one run, one run that gives the ids). A run ends when `take_ids` or `take_loss` has what it gave."""
    quantizer = build(work).to(device)
    x = floats(work["inputPath"], 1, work["n"], work["dim"]).to(device)
    if work["op"] == "encode":
        quantizer.eval()

        def encode():
            with torch.no_grad():
                return take_ids(quantizer(x)[1])

        return encode, encode

    x.requires_grad_(True)
    upstream = floats(work["gradientPath"], 1, work["n"], work["dim"]).to(device)
    quantizer.train()

    def train():
        quantizer.zero_grad()
        x.grad = None
        result = quantizer(x)
        loss = (result[0] * upstream).sum()
        if len(result) == 3:
            loss = loss + result[2].sum()
        loss.backward()
        return take_loss(loss)

    return train, None


def answer(request, run, indices):
    """What a prepared work says to a request."""
    if request["do"] == "measure":
        times = []
        for _ in range(request["count"]):
            start = time.perf_counter()
            run()
            times.append(1000 * (time.perf_counter() - start))
        return {"timesMs": times}
    if request["do"] == "indices":
        indices().to(torch.int32).numpy().tofile(request["path"])
        return {"written": True}
    return {"peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main():
    run = indices = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["do"] == "prepare":
            torch.set_num_threads(request["threads"])
            run, indices = prepare(request["work"])
            reply = {"ready": True}
        else:
            reply = answer(request, run, indices)
        print("@bench " + json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
