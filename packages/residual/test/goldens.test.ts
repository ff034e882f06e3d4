import { cast, engine, linspace, mul, reshape, type Scalar, sum, type Tensor, transpose } from '@tensorflow/tfjs-core';
import type { Quantizer } from '@vqkit/core-tensor';
import {
  camelCaseOptions,
  eachEngine,
  expectClose,
  expectIdentical,
  expectSame,
  type Golden,
  type GoldenTensor,
  goldenCases,
  goldenTensor,
  spreadIt,
  tolerances,
} from '@vqkit/testing';
import { describe, expect } from 'vitest';
import {
  createGroupedResidualFsq,
  createGroupedResidualLfq,
  createGroupedResidualVq,
  createResidualFsq,
  createResidualLfq,
  createResidualSimVq,
  createResidualVq,
  type ResidualQuantizeOptions,
} from '../src/index.ts';

type Stack = Quantizer<unknown, string, ResidualQuantizeOptions>;

/** The reference's own gradient, temperatures and clamped entropies. */
const PARITY = { gradient: 'perLayer' } as const;
const LFQ_PARITY = { ...PARITY, rescaleTemperature: false, entropyEps: 1e-5 } as const;

const kinds: Record<string, (options: never) => Stack> = {
  ResidualLFQ: (options: object) => createResidualLfq({ ...options, ...LFQ_PARITY } as never),
  ResidualFSQ: (options: object) => createResidualFsq({ ...options, ...PARITY } as never),
  ResidualSimVQ: (options: object) => createResidualSimVq({ ...options, ...PARITY } as never),
  GroupedResidualLFQ: (options: object) => createGroupedResidualLfq({ ...options, ...LFQ_PARITY } as never),
  ResidualVQ: (options: object) => createResidualVq({ ...options, ...PARITY } as never),
  GroupedResidualVQ: (options: object) => createGroupedResidualVq({ ...options, ...PARITY } as never),
  GroupedResidualFSQ: (options: object) => createGroupedResidualFsq({ ...options, ...PARITY } as never),
};

function create(golden: Golden): Stack {
  const { isChannelFirst, ...options } = camelCaseOptions(golden);
  const layout = isChannelFirst === true ? { dataFormat: 'channelsFirst' } : {};
  const made = kinds[golden.kind]?.({ ...options, ...layout } as never) as Stack;
  made.loadStateDict(stateOf(golden.state));
  return made;
}

function stateOf(state: Golden['state']): Record<string, Tensor> {
  const read = (value: GoldenTensor): Tensor =>
    value.dtype === 'bool' ? cast(goldenTensor(value), 'bool') : goldenTensor(value);
  return Object.fromEntries(Object.entries(state).map(([name, value]) => [name, read(value)]));
}

/** The reference's indices in our order: one trailing axis, groups before layers. */
function indicesOf({ kind, config, indices }: Golden): Tensor {
  const given = goldenTensor(indices);
  // Groups stand on a leading axis there.
  if (kind.startsWith('Grouped')) {
    const [, batch = 0, tokens = 0] = given.shape;
    return reshape(transpose(given, [1, 2, 0, 3]), [batch, tokens, -1]);
  }
  // ResidualFSQ puts the layers where the features were.
  return config.is_channel_first === true ? transpose(given, [0, 2, 3, 1]) : given;
}

/** How many layers ran: the reference marks the others with -1. */
function layersThatRan({ config }: Golden, data: ArrayLike<number>): number {
  const count = config.num_quantizers as number;
  const ran = Array.from({ length: count }, (_, j) => data[j] !== -1).indexOf(false);
  return ran < 0 ? count : ran;
}

interface Gradients {
  readonly x: Tensor;
  readonly variables: Readonly<Record<string, Tensor>>;
}

