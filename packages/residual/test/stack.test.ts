import { add, engine, memory, type Scalar, sum, type Tensor, tensor, tidy } from '@tensorflow/tfjs-core';
import { createRng, type Quantizer } from '@vqkit/core-tensor';
import { createFsq } from '@vqkit/fsq';
import { createLfq } from '@vqkit/lfq';
import { createSimVq } from '@vqkit/simvq';
import { eachEngine, expectIdentical, leakSteps, spreadIt } from '@vqkit/testing';
import { describe, expect } from 'vitest';
import { createGrouped, createResidual, type Residual, type ResidualOptions } from '../src/index.ts';

const dim = 4;
const lfqs = (count = 3): Quantizer[] =>
  Array.from({ length: count }, (_, j) => createLfq({ dim, codebookScale: 2 ** -j }));
const latents = (shape: number[], seed = 1): Tensor =>
  tensor(
    createRng(seed).normalArray(
      shape.reduce((a, b) => a * b),
      1,
    ),
    shape,
  );

eachEngine((engineName) => {
  const it = spreadIt(engineName);
  describe('quantize dropout', () => {
    const ran = async (indices: Tensor): Promise<number> => {
      const data = await indices.data();
      const columns = indices.shape.at(-1) as number;
      const kept = Array.from({ length: columns }, (_, j) => data[j] !== -1).filter(Boolean).length;
      for (let i = 0; i < data.length; i++) expect(data[i] === -1).toBe(i % columns >= kept);
      return kept;
    };

    it('drops the last layers in training only: index -1, loss 0, and decodes to what was quantized', async () => {
      const layers = Array.from({ length: 4 }, (_, j) => createSimVq({ dim, codebookSize: 6, seed: j }));
      const stack = createResidual({ layers, quantizeDropout: true });
      const z = latents([3, 4, dim]);
      for (let i = 0; i < 12; i++) {
        const { quantized, indices, loss, losses } = stack.quantize(z, { training: true });
        const kept = await ran(indices);
        await expectIdentical(stack.decode(indices), quantized);
        await expectIdentical(stack.decode(stack.encode(z), { layers: kept }), quantized);
        for (let j = 0; j < 4; j++) {
          const [own] = await (losses[`layer${j}.commitment`] as Tensor).data();
          expect((own as number) > 0).toBe(j < kept);
        }
        expect(Number.isFinite((await loss.data())[0])).toBe(true);
        expect(await ran(stack.quantize(z).indices)).toBe(4);
      }
      stack.dispose();
    });

    it('keeps to the cutoff and the multiple, draws every allowed depth, and repeats itself with the seed', async () => {
      const depths = async (options: Partial<ResidualOptions>, calls = 40): Promise<number[]> => {
        const stack = createResidual({ layers: lfqs(6), quantizeDropout: true, ...options });
        const z = latents([1, dim]);
        const found: number[] = [];
        for (let i = 0; i < calls; i++) found.push(await ran(stack.quantize(z, { training: true }).indices));
        stack.dispose();
        return found;
      };
      const distinct = async (options: Partial<ResidualOptions>): Promise<number[]> =>
        [...new Set(await depths(options))].sort();
      expect(await distinct({})).toEqual([1, 2, 3, 4, 5, 6]);
      expect(await distinct({ quantizeDropoutCutoffIndex: 3 })).toEqual([4, 5, 6]);
      expect(await distinct({ quantizeDropoutCutoffIndex: 5 })).toEqual([6]);
      expect(await distinct({ quantizeDropoutMultipleOf: 2 })).toEqual([2, 4, 6]);
      // The last multiple lies beyond the stack: all layers.
      expect(await distinct({ quantizeDropoutMultipleOf: 4 })).toEqual([4, 6]);
      const first = await depths({ seed: 3 }, 12);
      expect(await depths({ seed: 3 }, 12)).toEqual(first);
      expect(await depths({ seed: 4 }, 12)).not.toEqual(first);
    });

    it('goes on exactly from the stored state of its generator, those of the layers included', async () => {
      const make = (): Residual =>
        createResidual({
          layers: [
            createFsq({ levels: [4, 4], preserveSymmetry: true, noiseDropout: 0.5 }),
            createFsq({ levels: [5, 5] }),
          ],
          quantizeDropout: true,
        });
      const [one, two] = [make(), make()];
      const z = latents([20, 2]);
      for (let i = 0; i < 3; i++) one.quantize(z, { training: true });
      two.rng.restore(one.rng.state());
      for (let i = 0; i < 4; i++) {
        const [a, b] = [one.quantize(z, { training: true }), two.quantize(z, { training: true })];
        await expectIdentical(a.quantized, b.quantized);
        await expectIdentical(a.indices, b.indices);
      }
      one.dispose();
      two.dispose();
    });

    it('draws other noise for its layers and groups at every step, without dropout too', async () => {
      const noisy = (): Quantizer => createFsq({ levels: [4, 4], preserveSymmetry: true, noiseDropout: 0.5 });
      for (const whole of [createResidual({ layers: [noisy()] }), createGrouped({ groups: [noisy()] })]) {
        const z = latents([20, 2]);
        const [a, b] = [whole.quantize(z, { training: true }), whole.quantize(z, { training: true })];
        expect(await a.quantized.data()).not.toEqual(await b.quantized.data());
        whole.dispose();
      }
    });

    it('leaves no tensors behind in many steps', () => {
      const layers = Array.from({ length: 4 }, (_, j) => createSimVq({ dim, codebookSize: 6, seed: j }));
      const stack = createGrouped({
        groups: [createResidual({ layers, quantizeDropout: true }), createLfq({ dim: 2 })],
      });
      const z = latents([5, dim + 2]);
      const step = (): void => {
        tidy(() => {
          const objective = (): Scalar => {
            const { quantized, loss } = stack.quantize(z, { training: true });
            return add(sum(quantized), loss);
          };
          engine().gradients(objective, [z, ...Object.values<Tensor>(stack.variables())], undefined, true);
        });
      };
      step();
      const before = memory();
      for (let i = 0; i < leakSteps(engineName); i++) step();
      expect(memory().numTensors).toBe(before.numTensors);
      expect(memory().numBytes).toBe(before.numBytes);
      stack.dispose();
      z.dispose();
    });
  });
});
