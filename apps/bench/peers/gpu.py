"""vector-quantize-pytorch on CUDA for `pnpm bench gpu`: the works and the protocol of kernels.py on PyTorch's first CUDA device.

A run ends when its result is in main memory: the ids of an encoding, the loss of a training step after all its gradients.
"""

import json
import sys

import torch

import kernels


def finish(loss):
    torch.cuda.synchronize()
    return loss.item()


def answer(request, state):
    if request["do"] != "prepare":
        return kernels.answer(request, **state)
    if not torch.cuda.is_available():
        return {"failed": "PyTorch finds no CUDA device"}
    run, indices = kernels.prepare(request["work"], "cuda", take_ids=torch.Tensor.cpu, take_loss=finish)
    state.update(run=run, indices=indices)
    note = f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}, PyTorch {torch.__version__}"
    return {"ready": True, "note": note}


def main():
    state = {"run": None, "indices": None}
    for line in sys.stdin:
        try:
            reply = answer(json.loads(line), state)
        except (RuntimeError, ValueError) as error:
            reply = {"failed": str(error).splitlines()[0]}
        print("@bench " + json.dumps(reply), flush=True)


if __name__ == "__main__":
    main()
