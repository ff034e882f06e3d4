import { type Tensor, tensor, zeros } from '@tensorflow/tfjs-core';
import type { Quantizer } from '@vqkit/core-tensor';
import { it } from 'vitest';
import { tolerances } from '../tolerances.ts';
import { expectClose, expectIdentical, expectSame } from '../values.ts';
import { gradientsOf } from './gradients.ts';
import { fromTokens, LAYOUTS, latents, type Make, scoped, TRAIN, tokensOf } from './subject.ts';

const TOKENS = [2, 3] as const;
const REAL = [true, false, true, true, false, true];

export function describeMasks(make: Make, is: { noisy: boolean }): void {
  it('passes masked tokens through with index -1, whatever they hold and whatever dtype the mask has', () =>
    scoped(async () => {
      // Every non-zero number marks a real token: fractions, negative numbers, and 256, whose low byte is 0.
      const numbers = [0.5, 0, -1, 256, 0, 1e-3];
      const masks = [
        tensor(REAL, [...TOKENS], 'bool'),
        tensor(numbers.map(Math.ceil), [...TOKENS], 'int32'),
        tensor(numbers, [...TOKENS], 'float32'),
      ];
      for (const dataFormat of LAYOUTS) {
        const q = make({ dataFormat });
        const values = await tokensOf(latents(q, TOKENS, dataFormat), q.dim, dataFormat);
        const plain = q.quantize(fromTokens(values, TOKENS, q.dim, dataFormat));
        const codes = await tokensOf(plain.quantized, q.dim, dataFormat);
        const ids = await plain.indices.data();
        const z = fromTokens(withGarbage(values, q), TOKENS, q.dim, dataFormat);
        const expectedValues = withGarbage(codes, q);
        const expectedIds = ids.map((id, i) => (REAL[Math.floor(i / q.numCodebooks)] ? id : -1));
        for (const mask of masks) {
          const { quantized, indices } = q.quantize(z, { mask });
          await expectIdentical(await tokensOf(quantized, q.dim, dataFormat), expectedValues);
          await expectIdentical(indices, expectedIds);
          await expectIdentical(q.encode(z, { mask }), expectedIds);
          // Another one, because training may change the codes.
          const trained = make({ dataFormat });
          await expectIdentical(trained.quantize(z, { ...TRAIN, mask }).indices, expectedIds);
          trained.dispose();
        }
        q.dispose();
      }
    }));

  if (!is.noisy) {
    it('computes losses and gradients as if the masked tokens were not there', () =>
      scoped(async () => {
        // One for each call, because training may change the codes.
        const made = Array.from({ length: 4 }, () => make());
        const [q, forAlone, forGradients, forGradientsAlone] = made as [Quantizer, Quantizer, Quantizer, Quantizer];
        const values = await tokensOf(latents(q, TOKENS), q.dim, 'channelsLast');
        const subset = values.filter((_, i) => REAL[Math.floor(i / q.dim)]);
        const mask = tensor(REAL, [...TOKENS], 'bool');
        const z = fromTokens(withGarbage(values, q), TOKENS, q.dim, 'channelsLast');
        const zAlone = fromTokens(subset, [1, subset.length / q.dim], q.dim, 'channelsLast');
        const [masked, alone] = [q.quantize(z, { ...TRAIN, mask }), forAlone.quantize(zAlone, TRAIN)];
        await expectClose(masked.loss, alone.loss, tolerances.float32);
        for (const [name, loss] of Object.entries(alone.losses))
          await expectClose(masked.losses[name] as Tensor, loss, tolerances.float32);

        // The objective is Σ quantized + loss, so that a gradient of exactly 1 passes through a masked token.
        const dMasked = gradientsOf(forGradients, z, { mask });
        const dAlone = gradientsOf(forGradientsAlone, zAlone);
        const dz = await dMasked.z.data();
        const realOnly = dz.filter((_, i) => REAL[Math.floor(i / q.dim)]);
        await expectClose(realOnly, dAlone.z, tolerances.float32);
        const passed = dz.filter((_, i) => !REAL[Math.floor(i / q.dim)]);
        await expectSame(passed, new Array(passed.length).fill(1));
        for (const [name, expected] of Object.entries(dAlone.variables))
          await expectClose(dMasked.variables[name] as Tensor, expected, tolerances.float32);
        for (const each of made) each.dispose();
      }));
  }

  it('gives finite zeros when every token is masked', () =>
    scoped(async () => {
      const q = make();
      const z = latents(q, TOKENS);
      const mask = zeros([...TOKENS], 'bool');
      const { quantized, indices, loss, losses } = q.quantize(z, { ...TRAIN, mask });
      await expectIdentical(quantized, z);
      await expectIdentical(indices, new Array(indices.size).fill(-1));
      for (const part of [loss, ...Object.values(losses)]) await expectSame(part, [0]);
      const gradients = gradientsOf(q, z, { mask });
      await expectSame(gradients.z, new Array(z.size).fill(1));
      for (const d of Object.values(gradients.variables)) await expectSame(d, new Array(d.size).fill(0));
      q.dispose();
    }));
}

/** NaN, infinity and a huge number in the masked tokens. */
function withGarbage(values: Float32Array, q: Quantizer): Float32Array {
  const garbage = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e30];
  return values.map((value, i) => (REAL[Math.floor(i / q.dim)] ? value : (garbage[i % 4] as number)));
}
