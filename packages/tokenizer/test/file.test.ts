import { memory, type Tensor4D, tensor1d, tensor4d, zeros } from '@tensorflow/tfjs-core';
import {
  CHECKSUM,
  CheckpointError,
  decodeSafetensors,
  encodeSafetensors,
  type SafeFile,
  type SafeTensor,
} from '@vqkit/checkpoint';
import { createRng, DataError, DisposedError, OptionError } from '@vqkit/core-tensor';
import { QUANTIZERS, type QuantizerName, quantizerNames } from '@vqkit/quantizers';
import { eachEngine, expectIdentical, optionsOf } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import type { ImageTokenizerConfig } from '../src/config.ts';
import { loadImageTokenizer, packTokenizer, saveTokenizer } from '../src/file.ts';
import { createImageTokenizer, type ImageTokenizer, recreateImageTokenizer } from '../src/image-tokenizer.ts';

const images = (): Tensor4D => tensor4d(createRng(2).normalArray(2 * 8 * 8, 1), [2, 8, 8, 1]);
const tiny = (quantizer: QuantizerName = 'fsq'): ImageTokenizer =>
  createImageTokenizer({ quantizer, widths: [4, 8], seed: 5 });

eachEngine(() => {
  describe('saveTokenizer and loadImageTokenizer', () => {
    it.each(quantizerNames())('%s: the file gives the same ids and images, and the same file', async (quantizer) => {
      const before = tiny(quantizer);
      // VQ's state says whether its codes were placed.
      before.forward(images(), { training: true });
      const bytes = await saveTokenizer(before);
      const after = loadImageTokenizer(bytes);
      expect(after.config).toEqual(before.config);
      const ids = before.encode(images());
      await expectIdentical(after.encode(images()), ids);
      await expectIdentical(after.decode(ids), before.decode(ids));
      expect(await saveTokenizer(after)).toEqual(bytes);
      after.dispose();
      before.dispose();
    });

    it.each(quantizerNames())(
      '%s: the file holds every option of the quantizer and asks no recipe',
      async (quantizer) => {
        const before = tiny(quantizer);
        const { metadata } = decodeSafetensors(await saveTokenizer(before));
        const described = JSON.parse(metadata.tokenizer ?? '') as ImageTokenizerConfig;
        expect(described.quantizerOptions).toEqual(before.quantizer.config);
        expect(Object.keys(described.quantizerOptions).sort()).toEqual(knownOptions(quantizer));
        // A recipe of a later version.
        const { recipe } = QUANTIZERS[quantizer];
        QUANTIZERS[quantizer].recipe = () => ({ noSuchOption: 1 });
        try {
          const again = recreateImageTokenizer(described);
          expect(again.config).toEqual(before.config);
          await expectIdentical(again.encode(images()), before.encode(images()));
          again.dispose();
        } finally {
          QUANTIZERS[quantizer].recipe = recipe;
          before.dispose();
        }
      },
    );

    it('keep the size of the images that it was trained on', async () => {
      const made = createImageTokenizer({ quantizer: 'fsq', widths: [4, 8], imageSize: [8, 12] });
      const loaded = loadImageTokenizer(await saveTokenizer(made));
      expect([made.config.imageSize, loaded.config.imageSize]).toEqual([
        [8, 12],
        [8, 12],
      ]);
      made.dispose();
      loaded.dispose();
    });

    it('leave no tensors', async () => {
      const start = memory().numTensors;
      const bytes = await saveAndDispose(tiny('simvq'));
      expect(memory().numTensors).toBe(start);
      const loaded = loadImageTokenizer(bytes);
      loaded.dispose();
      expect(memory().numTensors).toBe(start);
    });

    it('takes bytes, an ArrayBuffer, or a file that was read', async () => {
      const bytes = await saveTokenizer(tiny());
      for (const file of [bytes, bytes.slice().buffer, decodeSafetensors(bytes)]) {
        expect(loadImageTokenizer(file).config.quantizer).toBe('fsq');
      }
    });

    it('find one flipped bit, wherever it is, and a file that was cut', async () => {
      const bytes = await saveTokenizer(tiny());
      const start = memory().numTensors;
      const rng = createRng(3);
      const places = [
        8 * bytes.length - 1,
        ...Array.from({ length: 40 }, () => Math.floor(rng.uniform() * 8 * bytes.length)),
      ];
      for (const at of places) {
        const damaged = bytes.slice();
        damaged[at >> 3] = (damaged[at >> 3] as number) ^ (1 << (at & 7));
        expect(() => loadImageTokenizer(damaged), `bit ${at}`).toThrow(CheckpointError);
        expect(() => loadImageTokenizer(bytes.subarray(0, at >> 3)), `byte ${at >> 3}`).toThrow(CheckpointError);
      }
      expect(memory().numTensors).toBe(start);
      const { tensors, metadata } = decodeSafetensors(bytes);
      ((tensors['to_code.bias'] as SafeTensor).data as Float32Array)[0] = 1;
      expect(() => loadImageTokenizer({ tensors, metadata }, 'a.safetensors')).toThrow(
        /^loadImageTokenizer: a\.safetensors must have the content of its checksum "[0-9a-f]+/,
      );
    });

    it('refuses a file that is no tokenizer, leaving nothing behind', async () => {
      const bytes = await saveTokenizer(tiny());
      const start = memory().numTensors;
      const refused: [Parameters<typeof loadImageTokenizer>[0], RegExp][] = [
        [bytes.subarray(0, 500), /^decodeSafetensors: a\.safetensors must have/],
        [
          changed(bytes, ({ metadata }) => delete metadata.format),
          /must be a tokenizer of vqkit .* got format undefined/,
        ],
        [
          { ...decodeSafetensors(bytes), metadata: { format: 'vqkit-train-1' } },
          /got format "vqkit-train-1"\. Write one/,
        ],
        [changed(bytes, ({ metadata }) => delete metadata.tokenizer), /must hold the description and the weights/],
        [changed(bytes, ({ tensors }) => delete tensors['to_code.bias']), /missing \["to_code\.bias"\]/],
        [
          described(bytes, { widths: [4, 4] }),
          /'encoder\.conv2\.weight' must have shape \[4,4,3,3\], got shape \[8,4,3,3\]/,
        ],
        [described(bytes, { widths: undefined }), /widths must be a list/],
        [described(bytes, { quantizer: 'pq' }), /quantizer must be one of/],
        [described(bytes, { size: 3 }), /options must have no 'size'/],
        [described(bytes, { quantizerOptions: { levels: [1] } }), /createFsq: levels\[0\] must be/],
        [
          changed(bytes, ({ tensors }) => poison(tensors, 'encoder.conv1.weight')),
          /'encoder\.conv1\.weight' must be finite/,
        ],
        [
          changed(bytes, ({ metadata }) => twice(metadata)),
          /tokenizer must be JSON with every key once, got "seed" twice/,
        ],
        [
          described(bytes, { widths: [100_000, 100_000] }),
          /the model must be no larger than its file, got \d+ numbers more/,
        ],
        [described(bytes, { widths: Array<number>(30).fill(1) }), /widths must be a list of 1 to 16 integers/],
        [
          described(bytes, { quantizer: 'residual-fsq', quantizerOptions: { levels: [4, 3], numQuantizers: 1e9 } }),
          /numQuantizers must be at most 1024, got 1000000000/,
        ],
        [described(bytes, { quantizer: 'vq', quantizerOptions: { dim: 1e4, codebookSize: 1e5 } }), /no larger than/],
        [described(bytes, { quantizer: 'simvq', quantizerOptions: { dim: 1e4, codebookSize: 1e5 } }), /no larger than/],
        [described(bytes, { quantizerOptions: nested(3000) }), /tokenizer must be JSON nested at most 64 deep/],
        [changed(bytes, ({ tensors }) => own(tensors, '__proto__', zero)), /unknown \["__proto__"\]/],
      ];
      for (const [file, message] of refused) {
        expect(() => loadImageTokenizer(file, 'a.safetensors')).toThrow(CheckpointError);
        expect(() => loadImageTokenizer(file, 'a.safetensors')).toThrow(message);
      }
      expect(memory().numTensors).toBe(start);
      expect(() => loadImageTokenizer('a.safetensors' as unknown as Uint8Array)).toThrow(OptionError);
    });

    it('names itself in the errors of what it loaded', async () => {
      const loaded = loadImageTokenizer(await saveTokenizer(tiny()));
      expect(() => loaded.encode(zeros([1, 3, 3, 1]))).toThrow(/^loadImageTokenizer\(\)\.encode: images must/);
    });

    it('refuse weights that are not finite, and a tokenizer that is disposed', async () => {
      const tokenizer = tiny();
      const state = tokenizer.stateDict();
      tokenizer.loadStateDict({ ...state, 'to_code.bias': tensor1d([1, Number.NaN, 2]) });
      await expect(saveTokenizer(tokenizer)).rejects.toThrow(DataError);
      await expect(saveTokenizer(tokenizer)).rejects.toThrow(
        "weight 'to_code.bias' must be finite, got NaN at flat position 1.",
      );
      tokenizer.dispose();
      await expect(saveTokenizer(tokenizer)).rejects.toThrow(DisposedError);
    });
  });
});

