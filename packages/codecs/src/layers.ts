import type { CodecExtras } from '@vqkit/core-tensor/codec';
import type { PlainTensor } from '@vqkit/core-tensor/plain-tensor';
import { createFsqCodec, type FsqOptions } from '@vqkit/fsq/codec';
import { createLfqCodec, type LfqOptions } from '@vqkit/lfq/codec';
import { layerOf, type StackCodec } from '@vqkit/residual/codec';
import { createSimVqCodec, type SimVqCodecOptions } from '@vqkit/simvq/codec';
import { createVqCodec, type VqCodecOptions } from '@vqkit/vq/codec';
import type { Matrix } from './view.ts';

/** What a layer was made of, which `structure` of its stack gives: all that a trainable one needs. */
export type LayerParts =
  | { readonly method: 'fsq'; readonly options: FsqOptions }
  | { readonly method: 'lfq'; readonly options: LfqOptions }
  | { readonly method: 'simvq'; readonly options: SimVqCodecOptions; readonly state: State }
  | {
      readonly method: 'vq';
      readonly options: VqCodecOptions;
      readonly codebook: Matrix;
      readonly unitInput?: boolean;
    };

type State = Readonly<Record<string, PlainTensor>>;

export function fsqLayer(options: FsqOptions, extras: CodecExtras): StackCodec {
  return layerOf(createFsqCodec(options, extras), { method: 'fsq', options } satisfies LayerParts);
}

export function lfqLayer(options: LfqOptions, extras: CodecExtras): StackCodec {
  return layerOf(createLfqCodec(options, extras), { method: 'lfq', options } satisfies LayerParts);
}

export function simVqLayer(options: SimVqCodecOptions, state: State, extras: CodecExtras): StackCodec {
  return layerOf(createSimVqCodec(options, state, extras), { method: 'simvq', options, state } satisfies LayerParts);
}

/** The nearest row of a codebook, or what else is said: the code comes out as `options` have it. */
export function vqLayer(
  codebook: Matrix,
  extras: CodecExtras,
  options: Pick<VqCodecOptions, 'metric' | 'useCosineSim'> = {},
): StackCodec {
  const { rows, columns, values } = codebook;
  const whole = { ...options, dim: columns, codebookSize: rows };
  const state = { codebook: { dtype: 'F32', shape: [rows, columns], data: values } };
  return layerOf(createVqCodec(whole, state, extras), { method: 'vq', options: whole, codebook } satisfies LayerParts);
}

/** The row that is nearest to the latents at length 1; it comes out as it is. */
export function vqLayerOfUnits(codebook: Matrix, extras: CodecExtras): StackCodec {
  const layer = vqLayer(codebook, extras);
  const options = { dim: codebook.columns, codebookSize: codebook.rows };
  const quantizer: LayerParts = { method: 'vq', options, codebook, unitInput: true };
  return {
    ...layer,
    structure: { kind: 'quantizer', quantizer },
    encode: (latents, given) => layer.encode(atLengthOne(latents, codebook.columns), given),
  };
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
