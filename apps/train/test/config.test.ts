import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { OptionError } from '@vqkit/core-tensor';
import { temporaryFolder, tinyIdxFolder } from '@vqkit/testing/pictures';
import { describe, expect, it } from 'vitest';
import { configJsonSchema, createConfig, loadConfig } from '../src/config.ts';
import { presets } from '../src/presets.ts';
import type { ImageOptions } from '../src/train-options.ts';

/** The message of the OptionError that `options` get. */
function refused(options: unknown): string {
  try {
    createConfig(options as ImageOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(OptionError);
    return (error as Error).message;
  }
  return expect.fail(`${JSON.stringify(options)} was accepted`);
}

describe('createConfig', () => {
  it('fills in the defaults, which are the recipe on MNIST', () => {
    const { outDir, ...config } = createConfig({});
    expect(outDir).toBe('runs/mnist-lfq-1234');
    expect(config).toMatchObject({
      ...presets.recipe.options?.('mnist', {}),
      data: 'mnist',
      quantizer: 'lfq',
      seed: 1234,
    });
  });

  it('takes the preset that fits the data', () => {
    expect(createConfig({ preset: 'recipe' })).toMatchObject({ loss: 'mse', clampOutput: false, steps: 1000 });
    const other = createConfig({ preset: 'recipe', data: 'idx', dataPath: 'somewhere' });
    expect(other).toMatchObject({ loss: 'l1', clampOutput: true, batchSize: 256, weightDecay: 0.01, preset: 'recipe' });
    expect(createConfig({ preset: 'start', steps: 7 })).toMatchObject({
      preset: 'start',
      steps: 7,
      learningRate: 3e-4,
    });
  });

  it('refuses unknown options and names the nearest known one', () => {
    expect(refused({ bachSize: 3 })).toBe(
      "createConfig: options must have no 'bachSize', got 3. Did you mean 'batchSize'?",
    );
    expect(refused({ learningrate: 3 })).toContain("Did you mean 'learningRate'?");
    expect(refused({ somethingElseEntirely: 3 })).toContain('Known options: accumulate, activation,');
  });

  it('refuses wrong types and values with the rule, the value and a fix', () => {
    expect(refused({ steps: '100' })).toBe('createConfig: steps must be a number, got "100". Write it without quotes.');
    expect(refused({ steps: 1.5 })).toContain('steps must be an integer, got 1.5.');
    expect(refused({ steps: 0 })).toContain('steps must be >= 1, got 0.');
    expect(refused({ learningRate: 0 })).toContain('learningRate must be > 0, got 0.');
    expect(refused({ learningRate: Number.NaN })).toContain('learningRate must be a number, got NaN.');
    expect(refused({ betas: [0.9, 1] })).toContain('betas[1] must be < 1, got 1.');
    expect(refused({ betas: [0.9] })).toContain('betas must be a list of at least 2, got [0.9].');
    expect(refused({ widths: [] })).toContain('widths must be a list of at least 1, got [].');
    expect(refused({ data: 'mnits' })).toContain(
      'data must be one of "mnist", "idx", "folder", "vectors", "audio", got "mnits".',
    );
    expect(refused({ channels: 2 })).toContain('channels must be one of 1, 3, got 2.');
    expect(refused({ clampOutput: 1 })).toContain('clampOutput must be a boolean, got 1.');
    expect(refused({ quantizerOptions: [8] })).toContain('quantizerOptions must be');
    expect(refused({ keepCheckpoints: 1 })).toContain('keepCheckpoints must be >= 2, got 1.');
    expect(refused({ seed: -1 })).toContain('seed must be >= 0, got -1.');
    expect(refused({ outDir: '' })).toContain('outDir must be not empty, got "".');
    expect(refused(null)).toContain('options must be an object, got null.');
  });

  it('takes the kind of the data from what the path holds', async () => {
    const root = await temporaryFolder();
    expect(createConfig({ dataPath: await tinyIdxFolder() })).toMatchObject({ data: 'idx', batchSize: 256 });
    expect(createConfig({ dataPath: root }).data).toBe('folder');
    expect(createConfig({ dataPath: join(root, 'nothing there') }).data).toBe('folder');
    const file = join(root, 'images.bin');
    await writeFile(file, '');
    expect(createConfig({ dataPath: file, preset: 'recipe' })).toMatchObject({ data: 'idx', loss: 'l1' });
    expect(refused({ data: 'mnist', dataPath: root })).toContain("dataPath must not be given with data 'mnist'");
  });

  it('refuses options that do not fit each other', () => {
    expect(refused({ data: 'folder' })).toContain("dataPath must be given for data 'folder', got undefined.");
    expect(refused({ imageSize: 30 })).toContain('imageSize must be a multiple of 4');
    expect(refused({ imageSize: 2 ** 14 })).toContain('imageSize must be <= 8192, got 16384.');
    expect(createConfig({ imageSize: 32, widths: [8, 16, 32] }).imageSize).toBe(32);
  });
});

describe('loadConfig', () => {
  it('lets flags win over the file, the file over the preset, the preset over the defaults', async () => {
    const file = join(await temporaryFolder(), 'config.json');
    await writeFile(file, JSON.stringify({ preset: 'start', steps: 20, seed: 1 }));
    const config = await loadConfig({ file, flags: { seed: 2, quantizer: 'fsq' } });
    expect(config).toMatchObject({ preset: 'start', validateEvery: 50, steps: 20, seed: 2, quantizer: 'fsq' });
    expect(config.outDir).toBe('runs/mnist-fsq-2');
    expect((await loadConfig({ file, flags: { preset: 'recipe' } })).validateEvery).toBe(100);
  });

  it('names the file that cannot be used', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'config.json');
    await expect(loadConfig({ file })).rejects.toThrow(/config\.json must be a readable file, got ENOENT/);
    await writeFile(file, '{ "steps": ');
    await expect(loadConfig({ file })).rejects.toThrow(/config\.json must be JSON in UTF-8, got/);
    await writeFile(file, '{ "stepz": 3 }');
    await expect(loadConfig({ file })).rejects.toThrow(
      /config\.json: options must have no 'stepz', got .+. Did you mean 'steps'\?/,
    );
    await expect(loadConfig({ flags: { steps: -1 } })).rejects.toThrow('loadConfig: steps must be >= 1, got -1.');
  });
});

describe('configJsonSchema', () => {
  it('describes every option', () => {
    const { properties = {} } = configJsonSchema();
    expect(Object.keys(properties)).toContain('clipGradNorm');
    for (const [name, option] of Object.entries(properties)) {
      expect((option as { description?: string }).description, name).toMatch(/\w.*\.$/);
    }
  });

  it('shows the defaults that createConfig fills in', () => {
    const vectors = { data: 'vectors', dataPath: 'items.npy' } as const;
    const sound = { data: 'audio', dataPath: 'sounds' } as const;
    const kinds = [sound, { ...vectors }, { ...vectors, arch: 'mlp' }, { arch: 'resnet' }, {}].map((options) =>
      createConfig(options as ImageOptions),
    );
    const config: Record<string, unknown> = { ...Object.assign({}, ...kinds), arch: undefined, dataPath: undefined };
    for (const [name, option] of Object.entries(configJsonSchema().properties ?? {})) {
      const shown = (option as { default?: unknown }).default;
      if (name !== 'outDir') expect(shown, name).toEqual(config[name]);
    }
  });
});

describe('README', () => {
  it('lists every option', async () => {
    const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
    for (const name of Object.keys(configJsonSchema().properties ?? {}))
      expect(readme).toMatch(new RegExp(`^\\| \`${name}\` +\\|`, 'm'));
  });
});
