import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadCodec } from '@vqkit/codecs';
import { fileSource } from '@vqkit/codecs/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vqkit } from './cli.ts';

const DAC = fileURLToPath(new URL('../../codecs/test/fixtures/models/dac-weights.pth', import.meta.url));
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqkit-published-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('vqkit inspect', () => {
  it('lists the tensors of a checkpoint of PyTorch and says what it is', async () => {
    const { code, stdout, stderr } = await vqkit(['inspect', DAC]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('state_dict.encoder.block.0.weight\tF32\t[4, 3, 2]\t96\n');
    expect(stdout).toMatch(/torch: 22 tensors, 0\.0 MB\ndac at 'state_dict\.quantizer\.': 3 × 16 codes, 8 features\n$/);
  });

  it('says what is not there, and refuses what is no checkpoint by name', async () => {
    const text = join(folder, 'notes.txt');
    await writeFile(text, 'these are notes, and long enough');
    expect(await vqkit(['inspect', text])).toMatchObject({
      stdout: '',
      stderr: expect.stringMatching(/^error: .*notes\.txt must .*got/),
    });
    const { code, stderr } = await vqkit(['inspect', join(folder, 'none.pt')]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/none\.pt must be a readable file, got ENOENT/)]);
  });
});

describe('vqkit import', () => {
  it('writes a file of the quantizer alone that gives the same ids', async () => {
    const out = join(folder, 'quantizer.safetensors');
    const { code, stdout, stderr } = await vqkit(['import', DAC, '--out', out]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^dac at 'state_dict\.quantizer\.': 3 × 16 codes, 8 features, \d\.\d kB\n.*quantizer\.safetensors\n$/,
    );
    const [whole, alone] = [await loadCodec(await fileSource(DAC)), await loadCodec(await fileSource(out))];
    const latents = Float32Array.from({ length: 8 * 50 }, (_, i) => Math.sin(i * i));
    expect(alone.encode(latents)).toEqual(whole.encode(latents));
    expect((await stat(out)).size).toBeLessThan((await stat(DAC)).size);
  });

  it('refuses another model, and to write over what it reads', async () => {
    const other = await vqkit(['import', DAC, '--model', 'mimi', '--out', join(folder, 'mimi.safetensors')]);
    expect(other.stderr).toMatch(/must hold the quantizer of mimi/);
    expect((await vqkit(['import', DAC, '--out', DAC])).stderr).toMatch(
      /out must be another file than the one that is read/,
    );
  });
});
