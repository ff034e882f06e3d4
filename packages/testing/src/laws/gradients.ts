import {
  add,
  engine,
  gather,
  mod,
  mul,
  randomNormal,
  type Scalar,
  scalar,
  sum,
  type Tensor,
  tensor,
  tile,
  zeros,
  zerosLike,
} from '@tensorflow/tfjs-core';
import type { QuantizeResult, Quantizer } from '@vqkit/core-tensor';
import { expect, it } from 'vitest';
import { tolerances } from '../tolerances.ts';
import { expectClose, expectIdentical, expectSame } from '../values.ts';
import { LAYOUTS, latents, type Make, scoped, TRAIN } from './subject.ts';

export interface Gradients {
  readonly z: Tensor;
  readonly variables: Readonly<Record<string, Tensor>>;
}

/** The gradients of Σ weights · quantized + loss (weights of 1 by default) to z and to every variable. */
export function gradientsOf(q: Quantizer, z: Tensor, options: { mask?: Tensor; weights?: Tensor } = {}): Gradients {
  const { mask, weights } = options;
  const variables = Object.entries(q.variables());
  const objective = (): Scalar => {
    const { quantized, loss } = q.quantize(z, { ...TRAIN, mask });
    return add(sum(weights === undefined ? quantized : mul(quantized, weights)), loss);
  };
  const xs = [z, ...variables.map(([, variable]) => variable)];
  const { value, grads } = engine().gradients(objective, xs);
  value.dispose();
  const [dz, ...rest] = grads;
  const found = variables.map(([name], i) => {
    if (rest[i] === undefined) expect.fail(`no gradient reaches the variable '${name}'`);
    return [name, rest[i]] as const;
  });
  return { z: dz as Tensor, variables: Object.fromEntries(found) };
}

