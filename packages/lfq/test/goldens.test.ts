import {
  engine,
  grad,
  linspace,
  mul,
  reshape,
  type Scalar,
  sum,
  type Tensor,
  type Tensor2D,
  tensor,
  transpose,
} from '@tensorflow/tfjs-core';
import {
  bitEntropies,
  camelCaseOptions,
  eachEngine,
  expectClose,
  expectIdentical,
  expectSame,
  type Golden,
  type GoldenTensor,
  goldenCases,
  goldenTensor,
  publishedGoldens,
  spreadIt,
  tolerances,
} from '@vqkit/testing';
import { describe, expect } from 'vitest';
import { createLfqCodec } from '../src/codec.ts';
import { createLfq, type Lfq, type LfqOptions, type LfqQuantizeOptions } from '../src/index.ts';

const EPS = 1e-5;

/** What the reference library computed, and the quantizer of the same options and weights. */
interface Case {
  readonly golden: Golden;
  readonly options: LfqOptions;
  readonly x: Tensor;
  readonly call: LfqQuantizeOptions;
  create(extra?: LfqOptions): Lfq;
}

function setUp(golden: Golden): Case {
  const options = camelCaseOptions(golden) as LfqOptions;
  return {
    golden,
    options,
    x: goldenTensor(golden.x),
    call: { training: true, invTemperature: golden.forward?.inv_temperature },
    create(extra = {}) {
      const lfq = createLfq({ ...options, ...extra });
      lfq.loadStateDict(Object.fromEntries(Object.entries(golden.state).map(([k, v]) => [k, goldenTensor(v)])));
      return lfq;
    },
  };
}

/**
 * The largest exponent in the reference's softmax, 2τ|⟨x, c⟩|. A float32 exponent of L is off by up to L · 2^-24 on either side, and so
 * is, relatively, every probability and what is made of it.
 */
async function largestExponent({ create, x, call, options }: Case): Promise<number> {
  const { codebookScale = 1, spherical = false, softClampInputValue } = options;
  const { invTemperature: tau = 100 } = call;
  const lfq = create({ commitmentLossWeight: 1 });
  const bits = Math.log2(lfq.codebookSize);
  lfq.dispose();
  if (spherical) return 2 * tau * codebookScale ** 2;
  if (typeof softClampInputValue === 'number') return 2 * tau * codebookScale * bits * softClampInputValue;
  // Projections and rotations of the goldens are near isometries: the largest features bound the largest dot product.
  const largest = Math.max(...Array.from(await x.data(), Math.abs));
  return 2 * tau * codebookScale * bits * largest;
}

/** Size of the terms that cancel in the gradient of the entropies: weight · 4τs / N, and a sum of them behind projections. */
function gradientTerms({ golden, options, call }: Case): number {
  const { entropyLossWeight = 0.1, codebookScale = 1 } = options;
  const summed = 'project_in.weight' in golden.state ? (golden.state.mask as GoldenTensor).data.length : 1;
  return (summed * entropyLossWeight * 4 * (call.invTemperature ?? 100) * codebookScale) / golden.indices.data.length;
}

/** With any of these x is not simply the log-odds divided by 4τs. */
const BETWEEN = [
  'codebookSize',
  'dataFormat',
  'experimentalSoftplusEntropyLoss',
  'hasProjections',
  'orthogonalRotation',
  'softClampInputValue',
  'spherical',
];

/**
 * What the clamp of probabilities adds to the gradient of the loss in x, in float64 over all codes; undefined where that is not a
 * matter of a factor.
 */
function ofClamp({ golden, options, call }: Case): Float64Array | undefined {
  if (BETWEEN.some((option) => option in options)) return undefined;
  const { dim = 0, entropyLossWeight = 0.1, diversityGamma = 1, codebookScale = 1 } = options;
  const scale = 4 * (call.invTemperature ?? 100) * codebookScale;
  const logits = golden.x.data.map((value) => value * scale);
  const gradient = (eps: number): Float64Array =>
    bitEntropies(logits, dim, { eps }).gradient(entropyLossWeight * scale, -entropyLossWeight * scale * diversityGamma);
  const [clamped, exact] = [gradient(EPS), gradient(0)];
  return clamped.map((value, i) => value - (exact[i] as number));
}

