"""faiss on vectors, beside src/vectors/worker.ts: pip install faiss-cpu.

    python faiss_vectors.py rq|rq-beam5|pq '{"path": "x.npy", "codebooks": 8, "threads": 1, "repetitions": 7}'

Prints one line of JSON: error relative to the variance, and the times of training and of encoding all rows, in milliseconds of the wall and of all processors.
"""

import json
import sys
import time

import faiss
import numpy as np

name, task = sys.argv[1], json.loads(sys.argv[2])
faiss.omp_set_num_threads(task["threads"])
x = np.load(task["path"])
dim, codebooks = x.shape[1], task["codebooks"]
if name == "pq":
    quantizer = faiss.ProductQuantizer(dim, codebooks, 8)
else:
    quantizer = faiss.ResidualQuantizer(dim, codebooks, 8)
    quantizer.max_beam_size = 5 if name == "rq-beam5" else 1


def spent(work):
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return {"wall": 1000 * (time.perf_counter() - wall), "processor": 1000 * (time.process_time() - processor)}


train = spent(lambda: quantizer.train(x))
codes = quantizer.compute_codes(x)
encode = [spent(lambda: quantizer.compute_codes(x)) for _ in range(task["repetitions"])]
lost = ((x - quantizer.decode(codes)).astype("f8") ** 2).sum()
error = lost / ((x - x.mean(0, dtype="f8")) ** 2).sum()
print("@vectors " + json.dumps({"error": float(error), "train": train, "encode": encode}))