describe('packTokenizer', () => {
  it('writes a safetensors file that says what it is', () => {
    const weights = { w: { dtype: 'F32', shape: [1], data: new Float32Array([1]) } } as const;
    const config = {
      quantizer: 'fsq',
      quantizerOptions: {},
      widths: [2],
      normGroups: 0,
      channels: 1,
      seed: 0,
    } as const;
    const { tensors, metadata } = decodeSafetensors(packTokenizer(config, weights));
    expect(tensors).toEqual(weights);
    expect(metadata).toMatchObject({
      format: 'vqkit-tokenizer-1',
      tokenizer: JSON.stringify(config),
    });
    expect(() => packTokenizer({ ...config, widths: [] }, weights)).toThrow('packTokenizer: widths must be');
  });
});

function knownOptions(quantizer: QuantizerName): string[] {
  const { create, recipe } = QUANTIZERS[quantizer];
  return optionsOf((extra) => create({ ...recipe(8), ...extra }));
}

const zero: SafeTensor = { dtype: 'F32', shape: [1], data: new Float32Array(1) };

function own(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true });
}

function poison(tensors: SafeFile['tensors'], name: string): void {
  const { data } = tensors[name] as SafeTensor;
  data[3] = Number.NaN;
}

function twice(metadata: Record<string, string>): void {
  metadata.tokenizer = `${(metadata.tokenizer ?? '').slice(0, -1)},"seed":3}`;
}

function nested(depth: number): object {
  let value = {};
  for (let i = 0; i < depth; i++) value = { a: value };
  return value;
}

async function saveAndDispose(tokenizer: ImageTokenizer): Promise<Uint8Array> {
  const bytes = await saveTokenizer(tokenizer);
  tokenizer.dispose();
  return bytes;
}

function changed(bytes: Uint8Array, change: (file: SafeFile) => unknown): Uint8Array {
  const file = decodeSafetensors(bytes);
  // Written by someone who has no checksum.
  delete file.metadata[CHECKSUM];
  change(file);
  return encodeSafetensors(file.tensors, file.metadata);
}

function described(bytes: Uint8Array, changes: Record<string, unknown>): Uint8Array {
  return changed(bytes, ({ metadata }) => {
    metadata.tokenizer = JSON.stringify({ ...JSON.parse(metadata.tokenizer ?? ''), ...changes });
  });
}
