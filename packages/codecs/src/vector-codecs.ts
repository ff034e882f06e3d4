import type { CodecExtras } from '@vqkit/core-tensor/codec';
import { layerOf, type StackCodec } from '@vqkit/residual/codec';
import { createVqCodec } from '@vqkit/vq/codec';
import type { Matrix } from './view.ts';

/** The nearest row; it comes out as it is. */
export function nearest({ rows, columns, values }: Matrix, extras: CodecExtras): StackCodec {
  const codebook = { dtype: 'F32', shape: [rows, columns], data: values };
  return layerOf(createVqCodec({ dim: columns, codebookSize: rows }, { codebook }, extras));
}

/** The row of nearest direction; it comes out at length 1. */
export function nearestDirection({ rows, columns, values }: Matrix, extras: CodecExtras): StackCodec {
  const codebook = { dtype: 'F32', shape: [rows, columns], data: values };
  return layerOf(createVqCodec({ dim: columns, codebookSize: rows, useCosineSim: true }, { codebook }, extras));
}

/** The row of nearest direction; it comes out as it is. */
export function nearestDirectionRaw(codebook: Matrix, extras: CodecExtras): StackCodec {
  return { ...nearest(codebook, extras), encode: nearestDirection(codebook, extras).encode };
}

/** The row that is nearest to the latents at length 1; it comes out as it is. */
export function nearestToUnit(codebook: Matrix, extras: CodecExtras): StackCodec {
  const codec = nearest(codebook, extras);
  return { ...codec, encode: (latents, options) => codec.encode(atLengthOne(latents, codebook.columns), options) };
}

/** x / max(‖x‖, 10⁻¹²) of every row, as torch.nn.functional.normalize. */
function atLengthOne(rows: Float32Array, width: number): Float32Array {
  const unit = rows.slice();
  for (let start = 0; start < rows.length; start += width) {
    const row = unit.subarray(start, start + width);
    const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
    for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) / Math.max(length, 1e-12);
  }
  return unit;
}
