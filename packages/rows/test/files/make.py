"""What pyarrow writes, for rows.test.ts: pip install numpy pyarrow, then run it here."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

values = np.arange(80, dtype="f4").reshape(20, 4) / 8
columns = {
    "sku": [f"item-{n}" for n in range(20)],
    "number": np.arange(20) * 3,
    "list": pa.array(list(values)),
    "fixed": pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), 4),
    "double": pa.array(list(values.astype("f8"))),
    "half": pa.array(list(values.astype("f2"))),
    "whole": pa.array(list((values * 8).astype("i8"))),
    "ragged": pa.array([list(range(3 if n == 7 else 4)) for n in range(20)], pa.list_(pa.float32())),
    "gaps": pa.array([None if n == 9 else [1.0, 2.0] for n in range(20)], pa.list_(pa.float32())),
    "words": pa.array([["a", "b"]] * 20),
}
for codec in ["snappy", "zstd"]:
    pq.write_table(pa.table(columns), f"{codec}.parquet", compression=codec, row_group_size=8)

# Other encodings, pages of version 2 that end within rows, checksums.
other = {name: columns[name] for name in ["sku", "number", "list", "whole"]}
encodings = {
    "sku": "DELTA_BYTE_ARRAY",
    "number": "DELTA_BINARY_PACKED",
    "list.list.element": "BYTE_STREAM_SPLIT",
    "whole.list.element": "DELTA_BINARY_PACKED",
}
for version in ["1.0", "2.0"]:
    pq.write_table(
        pa.table(other),
        f"delta-v{version[0]}.parquet",
        compression="none",
        row_group_size=8,
        use_dictionary=False,
        column_encoding=encodings,
        data_page_version=version,
        data_page_size=40,
        write_batch_size=5,
        write_page_checksum=True,
        write_statistics=False,
    )
