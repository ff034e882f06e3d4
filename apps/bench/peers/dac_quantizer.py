"""The quantizer of the Descript Audio Codec in PyTorch, on one thread, beside src/codecs/worker.ts. Needs torch, einops, safetensors and a clone of
descriptinc/descript-audio-codec.

    python dac_quantizer.py CLONE OUT.safetensors '{"dim": 1024, "layers": 9, "codes": 1024, "width": 8, "frames": 16384}'

Writes weights, latents and ids, prints a line, then quantizes once for every line that it is given and prints what that took, in milliseconds of the wall
and of the processor.
"""

import importlib
import json
import sys
import time
import types

import torch
from safetensors.torch import save_file

clone, path, sizes = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
for name in ["dac", "dac.nn"]:
    package = sys.modules.setdefault(name, types.ModuleType(name))
    package.__path__ = [f"{clone}/{name.replace('.', '/')}"]
torch.set_num_threads(1)
torch.manual_seed(0)
quantize = importlib.import_module("dac.nn.quantize")
model = quantize.ResidualVectorQuantize(sizes["dim"], sizes["layers"], sizes["codes"], sizes["width"]).eval()
latents = torch.randn(1, sizes["dim"], sizes["frames"])
with torch.no_grad():
    ids = model(latents)[1][0]
    tensors = {f"quantizer.{key}": value for key, value in model.state_dict().items()}
    tensors |= {"golden.latents": latents[0].T, "golden.ids": ids.int()}
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    print("{}", flush=True)
    for _ in sys.stdin:
        wall, processor = time.perf_counter(), time.process_time()
        model(latents)
        spent = {"wall": 1000 * (time.perf_counter() - wall), "processor": 1000 * (time.process_time() - processor)}
        print(json.dumps(spent), flush=True)
