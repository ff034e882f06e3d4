"""Trains the twin of arch `seanet` in PyTorch as vqkit does: from the same weights, on the same segments in the same order, by the same losses, rates and clipping.

A folder has what src/sound/worker.ts left there: settings.json, initial.safetensors, train.f32 [steps, batch, samples] and test.f32 [count, samples]. Writes output.f32, the
test segments through tokens, and ids.i32, and prints a line of JSON with the time.

Needs a Python with torch, librosa and safetensors.
usage: python seanet_train.py FOLDER
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from seanet_parts import Decoder, Encoder, ResidualFsq, SimVq, SoundLoss, last, named

folder = Path(sys.argv[1])
settings = json.loads((folder / "settings.json").read_text())
torch.set_num_threads(1)

state = load_file(folder / "initial.safetensors")
shape = {name: settings[name] for name in ("filters", "strides", "dilations", "activation", "causal", "channels", "dim")}
encoder, decoder = Encoder(**shape), Decoder(**shape)
for name, parameter in (named(encoder, "encoder.") | named(decoder, "decoder.")).items():
    parameter.data = state[name].reshape(parameter.shape)
if settings["quantizer"] == "simvq":
    layers = {name.split("code_transform.")[1]: value for name, value in state.items() if "code_transform." in name}
    frozen = state["quantizer.frozen_codebook"]
    quantizer = SimVq(frozen, len(layers["0.bias"]), settings["commitmentWeight"], settings["rotation"])
    quantizer.transform.load_state_dict(layers)
else:
    quantizer = ResidualFsq(settings["levels"], settings["layers"])
weights = [settings[name] for name in ("waveWeight", "stftWeight", "melWeight")]
sizes = [settings[name] for name in ("sampleRate", "fftSizes", "melFftSize", "mels")]
reconstruction = SoundLoss(*sizes, *weights)

parameters = [p for part in (encoder, quantizer, decoder) for p in part.parameters()]
optimizer = torch.optim.AdamW(parameters, weight_decay=0.01)
samples, batch = settings["samples"], settings["batchSize"]
train = torch.from_numpy(np.fromfile(folder / "train.f32", "f4")).reshape(-1, batch, samples)
started = time.process_time()
for segments, rate in zip(train, settings["learningRates"], strict=True):
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad()
    quantized, _, loss = quantizer(last(encoder(segments[:, None])))
    (reconstruction(decoder(last(quantized))[:, 0], segments) + loss).backward()
    nn.utils.clip_grad_norm_(parameters, settings["clipGradNorm"])
    optimizer.step()
seconds = time.process_time() - started

test = torch.from_numpy(np.fromfile(folder / "test.f32", "f4")).reshape(-1, samples)
outputs, ids = [], []
with torch.no_grad():
    for segments in test.split(32):
        quantized, own_ids, _ = quantizer(last(encoder(segments[:, None])))
        outputs.append(decoder(last(quantized))[:, 0].clamp(-1, 1))
        ids.append(own_ids.reshape(-1))
torch.cat(outputs).numpy().astype("f4").tofile(folder / "output.f32")
torch.cat(ids).numpy().astype("i4").tofile(folder / "ids.i32")
print(json.dumps({"secondsPerStep": seconds / len(train), "torch": torch.__version__.split("+")[0]}))
