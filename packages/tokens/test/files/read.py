"""Reads what write.mjs wrote with what Python has for each format, and compares all of it: pip install numpy pyarrow duckdb safetensors.

    python read.py FOLDER

tar as the package webdataset reads it (tarfile, and its rule which files are one sample), parquet by the names of the Hugging Face Hub with
pyarrow and DuckDB, npy by numpy, safetensors by its own package. Prints a line per folder; ends with an error where anything differs.
"""

import glob
import io
import json
import pathlib
import re
import sys
import tarfile

import duckdb
import numpy as np
import pyarrow.dataset
import pyarrow.parquet
from safetensors.numpy import load_file


def samples(paths):
    """As webdataset's tar_file_iterator and group_by_keys: files that follow one another and are the same up to the first dot are one sample."""
    sample = None
    for path in paths:
        with tarfile.open(path, mode="r|") as stream:
            for member in stream:
                if not member.isreg():
                    continue
                prefix, suffix = re.match(r"^((?:.*/|)[^.]+)[.]([^/]*)$", member.name).groups()
                if sample is None or prefix != sample["__key__"]:
                    if sample is not None:
                        yield sample
                    sample = {"__key__": prefix, "__url__": path}
                if suffix in sample:
                    raise ValueError(f"{member.name}: twice in {path}")
                sample[suffix] = stream.extractfile(member).read()
        yield sample
        sample = None


def decoded(sample):
    return {"key": json.loads(sample["json"])["key"], "ids": np.load(io.BytesIO(sample["npy"]))}


def record_keys(shard):
    record = json.loads(pathlib.Path(re.sub(r"(\w+)$", "json", shard)).read_text())
    return record.get("keys"), record["from"], record["examples"]


def keys_of(shard, stored=None):
    recorded, first, examples = record_keys(shard)
    if stored is not None:
        return [str(key) for key in stored]
    return recorded if recorded is not None else [str(first + i) for i in range(examples)]


def compare(rows, expected, shape):
    assert len(rows) == len(expected), (len(rows), len(expected))
    for (key, ids), wanted in zip(rows, expected):
        assert str(key) == wanted["key"], (key, wanted["key"])
        assert np.asarray(ids).dtype.kind in "iu"
        assert np.array_equal(np.asarray(ids).reshape(-1), wanted["ids"]), key
        assert np.asarray(ids).size == int(np.prod(shape))


for folder in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    told = json.loads((folder / "expected.json").read_text())
    expected, shape = told["all"], told["shape"]
    kind = folder.name.split("-")[0]
    shards = sorted(glob.glob(str(folder / f"*-of-*.{kind}")))
    assert len(shards) == 3 and all(re.fullmatch(r"(ids|train)-\d{5}-of-00003\.\w+", pathlib.Path(s).name) for s in shards)
    merged = folder / f"all.{kind}"
    read = []
    if kind == "tar":
        for paths in [shards, [str(merged)]]:
            found = list(samples(paths))
            assert len({sample["__key__"] for sample in found}) == len(found)
            compare([(s["key"], s["ids"]) for s in map(decoded, found)], expected, shape)
            assert decoded(found[0])["ids"].shape == tuple(shape)
        read.append("tarfile, as webdataset")
    elif kind == "parquet":
        assert all(pathlib.Path(s).name.startswith("train-") for s in shards)
        by_arrow = pyarrow.dataset.dataset(shards).to_table()
        assert by_arrow.column_names == ["key", "ids", "shape"] or by_arrow.column_names == ["key", "ids"], by_arrow.column_names
        compare(list(zip(by_arrow["key"].to_pylist(), by_arrow["ids"].to_pylist())), expected, shape)
        if "shape" in by_arrow.column_names:
            assert all(own == shape for own in by_arrow["shape"].to_pylist())
        files = f"read_parquet('{folder}/train-*-of-*.parquet', filename = true, file_row_number = true)"
        compare(duckdb.sql(f"SELECT key, ids FROM {files} ORDER BY filename, file_row_number").fetchall(), expected, shape)
        table = pyarrow.parquet.read_table(merged)
        compare(list(zip(table["key"].to_pylist(), table["ids"].to_pylist())), expected, shape)
        compare(duckdb.sql(f"SELECT key, ids FROM '{merged}'").fetchall(), expected, shape)
        read.append("pyarrow, DuckDB")
    elif kind == "npy":
        rows = [row for s in shards for row in zip(keys_of(s), np.load(s))]
        compare(rows, expected, shape)
        assert np.load(shards[0]).shape[1:] == tuple(shape)
        if merged.exists():
            whole = np.load(merged)
            compare([(wanted["key"], ids) for wanted, ids in zip(expected, whole)], expected, shape)
            beside = folder / "all.keys.npy"
            if beside.exists():
                assert [str(key) for key in np.load(beside)] == [wanted["key"] for wanted in expected]
        read.append("numpy")
    else:
        rows = []
        for s in shards:
            tensors = load_file(s)
            rows += zip(keys_of(s, tensors.get("key")), tensors["ids"])
        compare(rows, expected, shape)
        if merged.exists():
            tensors = load_file(merged)
            compare([(wanted["key"], ids) for wanted, ids in zip(expected, tensors["ids"])], expected, shape)
        read.append("safetensors")
    print(f"{folder.name}: {len(expected)} examples in {len(shards)} shards, equal ({', '.join(read)})")
