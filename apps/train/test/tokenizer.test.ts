import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError, decodeSafetensors } from '@vqkit/checkpoint';
import { readSafetensors, writeSafetensors } from '@vqkit/checkpoint/node';
import { DataError, OptionError } from '@vqkit/core-tensor';
import { readImageFolder } from '@vqkit/data/node';
import { temporaryFolder, tinyIdxFolder } from '@vqkit/testing/pictures';
import { createImageTokenizer, imagesFromPixels, saveTokenizer } from '@vqkit/tokenizer';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer, readTokenizer } from '../src/tokenizer.ts';
import { train } from '../src/train.ts';
import { tinyConfig } from './fixtures.ts';

const folder = await temporaryFolder();
const run = join(folder, 'run');
const checkpoint = join(run, 'checkpoints', 'step-4.safetensors');

beforeAll(async () => {
  await train(tinyConfig(await tinyIdxFolder(), run, { steps: 4, seed: 3 }));
});

describe('readTokenizer', () => {
  it('gives the same file for a run, its newest checkpoint and the file itself', async () => {
    const bytes = await readTokenizer(run);
    expect(await readTokenizer(checkpoint)).toEqual(bytes);
    const file = join(folder, 'tokenizer.safetensors');
    await writeFile(file, bytes);
    expect(new Uint8Array(await readTokenizer(file))).toEqual(bytes);
    const tokenizer = await loadTokenizer(file);
    expect(await saveTokenizer(tokenizer)).toEqual(bytes);
    tokenizer.dispose();
  });

  it('keeps the weights bit for bit and the whole description, and nothing of the training', async () => {
    const { tensors, metadata } = decodeSafetensors(await readTokenizer(checkpoint));
    const trained = (await readSafetensors(checkpoint)).tensors;
    const weights = Object.entries(trained).filter(([name]) => name.startsWith('model.'));
    expect(tensors).toEqual(Object.fromEntries(weights.map(([name, value]) => [name.slice('model.'.length), value])));
    expect(Object.keys(metadata).sort()).toEqual(['format', 'tokenizer', 'vqkit.sha256']);
    const { quantizer, quantizerOptions, widths, seed } = tinyConfig('data', 'out', { seed: 3 });
    const made = createImageTokenizer({ quantizer, quantizerOptions, widths, seed, channels: 1, imageSize: [8, 8] });
    // Files of the first architecture do not name it.
    expect({ architecture: 'conv', ...JSON.parse(metadata.tokenizer ?? '') }).toEqual(made.config);
    made.dispose();
  });

  it('says what is wrong with a folder or a file', async () => {
    await expect(readTokenizer(folder)).rejects.toThrow(OptionError);
    await expect(readTokenizer(folder)).rejects.toThrow(
      'must be the folder of a run with a checkpoint, got none there.',
    );
    await expect(readTokenizer(join(folder, 'none'))).rejects.toThrow(CheckpointError);
    await expect(readTokenizer(join(run, 'config.json'))).rejects.toThrow(/config\.json/);

    const { tensors, metadata } = await readSafetensors(checkpoint);
    const other = join(folder, 'other.safetensors');
    await writeSafetensors(other, tensors, { ...metadata, model: '{' });
    await expect(readTokenizer(other)).rejects.toThrow('must have the note \'model\' as JSON in UTF-8, got "{"');
    const bias = { dtype: 'F32', shape: [2], data: new Float32Array([1, Number.NaN]) } as const;
    await writeSafetensors(other, { ...tensors, 'model.to_code.bias': bias }, metadata);
    await expect(readTokenizer(other)).rejects.toThrow(DataError);
    await writeSafetensors(other, tensors, {});
    await expect(loadTokenizer(other)).rejects.toThrow(
      "must be a tokenizer of vqkit (format 'vqkit-tokenizer-1' or 'vqkit-tokenizer-2')",
    );
  });

  it('reads a run while another process may train in it', async () => {
    await copyFile(checkpoint, join(run, 'checkpoints', '.step-5.safetensors.0123456789ab.partial'));
    const before = await readFile(join(run, 'config.json'));
    await readTokenizer(run);
    expect(await readFile(join(run, 'config.json'))).toEqual(before);
  });
});

describe('the pixels of a page', () => {
  it('are those of the harness: colour to grey, transparent onto black', async () => {
    const rgba = Uint8Array.from({ length: 64 * 64 * 4 }, (_, i) => (i * 2_654_435_761) >>> 24);
    const pictures = await temporaryFolder();
    await sharp(rgba, { raw: { width: 64, height: 64, channels: 4 } })
      .png()
      .toFile(join(pictures, 'a.png'));
    for (const channels of [1, 3] as const) {
      const { images } = await readImageFolder(pictures, 64, channels);
      const given = imagesFromPixels(rgba, { height: 64, width: 64, channels: 4, to: channels });
      expect(await given.data()).toEqual(images.batch([0]));
    }
  });
});
