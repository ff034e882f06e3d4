import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError, decodeNpy } from '@vqkit/checkpoint';
import { OptionError } from '@vqkit/core-tensor';
import { temporaryFolder } from '@vqkit/testing/pictures';
import { describe, expect, it } from 'vitest';
import { readTokens, type TokenNotes, writeTokens } from '../src/index.ts';

const ids = Int32Array.of(0, 1, 2, 3, 3, -1, 0, 0);
const shape = [2, 2, 2];
const notes: TokenNotes = {
  tokenizer: 'ab'.repeat(32),
  codebookSize: 4,
  numCodebooks: 1,
  imageShape: [8, 8, 1],
  images: ['a.png', 'b/c.png'],
};

describe('a file of tokens', () => {
  it('gives back what was written, notes too', async () => {
    const path = join(await temporaryFolder(), 'tokens.safetensors');
    await writeTokens(path, { ids, shape, notes });
    expect(await readTokens(path)).toEqual({ ids, shape, notes });
  });

  it('holds the ids alone as .npy', async () => {
    const path = join(await temporaryFolder(), 'tokens.npy');
    await writeTokens(path, { ids, shape, notes });
    expect(await readTokens(path)).toEqual({ ids, shape });
    expect(decodeNpy(await readFile(path), path).shape).toEqual(shape);
  });

  it.each([
    [{ ...notes, codebookSize: 3 }, 'ids must be in [0, 3) or -1, got 3. Encode the images again.'],
    [{ ...notes, images: ['a.png'] }, 'notes must name each of the 2 images, got 1 name.'],
    [{ ...notes, numCodebooks: 3 }, 'ids must have 3 columns, got shape [2,2,2].'],
    [{ ...notes, tokenizer: 'x' }, 'notes tokenizer must be'],
  ])('is not written with notes that do not fit', async (wrong, message) => {
    const path = join(await temporaryFolder(), 'tokens.safetensors');
    await expect(writeTokens(path, { ids, shape, notes: wrong })).rejects.toThrow(CheckpointError);
    await expect(writeTokens(path, { ids, shape, notes: wrong })).rejects.toThrow(message);
  });

  it('says by its ending what it is', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'tokens.bin');
    await writeFile(file, '');
    await expect(readTokens(file)).rejects.toThrow(/must end in \.safetensors or \.npy/);
    await expect(readTokens(folder)).rejects.toThrow(OptionError);
    await expect(readTokens(join(folder, 'none.bin'))).rejects.toThrow(/must be a readable file, got ENOENT/);
  });
});
