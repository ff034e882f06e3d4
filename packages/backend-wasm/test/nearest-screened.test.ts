import { removeBackend, tensor1d, tensor2d } from '@tensorflow/tfjs-core';
import { createRng, nearestCode, type Rng } from '@vqkit/core-tensor';
import { expectSame } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { base64 } from '#simd';
import { inflate } from '../src/embedded.ts';
import { init } from '../src/index.ts';

interface Problem {
  readonly n: number;
  readonly k: number;
  readonly dim: number;
  readonly x: Float32Array;
  readonly keys: Float32Array;
  readonly bias: Float32Array;
}

/** What both searches find, in a memory with a guard of ones behind each stretch. */
interface Found {
  readonly strict: Int32Array;
  readonly screened: Int32Array;
  /** With nearestCode's codes taken away: what screening finds alone. */
  readonly alone: Int32Array;
}

const module = new WebAssembly.Module(await inflate(base64));
const GUARD = 64;

function search({ n, k, dim, x, keys, bias }: Problem): Found {
  const panels = Math.ceil(k / 8);
  const packedBytes = 32 * panels * (dim + 1);
  const memory = new WebAssembly.Memory({ initial: 64 });
  const functions = new WebAssembly.Instance(module, { env: { memory } }).exports as Record<
    string,
    (...args: number[]) => number
  >;
  const call = (name: string, ...args: number[]): number => functions[name]?.(...args) ?? 0;
  const guards: number[] = [];
  let end = GUARD;
  const lend = (bytes: number): number => {
    const at = end;
    guards.push(at + bytes);
    end = Math.ceil((at + bytes + GUARD) / 16) * 16;
    if (end > memory.buffer.byteLength) memory.grow(Math.ceil((end - memory.buffer.byteLength) / 65_536));
    return at;
  };
  const floats = (values: Float32Array): number => {
    const at = lend(values.byteLength);
    new Float32Array(memory.buffer, at, values.length).set(values);
    return at;
  };
  const from = floats(x);
  const codes = floats(keys);
  const biases = floats(bias);
  const packed = lend(packedBytes);
  const rounded = lend(32 * panels * (Math.ceil(dim / 2) + 1));
  const measures = lend(24);
  const frames = lend(call('screenedFrameBytes', dim));
  const places = [0, 1, 2].map(() => lend(4 * n)) as [number, number, number];
  for (const guard of guards) new Uint8Array(memory.buffer, guard, GUARD).fill(1);

  const groups = Math.ceil(n / 4);
  const screen = (to: number): void => {
    call('nearestCodeScreened', from, packed, rounded, measures, frames, to, n, dim, panels, 0, groups, 0);
  };
  call('packCodes', codes, biases, packed, k, dim, 0, panels, 0);
  call('measureCodes', packed, measures, dim, panels);
  call('roundCodes', packed, rounded, measures, dim, 0, panels, 0);
  call('nearestCode', from, packed, places[0], n, dim, panels, 0, groups, 0);
  screen(places[1]);
  new Uint8Array(memory.buffer, packed, packedBytes).fill(0);
  screen(places[2]);
  for (const guard of guards) {
    expect(new Uint8Array(memory.buffer, guard, GUARD).every((byte) => byte === 1)).toBe(true);
  }
  const [strict, screened, alone] = places.map((at) => new Int32Array(memory.buffer, at, n).slice());
  return { strict, screened, alone } as Found;
}

function euclidean(n: number, k: number, dim: number, x: Float32Array, keys: Float32Array): Problem {
  const bias = Float32Array.from({ length: k }, (_, i) => {
    let square = 0;
    for (let j = 0; j < dim; j++) square += (keys[i * dim + j] as number) ** 2;
    return -square / 2;
  });
  return { n, k, dim, x, keys, bias };
}

/** The next float32 up or down. */
function neighbour(value: number, steps: number): number {
  const words = new Int32Array(Float32Array.of(value).buffer);
  words[0] = (words[0] as number) + steps;
  return new Float32Array(words.buffer)[0] as number;
}

