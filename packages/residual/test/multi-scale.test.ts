import { createLfqCodec } from '@vqkit/lfq/codec';
import { createMultiScaleCodec, layerOf } from '@vqkit/residual/codec';
import { createVqCodec } from '@vqkit/vq/codec';
import { describe, expect, it } from 'vitest';

const signs = layerOf(createVqCodec({ dim: 1, codebookSize: 3 }, { codebook: { shape: [3, 1], data: [-1, 0, 1] } }));
const scales = [
  [1, 1],
  [2, 3],
] as const;

describe('createMultiScaleCodec', () => {
  it('quantizes what the scales before have left, image by image', () => {
    const codec = createMultiScaleCodec(signs, { scales, up: 'bilinear' });
    expect(codec).toMatchObject({ dim: 1, block: 6, codebookSizes: [3, 3], strides: [6, 1] });
    // Means 1 and -1, and what is left.
    const images = Float32Array.of(1, 2, 1, 0, 1, 1, -1, -1, -1, -1, -1, -1);
    const ids = codec.encode(images);
    expect(ids).toEqual([Int32Array.of(2, 0), Int32Array.of(1, 2, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1)]);
    expect(codec.decode(ids)).toEqual(images);
    expect(codec.encode(images, { layers: 1 })).toEqual(ids.slice(0, 1));
    expect([...codec.decode([Int32Array.of(2)])]).toEqual([1, 1, 1, 1, 1, 1]);
    expect(codec.encode(new Float32Array())).toEqual([new Int32Array(), new Int32Array()]);
    expect(codec.decode([new Int32Array(), new Int32Array()])).toHaveLength(0);
  });

  it('takes the mean of the places that overlap, and cubics that keep what is even', () => {
    const uneven = createMultiScaleCodec(signs, {
      scales: [
        [1, 2],
        [1, 3],
      ],
      up: 'bicubic',
    });
    // Places 0 and 1, and 1 and 2 of three.
    expect(uneven.encode(Float32Array.of(0.9, 0.3, -3))[0]).toEqual(Int32Array.of(2, 0));
    const even = uneven.decode([Int32Array.of(2, 2)]);
    for (const value of even) expect(value).toBeCloseTo(1, 6);
  });

  it('has the layers of a quantizer of several codebooks at each scale', () => {
    const bits = layerOf(createLfqCodec({ dim: 2, codebookSize: 2, numCodebooks: 2 }));
    const codec = createMultiScaleCodec(bits, {
      scales: [
        [1, 1],
        [1, 2],
      ],
      up: 'bilinear',
    });
    expect(codec.strides).toEqual([2, 2, 1, 1]);
    const ids = codec.encode(Float32Array.of(2, -1, 3, 4));
    expect(ids).toEqual([Int32Array.of(1), Int32Array.of(1), Int32Array.of(1, 1), Int32Array.of(0, 1)]);
    expect([...codec.decode(ids)]).toEqual([2, 0, 2, 2]);
    expect(codec.encode(Float32Array.of(2, -1, 3, 4), { layers: 3 })).toEqual(ids.slice(0, 3));
  });

  it('names scales, convolutions, latents and ids that do not fit', () => {
    expect(() => createMultiScaleCodec(signs, { scales: [], up: 'bicubic' })).toThrow(
      /createMultiScaleCodec: scales must be one or more \[height, width\], got \[\]/,
    );
    expect(() => createMultiScaleCodec(signs, { scales: [[0, 1]], up: 'bicubic' })).toThrow(
      /scales\[0\]\[0\] must be an integer from 1 to 4096/,
    );
    const phi = [{ weight: new Float32Array(9), ratio: 0.5 }];
    expect(() => createMultiScaleCodec(signs, { scales, up: 'bicubic', phi })).toThrow(
      /phi must be one for each scale, got 1/,
    );
    const codec = createMultiScaleCodec(signs, { scales, up: 'bilinear' });
    expect(() => codec.encode(new Float32Array(5))).toThrow(
      /latents\.length must be a multiple of 6 \(dim 1, 6 frames\), got 5/,
    );
    expect(() => codec.decode([Int32Array.of(1), Int32Array.of(1, 1)])).toThrow(/ids\[1\]\.length must be 6, got 2/);
    expect(() => codec.decode([Int32Array.of(1), new Int32Array(6).fill(3)])).toThrow(
      /ids\[1\] must be ids from 0 to 2, got 3/,
    );
  });
});
