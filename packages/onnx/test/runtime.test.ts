import { randomUniform, type Tensor, tensor, tidy, transpose } from '@tensorflow/tfjs-core';
import { createRng, type Quantizer } from '@vqkit/core-tensor';
import { exportNetwork, exportOnnx, exportQuantizer } from '@vqkit/onnx';
import { createVq } from '@vqkit/quantizers';
import { fullRun, startEngine, tolerances } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { MODULES, makeModule } from './modules.ts';
import { QUANTIZERS } from './quantizers.ts';
import { run } from './runtime.ts';
import { COMBINATIONS, exampleOf, makeTokenizer } from './tokenizers.ts';

/** Tokens of each comparison. */
const TOKENS = Number(process.env.VQKIT_ONNX_TOKENS ?? (fullRun ? 4000 : 400));
/** Tokens at a time: a search holds the distances of all of them. */
const PIECE = 10_000;

beforeAll(() => startEngine('wasm'));

describe('onnxruntime', () => {
  it.each(Object.keys(MODULES))('computes %s', async (name) => {
    const { shape } = MODULES[name] as { shape: readonly number[] };
    const module = makeModule(name);
    const bytes = await exportNetwork([module], shape);
    // Of other batch and sizes than the file was made with.
    const other = shape.map((length, axis) => (axis === shape.length - 1 ? length : 2 * length));
    const x = randomUniform(other, -2, 2, 'float32', 5);
    const y = first(module.apply(x));
    const given = first(x);
    const got = await run(bytes, await floats(given), given.shape);
    expect(got.dims).toEqual(y.shape);
    const wanted = await floats(y);
    const size = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    expect(worst(got.data, wanted)).toBeLessThan(tolerances.otherRuntime * size);
    module.dispose();
  });

  it.each(Object.keys(QUANTIZERS))('gives the ids and codes of %s', async (name) => {
    const quantizer = (QUANTIZERS[name] as () => Quantizer)();
    const { quantize, dequantize } = await exportQuantizer(quantizer, { axes: 0 });
    const { dim, codebookSize, numCodebooks } = quantizer;
    const x = createRng(11)
      .fork(name)
      .normalArray(TOKENS * dim, /vq/.test(name) ? 0.35 : 1);
    for (const [row, value] of [0, Number.NaN, Number.POSITIVE_INFINITY, -1e-30, 1e-45].entries()) {
      x.fill(value, row * dim, (row + 1) * dim);
    }
    const ids = quantizer.encode(tensor(x, [TOKENS, dim]));
    const wanted = (await ids.data()) as Int32Array;
    const found = await inPieces(quantize, x, [TOKENS, dim]);
    const differ = differing(found, wanted);
    report(`${name}: ${differ} of ${wanted.length} ids differ`);
    expect(differ).toBeLessThanOrEqual(wanted.length * tolerances.differingIds);

    const given = wanted.slice();
    given.fill(-1, 0, numCodebooks);
    for (const [row, value] of [codebookSize, -2, -1, 2 ** 31 - 1].entries())
      given[(row + 2) * numCodebooks - 1] = value;
    const codes = quantizer.decode(tensor(given, ids.shape, 'int32'));
    const got = await run(dequantize, given, ids.shape);
    expect(worst(got.data, await floats(codes))).toBeLessThan(tolerances.otherRuntime);
    quantizer.dispose();
  });

  it('takes the first of equal codes, and none that is not finite', async () => {
    const vq = createVq({ dim: 2, codebookSize: 6 });
    const codes = [Number.NaN, 1, 1, 0, 0, 1, 1, 0, 0, 1, Number.POSITIVE_INFINITY, 0];
    vq.loadStateDict({ ...vq.stateDict(), '_codebook.embed': tensor(codes, [1, 6, 2]) });
    const { quantize } = await exportQuantizer(vq, { axes: 0 });
    const x = Float32Array.of(2, 0, 0, 2, 0.5, 0.5, Number.NaN, 0, Number.POSITIVE_INFINITY, 0);
    const { data } = await run(quantize, x, [5, 2]);
    expect([...data]).toEqual([1, 2, 1, 1, 1]);
    expect([...data]).toEqual([...(await vq.encode(tensor(x, [5, 2])).data())]);
    vq.dispose();
  });

  it.each(COMBINATIONS)('gives the ids and data of %s around %s', async (architecture, name) => {
    const tokenizer = makeTokenizer(architecture, name);
    const { encoder, decoder, quantize } = await exportOnnx(tokenizer);
    const perExample = architecture === 'mlp' ? 1 : 80;
    const batch = architecture === 'mlp' ? 400 : 5;
    let [tokens, ids] = [0, 0];
    const differ = { encoder: 0, quantize: 0 };
    const used = new Set<number>();
    let error = 0;
    for (let seed = 1; tokens < TOKENS; seed++) {
      const data = randomUniform(exampleOf(tokenizer, batch), -1, 1, 'float32', seed);
      const { latents, indices } = tokenizer.forward(data);
      const output = tokenizer.decode(indices);
      const wanted = (await indices.data()) as Int32Array;
      for (const id of wanted) used.add(id);
      const [given, between, decoded] = [first(data), first(latents), first(output)];
      differ.encoder += differing((await run(encoder, await floats(given), given.shape)).data, wanted);
      differ.quantize += differing((await run(quantize, await floats(between), between.shape)).data, wanted);
      const got = await run(decoder, wanted, indices.shape);
      expect(got.dims).toEqual(decoded.shape);
      error = Math.max(error, worst(got.data, await floats(decoded)));
      ids += wanted.length;
      tokens += batch * perExample;
      for (const own of [data, latents, indices, output, given, between, decoded]) own.dispose();
    }
    report(
      `${architecture}, ${name}: ${tokens} tokens, ${ids} ids of ${used.size} codes; ${differ.encoder} differ from the data on, ${differ.quantize} from the latents on; data within ${error.toExponential(1)}`,
    );
    expect(used.size).toBeGreaterThan(4);
    // Of so few ids chance takes more than the mean: three standard deviations of a count.
    const mean = ids * tolerances.differingIds;
    const most = mean + 3 * Math.sqrt(mean);
    expect(differ.encoder).toBeLessThanOrEqual(most);
    expect(differ.quantize).toBeLessThanOrEqual(most);
    expect(error).toBeLessThan(tolerances.otherRuntime);
    tokenizer.dispose();
  });
});

