"""Prints as JSON what TensorBoard reads of a log folder: python read_tensorboard.py FOLDER."""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

read = EventAccumulator(sys.argv[1], size_guidance={key: 0 for key in ("scalars", "images", "histograms", "audio", "tensors")})
read.Reload()
tags = read.Tags()
print(
    json.dumps(
        {
            "scalars": {tag: [[e.step, e.value] for e in read.Scalars(tag)] for tag in tags["scalars"]},
            "images": {
                tag: [[e.step, e.width, e.height, e.encoded_image_string[:4].hex()] for e in read.Images(tag)]
                for tag in tags["images"]
            },
            "histograms": {
                tag: [[e.step, e.histogram_value.num, sum(e.histogram_value.bucket)] for e in read.Histograms(tag)]
                for tag in tags["histograms"]
            },
            "audio": {
                tag: [[e.step, e.sample_rate, e.content_type, e.length_frames] for e in read.Audio(tag)]
                for tag in tags["audio"]
            },
            "text": {
                tag: [[e.step, tensor_util.make_ndarray(e.tensor_proto).item().decode()] for e in read.Tensors(tag)]
                for tag in tags["tensors"]
            },
        }
    )
)
