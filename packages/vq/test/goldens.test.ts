import { cast, engine, grads, linspace, mul, reshape, slice, sum, type Tensor, transpose } from '@tensorflow/tfjs-core';
import {
  eachEngine,
  expectClose,
  expectIdentical,
  expectSame,
  type GoldenTensor,
  goldenTensor,
  goldenVq,
  tolerances,
  type VqGolden,
} from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createVq, type Vq, type VqOptions } from '../src/index.ts';
import { TRAIN } from './tokens.ts';

type State = Readonly<Record<string, GoldenTensor>>;

/** Its options, but for those that are other words for ours, and its default of ε. */
function optionsOf(config: VqGolden['config']): VqOptions {
  const { channel_last, accept_image_fmap, ema_update, ...rest } = config;
  const options = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [key.replace(/_([a-z])/g, (_, c: string) => c.toUpperCase()), value]),
  );
  const first = channel_last === false || accept_image_fmap === true;
  // Where codes learn, its one commitment loss moves tokens and codes alike.
  const codebookWeight = config.learnable_codebook === true ? (config.commitment_weight ?? 1) : undefined;
  return {
    eps: 1e-5,
    ...options,
    dataFormat: first ? 'channelsFirst' : 'channelsLast',
    codebookWeight,
  } as unknown as VqOptions;
}

function tensorsOf(state: State): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(state).map(([name, value]) => [
      name,
      value.dtype === 'bool' ? cast(goldenTensor(value), 'bool') : goldenTensor(value),
    ]),
  );
}

function quantizerOf({ config, state }: Pick<VqGolden, 'config' | 'state'>): Vq {
  const vq = createVq(optionsOf(config));
  vq.loadStateDict(tensorsOf(state));
  return vq;
}

/** The state after training; but a code that no token chose stays where it was, where the reference library lets it shrink. */
async function expectState(vq: Vq, before: State, after: State, used: ReadonlySet<number>[]): Promise<void> {
  const { codebookSize, codebookDim, learnableCodebook } = vq.config;
  for (const [name, value] of Object.entries(vq.stateDict())) {
    const stays = (i: number): boolean => {
      const code = Math.floor(i / codebookDim);
      return !used[Math.floor(code / codebookSize)]?.has(code % codebookSize);
    };
    const embed = name === '_codebook.embed' && !learnableCodebook;
    const old = (before[name] as GoldenTensor).data;
    const expected = (after[name] as GoldenTensor).data.map((own, i) => Number(embed && stays(i) ? old[i] : own));
    await expectClose(value, expected, tolerances.float32);
  }
}

/** The codes of each codebook that a token chose: indices end in an axis of heads where each has a codebook of its own. */
function usedCodes(indices: readonly number[], { heads, separateCodebookPerHead }: VqOptions): Set<number>[] {
  const books = separateCodebookPerHead ? (heads ?? 1) : 1;
  const used = Array.from({ length: books }, () => new Set<number>());
  for (const [i, index] of indices.entries()) used[i % books]?.add(index);
  return used;
}

eachEngine(() => {
  describe('VQ against vector-quantize-pytorch', () => {
    for (const [i, golden] of goldenVq().cases.entries()) {
      it(`golden ${i}: ${JSON.stringify(golden.config)}`, async () => {
        const { config } = golden;
        const x = goldenTensor(golden.x);
        const mask = golden.mask === undefined ? undefined : goldenTensor(golden.mask);
        const fresh = (): Vq => quantizerOf(golden);
        const vq = fresh();
        expect(Object.keys(vq.stateDict()).sort()).toEqual(Object.keys(golden.state).sort());

        const inference = vq.quantize(x, { mask });
        const { quantized, indices, losses } = vq.quantize(x, { ...TRAIN, mask });
        expect(indices.shape).toEqual(golden.indices.shape);
        await expectSame(indices, golden.indices.data);
        await expectIdentical(inference.indices, indices);
        await expectIdentical(inference.quantized, quantized);
        const used = usedCodes(golden.indices.data.map(Number), optionsOf(config));
        await expectState(vq, golden.state, golden.state_after, used);

        // Padding is 0 there; here it passes through.
        const real = (values: ArrayLike<number>): number[] =>
          Array.from(values).filter((_, at) => golden.mask === undefined || golden.mask.data[Math.floor(at / vq.dim)]);
        const ours = real(await quantized.data());
        await expectClose(ours, real(golden.quantized.data), tolerances.float32);
        await expectClose(ours, real(golden.eval_quantized.data), tolerances.float32);
        await expectClose(losses.commitment, golden.parts.commitment.data, tolerances.float32);
        await expectClose(losses.orthogonality, golden.parts.orthogonality.data, tolerances.float32);

        const upstream = reshape(linspace(-1, 1, quantized.size), quantized.shape);
        const [dQuantized] = grads((z: Tensor) => sum(mul(fresh().quantize(z, { mask }).quantized, upstream)))([x]);
        await expectClose(
          real(await (dQuantized as Tensor).data()),
          real(golden.grad_x_of_quantized.data),
          tolerances.float32,
        );

        const trained = fresh();
        const variables = Object.entries(trained.variables());
        const { value, grads: found } = engine().gradients(
          () => trained.quantize(x, { ...TRAIN, mask }).loss,
          [x, ...variables.map(([, variable]) => variable)],
        );
        const learnable = config.learnable_codebook === true && config.commitment_use_cross_entropy_loss !== true;
        if (!learnable) await expectClose(value, golden.loss.data, tolerances.float32);
        const [dx, ...others] = found;
        await expectClose(dx as Tensor, golden.grad_x_of_loss_sum.data, tolerances.float32);
        expect(variables.map(([name]) => name)).toEqual(
          expect.arrayContaining(Object.keys(golden.grad_parameters_of_loss_sum)),
        );
        for (const [at, [name]] of variables.entries()) {
          const expected = golden.grad_parameters_of_loss_sum[name];
          const theirs = expected === undefined ? undefined : goldenTensor(expected);
          const inOurLayout = name.startsWith('project') && theirs?.rank === 2 ? transpose(theirs) : theirs;
          if (inOurLayout !== undefined) await expectClose(others[at] as Tensor, inOurLayout, tolerances.float32);
        }
      });
    }

    for (const { config, state, state_after, x, indices } of goldenVq().sequences) {
      it(`50 steps of moving averages: ${JSON.stringify(config)}`, async () => {
        const vq = quantizerOf({ config, state });
        const [steps = 0, tokens = 0, dim = 0] = x.shape;
        const batches = goldenTensor(x);
        const perStep = indices.data.length / steps;
        for (let step = 0; step < steps; step++) {
          const batch = slice(batches, [step, 0, 0], [1, tokens, dim]);
          const found = vq.quantize(batch, TRAIN).indices;
          await expectSame(found, indices.data.slice(step * perStep, (step + 1) * perStep));
        }
        await expectState(vq, state, state_after, usedCodes(indices.data.map(Number), optionsOf(config)));
        vq.dispose();
      });
    }
  });
});