function gradientsOf(stack: Stack, x: Tensor, objective: () => Scalar): Gradients {
  const variables = Object.entries(stack.variables());
  const { grads } = engine().gradients(objective, [x, ...variables.map(([, variable]) => variable)], undefined, true);
  const [dx, ...rest] = grads;
  return { x: dx as Tensor, variables: Object.fromEntries(variables.map(([name], i) => [name, rest[i] as Tensor])) };
}

/**
 * The reference's log-odds reach 4τ|x|, 4·100·3: a float32 of that size is off by up to 2^-24 of it, and so is a probability. In the
 * gradient of the entropies terms of up to weight · 4τ/N cancel.
 */
const ENTROPY = { relative: tolerances.rounding * 1200 * 2, noise: tolerances.rounding * 40 };

eachEngine((engine) => {
  const it = spreadIt(engine);
  describe('stacks against vector-quantize-pytorch', () => {
    for (const [kind] of Object.entries(kinds)) {
      for (const [i, golden] of goldenCases(kind).entries()) {
        it(`${kind} ${i}: ${JSON.stringify(golden.config)}`, async () => {
          const stack = create(golden);
          const config = stack.config as object;
          const x = goldenTensor(golden.x);
          const expected = indicesOf(golden);
          const layers = layersThatRan(golden, await expected.data());
          const mask = golden.mask === undefined ? undefined : goldenTensor(golden.mask);
          const call = {
            training: true,
            layers,
            mask,
            ...('freezeCodebook' in config ? { freezeCodebook: true } : {}),
          };
          const { quantized, indices, loss } = stack.quantize(x, call);
          expect(indices.shape).toEqual(expected.shape);
          await expectSame(indices, expected);
          expect(quantized.shape).toEqual(golden.quantized.shape);
          // The reference makes zeros of masked tokens, here they pass through.
          const real = async (values: Tensor | ArrayLike<number>): Promise<number[]> => {
            const data = 'dataId' in values ? await values.data() : values;
            const kept = await mask?.data();
            return Array.from(data).filter((_, i) => kept === undefined || kept[Math.floor(i / stack.dim)]);
          };
          await expectClose(await real(quantized), await real(golden.quantized.data), tolerances.float32);
          await expectClose(stack.quantize(x).quantized, golden.eval_quantized?.data ?? [], tolerances.float32);
          await expectIdentical(await real(stack.decode(indices)), await real(quantized));

          const { x: dx } = gradientsOf(stack, x, () => {
            const q = stack.quantize(x, call).quantized;
            return sum(mul(q, reshape(linspace(-1, 1, q.size), q.shape)));
          });
          await expectClose(await real(dx), await real(golden.grad_x_of_quantized.data), tolerances.float32);

          if (golden.loss !== undefined) {
            const isLfq = kind.includes('LFQ');
            const relative = isLfq ? ENTROPY.relative : tolerances.float32;
            const noise = isLfq ? ENTROPY.noise : 0;
            const total = golden.loss.data.reduce((all, own) => all + own, 0);
            await expectClose(loss, [total], relative, noise);
            const gradients = gradientsOf(stack, x, () => stack.quantize(x, call).loss);
            await expectClose(gradients.x, golden.grad_x_of_loss_sum?.data ?? [], relative, noise);
            for (const [name, { data }] of Object.entries(golden.grad_parameters_of_loss_sum ?? {}))
              await expectClose(inOrder(gradients.variables[name] as Tensor), data, relative, noise);
          }
          if (golden.state_after !== undefined) {
            stack.quantize(x, { training: true, mask });
            const after = stack.stateDict();
            expect(Object.keys(after).sort()).toEqual(Object.keys(golden.state_after).sort());
            for (const [name, { data }] of Object.entries(golden.state_after))
              await expectClose(after[name] as Tensor, data.map(Number), tolerances.float32);
          }
          stack.dispose();
        });
      }
    }
  });
});

/** Weights of linear layers are held as [in, out]. */
function inOrder(gradient: Tensor): Tensor {
  return gradient.rank === 2 ? transpose(gradient) : gradient;
}
