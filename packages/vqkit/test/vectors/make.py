"""Makes the files beside it: vectors as users have them, of other types, and damaged. pip install numpy pyarrow safetensors

    python packages/vqkit/test/vectors/make.py
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import save_file

HERE = Path(__file__).parent
ROWS, DIM = 48, 4
rng = np.random.default_rng(7)
x = (rng.normal(size=(8, DIM))[rng.integers(0, 8, ROWS)] * 20 + rng.normal(size=(ROWS, DIM))).round(2).astype("f4")
keys = [f"sku-{n}" for n in range(ROWS)]


def table(name, vectors, element):
    lists = pa.array([list(row) for row in vectors], pa.list_(element))
    pq.write_table(pa.table({"sku": keys[: len(lists)], "embedding": lists}), HERE / name)


np.save(HERE / "integers.npy", x.astype("i1"))
np.save(HERE / "doubles.npy", x.astype("f8"))
np.save(HERE / "half.npy", x.astype("f2"))
np.save(HERE / "few.npy", x[:5])
wrong = x.copy()
wrong[17, 2] = np.nan
np.save(HERE / "nan.npy", wrong)
save_file({"x": x.astype("f2")}, HERE / "half.safetensors")
save_file({"x": x.astype("i4")}, HERE / "integers.safetensors")
table("floats.parquet", x, pa.float32())
table("half.parquet", x.astype("f2"), pa.float16())
table("integers.parquet", x.astype("i8"), pa.int64())
table("nan.parquet", wrong, pa.float32())
beyond = x.astype("f8")
beyond[3, 0] = 1e300
table("beyond.parquet", beyond, pa.float64())
table("ragged.parquet", [row[: 3 if n == 9 else DIM] for n, row in enumerate(x)], pa.float32())
pq.write_table(pa.table({"sku": keys, "price": pa.array(x[:, 0])}), HERE / "no-vectors.parquet")
nulls = [None if n == 6 else list(map(float, row)) for n, row in enumerate(x)]
pq.write_table(pa.table({"sku": keys, "embedding": pa.array(nulls, pa.list_(pa.float32()))}), HERE / "null.parquet")
