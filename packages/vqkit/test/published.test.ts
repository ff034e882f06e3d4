import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeSafetensors } from '@vqkit/checkpoint';
import { extractCodec, loadCodec } from '@vqkit/codecs';
import { codecJson, fileSource } from '@vqkit/codecs/node';
import { type PublishedRun, publishedModels, publishedRuns } from '@vqkit/testing/published-models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeCodec } from '../src/cli/published.ts';
import { vqkit, vqkitHere } from './cli.ts';

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

  it('says which quantizer the initialisers of an ONNX file are', async () => {
    const file = fileURLToPath(new URL('../../codecs/test/fixtures/onnx/dac-quantizer.onnx', import.meta.url));
    const { stdout } = await vqkitHere(['inspect', file]);
    expect(stdout).toMatch(/onnx: opset 17, .*\ndac at 'quantizer\.': 3 × 32 codes, 16 features\n$/);
  });

  it('prints no letter of a name that a terminal would obey', async () => {
    const file = join(folder, 'names.safetensors');
    const codes = { dtype: 'F32', shape: [2, 1], data: new Float32Array(2) } as const;
    await writeFile(file, encodeSafetensors({ '\u001b[31mq\n.vq.layers.0._codebook.embed': codes }));
    const { stdout } = await vqkitHere(['inspect', file]);
    expect(stdout).toContain("encodec at '\\u001b[31mq\\u000a.': 1 × 2 codes, 1 features\n");
    expect(stdout).not.toContain('\u001b');
  });

  it('says what is not there, and refuses what is no checkpoint by name', async () => {
    const text = join(folder, 'notes.txt');
    await writeFile(text, 'these are notes, and long enough');
    expect(await vqkitHere(['inspect', text])).toMatchObject({
      stdout: '',
      stderr: expect.stringMatching(/^error: .*notes\.txt must .*got/),
    });
    const { code, stderr } = await vqkitHere(['inspect', join(folder, 'none.pt')]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/none\.pt must be a readable file, got ENOENT/)]);
  });
});

describe('every model', () => {
  it.each(publishedModels)('%s is described, and written as JSON', async (model) => {
    const { file, options } = publishedRuns(model)[0] as PublishedRun;
    const codec = await loadCodec(file, options);
    expect(describeCodec(codec)).toMatch(new RegExp(`^${model} at '[a-z_.]*': .*codes.*, \\d+ features$`));
    expect(JSON.parse(codecJson(codec))).toMatchObject({ model, dim: codec.dim, strides: codec.strides });
  });

  it('is told which it is, and its scales, where the file does not say', async () => {
    const [titok, scaled] = [join(folder, 'titok.safetensors'), join(folder, 'var.safetensors')];
    await writeFile(titok, publishedRuns('titok')[0]?.file as Uint8Array);
    await writeFile(scaled, publishedRuns('var')[0]?.file as Uint8Array);
    const asked = await vqkitHere(['inspect', titok]);
    expect(asked.stdout).toMatch(/keys that tell its model, got taming-vqgan at .*pass \{ model \}/);
    const told = await vqkitHere(['inspect', titok, '--model', 'titok']);
    expect(told.stdout).toMatch(/\ntitok at 'quantize\.': 1 × 16 codes, 4 features\n$/);
    const out = join(folder, 'var-alone.safetensors');
    const { stdout } = await vqkitHere(['import', scaled, '--scales', '1,2,3,4', '--out', out]);
    expect(stdout).toMatch(/^var at 'quantize\.': 4 × 16 codes, an id for 16, 4, 1\.78, 1 frames, 4 features/);
    const alone = await loadCodec(await fileSource(out), { scales: [1, 2, 3, 4] });
    expect(alone.codebookSizes).toEqual([16, 16, 16, 16]);
  });
});

describe('vqkit import', () => {
  it('writes JSON whose numbers are those of float32, for pages that read it by themselves', async () => {
    const out = join(folder, 'dac.json');
    await vqkitHere(['import', DAC, '--json', '--out', out]);
    const { layers } = JSON.parse(await readFile(out, 'utf8'));
    const { tensors } = await extractCodec(await fileSource(DAC));
    const codebook = tensors['state_dict.quantizer.quantizers.1.codebook.weight']?.data as Float32Array;
    expect(Float32Array.from(layers[1].inner.codebook.flat())).toEqual(codebook);
    expect(layers[1].project_in.weight).toHaveLength(4);
    expect(layers[1].project_out.bias).toHaveLength(8);
  });

  it('writes a file of the quantizer alone that gives the same ids', async () => {
    const out = join(folder, 'quantizer.safetensors');
    const { code, stdout, stderr } = await vqkitHere(['import', DAC, '--out', out]);
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
    const other = await vqkitHere(['import', DAC, '--model', 'mimi', '--out', join(folder, 'mimi.safetensors')]);
    expect(other.stderr).toMatch(/must hold the quantizer of mimi/);
    expect((await vqkitHere(['import', DAC, '--out', DAC])).stderr).toMatch(
      /out must be another file than the one that is read/,
    );
  });
});
