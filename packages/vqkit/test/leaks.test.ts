import {
  dispose,
  memory,
  ones,
  randomNormal,
  reshape,
  square,
  type Tensor,
  type Tensor4D,
  tensor,
  tidy,
  variable,
  zeros,
} from '@tensorflow/tfjs-core';
import { fromSafeTensor, toSafeTensor } from '@vqkit/checkpoint/tensors';
import {
  assertFinite,
  assertIndices,
  bitEntropy,
  createRng,
  detach,
  gatherCodes,
  rotateRowsTo,
  softClamp,
  stopGradient,
  straightThrough,
  unitLength,
  withoutGradient,
  zerosFrom,
} from '@vqkit/core-tensor';
import { createFsq } from '@vqkit/fsq';
import { createLfq } from '@vqkit/lfq';
import {
  clampedLfqEntropy,
  codebookEntropy,
  codebookLoss,
  commitmentLoss,
  lfqEntropy,
  orthogonalityLoss,
  perSampleEntropy,
  rotateTo,
  unitNormLoss,
} from '@vqkit/losses';
import { convSame, createAdamW, gelu, groupNorm } from '@vqkit/nn';
import { createGrouped, createResidual, createResidualFsq, createResidualLfq } from '@vqkit/residual';
import { createSimVq } from '@vqkit/simvq';
import { startEngine } from '@vqkit/testing';
import {
  createImageTokenizer,
  imagesFromPixels,
  loadImageTokenizer,
  pixelsFromImages,
  saveTokenizer,
} from '@vqkit/tokenizer';
import { createVq } from '@vqkit/vq';
import { beforeAll, describe, expect, it } from 'vitest';
import { keepsOnlyItsResult } from './leaks.ts';

const images = (): Tensor4D => randomNormal([2, 8, 8, 1], 0, 1, 'float32', 1);

const quantizers = {
  lfq: () => createLfq({ codebookSize: 16, dim: 8 }),
  fsq: () => createFsq({ levels: [3, 5], dim: 8 }),
  vq: () => createVq({ dim: 8, codebookSize: 16 }),
  'learnable vq': () => createVq({ dim: 8, codebookSize: 16, learnableCodebook: true }),
  'cosine vq': () => createVq({ dim: 8, codebookSize: 16, useCosineSim: true }),
  simvq: () => createSimVq({ dim: 8, codebookSize: 16 }),
  'residual of vq': () => createResidual({ layers: [1, 2].map(() => createVq({ dim: 8, codebookSize: 16 })) }),
  'residual fsq': () => createResidualFsq({ dim: 8, levels: [3, 5], numQuantizers: 2 }),
  'residual lfq': () => createResidualLfq({ dim: 4, codebookSize: 16, numQuantizers: 2 }),
  grouped: () => createGrouped({ groups: [1, 2].map(() => createVq({ dim: 4, codebookSize: 16 })) }),
};