/** The counts of a longer run, for docs/LOG.md. */
function report(line: string): void {
  if (process.env.VQKIT_ONNX_TOKENS !== undefined) process.stdout.write(`${line}\n`);
}

/** Channels first. */
function first(x: Tensor): Tensor {
  const between = Array.from({ length: x.rank - 2 }, (_, axis) => axis + 1);
  return tidy(() => transpose(x, [0, x.rank - 1, ...between]));
}

async function floats(x: Tensor): Promise<Float32Array> {
  return (await x.data()) as Float32Array;
}

/** The largest difference; infinite where one is NaN and the other is not. */
function worst(got: ArrayLike<number>, wanted: Float32Array): number {
  let most = 0;
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [got[i] as number, wanted[i] as number];
    if (Number.isNaN(a) && Number.isNaN(b)) continue;
    most = Math.max(most, Number.isNaN(a - b) ? Number.POSITIVE_INFINITY : Math.abs(a - b));
  }
  return most;
}

function differing(got: ArrayLike<number>, wanted: Int32Array): number {
  expect(got.length).toBe(wanted.length);
  return wanted.filter((id, i) => got[i] !== id).length;
}

async function inPieces(bytes: Uint8Array, x: Float32Array, [rows, dim]: [number, number]): Promise<number[]> {
  const found: number[] = [];
  for (let row = 0; row < rows; row += PIECE) {
    const count = Math.min(PIECE, rows - row);
    found.push(...(await run(bytes, x.subarray(row * dim, (row + count) * dim), [count, dim])).data);
  }
  return found;
}
