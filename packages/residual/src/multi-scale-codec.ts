import { requireInteger, requireOneOf, requireOption } from '@vqkit/core-tensor/check';

import { area, cubic, linear, type Resampling } from './grid.ts';
import { createStack, type MultiScale, type Phi, type StackCodec } from './stack-codec.ts';

const WHERE = 'createMultiScaleCodec';
/** Along one axis: an image of 65,536 pixels by patches of 16. */
const MOST_PLACES = 4096;

/**
 * Residual quantization of an image at several scales by one quantizer (VAR, Infinity): what is left is averaged over the places of a scale,
 * quantized, brought back to full size, and taken away. Latents are [height · width, dim] of one or more images, row by row. The layers are
 * those of `inner` at the first scale, then at the next.
 *
 * @param inner a stack whose latents may be any number of places.
 * @throws OptionError when scales or convolutions do not fit.
 * @example
 * const inner = layerOf(createVqCodec({ dim: 1, codebookSize: 3 }, { codebook: { shape: [3, 1], data: [-1, 0, 1] } }));
 * const codec = createMultiScaleCodec(inner, { scales: [[1, 1], [2, 2]], up: 'bilinear' });
 * codec.encode(Float32Array.of(2, 2, 0, 0)); // [ [ 2 ], [ 2, 2, 0, 0 ] ]
 */
export function createMultiScaleCodec(inner: StackCodec, multiScale: MultiScale): StackCodec {
  const { scales, up, phi } = multiScale;
  requireOneOf(WHERE, 'up', up, ['bicubic', 'bilinear']);
  const resample = up === 'bicubic' ? cubic : linear;
  if (phi === undefined) return stackOfScales(inner, multiScale, resample);
  const { dim } = inner;
  const fix = 'Pass what the file holds.';
  requireOption(phi.length === scales?.length, WHERE, 'phi', 'one for each scale', phi.length, fix);
  for (const [s, { weight }] of phi.entries()) {
    const rule = `${9 * dim * dim} values`;
    requireOption(weight.length === 9 * dim * dim, WHERE, `phi[${s}].weight`, rule, weight.length, fix);
  }
  return stackOfScales(inner, multiScale, resample, applyPhi);
}

/**
 * The same with straight lines between places and without convolutions, which a bundle that needs none leaves out.
 *
 * @example
 * const inner = layerOf(createVqCodec({ dim: 1, codebookSize: 3 }, { codebook: { shape: [3, 1], data: [-1, 0, 1] } }));
 * createBilinearCodec(inner, [[1, 1], [2, 2]]).encode(Float32Array.of(2, 2, 0, 0)); // [ [ 2 ], [ 2, 2, 0, 0 ] ]
 */
export function createBilinearCodec(inner: StackCodec, scales: MultiScale['scales']): StackCodec {
  return stackOfScales(inner, { scales, up: 'bilinear' }, linear);
}