for (const engine of ['cpu', 'wasm'] as const) {
  describe(`on ${engine} a function that was called outside tidy leaves its result and nothing else`, () => {
    beforeAll(() => startEngine(engine));

    for (const [name, make] of Object.entries(quantizers)) {
      it(`every method of ${name}`, async () => {
        const q = make();
        const z = randomNormal([2, 3, q.dim], 0, 1, 'float32', 1);
        const [nothing, wide] = [zeros([0, q.dim]), zeros([2, q.dim + 1])];
        const mask = tensor([1, 0, 1, 1, 0, 0], [2, 3], 'bool');
        const ids = q.encode(z);
        const state = q.stateDict();
        const calls: (() => unknown)[] = [
          () => q.quantize(z),
          () => q.quantize(z, { training: true }),
          () => q.quantize(z, { training: true, mask }),
          () => q.quantize(nothing, { training: true }),
          () => q.quantize(wide),
          () => q.quantize(z, { mask: ids, training: true, step: -1 }),
          () => q.quantize(z, { mask: wide }),
          () => q.encode(z, { mask }),
          () => q.encode(wide),
          () => q.encode(nothing),
          () => q.decode(ids),
          () => q.decode(z),
          () => q.stateDict(),
          () => q.trainingState(),
          () => q.loadStateDict(state),
          () => q.loadStateDict({}),
          () => q.loadStateDict({ ...state, more: z }),
          () => q.loadTrainingState({ more: z }),
          () => assertFinite('test', 'z', z),
          () => assertIndices('test', ids, q.codebookSize),
          () => assertIndices('test', ids, 1),
        ];
        for (const call of calls) await keepsOnlyItsResult(call);
        const before = memory().numTensors;
        make().dispose();
        expect(memory().numTensors).toBe(before);
        q.dispose();
      });
    }

    it('every method of an image tokenizer', async () => {
      for (const quantizer of ['fsq', 'lfq', 'vq', 'simvq'] as const) {
        const tokenizer = createImageTokenizer({ quantizer, widths: [8, 8], channels: 1 });
        const [x, odd] = [images(), zeros([1, 7, 8, 1]) as Tensor4D];
        const ids = tokenizer.encode(x);
        const file = await saveTokenizer(tokenizer);
        const state = tokenizer.stateDict();
        const calls: (() => unknown)[] = [
          () => tokenizer.encode(x),
          () => tokenizer.encode(odd),
          () => tokenizer.decode(ids),
          () => tokenizer.decode(x),
          () => tokenizer.forward(x),
          () => tokenizer.forward(x, { training: true }),
          () => tokenizer.forward(odd),
          () => tokenizer.stateDict(),
          () => tokenizer.loadStateDict(state),
          () => tokenizer.loadStateDict({}),
          () => saveTokenizer(tokenizer).then(() => undefined),
          () => loadImageTokenizer(file).dispose(),
          () => loadImageTokenizer(file.subarray(0, 99)),
        ];
        for (const call of calls) await keepsOnlyItsResult(call);
        tokenizer.dispose();
        dispose([x, odd, ids, state]);
      }
    });

    it('every method of AdamW', async () => {
      const w = variable(ones([3]));
      const gradient = ones([3]);
      const optimizer = createAdamW({ variables: { w } });
      const other = createAdamW({ variables: { w } });
      const calls: (() => unknown)[] = [
        () => optimizer.step({ w: gradient }, 1e-3),
        () => other.restore(optimizer.state(), optimizer.steps()),
        () => other.restore({}, optimizer.steps()),
        () => other.restore(optimizer.state(), { w: -1 }),
        () => createAdamW({ variables: { w } }).dispose(),
      ];
      for (const call of calls) await keepsOnlyItsResult(call);
      optimizer.dispose();
      other.dispose();
      dispose([w, gradient]);
    });

    const x = (): Tensor => randomNormal([6, 8], 0, 1, 'float32', 1);
    const functions: Record<string, (a: Tensor, b: Tensor) => unknown> = {
      commitmentLoss,
      codebookLoss,
      unitNormLoss: (a) => unitNormLoss(a),
      orthogonalityLoss: (a) => orthogonalityLoss(a as never),
      rotateTo,
      lfqEntropy: (a) => lfqEntropy(a),
      perSampleEntropy: (a) => perSampleEntropy(a),
      codebookEntropy: (a) => codebookEntropy(a),
      clampedLfqEntropy: (a) => clampedLfqEntropy(a),
      'commitmentLoss of two shapes': (a) => tidy(() => commitmentLoss(a, reshape(a, [-1]))),
      'lfqEntropy of too many codebooks': (a) => lfqEntropy(a, { numCodebooks: 3 }),
      gelu: (a) => gelu(a),
      stopGradient: (a) => stopGradient(a),
      straightThrough,
      detach: (a) => detach(a),
      unitLength: (a) => unitLength(a, 1),
      zerosFrom: (a) => zerosFrom([2], [a]),
      withoutGradient: (a) => withoutGradient(() => square(a)),
      rotateRowsTo: (a, b) => rotateRowsTo(a as Parameters<typeof rotateRowsTo>[0], b as never, 100),
      softClamp: (a) => softClamp(a as Parameters<typeof softClamp>[0], [2]),
      'toSafeTensor and back': async (a) => fromSafeTensor('a', await toSafeTensor(a)),
      createRng: () => void createRng(1).uniformArray(4, 0, 1),
    };
    for (const [name, call] of Object.entries(functions)) {
      it(name, async () => {
        const [a, b] = [x(), x()];
        await keepsOnlyItsResult(() => call(a, b));
        dispose([a, b]);
      });
    }

    it('convSame, groupNorm, gatherCodes, bitEntropy and pixels', async () => {
      const [x4, filter, bias] = [images(), ones([3, 3, 1, 4]), zeros([4])];
      const [wide, table, ids, logits, weights] = [
        zeros([2, 4, 4, 8]),
        x(),
        tensor([0, 5], [2], 'int32'),
        x(),
        ones([6]),
      ];
      const calls: (() => unknown)[] = [
        () => convSame(x4, filter as Tensor4D, bias as never),
        () => convSame(x4, filter as Tensor4D, bias as never, { upsample: 2 }),
        () => convSame(x4, wide as Tensor4D, bias as never),
        () => groupNorm(wide, 2),
        () => groupNorm(wide, 3),
        () => gatherCodes(table as never, ids as never),
        () =>
          bitEntropy(
            { logits: logits as never, sampleWeights: weights as never, batchWeights: weights as never },
            { codebook: true },
          ),
        () => pixelsFromImages(x4).then(() => undefined),
        () => imagesFromPixels(new Uint8Array(4), { height: 2, width: 2, channels: 1 }),
      ];
      for (const call of calls) await keepsOnlyItsResult(call);
      dispose([x4, filter, bias, wide, table, ids, logits, weights]);
    });
  });
}
