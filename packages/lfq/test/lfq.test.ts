import {
  engine,
  grad,
  mul,
  type Scalar,
  sum,
  type Tensor,
  tensor,
  tensor1d,
  tensor2d,
  zeros,
} from '@tensorflow/tfjs-core';
import { createRng, OptionError } from '@vqkit/core-tensor';
import { lfqEntropy } from '@vqkit/losses';
import { bitEntropies, eachEngine, expectClose, expectIdentical, expectSame, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createLfq, type Lfq, type LfqOptions, type LfqQuantizeOptions } from '../src/index.ts';

const TRAIN = { training: true } as const;
const normal = (n: number, d: number, stddev = 1): Tensor =>
  tensor(createRng(n * d).normalArray(n * d, stddev), [n, d]);

async function number(x: Tensor): Promise<number> {
  return (await x.data())[0] as number;
}

/** Calls `body` with a quantizer and disposes it. */
async function withLfq(options: LfqOptions, body: (lfq: Lfq) => Promise<void>): Promise<void> {
  const lfq = createLfq(options);
  await body(lfq);
  lfq.dispose();
}

const lossOf =
  (lfq: Lfq, call: LfqQuantizeOptions = TRAIN) =>
  (x: Tensor): Scalar =>
    lfq.quantize(x, call).loss;

