import { type Tensor, tensor2d } from '@tensorflow/tfjs-core';
import { decodeSafetensors } from '@vqkit/checkpoint';
import { fromSafeTensor } from '@vqkit/checkpoint/tensors';
import type { Quantizer } from '@vqkit/core-tensor';
import type { Codec } from '@vqkit/core-tensor/codec';
import type { PlainTensor } from '@vqkit/core-tensor/plain-tensor';
import { createFsq } from '@vqkit/fsq';
import { createLfq } from '@vqkit/lfq';
import { createResidualVq } from '@vqkit/residual';
import { createSimVq } from '@vqkit/simvq';
import { createSimVqCodec } from '@vqkit/simvq/codec';
import { eachEngine, pythonFile } from '@vqkit/testing';
import { createVq } from '@vqkit/vq';
import { createVqCodec } from '@vqkit/vq/codec';
import { describe, expect, it } from 'vitest';

/** A state dict as PyTorch wrote it, and what it does: nothing is converted here. */
function read(name: string): { tensors: ReturnType<typeof decodeSafetensors>['tensors']; x: number[][]; ids: unknown } {
  const { tensors, metadata } = decodeSafetensors(pythonFile(`${name}.safetensors`), name);
  return { tensors, x: JSON.parse(metadata.x ?? '') as number[][], ids: JSON.parse(metadata.ids ?? '') };
}

eachEngine(() => {
  describe('a state dict that PyTorch wrote', () => {
    it.each<[string, () => Quantizer]>([
      ['lfq-f32', () => createLfq({ dim: 6, codebookSize: 16 })],
      ['lfq-f16', () => createLfq({ dim: 6, codebookSize: 16 })],
      ['fsq-bf16', () => createFsq({ levels: [5, 4, 3], dim: 6 })],
      ['simvq-f16', () => createSimVq({ dim: 4, codebookSize: 16 })],
      ['simvq-bf16', () => createSimVq({ dim: 4, codebookSize: 16 })],
      ['simvq-f64', () => createSimVq({ dim: 4, codebookSize: 16 })],
      ['vq-f16', () => createVq({ dim: 4, codebookSize: 16 })],
      ['vq-bf16', () => createVq({ dim: 4, codebookSize: 16 })],
      ['vq-f64', () => createVq({ dim: 4, codebookSize: 16 })],
      ['residual-vq-bf16', () => createResidualVq({ dim: 4, codebookSize: 16, numQuantizers: 2 })],
    ])('%s loads, and gives its ids', async (name, create) => {
      const { tensors, x, ids } = read(name);
      const state: Record<string, Tensor> = {};
      for (const [key, value] of Object.entries(tensors)) state[key] = fromSafeTensor(key, value);
      const quantizer = create();
      quantizer.loadStateDict(state);
      const input = tensor2d(x);
      const indices = quantizer.encode(input);
      expect(await indices.array()).toEqual(ids);
      for (const value of [...Object.values(state), input, indices]) value.dispose();
      quantizer.dispose();
    });
  });
});

describe('the codec of a state dict that PyTorch wrote', () => {
  const simvq = (state: Record<string, PlainTensor>): Codec => createSimVqCodec({ dim: 4, codebookSize: 16 }, state);
  const vq = (state: Record<string, PlainTensor>): Codec => createVqCodec({ dim: 4, codebookSize: 16 }, state);
  it.each([
    ['simvq-f16', simvq],
    ['simvq-bf16', simvq],
    ['simvq-f64', simvq],
    ['vq-f16', vq],
    ['vq-bf16', vq],
    ['vq-f64', vq],
  ])('%s gives its ids', (name, create) => {
    const { tensors, x, ids } = read(name);
    expect([...create(tensors).encode(Float32Array.from(x.flat()))]).toEqual(ids);
  });
});
