import {
  add,
  grad,
  grads,
  linspace,
  matMul,
  mul,
  reshape,
  sum,
  type Tensor,
  type Tensor2D,
  tensor,
  tensor2d,
  transpose,
} from '@tensorflow/tfjs-core';
import { createRng } from '@vqkit/core-tensor';
import {
  camelCaseOptions,
  eachEngine,
  expectClose,
  expectIdentical,
  expectSame,
  goldenCases,
  goldenTensor,
  publishedGoldens,
  tolerances,
} from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createFsqCodec } from '../src/codec.ts';
import { createFsq, type FsqOptions } from '../src/index.ts';

function normal(shape: number[], stddev = 1.5, seed = 1): Tensor {
  return tensor(
    createRng(seed).normalArray(
      shape.reduce((a, b) => a * b, 1),
      stddev,
    ),
    shape,
  );
}

eachEngine(() => {
  describe('FSQ against vector-quantize-pytorch', () => {
    for (const [i, golden] of goldenCases('FSQ').entries()) {
      it(`golden ${i}: ${JSON.stringify(golden.config)}`, async () => {
        const fsq = createFsq(camelCaseOptions(golden) as unknown as FsqOptions);
        fsq.loadStateDict(Object.fromEntries(Object.entries(golden.state).map(([k, v]) => [k, goldenTensor(v)])));
        const x = goldenTensor(golden.x);
        const { quantized, indices } = fsq.quantize(x, { training: true });
        expect(indices.shape).toEqual(golden.indices.shape);
        await expectSame(indices, golden.indices.data);
        await expectClose(quantized, golden.quantized.data, tolerances.float32);
        await expectSame(fsq.decode(indices), quantized);
        const [dx] = grads((z: Tensor) => {
          const q = fsq.quantize(z, { training: true }).quantized;
          return sum(mul(q, reshape(linspace(-1, 1, q.size), q.shape)));
        })([x]);
        await expectClose(dx as Tensor, golden.grad_x_of_quantized.data, tolerances.float32);
        fsq.dispose();
      });
    }
  });

  describe('FSQ with the bound of published code', () => {
    for (const golden of publishedGoldens('FSQ')) {
      const options = golden.options as unknown as FsqOptions;
      it(`gives the ids, codes and gradient of ${options.bound} for levels ${options.levels.join(',')}, and the codec too`, async () => {
        const fsq = createFsq(options);
        const x = goldenTensor(golden.x) as Tensor2D;
        const { quantized, indices } = fsq.quantize(x, { training: true });
        await expectSame(indices, golden.indices.data);
        await expectSame(fsq.encode(x), golden.indices.data);
        await expectClose(quantized, golden.quantized.data, tolerances.float32);
        await expectSame(fsq.decode(indices), quantized);
        const upstream = tensor(
          Float32Array.from(golden.x.data, (_, i) => -1 + (2 * i) / (x.size - 1)),
          x.shape,
        );
        const dx = grad((z: Tensor) => sum(mul(fsq.quantize(z, { training: true }).quantized, upstream)))(x);
        await expectClose(dx, golden.grad_x_of_quantized.data, tolerances.float32);
        const codec = createFsqCodec(fsq.config);
        await expectSame(codec.encode((await x.data()) as Float32Array), golden.indices.data);
        fsq.dispose();
      });
    }

    it('says other ids than the default to a few tokens in a thousand', async () => {
      const z = normal([10_000, 4], 1);
      const idsOf = async (options: FsqOptions): Promise<ArrayLike<number>> => createFsq(options).encode(z).data();
      const [ours, theirs] = [
        await idsOf({ levels: [8, 5, 5, 5] }),
        await idsOf({ levels: [8, 5, 5, 5], bound: 'official' }),
      ];
      const differ = Array.from(ours).filter((id, i) => id !== theirs[i]).length;
      expect(differ).toBeGreaterThan(50);
      expect(differ).toBeLessThan(150);
    });
  });

  describe('indices', () => {
    it('have feature 0 as their least significant digit', async () => {
      const fsq = createFsq({ levels: [8, 5, 5, 5] });
      const far = 30;
      const z = tensor2d([
        [-far, -far, -far, -far],
        [far, -far, -far, -far],
        [-far, far, -far, -far],
        [-far, -far, far, -far],
        [-far, -far, -far, far],
        [far, far, far, far],
      ]);
      await expectSame(fsq.encode(z), [0, 7, 4 * 8, 4 * 40, 4 * 200, 999]);
      fsq.dispose();
    });

    it('cover the whole codebook: every index decodes to the code that encodes to it', async () => {
      for (const preserveSymmetry of [false, true]) {
        const fsq = createFsq({ levels: [4, 3, 5], preserveSymmetry });
        const all = tensor(
          Int32Array.from({ length: 60 }, (_, i) => i),
          [60],
          'int32',
        );
        const codes = (await fsq.decode(all).data()) as Float32Array;
        expect(new Set(Array.from({ length: 60 }, (_, i) => codes.slice(3 * i, 3 * i + 3).join())).size).toBe(60);
        expect(Math.max(...codes.map(Math.abs))).toBe(1);
        // A bounded value in the middle of a level, unbounded again: the latent that is sure to have that level.
        const z = codes.map((code) => Math.atanh(0.99 * code));
        if (preserveSymmetry) await expectSame(fsq.encode(tensor(z, [60, 3])), all);
        fsq.dispose();
      }
    });

    it('are exact up to 2^31 - 1, where float32 sums go wrong', async () => {
      for (const levels of [
        [16, 16, 16, 16, 16, 16, 16, 7],
        [2000, 1000, 1073],
        new Array(30).fill(2),
        [7, 5, 9, 11, 8, 8, 8, 9, 8],
      ]) {
        const fsq = createFsq({ levels, preserveSymmetry: true });
        const d = levels.length;
        const z = normal([200, d]);
        const { quantized, indices } = fsq.quantize(z);
        await expectIdentical(fsq.decode(indices), quantized);
        const [codes, ids] = [await quantized.data(), await indices.data()];
        for (let n = 0; n < 200; n++) {
          let [id, basis] = [0, 1];
          for (let i = 0; i < d; i++) {
            const level = levels[i] as number;
            id += Math.round((((codes[n * d + i] as number) + 1) * (level - 1)) / 2) * basis;
            basis *= level;
          }
          expect(ids[n]).toBe(id);
        }
        fsq.dispose();
      }
    });

    it('count codebooks separately, in the order of their features', async () => {
      const [two, one] = [createFsq({ levels: [5, 4], numCodebooks: 2 }), createFsq({ levels: [5, 4] })];
      const z = normal([6, 4]);
      const both = two.encode(z);
      expect(both.shape).toEqual([6, 2]);
      await expectSame(reshape(both, [12]), one.encode(reshape(z, [12, 2])));
      await expectIdentical(two.decode(both), two.quantize(z).quantized);
      two.dispose();
      one.dispose();
    });
  });

  describe('levels of 2, the baseline for LFQ', () => {
    it('are signs: LFQ’s ids with the bits in reverse, and its codes', async () => {
      const d = 10;
      const fsq = createFsq({ levels: new Array(d).fill(2), preserveSymmetry: true });
      const z = normal([200, d]);
      const values = await z.data();
      const { quantized, indices } = fsq.quantize(z);
      await expectSame(
        quantized,
        values.map((value) => (value > 0 ? 1 : -1)),
      );
      const lfqIds = Array.from({ length: 200 }, (_, n) =>
        Array.from({ length: d }, (_, i) => ((values[n * d + i] as number) > 0 ? 2 ** (d - 1 - i) : 0)).reduce(
          (a, b) => a + b,
        ),
      );
      const reversed = lfqIds.map((id) => Number.parseInt([...id.toString(2).padStart(d, '0')].reverse().join(''), 2));
      await expectSame(indices, reversed);
      // The one difference: LFQ's bit is set for x > 0 only.
      await expectSame(fsq.encode(tensor2d(new Array(d).fill(0), [1, d])), [2 ** d - 1]);
      fsq.dispose();
    });
  });

  describe('projections and rotation', () => {
    it('project into the codes and out of them', async () => {
      const fsq = createFsq({ levels: [5, 4, 3], dim: 7, seed: 3 });
      const plain = createFsq({ levels: [5, 4, 3] });
      const state = fsq.stateDict();
      expect(Object.entries(state).map(([name, t]) => [name, t.shape])).toEqual([
        ['project_in.weight', [3, 7]],
        ['project_in.bias', [3]],
        ['project_out.weight', [7, 3]],
        ['project_out.bias', [7]],
      ]);
      const z = normal([6, 7]) as Tensor2D;
      const inner = linear(z, state['project_in.weight'] as Tensor2D, state['project_in.bias'] as Tensor);
      await expectSame(fsq.encode(z), plain.encode(inner));
      const expected = linear(
        plain.quantize(inner).quantized as Tensor2D,
        state['project_out.weight'] as Tensor2D,
        state['project_out.bias'] as Tensor,
      );
      await expectClose(fsq.quantize(z).quantized, expected, tolerances.float32);
      fsq.dispose();
      plain.dispose();
    });

    it('project without bias when told so, also down to one codebook from none equal', () => {
      const fsq = createFsq({ levels: [5, 4, 3], numCodebooks: 2, dim: 6, projectionHasBias: false });
      expect(fsq.stateDict()).toEqual({});
      const projected = createFsq({ levels: [5, 4, 3], numCodebooks: 2, dim: 3, projectionHasBias: false });
      expect(Object.keys(projected.stateDict())).toEqual(['project_in.weight', 'project_out.weight']);
      fsq.dispose();
      projected.dispose();
    });

    it('rotate before quantizing and back after', async () => {
      const fsq = createFsq({ levels: [5, 5, 5], orthogonalRotation: true, numCodebooks: 2 });
      const plain = createFsq({ levels: [5, 5, 5], numCodebooks: 2 });
      const rotation = fsq.stateDict().orthogonal_rot as Tensor2D;
      expect(fsq.variables()).toEqual({});
      const z = normal([4, 6]);
      const turned = reshape(matMul(reshape(z, [8, 3]) as Tensor2D, rotation), [4, 6]);
      await expectSame(fsq.encode(z), plain.encode(turned));
      const codes = reshape(plain.quantize(turned).quantized, [8, 3]) as Tensor2D;
      const back = reshape(matMul(codes, transpose(rotation)), [4, 6]);
      await expectClose(fsq.quantize(z).quantized, back, tolerances.float32);
      fsq.dispose();
      plain.dispose();
    });
  });

  describe('noise', () => {
    const options = { levels: [4, 9], preserveSymmetry: true, noiseDropout: 0.3 } as const;

    it('is uniform in ± half a level step, on the chosen share of the elements, clipped at ± 1', async () => {
      const fsq = createFsq(options);
      const n = 20_000;
      const z = normal([n, 2], 0.7);
      const noisy = await fsq.quantize(z, { training: true }).quantized.data();
      const clean = await fsq.quantize(z).quantized.data();
      for (const [feature, levels] of options.levels.entries()) {
        const half = 1 / (levels - 1);
        const inner: number[] = [];
        for (let i = feature; i < 2 * n; i += 2) {
          const [value, code] = [noisy[i] as number, clean[i] as number];
          if (Math.abs(value) > 1 || Math.abs(value - code) > half * (1 + 1e-6)) expect.fail(`${code} became ${value}`);
          if (Math.abs(code) < 0.99) inner.push((value - code) / half);
        }
        const moved = inner.filter((u) => u !== 0);
        const share = moved.length / inner.length;
        expect(Math.abs(share - 0.3)).toBeLessThan(5 * Math.sqrt((0.3 * 0.7) / inner.length));
        const mean = moved.reduce((a, b) => a + b, 0) / moved.length;
        const variance = moved.reduce((a, b) => a + b * b, 0) / moved.length;
        expect(Math.abs(mean)).toBeLessThan(5 * Math.sqrt(1 / 3 / moved.length));
        // Var u² = 4/45 for u uniform in [-1, 1].
        expect(Math.abs(variance - 1 / 3)).toBeLessThan(5 * Math.sqrt(4 / 45 / moved.length));
        expect(Math.max(...moved.map(Math.abs))).toBeGreaterThan(0.99);
      }
      fsq.dispose();
    });

    it('leaves the indices alone, and inference, and is another each time', async () => {
      const [fsq, quiet] = [createFsq(options), createFsq({ ...options, noiseDropout: 0 })];
      const z = normal([100, 2]);
      const [first, second] = [fsq.quantize(z, { training: true }), fsq.quantize(z, { training: true })];
      await expectSame(first.indices, quiet.encode(z));
      await expectSame(second.indices, quiet.encode(z));
      await expectIdentical(fsq.quantize(z).quantized, quiet.quantize(z).quantized);
      await expectIdentical(quiet.quantize(z, { training: true }).quantized, quiet.quantize(z).quantized);
      expect([...(await first.quantized.data())]).not.toEqual([...(await second.quantized.data())]);
      fsq.dispose();
      quiet.dispose();
    });

    it('falls on every element with probability 1, and passes the gradient where it is not clipped', async () => {
      const [fsq, quiet] = [
        createFsq({ ...options, noiseDropout: 1, seed: 5 }),
        createFsq({ ...options, noiseDropout: 0 }),
      ];
      const z = normal([2000, 2], 0.7);
      const state = fsq.rng.state();
      const noisy = await fsq.quantize(z, { training: true }).quantized.data();
      const clean = await quiet.quantize(z).quantized.data();
      expect(noisy.filter((value, i) => value === clean[i] && Math.abs(value) < 1)).toHaveLength(0);
      // The generator is the only source of randomness: put back, it gives the same noise under the gradient.
      fsq.rng.restore(state);
      const [dz] = grads((x: Tensor) => sum(fsq.quantize(x, { training: true }).quantized))([z]);
      const [expected] = grads((x: Tensor) => sum(quiet.quantize(x).quantized))([z]);
      const slope = await (expected as Tensor).data();
      await expectClose(
        dz as Tensor,
        slope.map((value, i) => (Math.abs(noisy[i] as number) < 1 ? value : 0)),
        tolerances.float32,
      );
      fsq.dispose();
      quiet.dispose();
    });
  });

  describe('the gradient', () => {
    it('is that of the bound, by its formula', async () => {
      const z = normal([50, 3]);
      const values = await z.data();
      const levels = [3, 4, 7];
      for (const preserveSymmetry of [false, true]) {
        for (const boundHardClamp of [false, true]) {
          const fsq = createFsq({ levels, preserveSymmetry, boundHardClamp });
          const [dz] = grads((x: Tensor) => sum(fsq.quantize(x).quantized))([z]);
          const expected = values.map((value, k) => {
            const count = levels[k % 3] as number;
            const half = ((count - 1) * 1.001) / 2;
            const ratio = count % 2 === 0 ? 0.5 / half : 0;
            const shift = preserveSymmetry ? 0 : boundHardClamp ? ratio : Math.atanh(ratio);
            const slope = preserveSymmetry ? 1 : half / Math.floor(count / 2);
            const y = value + shift;
            return slope * (boundHardClamp ? Number(Math.abs(y) <= 1) : 1 - Math.tanh(y) ** 2);
          });
          await expectClose(dz as Tensor, expected, tolerances.float32);
          fsq.dispose();
        }
      }
    });
  });
});

/** x Wᵀ + b, W as PyTorch's state dict has it. */
function linear(x: Tensor2D, weight: Tensor2D, bias: Tensor): Tensor2D {
  return add(matMul(x, transpose(weight)), bias);
}
