import { range, type Tensor2D, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import { comparesLatents } from '@vqkit/metrics';
import type { QuantizerName } from '@vqkit/quantizers';
import { startEngine } from '@vqkit/testing';
import { createImageTokenizer } from '@vqkit/tokenizer';
import { beforeAll, describe, expect, it } from 'vitest';

beforeAll(() => startEngine('cpu'));

type Case = readonly [compared: boolean, quantizer: QuantizerName, options: Readonly<Record<string, unknown>>];

const DIM = 4;
const plainVq = { codebookSize: 8, kmeansInit: false, useCosineSim: false, codebookDim: DIM };
const plainLfq = { codebookSize: 2 ** DIM, spherical: false };

const CASES: readonly Case[] = [
  [true, 'simvq', { codebookSize: 8 }],
  [true, 'vq', plainVq],
  [false, 'vq', { ...plainVq, useCosineSim: true }],
  [false, 'vq', { ...plainVq, codebookDim: 2 }],
  [true, 'lfq', plainLfq],
  [false, 'lfq', { ...plainLfq, spherical: true }],
  [false, 'lfq', { ...plainLfq, softClampInputValue: 2 }],
  [false, 'lfq', { ...plainLfq, codebookSize: 4, dim: DIM }],
  [false, 'fsq', { levels: [5, 5, 5, 5] }],
  [true, 'fsq', { levels: [5, 4, 3, 5], bound: 'hardClamp', preserveSymmetry: true }],
  [true, 'fsq', { levels: [4, 4, 4, 4], bound: 'hardClamp', preserveSymmetry: true, orthogonalRotation: true }],
  [false, 'fsq', { levels: [5, 5, 5, 5], bound: 'hardClamp', preserveSymmetry: true, dim: 6 }],
  [false, 'residual-fsq', { levels: [5, 5, 5, 5] }],
  [true, 'residual-simvq', { codebookSize: 8, numQuantizers: 2 }],
  [
    true,
    'residual-vq',
    { codebookSize: 8, numQuantizers: 2, kmeansInit: false, useCosineSim: false, codebookDim: DIM },
  ],
  [true, 'residual-lfq', { ...plainLfq, numQuantizers: 2 }],
  [false, 'residual-lfq', { ...plainLfq, numQuantizers: 2, softClampInputValue: 2 }],
  [false, 'residual-lfq', { ...plainLfq, numQuantizers: 2, codebookSize: 4, dim: DIM }],
];

describe('comparesLatents', () => {
  it.each(CASES)('is %s for %s %j', (compared, quantizer, quantizerOptions) => {
    const tokenizer = createImageTokenizer({ quantizer, quantizerOptions, widths: [4, DIM], normGroups: 0 });
    expect(comparesLatents(tokenizer.quantizer)).toBe(compared);
    tokenizer.dispose();
  });

  it.each(CASES.filter(([compared, name]) => compared && !name.startsWith('residual')))(
    '%s: the code of a token is the one nearest to the token itself, for %s %j',
    async (_, name, quantizerOptions) => {
      const { quantizer, dispose } = createImageTokenizer({
        quantizer: name,
        quantizerOptions,
        widths: [4, DIM],
        normGroups: 0,
      });
      const rng = createRng(1);
      const z = tensor2d(
        Float32Array.from({ length: 100 * DIM }, () => rng.normal()),
        [100, DIM],
      );
      const [codes, ids] = tidy(() => {
        const all = quantizer.decode(range(0, quantizer.codebookSize, 1, 'int32')) as Tensor2D;
        return [all, quantizer.encode(z)];
      });
      const [table, latents, found] = await Promise.all([codes.array() as Promise<number[][]>, z.array(), ids.data()]);
      latents.forEach((latent, token) => {
        const distances = table.map((code) => code.reduce((sum, c, i) => sum + (c - (latent[i] as number)) ** 2, 0));
        expect(distances[found[token] as number]).toBeCloseTo(Math.min(...distances), 5);
      });
      for (const tensor of [codes, ids, z]) tensor.dispose();
      dispose();
    },
  );
});
