import { createFsqCodec } from '@vqkit/fsq/codec';
import { createVqCodec } from '@vqkit/vq/codec';
import { describe, expect, it } from 'vitest';
import {
  createParallelCodec,
  createProjectedCodec,
  createResidualCodec,
  layerOf,
  type StackCodec,
} from '../src/codec.ts';

/** One layer whose codes are these numbers. */
const layer = (...codes: number[]): StackCodec =>
  layerOf(
    createVqCodec({ dim: 1, codebookSize: codes.length }, { codebook: { shape: [codes.length, 1], data: codes } }),
  );
const ids = (...layers: number[][]): Int32Array[] => layers.map((own) => Int32Array.from(own));

describe('layerOf', () => {
  it('has a layer for each codebook of a codec', () => {
    const codec = layerOf(createFsqCodec({ levels: [3], numCodebooks: 2 }));
    expect(codec).toMatchObject({ dim: 2, codebookSizes: [3, 3], strides: [1, 1] });
    expect(codec.encode(Float32Array.of(-2, 0, 2, -2))).toEqual(ids([0, 2], [1, 0]));
    expect([...codec.decode(ids([0, 2], [1, 0]))]).toEqual([-1, 0, 1, -1]);
    expect(() => codec.decode(ids([0]))).toThrow(/layerOf\(\)\.decode: ids must be of 2 layers, got 1/);
  });
});

describe('createResidualCodec', () => {
  it('gives each layer what the ones before it left', () => {
    const codec = createResidualCodec([layer(0, 8), layer(0, 2), layer(0, 0.5)]);
    expect(codec.encode(Float32Array.of(10.4, 2.6))).toEqual(ids([1, 0], [1, 1], [1, 1]));
    expect([...codec.decode(ids([1, 0], [1, 1], [1, 1]))]).toEqual([10.5, 2.5]);
    expect(codec.encode(Float32Array.of(10.4), { layers: 2 })).toEqual(ids([1], [1]));
    expect([...codec.decode(ids([1], [1]))]).toEqual([10]);
  });

  it('gives a layer of stride s the means of s frames, and repeats what it gives', () => {
    const codec = createResidualCodec([layer(0, 4), layer(-1, 0, 1)], [2, 1]);
    expect(codec.strides).toEqual([2, 1]);
    expect(codec.encode(Float32Array.of(3, 5, 0, 1))).toEqual(ids([1, 0], [0, 2, 1, 2]));
    expect([...codec.decode(ids([1, 0], [0, 2, 1, 2]))]).toEqual([3, 5, 0, 1]);
    expect(() => codec.encode(new Float32Array(3))).toThrow(
      /latents\.length must be a multiple of 2 \(dim 1, 2 frames\), got 3/,
    );
    expect(() => codec.decode(ids([1], [0]))).toThrow(/ids\[1\]\.length must be 2, got 1/);
    const uneven = createResidualCodec([layer(0), layer(0)], [2, 3]);
    expect(() => uneven.encode(new Float32Array(3))).toThrow(/multiple of 6/);
  });

  it('nests: strides multiply, layers count through', () => {
    const inner = createResidualCodec([layer(0, 2), layer(0, 1)], [2, 1]);
    const codec = createResidualCodec([inner, layer(0, 0.5)], [2, 1]);
    expect(codec.strides).toEqual([4, 2, 1]);
    const found = codec.encode(Float32Array.of(3, 3, 2, 2.5));
    expect(found).toEqual(ids([1], [1, 0], [0, 0, 0, 1]));
    expect([...codec.decode(found)]).toEqual([3, 3, 2, 2.5]);
    expect(codec.encode(new Float32Array(4), { layers: 1 })).toHaveLength(1);
  });

  it('names layers that do not fit together and too few strides', () => {
    const wide = layerOf(createFsqCodec({ levels: [3, 3] }));
    expect(() => createResidualCodec([layer(0), wide])).toThrow(
      /createResidualCodec: layers must be one or more of equal dim, got \[1,2\]/,
    );
    expect(() => createResidualCodec([])).toThrow(/one or more/);
    expect(() => createResidualCodec([layer(0)], [])).toThrow(/strides must be one for each layer/);
    expect(() => createResidualCodec([layer(0)], [0])).toThrow(/strides\[0\] must be an integer >= 1, got 0/);
  });
});

describe('createParallelCodec', () => {
  it('shows every branch the same latents and adds what they give', () => {
    const codec = createParallelCodec([layer(0, 1), createResidualCodec([layer(0, 2), layer(0, 0.5)])]);
    expect(codec.encode(Float32Array.of(2.4))).toEqual(ids([1], [1], [1]));
    expect([...codec.decode(ids([1], [1], [1]))]).toEqual([3.5]);
    expect(codec.encode(Float32Array.of(2.4), { layers: 1 })).toEqual(ids([1]));
    expect([...codec.decode(ids([1]))]).toEqual([1]);
  });
});

describe('createProjectedCodec', () => {
  it('projects in and out', () => {
    const into = { weight: Float32Array.of(1, -1), bias: Float32Array.of(0.5) };
    const out = { weight: Float32Array.of(1, 2), bias: Float32Array.of(0, -1) };
    const codec = createProjectedCodec(layer(0, 3), into, out);
    expect(codec.dim).toBe(2);
    expect(codec.encode(Float32Array.of(4, 2, 1, 1))).toEqual(ids([1, 0]));
    expect([...codec.decode(ids([1, 0]))]).toEqual([3, 5, 0, -1]);
    expect(() => codec.encode(new Float32Array(3))).toThrow(
      /createProjectedCodec\(\)\.encode: latents\.length must be a multiple of 2/,
    );
    expect(() => createProjectedCodec(layer(0), into, { weight: new Float32Array(3) })).toThrow(
      /out\.weight must be of 2 values, as into\.weight, got 3/,
    );
  });
});

describe('what a stack is given', () => {
  it('is refused by name where it is no array, no layer or no id', () => {
    const codec = layer(0, 1);
    expect(() => codec.encode([1] as unknown as Float32Array)).toThrow(/latents must be a Float32Array, got \[1\]/);
    expect(() => codec.decode([[1]] as unknown as Int32Array[])).toThrow(/ids\[0\] must be an Int32Array/);
    expect(() => codec.encode(new Float32Array(1), { layers: 2 })).toThrow(
      /layers must be an integer from 1 to 1, got 2/,
    );
    for (const id of [-1, 2]) expect(() => codec.decode(ids([id]))).toThrow(/ids from 0 to 1, got/);
  });
});
