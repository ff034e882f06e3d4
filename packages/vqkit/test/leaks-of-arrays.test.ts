import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadKernels } from '@vqkit/backend-wasm/codec';
import { encodeSafetensors } from '@vqkit/checkpoint';
import { extractCodec, loadCodec } from '@vqkit/codecs';
import { fileSource } from '@vqkit/codecs/node';
import { createRng } from '@vqkit/core-tensor';
import { createFsqCodec } from '@vqkit/fsq/codec';
import { createLfqCodec } from '@vqkit/lfq/codec';
import {
  codeHistogram,
  createTracker,
  diagnose,
  flipRate,
  frechetDistance,
  psnr,
  ssim,
  topTwoMargins,
  topTwoOfScores,
  usedCodebookRank,
} from '@vqkit/metrics';
import { createSimVqCodec } from '@vqkit/simvq/codec';
import { startEngine } from '@vqkit/testing';
import { createVqCodec } from '@vqkit/vq/codec';
import { beforeAll, describe, expect, it } from 'vitest';
import { keepsOnlyItsResult } from './leaks.ts';

/** Runs each call several times: no tensor, no file and no page of a memory may be left. */
async function keepsNothing(calls: readonly (() => unknown)[]): Promise<void> {
  let pages = 0;
  const { grow } = WebAssembly.Memory.prototype;
  WebAssembly.Memory.prototype.grow = function (delta) {
    pages += delta;
    return grow.call(this, delta);
  };
  try {
    for (const call of calls) {
      const once = (): Promise<void> => keepsOnlyItsResult(async () => void (await call()));
      await once();
      const before = [pages, readdirSync('/dev/fd').length];
      await once();
      expect([pages, readdirSync('/dev/fd').length]).toEqual(before);
    }
  } finally {
    WebAssembly.Memory.prototype.grow = grow;
  }
}

describe('what works on typed arrays leaves nothing', () => {
  beforeAll(() => startEngine('wasm'));

  const random = (count: number, seed: number): Float32Array => createRng(seed).normalArray(count, 1);
  const codebook = { shape: [300, 8], data: random(2400, 1) };
  const weight = { dtype: 'F32', shape: [300, 8], data: codebook.data } as const;
  const published = encodeSafetensors({ 'quantizer.vq.layers.0._codebook.embed': weight, decoder: weight });

  it('every codec, plain and with kernels', async () => {
    for (const extras of [{}, { kernels: await loadKernels() }]) {
      const codecs = [
        createFsqCodec({ levels: [3, 5] }, extras),
        createLfqCodec({ dim: 8 }, extras),
        createVqCodec({ dim: 8, codebookSize: 300 }, { codebook }, extras),
        createVqCodec({ dim: 8, codebookSize: 300, useCosineSim: true }, { codebook }, extras),
        createVqCodec({ dim: 1, codebookSize: 2400 }, { codebook: { ...codebook, shape: [2400, 1] } }, extras),
        createSimVqCodec({ dim: 8, codebookSize: 300 }, { codebook }, extras),
      ];
      for (const codec of codecs) {
        // More tokens than pass through a memory at a time, and fewer.
        const x = random(1500 * codec.dim, 2);
        const ids = codec.encode(x);
        await keepsNothing([
          () => codec.encode(x),
          () => codec.encode(x.subarray(0, codec.dim)),
          () => codec.encode(new Float32Array()),
          () => codec.encode(ids as unknown as Float32Array),
          () => codec.encodeInto(x, new Int32Array(1)),
          () => codec.decode(ids),
          () => codec.decode(Int32Array.of(-1, 2 ** 30)),
          () => codec.decodeInto(ids, new Float32Array(1)),
        ]);
        expect(codec.encode(x)).toEqual(ids);
      }
    }
  });

  it('codecs of published models, and the files that they come from', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'vqkit-leaks-'));
    const [whole, cut] = ['whole.safetensors', 'cut.safetensors'].map((name) => join(folder, name)) as [string, string];
    writeFileSync(whole, published);
    writeFileSync(cut, published.subarray(0, published.length - 1));
    const codec = await loadCodec(published, { kernels: await loadKernels() });
    const x = random(1500 * 8, 3);
    const ids = codec.encode(x);
    await keepsNothing([
      async () => (await loadCodec(published)).encode(x),
      () => extractCodec(published),
      () => loadCodec(published.subarray(0, 99)),
      () => loadCodec(encodeSafetensors({ decoder: weight })),
      async () => loadCodec(await fileSource(whole)),
      async () => loadCodec(await fileSource(cut)),
      () => fileSource(join(folder, 'none')),
      () => codec.encode(x),
      () => codec.encode(x.subarray(1)),
      () => codec.decode(ids),
      () => codec.decode([]),
    ]);
    rmSync(folder, { recursive: true });
  });

  it('every metric', async () => {
    const [a, b] = [random(2400, 4), random(2400, 5)];
    const ids = Int32Array.from({ length: 300 }, (_, i) => i % 16);
    const tracker = createTracker({ codebookSize: 16, window: 3 });
    await keepsNothing([
      () => psnr(a, b, { dataRange: 1 }),
      () => ssim(a, b, { width: 40, height: 60, channels: 1, dataRange: 1 }),
      () => ssim(a, b, { width: 1, height: 60, channels: 1, dataRange: 1 }),
      () => usedCodebookRank(a, ids, 8),
      () => topTwoMargins(a, b, 8),
      () => topTwoOfScores(a, 16),
      () => frechetDistance(a, b, 8),
      () => codeHistogram(ids, 16),
      () => codeHistogram(ids, 3),
      () => flipRate(ids, ids.slice().reverse()),
      () => tracker.update({ indices: ids, latents: a, codes: b }),
      () => tracker.update({ indices: ids, latents: a.subarray(1) }),
      () => diagnose(tracker.report()),
      () => tracker.restore(tracker.state()),
    ]);
  });

  it('a tracker keeps its window, however many updates there were', () => {
    const tracker = createTracker({ codebookSize: 1000, window: 4 });
    const sizes = Array.from({ length: 40 }, (_, step) => {
      const indices = Int32Array.from({ length: 50 }, (_, i) => (step % 8) * 50 + i);
      tracker.update({ indices, latents: random(100, step) });
      const { books, entries } = tracker.state();
      return [entries.length, books[0]?.length];
    });
    for (const size of sizes.slice(8)) expect(size).toEqual(sizes.at(-1));
  });
});