eachEngine(() => {
  describe('createLfq', () => {
    it('gives the sign codes, most significant bit first', () =>
      withLfq({ dim: 3 }, async (lfq) => {
        const x = tensor2d([0.1, -2, 3, -1, 5, -1, 1, 1, 1], [3, 3]);
        const { quantized, indices } = lfq.quantize(x);
        await expectIdentical(quantized, [1, -1, 1, -1, 1, -1, 1, 1, 1]);
        await expectIdentical(indices, [0b101, 0b010, 0b111]);
      }));

    it('takes 0, -0 and NaN as bit 0, and infinities by their sign', () =>
      withLfq({ dim: 5 }, async (lfq) => {
        const inf = Number.POSITIVE_INFINITY;
        const x = tensor2d([0, -0, Number.NaN, inf, -inf], [1, 5]);
        const { quantized, indices, losses } = lfq.quantize(x, TRAIN);
        await expectIdentical(quantized, [-1, -1, -1, 1, -1]);
        await expectIdentical(indices, [0b00010]);
        expect(await number(losses.perSampleEntropy)).toBeNaN();
        const decided = lfq.quantize(tensor2d([0, -0, 1, inf, -inf], [1, 5]), TRAIN).losses;
        await expectClose(decided.perSampleEntropy, [2 * Math.log(2)], tolerances.float32);
      }));

    it('gives spherical codes of length s', () =>
      withLfq({ dim: 5, spherical: true, codebookScale: 3 }, async (lfq) => {
        const { quantized } = lfq.quantize(normal(20, 5));
        const data = await quantized.data();
        for (let i = 0; i < 100; i++) expect(Math.abs(data[i] as number)).toBeCloseTo(3 / Math.sqrt(5), 6);
      }));

    it('sends no gradient to spherical tokens without a direction, and a finite one just above', () =>
      withLfq({ dim: 2, spherical: true, commitmentLossWeight: 1 }, async (lfq) => {
        const x = tensor2d([0, 0, 1e-13, 0, 1e-9, 1e-9], [3, 2]);
        const dx = grad((z: Tensor) => sum(lfq.quantize(z, TRAIN).quantized))(x);
        const data = await dx.data();
        expect(Array.from(data.slice(0, 4))).toEqual([0, 0, 0, 0]);
        const ofLoss = await grad(lossOf(lfq))(x).data();
        expect(ofLoss.every(Number.isFinite)).toBe(true);
        await expectIdentical(lfq.encode(x), [0b00, 0b10, 0b11]);
      }));

    it('has a surrogate gradient by name', async () => {
      const x = tensor2d([0.5, -2, 1.5], [1, 3]);
      for (const [straightThroughActivation, slope] of [
        ['identity', () => 1],
        ['tanh', (v: number) => 1 - Math.tanh(v) ** 2],
        ['hardTanh', (v: number) => (Math.abs(v) <= 1 ? 1 : 0)],
      ] as const) {
        await withLfq({ dim: 3, straightThroughActivation }, async (lfq) => {
          for (const training of [true, false]) {
            await expectIdentical(lfq.quantize(x, { training }).quantized, [1, -1, 1]);
            const dx = grad((z: Tensor) => sum(lfq.quantize(z, { training }).quantized))(x);
            await expectClose(dx, [0.5, -2, 1.5].map(slope), tolerances.float32);
          }
        });
      }
    });

    for (const d of [24, 30]) {
      it(`has indices of ${d} bits`, () =>
        withLfq({ dim: d, entropyLossWeight: 0 }, async (lfq) => {
          expect(lfq.codebookSize).toBe(2 ** d);
          const x = normal(200, d);
          const { quantized, indices, losses } = lfq.quantize(x, TRAIN);
          const values = await x.data();
          const expected = Array.from({ length: 200 }, (_, token) =>
            Number.parseInt(
              Array.from(values.slice(token * d, (token + 1) * d), (v) => (v > 0 ? '1' : '0')).join(''),
              2,
            ),
          );
          await expectIdentical(indices, expected);
          await expectIdentical(lfq.decode(indices), quantized);
          expect(await number(losses.perSampleEntropy)).toBeGreaterThan(0);
          await expectSame(losses.codebookEntropy, [0]);
        }));
    }
  });

  describe('the losses of LFQ', () => {
    it('are those of the softmax over all codes, whatever the length of x', async () => {
      for (const spherical of [false, true]) {
        const [n, d, s, tau] = [9, 4, 0.7, 1.3];
        await withLfq({ dim: d, spherical, codebookScale: s, invTemperature: tau }, async (lfq) => {
          const x = normal(n, d, 2);
          const data = Float64Array.from(await x.data());
          const expected = softmaxEntropies(data, d, s, tau, spherical);
          const { losses, loss } = lfq.quantize(x, TRAIN);
          await expectClose(losses.perSampleEntropy, [expected.perSample], tolerances.float32);
          await expectClose(losses.codebookEntropy, [expected.codebook], tolerances.float32);
          await expectClose(loss, [0.1 * (expected.perSample - expected.codebook)], tolerances.float32);
        });
      }
    });

    it('are unweighted, and their weighted sum is the loss', () =>
      withLfq(
        {
          dim: 3,
          entropyLossWeight: 0.3,
          diversityGamma: 0.5,
          commitmentLossWeight: 0.2,
          unitNormLossWeight: 0.7,
          invTemperature: 1,
        },
        async (lfq) => {
          const x = normal(6, 3);
          const data = Array.from(await x.data());
          const { loss, losses } = lfq.quantize(x, TRAIN);
          const mean = (f: (v: number) => number): number => data.reduce((total, v) => total + f(v) / 18, 0);
          const commitment = mean((v) => (v - (v > 0 ? 1 : -1)) ** 2);
          const unitNorm = mean((v) => (v * v - 1) ** 2);
          await expectClose(losses.commitment, [commitment], tolerances.float32);
          await expectClose(losses.unitNorm, [unitNorm], tolerances.float32);
          const entropy = (await number(losses.perSampleEntropy)) - 0.5 * (await number(losses.codebookEntropy));
          await expectClose(loss, [0.3 * entropy + 0.2 * commitment + 0.7 * unitNorm], tolerances.float32);
        },
      ));

    it('measure the unit norm before x is normalised', () =>
      withLfq({ dim: 2, spherical: true, entropyLossWeight: 0, unitNormLossWeight: 1 }, async (lfq) => {
        const x = tensor2d([3, 1], [1, 2]);
        await expectClose(lfq.quantize(x, TRAIN).loss, [32], tolerances.float32);
        await expectClose(grad(lossOf(lfq))(x), [48, 0], tolerances.float32);
      }));

    it('pull features to ± codebookScale', () =>
      withLfq({ dim: 2, codebookScale: 0.5, entropyLossWeight: 0, unitNormLossWeight: 1 }, async (lfq) => {
        await expectClose(lfq.quantize(tensor2d([0.5, -0.5], [1, 2]), TRAIN).loss, [0], 0, 1e-7);
        await expectClose(grad(lossOf(lfq))(tensor2d([1, -0.25], [1, 2])), [6, 0.375], tolerances.float32);
      }));

    it('have a gradient only where their weight is not 0', () =>
      withLfq({ dim: 2, entropyLossWeight: 0, commitmentLossWeight: 1 }, async (lfq) => {
        const x = tensor2d([3, -0.5], [1, 2]);
        await expectClose(grad(lossOf(lfq))(x), [2, 0.5], tolerances.float32);
      }));

    it('are means over codebooks and tokens', () =>
      withLfq({ codebookSize: 8, numCodebooks: 2, invTemperature: 1 }, async (lfq) => {
        const x = normal(10, 6);
        const data = await x.data();
        const parts = [0, 1].map((book) => {
          const logits = Array.from(data, (v) => 4 * v).filter((_, i) => Math.floor((i % 6) / 3) === book);
          return bitEntropies(logits, 3);
        });
        const { losses } = lfq.quantize(x, TRAIN);
        const mean = (part: 'perSample' | 'codebook'): number => parts.reduce((total, own) => total + own[part] / 2, 0);
        await expectClose(losses.perSampleEntropy, [mean('perSample')], tolerances.float32);
        await expectClose(losses.codebookEntropy, [mean('codebook')], tolerances.float32);
      }));

    it('bound the codebook entropy by ln N plus the per-sample entropy', () =>
      withLfq({ dim: 10 }, async (lfq) => {
        const { losses } = lfq.quantize(normal(5, 10, 3), TRAIN);
        const [perSample, codebook] = [await number(losses.perSampleEntropy), await number(losses.codebookEntropy)];
        expect(codebook).toBeLessThanOrEqual(Math.log(5) + perSample + 1e-5);
        expect(codebook).toBeGreaterThan(Math.log(5) - 0.1);
      }));

    it('are positive with softplus, whose offset is an option', async () => {
      const x = normal(8, 3);
      await withLfq({ dim: 3, invTemperature: 1 }, async (plain) => {
        const term = (await number(plain.quantize(x, TRAIN).loss)) / 0.1;
        for (const entropyLossOffset of [5, 0.5]) {
          const options = { dim: 3, invTemperature: 1, experimentalSoftplusEntropyLoss: true, entropyLossOffset };
          await withLfq(options, async (lfq) => {
            const expected = 0.1 * Math.log1p(Math.exp(term + entropyLossOffset));
            await expectClose(lfq.quantize(x, TRAIN).loss, [expected], tolerances.float32);
            const slope = 1 / (1 + Math.exp(-term - entropyLossOffset));
            const scaled = mul(grad(lossOf(plain))(x), slope);
            await expectClose(grad(lossOf(lfq))(x), scaled, tolerances.float32);
          });
        }
      });
    });

    it('are computed only when training', () =>
      withLfq({ dim: 3 }, async (lfq) => {
        const { loss, losses } = lfq.quantize(normal(4, 3));
        for (const part of [loss, ...Object.values(losses)]) await expectSame(part, [0]);
      }));
  });

  describe('the temperature of LFQ', () => {
    it('is an option, a schedule over step, or a number for one call', () =>
      withLfq({ dim: 3, invTemperature: { from: 1, to: 3, steps: 10 } }, async (lfq) => {
        const x = normal(6, 3);
        const at = async (call: LfqQuantizeOptions): Promise<number> =>
          number(lfq.quantize(x, { training: true, ...call }).losses.perSampleEntropy);
        for (const [step, tau] of [
          [0, 1],
          [5, 2],
          [10, 3],
          [99, 3],
        ] as const) {
          const expected = await number(lfqEntropy(mul(x, 4 * tau)).perSample);
          expect(await at({ step })).toBeCloseTo(expected, 6);
          expect(await at({ invTemperature: tau })).toBeCloseTo(expected, 6);
        }
        expect(() => lfq.quantize(x, TRAIN)).toThrow(/createLfq\(\)\.quantize: step must be .+ because invTemperature/);
        for (const invTemperature of [0, -1, Number.NaN, '1' as unknown as number])
          expect(() => lfq.quantize(x, { invTemperature })).toThrow(OptionError);
        lfq.quantize(x);
      }));
  });

  describe('fracPerSampleEntropy', () => {
    it('thins out the per-sample entropy only, and leaves at least one token', () =>
      withLfq({ dim: 3, fracPerSampleEntropy: 0.3, invTemperature: 1 }, async (lfq) => {
        const x = normal(10, 3);
        const whole = lfqEntropy(mul(x, 4));
        const single = bitEntropies(
          Array.from(await x.data(), (v) => 4 * v),
          3,
          { sampleWeights: new Array(10).fill(1) },
        );
        const seen = new Set<number>();
        for (let i = 0; i < 5; i++) {
          const { losses } = lfq.quantize(x, TRAIN);
          await expectClose(losses.codebookEntropy, whole.codebook, tolerances.float32);
          seen.add(await number(losses.perSampleEntropy));
        }
        expect(seen.size).toBeGreaterThan(1);
        for (const value of seen) expect(value).toBeLessThan(single.perSample);

        const one = tensor2d([0.1, -0.2, 0.3], [1, 3]);
        const { losses } = lfq.quantize(one, TRAIN);
        await expectClose(losses.perSampleEntropy, lfqEntropy(mul(one, 4)).perSample, tolerances.float32);
      }));

    it('sends the gradient of the per-sample entropy to the drawn tokens', () =>
      withLfq({ dim: 2, fracPerSampleEntropy: 0.25, invTemperature: 1, diversityGamma: 0 }, async (lfq) => {
        const dx = await grad(lossOf(lfq))(normal(8, 2)).data();
        const touched = Array.from({ length: 8 }, (_, token) => dx[2 * token] !== 0 || dx[2 * token + 1] !== 0);
        expect(touched.filter(Boolean)).toHaveLength(2);
      }));

    it('draws tokens with all their codebooks where these are pooled', () => {
      const pooled = { codebookSize: 4, numCodebooks: 2, pooledCodebookEntropy: true, diversityGamma: 0 };
      return withLfq({ ...pooled, fracPerSampleEntropy: 0.25, invTemperature: 1 }, async (lfq) => {
        const dx = await grad(lossOf(lfq))(normal(8, 4)).data();
        const touched = [0, 1, 2, 3, 4, 5, 6, 7].map(
          (token) => dx.slice(4 * token, 4 * token + 4).filter(Boolean).length,
        );
        expect(touched.sort()).toEqual([0, 0, 0, 0, 0, 0, 4, 4]);
      });
    });

    it('draws from the real tokens of a mask', () =>
      withLfq({ dim: 2, fracPerSampleEntropy: 0.1, invTemperature: 1, diversityGamma: 0 }, async (lfq) => {
        const mask = tensor1d([0, 0, 1, 0, 0, 1, 0, 0], 'int32');
        for (let i = 0; i < 6; i++) {
          const dx = await grad(lossOf(lfq, { training: true, mask }))(normal(8, 2)).data();
          const touched = [0, 1, 2, 3, 4, 5, 6, 7].filter((token) => dx[2 * token] !== 0);
          expect(touched).toHaveLength(1);
          expect([2, 5]).toContain(touched[0]);
        }
        const none = lfq.quantize(normal(8, 2), { training: true, mask: zeros([8]) });
        await expectSame(none.loss, [0]);
      }));
  });

  it('trains its projections: the gradient reaches both through one step', () =>
    withLfq({ dim: 6, codebookSize: 16, spherical: true }, async (lfq) => {
      const x = normal(12, 6);
      const variables = lfq.variables();
      expect(Object.keys(variables)).toEqual([
        'project_in.weight',
        'project_in.bias',
        'project_out.weight',
        'project_out.bias',
      ]);
      const { grads } = engine().gradients(
        () => lfq.quantize(x, TRAIN).loss,
        [variables['project_in.weight'] as Tensor],
      );
      expect(Array.from(await (grads[0] as Tensor).data()).some((value) => value !== 0)).toBe(true);
    }));
});

/** The entropies from a softmax of 2τ⟨x, c⟩ over every code, in float64: no factorisation. */
function softmaxEntropies(
  x: Float64Array,
  d: number,
  s: number,
  tau: number,
  spherical: boolean,
): { perSample: number; codebook: number } {
  const n = x.length / d;
  const k = 2 ** d;
  const average = new Float64Array(k);
  let perSample = 0;
  for (let token = 0; token < n; token++) {
    const row = x.slice(token * d, (token + 1) * d);
    const length = spherical ? Math.hypot(...row) / s : 1;
    const size = spherical ? s / Math.sqrt(d) : s;
    const scores = Array.from({ length: k }, (_, code) =>
      Math.exp(
        row.reduce((sum, v, i) => sum + ((2 * tau * v) / length) * ((code >> (d - 1 - i)) & 1 ? size : -size), 0),
      ),
    );
    const total = scores.reduce((a, b) => a + b, 0);
    scores.forEach((score, code) => {
      const p = score / total;
      average[code] = (average[code] as number) + p / n;
      perSample -= (p * Math.log(p)) / n;
    });
  }
  return { perSample, codebook: average.reduce((sum, p) => sum - p * Math.log(p), 0) };
}