export function describeGradients(make: Make, is: { straightThrough: boolean }): void {
  it('sends a finite gradient to z and to every variable', () =>
    scoped(async () => {
      for (const dataFormat of LAYOUTS) {
        const q = make({ dataFormat });
        const z = latents(q, [4, 5], dataFormat);
        const gradients = gradientsOf(q, z, { weights: randomNormal(z.shape, 0, 1, 'float32', 1) });
        for (const [name, d] of Object.entries({ z: gradients.z, ...gradients.variables })) {
          const data = await d.data();
          expect(d.shape, name).toEqual(name === 'z' ? z.shape : q.variables()[name]?.shape);
          expect(data.every(Number.isFinite), `the gradient of ${name} is finite`).toBe(true);
          expect(
            data.some((value) => value !== 0),
            `the gradient of ${name} is not zero everywhere`,
          ).toBe(true);
        }
        q.dispose();
      }
    }));

  if (is.straightThrough) {
    it('sends the gradient of `quantized` to z unchanged', () =>
      scoped(async () => {
        const q = make();
        const z = latents(q, [4, 5]);
        const weights = randomNormal(z.shape, 0, 1, 'float32', 1);
        const [dz] = engine().gradients(() => sum(mul(q.quantize(z, TRAIN).quantized, weights)) as Scalar, [z]).grads;
        await expectSame(dz as Tensor, weights);
        q.dispose();
      }));
  }

  it("sends the gradient of `quantized` to the variables alone with outputGradient 'variables', that of the loss to z too", () =>
    scoped(async () => {
      /** Of a quantizer of its own, because a training call may change it. */
      const found = async (
        outputGradient: 'all' | 'variables',
        of: (result: QuantizeResult<string>) => Tensor,
      ): Promise<{ z: Tensor | undefined; variables: (Tensor | undefined)[]; data: ArrayLike<number> }> => {
        const q = make();
        const z = latents(q, [4, 5]);
        const mask = tile(tensor([1, 1, 1, 1, 0], [1, 5]), [4, 1]);
        const xs = [z, ...Object.values(q.variables())];
        const { value, grads } = engine().gradients(
          () => sum(of(q.quantize(z, { ...TRAIN, mask, outputGradient }))) as Scalar,
          xs,
          undefined,
          true,
        );
        const [dz, ...variables] = grads.map((gradient) => gradient ?? undefined);
        q.dispose();
        return { z: dz, variables, data: await value.data() };
      };
      const { dim, config, dispose } = make();
      dispose();
      const weights = randomNormal([4, 5, dim], 0, 1, 'float32', 1);
      const weighed = ({ quantized }: QuantizeResult<string>): Tensor => mul(quantized, weights);
      const [all, few] = [await found('all', weighed), await found('variables', weighed)];
      expect(few.data).toEqual(all.data);
      if (few.z !== undefined) await expectSame(few.z, zerosLike(few.z));
      // A stack that passes the gradient once per layer passes it once where it is asked to be one rounding.
      const perLayer = JSON.stringify(config).includes('"perLayer"');
      for (const [i, d] of all.variables.entries()) {
        const own = few.variables[i];
        if (d === undefined || perLayer) continue;
        await expectClose(own ?? zerosLike(d), d, tolerances.float32);
      }
      const [whole, same] = [await found('all', ({ loss }) => loss), await found('variables', ({ loss }) => loss)];
      for (const [i, d] of [whole.z, ...whole.variables].entries()) {
        if (d !== undefined) await expectIdentical([same.z, ...same.variables][i] as Tensor, d);
      }
    }));

  it('gives gradients of zero to z and to every variable where there are no tokens, and where the mask covers all', () =>
    scoped(async () => {
      const q = make();
      const variables = Object.values(q.variables());
      const expectZeros = async (objective: () => Tensor, xs: Tensor[]): Promise<void> => {
        const { value, grads } = engine().gradients(() => objective() as Scalar, xs);
        await expectSame(value, [0]);
        for (const [i, x] of xs.entries()) await expectSame(grads[i] as Tensor, zerosLike(x));
      };
      const nothing = zeros([2, 0, q.dim]);
      for (const mask of [undefined, zeros([2, 0], 'bool')]) {
        for (const training of [true, false]) {
          const names = Object.keys(q.quantize(nothing, { ...TRAIN, training, mask }).losses);
          const quantize = () => q.quantize(nothing, { ...TRAIN, training, mask });
          await expectZeros(() => quantize().loss, [nothing, ...variables]);
          await expectZeros(() => add(sum(quantize().quantized), quantize().loss), [nothing, ...variables]);
          for (const name of names) await expectZeros(() => quantize().losses[name] as Tensor, [nothing, ...variables]);
        }
      }
      if (variables.length > 0) await expectZeros(() => sum(q.decode(q.encode(nothing))), variables);
      const z = latents(q, [2, 3]);
      const hidden = zeros([2, 3], 'bool');
      await expectZeros(() => q.quantize(z, { ...TRAIN, mask: hidden }).loss, [z]);
      await expectZeros(() => q.quantize(z, { mask: hidden }).loss, [z, ...variables]);
      q.dispose();
    }));

  it('gives indices that are constants to the tape, from quantize and from encode', () =>
    scoped(async () => {
      const q = make();
      const z = latents(q, [2, 3]);
      const table = randomNormal([8, 2], 0, 1, 'float32', 1);
      const rows = (indices: Tensor): Tensor => gather(table, mod(indices, scalar(8, 'int32')) as Tensor);
      const [dz] = engine().gradients(() => {
        const { quantized, indices } = q.quantize(z);
        const looked = add(sum(rows(indices)), sum(rows(q.encode(z))));
        return add(sum(quantized), looked) as Scalar;
      }, [z]).grads;
      const [expected] = engine().gradients(() => sum(q.quantize(z).quantized) as Scalar, [z]).grads;
      await expectSame(dz as Tensor, expected ?? zerosLike(z));
      q.dispose();
    }));
}
