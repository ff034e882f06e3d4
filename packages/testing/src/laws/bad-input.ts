import { ones, scalar, type Tensor, tensor, zeros } from '@tensorflow/tfjs-core';
import { DisposedError, DtypeError, OptionError, QuantizerError, ShapeError } from '@vqkit/core-tensor';
import { expect, it } from 'vitest';
import { expectIdentical } from '../values.ts';
import { codebookAxis, latents, type Make, scoped } from './subject.ts';

type ErrorClass = typeof QuantizerError;

/** The call throws that class, and its message says function, argument, rule, value and fix. */
function expectError(call: () => unknown, errorClass: ErrorClass, text: RegExp): void {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(errorClass);
    expect(error).toBeInstanceOf(QuantizerError);
    const { message, name } = error as QuantizerError;
    expect(name).toBe(errorClass.name);
    expect(message).toMatch(/^create\w+\(\)\.\w+: .+\.$/);
    expect(message).toMatch(text);
    return;
  }
  expect.fail(`nothing was thrown, ${errorClass.name} ${text} expected`);
}

export function describeBadInput(make: Make): void {
  it('rejects latents of the wrong dtype, rank or feature axis', () =>
    scoped(async () => {
      const q = make();
      for (const call of ['quantize', 'encode'] as const) {
        const wrong = (z: unknown): unknown => q[call](z as Tensor);
        expectError(() => wrong(zeros([2, q.dim], 'int32')), DtypeError, /z must be float32, got int32/);
        expectError(() => wrong(zeros([q.dim])), ShapeError, /z must have rank >= 2, got shape \[\d+\]/);
        expectError(() => wrong(zeros([2, q.dim + 1])), ShapeError, /z must have \d+ features on axis 1 .+ got shape/);
        expectError(() => wrong([[1, 2]]), OptionError, /z must be a tensor, got \[\[1,2\]\]/);
        expectError(() => wrong(undefined), OptionError, /z must be a tensor, got undefined/);
      }
      const first = make({ dataFormat: 'channelsFirst' });
      expectError(() => first.encode(zeros([2, q.dim + 1, q.dim])), ShapeError, /Create .+ dataFormat: 'channelsLast'/);
      q.dispose();
      first.dispose();
    }));

  it('rejects unknown and mistyped call options', () =>
    scoped(async () => {
      const q = make();
      const z = latents(q, [2, 3]);
      const call = (options: unknown): unknown => q.quantize(z, options as { training?: boolean });
      expectError(
        () => call({ trainning: true }),
        OptionError,
        /options must have no 'trainning', got .+. Known options: .*training/,
      );
      expectError(() => call({ training: 1 }), OptionError, /training must be true or false, got 1/);
      for (const step of [-1, Number.NaN, '3', null])
        expectError(() => call({ step }), OptionError, /step must be a finite number >= 0, got /);
      expectError(() => call(null), OptionError, /options must be an object, got null/);
      expectError(() => q.encode(z, { training: true } as object), OptionError, /options must have no 'training'/);
      q.dispose();
    }));

  it('rejects a mask of the wrong shape or kind', () =>
    scoped(async () => {
      const q = make();
      const z = latents(q, [2, 3]);
      for (const call of ['quantize', 'encode'] as const) {
        for (const shape of [[3], [3, 2], [2, 3, 1], [2, 3, q.dim]])
          expectError(
            () => q[call](z, { mask: ones(shape, 'bool') }),
            ShapeError,
            /mask must have the shape .* \[2,3\]/,
          );
        const list = [true, false] as unknown as Tensor;
        expectError(() => q[call](z, { mask: list }), OptionError, /mask must be a tensor, got \[true,false\]/);
        const words = tensor(['a', 'b', 'c', 'd', 'e', 'f'], [2, 3], 'string');
        expectError(() => q[call](z, { mask: words }), DtypeError, /mask must be bool, int32 or float32, got string/);
      }
      q.dispose();
    }));

  it('rejects indices of the wrong dtype or without the codebook axis', () =>
    scoped(async () => {
      const q = make();
      const axis = codebookAxis(q);
      expectError(() => q.decode(zeros([2, 3, ...axis])), DtypeError, /indices must be int32, got float32/);
      expectError(() => q.decode([0, 1] as unknown as Tensor), OptionError, /indices must be a tensor, got \[0,1\]/);
      if (axis.length > 0) {
        const more = zeros([2, 3, q.numCodebooks + 1], 'int32');
        expectError(() => q.decode(more), ShapeError, /indices must end in an axis of \d+ codebooks, got shape/);
        expectError(() => q.decode(scalar(0, 'int32')), ShapeError, /indices must end in an axis of/);
      }
      q.dispose();
    }));

  it('decodes -1 to zeros and other indices out of range to NaN, and leaves their neighbours alone', () =>
    scoped(async () => {
      const q = make();
      const last = q.codebookSize - 1;
      const ids = [0, -1, last, q.codebookSize, 0, -2, last, 2 ** 31 - 1, 0, -(2 ** 31)];
      const repeat = (values: number[]): Tensor =>
        tensor(
          values.flatMap((id) => new Array<number>(q.numCodebooks).fill(id)),
          [5, 2, ...codebookAxis(q)],
          'int32',
        );
      const decoded = await q.decode(repeat(ids)).data();
      const right = await q.decode(repeat(ids.map((id) => Math.min(Math.max(id, 0), last)))).data();
      const expected = decoded.map((_, i) => {
        const id = ids[Math.floor(i / q.dim)] as number;
        if (id === -1) return 0;
        return id >= 0 && id <= last ? (right[i] as number) : Number.NaN;
      });
      await expectIdentical(decoded, expected);
      q.dispose();
    }));

  it('throws DisposedError from every method after dispose, which may be called twice', () =>
    scoped(async () => {
      const q = make();
      const z = latents(q, [2, 3]);
      const indices = q.encode(z);
      q.dispose();
      q.dispose();
      const calls: Record<string, () => unknown> = {
        quantize: () => q.quantize(z),
        encode: () => q.encode(z),
        decode: () => q.decode(indices),
        variables: () => q.variables(),
        stateDict: () => q.stateDict(),
        loadStateDict: () => q.loadStateDict({}),
      };
      for (const [name, call] of Object.entries(calls))
        expectError(call, DisposedError, new RegExp(`\\.${name}: .*disposed`));
    }));
}