interface Gradients {
  readonly x: Tensor;
  readonly variables: Readonly<Record<string, Tensor>>;
}

function gradientsOf(lfq: Lfq, x: Tensor, objective: () => Scalar): Gradients {
  const variables = Object.entries(lfq.variables());
  const { grads } = engine().gradients(objective, [x, ...variables.map(([, variable]) => variable)], undefined, true);
  const [dx, ...rest] = grads;
  return { x: dx as Tensor, variables: Object.fromEntries(variables.map(([name], i) => [name, rest[i] as Tensor])) };
}

eachEngine((engineName) => {
  const it = spreadIt(engineName);
  describe('LFQ against vector-quantize-pytorch', () => {
    for (const [i, golden] of goldenCases('LFQ').entries()) {
      if (golden.mask !== undefined) continue;
      const name = `golden ${i}: ${JSON.stringify({ ...golden.config, ...golden.forward })}`;

      it(`${name}: values and their gradient`, async () => {
        const { create, x, call } = setUp(golden);
        const lfq = create();
        const { quantized, indices } = lfq.quantize(x, call);
        expect(indices.shape).toEqual(golden.indices.shape);
        await expectSame(indices, golden.indices.data);
        await expectSame(lfq.encode(x), golden.indices.data);
        expect(quantized.shape).toEqual(golden.quantized.shape);
        await expectClose(quantized, golden.quantized.data, tolerances.float32);
        await expectClose(lfq.quantize(x).quantized, golden.eval_quantized?.data ?? [], tolerances.float32);
        await expectIdentical(lfq.decode(indices), quantized);
        const { x: dx } = gradientsOf(lfq, x, () => {
          const q = lfq.quantize(x, call).quantized;
          return sum(mul(q, reshape(linspace(-1, 1, q.size), q.shape)));
        });
        await expectClose(dx, golden.grad_x_of_quantized.data, tolerances.float32);
        lfq.dispose();
      });

      it(`${name}: losses and their gradients, clamped as the reference's`, async () => {
        const own = setUp(golden);
        const { create, x, call } = own;
        const relative = Math.max(tolerances.float32, tolerances.rounding * (await largestExponent(own)));
        const rounding = engineName === 'native' ? tolerances.nativeProbability : tolerances.rounding;
        const noise = rounding * gradientTerms(own);
        const lfq = create({ entropyEps: EPS });
        const { loss, losses } = lfq.quantize(x, call);
        const { per_sample_entropy, batch_entropy, commitment } = golden.breakdown ?? {};
        // A probability near 1 that is off by its rounding adds as much to the entropy, which may itself be as small.
        await expectClose(loss, golden.loss?.data ?? [], relative, tolerances.rounding);
        await expectClose(losses.perSampleEntropy, [per_sample_entropy as number], relative, tolerances.rounding);
        await expectClose(losses.codebookEntropy, [batch_entropy as number], relative, tolerances.rounding);
        // The reference reports 0 where the weight is 0.
        if (lfq.config.commitmentLossWeight > 0)
          await expectClose(losses.commitment, [commitment as number], tolerances.float32);
        const gradients = gradientsOf(lfq, x, () => lfq.quantize(x, call).loss);
        await expectClose(gradients.x, golden.grad_x_of_loss_sum?.data ?? [], relative, noise);
        for (const [key, { shape, data }] of Object.entries(golden.grad_parameters_of_loss_sum ?? {})) {
          const own = gradients.variables[key] as Tensor;
          // Linear weights are held as [in, out], and are square in some goldens.
          const transposed = own.rank === 2 && !lfq.config.cosineSimProjectIn;
          const inOrder = transposed ? transpose(own) : own;
          expect(inOrder.shape).toEqual(shape);
          await expectClose(inOrder, data, relative, noise);
        }
        lfq.dispose();
      });

      it(`${name}: losses, exact`, async () => {
        const own = setUp(golden);
        const { create, x, call } = own;
        const lfq = create();
        const { losses } = lfq.quantize(x, call);
        const { per_sample_entropy, batch_entropy } = golden.breakdown ?? {};
        const relative = Math.max(tolerances.float32, tolerances.rounding * (await largestExponent(own)));
        // A clamp at eps takes at most p ln(eps / p) <= eps / e nats from each of the K codes.
        const clamped = (lfq.codebookSize * EPS) / Math.E;
        await expectClose(losses.perSampleEntropy, [per_sample_entropy as number], relative, clamped);
        await expectClose(losses.codebookEntropy, [batch_entropy as number], relative, clamped);
        const { x: dx } = gradientsOf(lfq, x, () => lfq.quantize(x, call).loss);
        const noise = tolerances.rounding * gradientTerms(own);
        const clamp = ofClamp(own);
        const reference = golden.grad_x_of_loss_sum?.data ?? [];
        if (clamp !== undefined) {
          const expected = reference.map((value, i) => value - (clamp[i] as number));
          await expectClose(dx, expected, relative, noise);
        } else if ((call.invTemperature ?? 100) <= 10) {
          // At 100 what is left of some gradients is what the clamp adds: where no token shares its code, H(c|x) - H(c) is constant.
          await expectClose(dx, reference, tolerances.clampedEntropy, noise);
        }
        lfq.dispose();
      });
    }

    for (const golden of goldenCases('LFQ').filter(({ mask }) => mask !== undefined)) {
      it(`with a mask: ${JSON.stringify({ ...golden.config, ...golden.forward })}`, async () => {
        const own = setUp(golden);
        const { create, x } = own;
        const mask = goldenTensor(golden.mask as GoldenTensor);
        const real = await mask.data();
        const call = { ...own.call, mask };
        // With a mask the reference forgets to average over tokens: its batch entropy is the per-sample entropy, and with γ = 1 its
        // loss is the commitment alone. Ours is checked against the unmasked tokens alone in the contract suite.
        const lfq = create({ entropyLossWeight: 0, entropyEps: EPS });
        const { indices, loss, losses } = lfq.quantize(x, call);
        const { per_sample_entropy, batch_entropy, commitment } = golden.breakdown ?? {};
        expect(batch_entropy).toBe(per_sample_entropy);
        await expectSame(
          indices,
          golden.indices.data.map((index, i) => (real[i] ? index : -1)),
        );
        const relative = Math.max(tolerances.float32, tolerances.rounding * (await largestExponent(own)));
        await expectClose(losses.perSampleEntropy, [per_sample_entropy as number], relative, tolerances.rounding);
        await expectClose(losses.commitment, [commitment as number], tolerances.float32);
        await expectClose(loss, golden.loss?.data ?? [], tolerances.float32);
        const { x: dx } = gradientsOf(lfq, x, () => lfq.quantize(x, call).loss);
        await expectClose(dx, golden.grad_x_of_loss_sum?.data ?? [], tolerances.float32, tolerances.rounding);
        lfq.dispose();
      });
    }
  });

  describe('LFQ against published code', () => {
    for (const golden of publishedGoldens('LFQ')) {
      const options = golden.options as LfqOptions;
      it(`${JSON.stringify(options)}`, async () => {
        const lfq = createLfq(options);
        const x = goldenTensor(golden.x) as Tensor2D;
        const { quantized, indices, losses } = lfq.quantize(x, { training: true });
        await expectSame(indices, golden.indices.data);
        await expectSame(lfq.encode(x), golden.indices.data);
        await expectClose(quantized, golden.quantized.data, tolerances.float32);
        await expectSame(lfq.decode(indices), quantized);
        const upstream = tensor(
          Float32Array.from(golden.x.data, (_, i) => -1 + (2 * i) / (x.size - 1)),
          x.shape,
        );
        const dx = grad((z: Tensor) => sum(mul(lfq.quantize(z, { training: true }).quantized, upstream)))(x);
        await expectClose(dx, golden.grad_x_of_quantized.data, tolerances.float32);
        const codec = createLfqCodec(lfq.config);
        await expectSame(codec.encode((await x.data()) as Float32Array), golden.indices.data);
        await expectSame(codec.decode((await indices.data()) as Int32Array), quantized);
        if (golden.losses !== undefined) {
          for (const [name, value] of Object.entries(golden.losses)) {
            await expectClose(losses[name as keyof typeof losses], [value], tolerances.float32);
          }
          const ofLoss = grad((z: Tensor) => lfq.quantize(z, { training: true }).loss)(x);
          await expectClose(ofLoss, (golden.grad_x_of_loss as GoldenTensor).data, tolerances.float32);
        }
        lfq.dispose();
      });
    }
  });
});
