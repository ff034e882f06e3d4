import '@tensorflow/tfjs-backend-cpu';
import {
  backend as activeBackend,
  type KernelFunc,
  memory,
  setBackend,
  type TensorInfo,
  tensor1d,
  tensor2d,
  tidy,
} from '@tensorflow/tfjs-core';
import { loadKernels } from '@vqkit/backend-wasm/codec';
import type { NearestCodeExactInputs } from '@vqkit/core-tensor';
import { expectSame, HARD_CODEBOOKS, hardSearch, nearestByFloat64, type SearchProblem } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { createNearestCodeExact } from '../src/kernels/nearest-code-exact.ts';

const SIZES = [
  [3, 9, 1],
  [300, 200, 8],
  [1500, 300, 8],
  [200, 90, 33],
] as const;

function inputsOf({ x, codes, dim }: SearchProblem): NearestCodeExactInputs {
  return { x: tensor2d(x, [x.length / dim, dim]), codes: tensor2d(codes, [codes.length / dim, dim]) };
}

function run(kernel: KernelFunc, inputs: NearestCodeExactInputs): Int32Array {
  const call = { inputs, attrs: {}, backend: activeBackend() } as unknown as Parameters<KernelFunc>[0];
  const { dataId } = kernel(call) as TensorInfo;
  return activeBackend().readSync(dataId) as Int32Array;
}

/** On the cpu engine, which has float32 operations as native TensorFlow has them: so the kernel is tested where that cannot be installed. */
describe('nearestCodeExact of native TensorFlow', () => {
  let kernel: KernelFunc;
  beforeAll(async () => {
    await setBackend('cpu');
    kernel = createNearestCodeExact(await loadKernels());
  });

  for (const kind of HARD_CODEBOOKS) {
    it(`finds float64's code, bit for bit, at first and again: ${kind}`, async () => {
      for (const [i, sizes] of SIZES.entries()) {
        const problem = hardSearch(kind, sizes, i);
        const right = nearestByFloat64(problem);
        const inputs = inputsOf(problem);
        await expectSame(run(kernel, inputs), right);
        await expectSame(run(kernel, inputs), right);
        await expectSame(run(createNearestCodeExact(), inputs), right);
      }
    });

    it(`finds it by scores in a narrower space: ${kind}`, async () => {
      for (const [i, [count, tokens, width]] of SIZES.entries()) {
        const narrow = hardSearch(kind, [count, tokens, width], i);
        // Features that all codes have 0 in say nothing, whatever the tokens have there.
        const dim = width + 3;
        const widened = (rows: Float32Array, value: number): Float32Array =>
          Float32Array.from({ length: (rows.length / width) * dim }, (_, at) => {
            const feature = at % dim;
            return feature < width ? (rows[Math.floor(at / dim) * width + feature] as number) : value;
          });
        const problem = { x: widened(narrow.x, 1), codes: widened(narrow.codes, 0), dim };
        const inputs = inputsOf(problem);
        const { x: queries, codes: keys } = inputsOf(narrow);
        const squares = Float32Array.from({ length: count }, (_, k) =>
          narrow.codes.subarray(k * width, (k + 1) * width).reduce((sum, value) => sum + value * value, 0),
        );
        const most = squares.reduce((a, b) => Math.max(a, b), 0);
        // Float64's own sums, as linearSlack has them.
        const slack = tensor1d([(dim + 2) * 2 ** -51 * most, 0, (dim + 2) * 2 ** -51]);
        const bias = tensor1d(squares.map((square) => -square / 2));
        const space = { queries, keys, bias, moved: inputs.x, slack };
        await expectSame(run(kernel, { ...inputs, ...space }), nearestByFloat64(problem));
      }
    });
  }

  it('takes no tokens, and leaves no tensor', () => {
    const codes = tensor2d([[1, 2]]);
    const none = tensor2d([], [0, 2]);
    expect(run(kernel, { x: none, codes })).toEqual(new Int32Array(0));
    const inputs = inputsOf(hardSearch(HARD_CODEBOOKS[0] as (typeof HARD_CODEBOOKS)[number], [300, 200, 8], 1));
    const { numTensors } = memory();
    tidy(() => {
      run(kernel, inputs);
      expect(memory().numTensors).toBe(numTensors);
    });
  });
});
