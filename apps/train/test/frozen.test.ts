import { createHash } from 'node:crypto';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CHECKSUM, decodeSafetensors } from '@vqkit/checkpoint';
import { temporaryFolder } from '@vqkit/testing/pictures';
import { readTokens } from '@vqkit/tokens';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { writeReport } from '../src/report/index.ts';
import { readTokenizer } from '../src/tokenizer.ts';
import { decodeTokens } from '../src/tokens/decode-tokens.ts';
import { encodeImages } from '../src/tokens/encode-images.ts';
import { resumeTraining } from '../src/train.ts';

/**
 * Files as two versions wrote them, never to be made anew. `first`: commit 33d6918, checkpoints of format vqkit-train-1 and tokenizers without the
 * constructors' defaults; `second`: format vqkit-train-2, 2026-11-30. The runs are `vqkit train --data idx --data-path images-idx3-ubyte
 * --validation-size 2 --test-size 2 --widths 2 --batch-size 4 --steps 3 --seed 7 --engine wasm --threads 1` with small codebooks; tokens.safetensors
 * and decoded.png are of the residual VQ.
 */
const frozen = (...names: string[]): string => fileURLToPath(new URL(join('fixtures', ...names), import.meta.url));
const data = frozen('images-idx3-ubyte');
const engine = { engine: 'wasm', threads: 1 } as const;

async function encoded(tokenizer: string, limit?: number): Promise<Awaited<ReturnType<typeof readTokens>>> {
  const out = join(await temporaryFolder(), 'tokens.safetensors');
  await encodeImages(tokenizer, { data: 'idx', dataPath: data, limit, out, ...engine });
  return readTokens(out);
}

describe.each(['first', 'second'])('a run folder of the %s version', (version) => {
  const run = frozen(version, 'run');
  const checkpoint = join(run, 'checkpoints', 'step-3.safetensors');
  const tokenizer = frozen(version, 'tokenizers', 'residual-vq.safetensors');

  it('gives the file that was exported then, and its checksum', async () => {
    const bytes = await readFile(tokenizer);
    const then = decodeSafetensors(bytes);
    const sum = createHash('sha256').update(bytes).digest('hex');
    for (const path of [run, checkpoint]) {
      const { tensors, metadata } = decodeSafetensors(await readTokenizer(path));
      expect(tensors).toEqual(then.tensors);
      expect(metadata).toEqual({ ...then.metadata, [CHECKSUM]: sum });
    }
  });

  it('encodes to the tokens of then, and decodes them to the picture of then', async () => {
    const then = await readTokens(frozen(version, 'tokens.safetensors'));
    for (const path of [run, checkpoint, tokenizer]) {
      const { ids, shape, notes } = await encoded(path);
      expect([ids, shape]).toEqual([then.ids, then.shape]);
      expect(notes).toEqual({ ...then.notes, tokenizer: expect.any(String) as string });
      const out = await temporaryFolder();
      await decodeTokens(path, frozen(version, 'tokens.safetensors'), { out, limit: 1, ...engine });
      const [now, before] = await Promise.all(
        [join(out, '000000.png'), frozen(version, 'decoded.png')].map((file) => sharp(file).raw().toBuffer()),
      );
      expect(now).toEqual(before);
    }
  });

  it('becomes a report', async () => {
    const out = join(await temporaryFolder(), 'report.html');
    await writeReport([run], out);
    expect(await readFile(out, 'utf8')).toContain('Residual VQ');
  });
});

describe('resumeTraining', () => {
  it('goes on with a run of the second version', async () => {
    const folder = await temporaryFolder();
    await cp(frozen('second', 'run'), folder, { recursive: true });
    const starts: number[] = [];
    const result = await resumeTraining(
      folder,
      { steps: 5, dataPath: data },
      { onStart: ({ step }) => starts.push(step) },
    );
    expect([result.status, starts]).toEqual(['finished', [3]]);
  });

  it('refuses one of the first by its format, before its data and its model are asked for', async () => {
    const folder = await temporaryFolder();
    await cp(frozen('first', 'run'), folder, { recursive: true });
    const config = await readFile(join(folder, 'config.json'));
    await expect(resumeTraining(folder, { steps: 5 })).rejects.toThrow(
      /step-3\.safetensors must have the format 'vqkit-train-2' to go on from, got 'vqkit-train-1'.*encode, decode and export take its tokenizer/,
    );
    expect(await readFile(join(folder, 'config.json'))).toEqual(config);
  });
});

describe('a tokenizer of the first version', () => {
  it.each(['lfq', 'fsq', 'simvq', 'vq', 'residual-lfq', 'residual-fsq', 'residual-simvq', 'residual-vq'])(
    'encodes as it did: %s',
    async (name) => {
      const { ids, shape } = await readTokens(frozen('first', 'tokenizers', `${name}.npy`));
      const now = await encoded(frozen('first', 'tokenizers', `${name}.safetensors`), 4);
      expect([now.ids, now.shape]).toEqual([ids, shape]);
    },
  );
});