/** Tokens and codes for which rounding decides more and more. */
const kinds: Record<string, (n: number, k: number, dim: number, rng: Rng) => Problem> = {
  normal: (n, k, dim, rng) => euclidean(n, k, dim, rng.normalArray(n * dim, 1), rng.normalArray(k * dim, 1)),
  'any bias': (n, k, dim, rng) => ({
    ...{ n, k, dim, x: rng.normalArray(n * dim, 1), keys: rng.normalArray(k * dim, 1) },
    bias: rng.normalArray(k, 10 ** (rng.integer(8) - 4)),
  }),
  'biases that swallow the products': (n, k, dim, rng) => {
    const base = (rng.integer(2) * 2 - 1) * 10 ** (3 + rng.integer(6));
    const bias = rng.normalArray(k, 1).map((v) => v + base);
    return { n, k, dim, x: rng.normalArray(n * dim, 1), keys: rng.normalArray(k * dim, 1), bias };
  },
  'small whole numbers': (n, k, dim, rng) => {
    const some = (count: number): Float32Array => Float32Array.from({ length: count }, () => rng.integer(3) - 1);
    return euclidean(n, k, dim, some(n * dim), some(k * dim));
  },
  'clusters of codes': (n, k, dim, rng) => {
    const spread = 10 ** -rng.integer(8);
    const centers = rng.normalArray(3 * dim, 1);
    const near = (count: number): Float32Array =>
      rng.normalArray(count * dim, spread).map((v, i) => v + (centers[(i % (3 * dim)) | 0] as number));
    return euclidean(n, k, dim, near(n), near(k));
  },
  'codes one step apart': (n, k, dim, rng) => {
    const center = rng.normalArray(dim, 1);
    const keys = Float32Array.from({ length: k * dim }, (_, i) =>
      neighbour(center[i % dim] as number, rng.integer(3) - 1),
    );
    return euclidean(n, k, dim, rng.normalArray(n * dim, 1), keys);
  },
  'every code several times': (n, k, dim, rng) => {
    const some = rng.normalArray(k * dim, 1);
    const copies = 1 + rng.integer(20);
    const keys = some.map((_, i) => some[(Math.floor(i / dim) % Math.ceil(k / copies)) * dim + (i % dim)] as number);
    return euclidean(n, k, dim, rng.normalArray(n * dim, 1), keys);
  },
  'equal codes': (n, k, dim, rng) => {
    const code = rng.normalArray(dim, 1);
    const keys = Float32Array.from({ length: k * dim }, (_, i) => code[i % dim] as number);
    return euclidean(n, k, dim, rng.normalArray(n * dim, 1), keys);
  },
  'far from the origin': (n, k, dim, rng) => {
    const offset = 10 ** rng.integer(6);
    const far = (count: number): Float32Array => rng.normalArray(count * dim, 1).map((v) => v + offset);
    return euclidean(n, k, dim, far(n), far(k));
  },
  'any magnitude': (n, k, dim, rng) => {
    const scaled = (count: number): Float32Array => {
      const exponent = rng.integer(190) - 140;
      return rng.normalArray(count * dim, 1).map((v) => v * 2 ** exponent);
    };
    return euclidean(n, k, dim, scaled(n), scaled(k));
  },
  'magnitudes that differ from row to row': (n, k, dim, rng) => {
    const wide = (count: number): Float32Array => {
      const scales = Array.from({ length: count }, () => 2 ** (rng.integer(60) - 40));
      return rng.normalArray(count * dim, 1).map((v, i) => v * (scales[Math.floor(i / dim)] as number));
    };
    return euclidean(n, k, dim, wide(n), wide(k));
  },
  'one feature that counts': (n, k, dim, rng) => {
    const peaked = (count: number): Float32Array =>
      rng.normalArray(count * dim, 1).map((v, i) => (i % dim === 0 ? 1e4 * v : v));
    return euclidean(n, k, dim, peaked(n), peaked(k));
  },
  'numbers that cannot be searched': (n, k, dim, rng) => {
    const bad = [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      2 ** 56,
      -(2 ** 60),
      2 ** 55,
      1e-40,
      0,
    ];
    const some = (count: number, each: number): Float32Array =>
      rng.normalArray(count, 1).map((v) => (rng.integer(each) === 0 ? (bad[rng.integer(bad.length)] as number) : v));
    const bias = some(k, 10).map((v) => (rng.integer(20) === 0 ? v * 2 ** 70 : v));
    return { n, k, dim, x: some(n * dim, 6 * dim), keys: some(k * dim, 6 * dim), bias };
  },
  'the largest numbers': (n, k, dim, rng) => {
    const large = (count: number): Float32Array => rng.normalArray(count, 2 ** 54).map((v) => Math.min(v, 2 ** 55.9));
    const bias = rng.normalArray(k, 2 ** (100 + rng.integer(25)));
    return { n, k, dim, x: large(n * dim), keys: large(k * dim), bias };
  },
};