function stackOfScales(
  inner: StackCodec,
  multiScale: MultiScale,
  resample: typeof linear,
  smooth?: typeof applyPhi,
): StackCodec {
  const { scales, phi } = multiScale;
  const { dim } = inner;
  const perScale = inner.strides.length;
  const rule = 'one or more [height, width]';
  requireOption(scales?.length > 0, WHERE, 'scales', rule, scales, 'Pass for example [[1, 1], [2, 2]].');
  for (const [s, size] of scales.entries())
    for (const i of [0, 1]) requireInteger(WHERE, `scales[${s}][${i}]`, size?.[i], 1, MOST_PLACES);
  const [height, width] = scales.at(-1) as readonly [number, number];
  const block = height * width;
  const steps = scales.map(([h, w], s) => ({
    places: h * w,
    down: [area(height, h), area(width, w)] as const,
    up: [resample(h, height), resample(w, width)] as const,
    phi: phi?.[s],
  }));

  /** What the codes of scale s add to an image. */
  const added = (s: number, ids: readonly Int32Array[]): Float32Array => {
    const step = steps[s] as (typeof steps)[number];
    const full = resampled(inner.decode(ids), step.up, dim);
    return (step.phi && smooth?.(full, step.phi, height, width, dim)) ?? full;
  };
  const idsOf = (ids: readonly Int32Array[], image: number, s: number): Int32Array[] =>
    ids.slice(s * perScale, (s + 1) * perScale).map((own) => {
      const places = steps[s]?.places as number;
      return own.subarray(image * places, (image + 1) * places);
    });

  return createStack(WHERE, {
    dim,
    block,
    structure: { kind: 'multiScale', inner, ...multiScale },
    codebookSizes: scales.flatMap(() => inner.codebookSizes),
    strides: steps.flatMap(({ places }) => inner.strides.map(() => block / places)),
    encode(latents, most) {
      const images = latents.length / (block * dim);
      const ids = Array.from(
        { length: most },
        (_, layer) => new Int32Array(images * (steps[Math.floor(layer / perScale)]?.places as number)),
      );
      for (let image = 0; image < images; image++) {
        const residual = latents.slice(image * block * dim, (image + 1) * block * dim);
        for (let s = 0; s * perScale < most; s++) {
          const { down, places } = steps[s] as (typeof steps)[number];
          const layers = Math.min(perScale, most - s * perScale);
          const found = inner.encode(resampled(residual, down, dim), { layers });
          for (const [i, own] of found.entries()) ids[s * perScale + i]?.set(own, image * places);
          if (layers < perScale) break;
          for (const [i, value] of added(s, found).entries()) residual[i] = (residual[i] as number) - value;
        }
      }
      return ids;
    },
    decode(ids, frames) {
      const sum = new Float32Array(frames * dim);
      for (let image = 0; image * block < frames; image++) {
        const own = sum.subarray(image * block * dim, (image + 1) * block * dim);
        for (let s = 0; s * perScale < ids.length; s++)
          for (const [i, value] of added(s, idsOf(ids, image, s)).entries()) own[i] = (own[i] as number) + value;
      }
      return sum;
    },
  });
}

/** [h, w, dim] → another size, summed in float64 and rounded once. */
function resampled(image: Float32Array, [down, across]: readonly [Resampling, Resampling], dim: number): Float32Array {
  if (down.from === down.at.length && across.from === across.at.length) return image.slice();
  const between = new Float64Array(down.at.length * across.from * dim);
  const output = new Float32Array(down.at.length * across.at.length * dim);
  const rowLength = across.from * dim;
  for (const [o, at] of down.at.entries()) {
    for (const [k, from] of at.entries()) {
      const weight = down.weights[o]?.[k] as number;
      for (let i = 0; i < rowLength; i++) {
        const to = o * rowLength + i;
        between[to] = (between[to] as number) + weight * (image[from * rowLength + i] as number);
      }
    }
  }
  for (let row = 0; row < down.at.length; row++) {
    for (const [o, at] of across.at.entries()) {
      for (let d = 0; d < dim; d++) {
        let sum = 0;
        for (const [k, from] of at.entries())
          sum += (across.weights[o]?.[k] as number) * (between[row * rowLength + from * dim + d] as number);
        output[(row * across.at.length + o) * dim + d] = sum;
      }
    }
  }
  return output;
}

/** Zeros around the image, as PyTorch's padding of 1. */
function applyPhi(
  image: Float32Array,
  { weight, bias, ratio }: Phi,
  height: number,
  width: number,
  dim: number,
): Float32Array {
  const output = new Float32Array(image.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const here = (y * width + x) * dim;
      for (let c = 0; c < dim; c++) {
        let sum = bias?.[c] ?? 0;
        for (let v = 0; v < 3; v++) {
          for (let u = 0; u < 3; u++) {
            const [fromY, fromX] = [y + v - 1, x + u - 1];
            if (fromY < 0 || fromY >= height || fromX < 0 || fromX >= width) continue;
            const from = (fromY * width + fromX) * dim;
            for (let i = 0; i < dim; i++)
              sum += (weight[((c * dim + i) * 3 + v) * 3 + u] as number) * (image[from + i] as number);
          }
        }
        output[here + c] = (1 - ratio) * (image[here + c] as number) + ratio * sum;
      }
    }
  }
  return output;
}