describe('nearestCodeScreened', () => {
  for (const [kind, make] of Object.entries(kinds)) {
    it(`finds the codes that nearestCode finds: ${kind}`, async () => {
      const rng = createRng(1);
      for (let run = 0; run < 150; run++) {
        const [n, k, dim] = [1 + rng.integer(40), 1 + rng.integer(run < 75 ? 40 : 400), 1 + rng.integer(17)];
        const { strict, screened } = search(make(n, k, dim, rng));
        await expectSame(screened, strict);
      }
      for (const dim of [31, 128]) {
        const { strict, screened } = search(make(50, 3000, dim, rng));
        await expectSame(screened, strict);
      }
    });
  }

  it('needs no float32 scores where one code is nearest by far', async () => {
    const rng = createRng(2);
    for (const [k, dim] of [
      [1, 1],
      [9, 5],
      [500, 16],
      [3000, 33],
    ] as const) {
      const keys = rng.normalArray(k * dim, 1);
      const chosen = Int32Array.from({ length: 70 }, () => rng.integer(k));
      const noise = rng.normalArray(70 * dim, 1e-3);
      const x = noise.map((v, i) => v + (keys[(chosen[Math.floor(i / dim)] as number) * dim + (i % dim)] as number));
      const { strict, alone } = search(euclidean(70, k, dim, x, keys));
      await expectSame(strict, chosen);
      await expectSame(alone, chosen);
    }
  });

  it('takes up to 4096 features, of which a sum of products comes close to 2^31', async () => {
    const rng = createRng(3);
    for (const dim of [2047, 4096]) {
      const flat = (count: number): Float32Array => rng.normalArray(count * dim, 1e-3).map((v) => v + 1);
      const { strict, screened } = search(euclidean(5, 70, dim, flat(5), flat(70)));
      await expectSame(screened, strict);
    }
    const [n, k, dim] = [8, 20, 2];
    const x = Float32Array.from({ length: n * dim }, (_, i) => (i % dim === 0 ? 1 : -1));
    const keys = Float32Array.from({ length: k * dim }, (_, i) => (i % 4 < 2 ? 1 : -1) * (1 + i / 100));
    const { strict, screened } = search({ n, k, dim, x, keys, bias: new Float32Array(k) });
    await expectSame(screened, strict);
  });

  it('finds them in the engine, with one thread and with two', async () => {
    const rng = createRng(4);
    const [n, k, dim] = [700, 900, 33];
    const [x, keys, bias] = [rng.normalArray(n * dim, 1), rng.normalArray(k * dim, 1), rng.normalArray(k, 3)];
    for (const threads of [1, 2, 3]) {
      await init({ threads });
      const inputs = { x: tensor2d(x, [n, dim]), keys: tensor2d(keys, [k, dim]), bias: tensor1d(bias) };
      await expectSame(nearestCode(inputs), search({ n, k, dim, x, keys, bias }).strict);
      removeBackend('wasm');
    }
  });
});
