import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError, type SafeFile, type SafeTensor } from '@vqkit/checkpoint';
import { CHECKSUM, readSafetensors, writeSafetensors } from '@vqkit/checkpoint/node';
import { OptionError } from '@vqkit/core-tensor';
import { temporaryFolder, tinyIdxFolder } from '@vqkit/testing/pictures';
import { beforeAll, describe, expect, it } from 'vitest';
import { readTokenizer } from '../src/tokenizer.ts';
import { resumeTraining, train } from '../src/train.ts';
import { tinyConfig } from './fixtures.ts';

let run = '';
let whole: Buffer;
const STEP = 'step-12.safetensors';

beforeAll(async () => {
  run = join(await temporaryFolder(), 'run');
  await train(tinyConfig(await tinyIdxFolder(), run, { logEvery: 1 }));
  whole = await readFile(join(run, 'checkpoints', STEP));
});

/** A copy of a run that is done, and what it says when it is resumed. */
async function copyOf(damage: (folder: string) => Promise<void>): Promise<{
  folder: string;
  resume: () => Promise<{ starts: number[]; warnings: string[] }>;
}> {
  const folder = await temporaryFolder();
  await cp(run, folder, { recursive: true });
  await damage(folder);
  const resume = async (): Promise<{ starts: number[]; warnings: string[] }> => {
    const [starts, warnings]: [number[], string[]] = [[], []];
    const hooks = { onStart: ({ step }: { step: number }) => starts.push(step) };
    await resumeTraining(folder, {}, { ...hooks, onWarning: (message) => warnings.push(message) });
    return { starts, warnings };
  };
  return { folder, resume };
}

/** What metrics.jsonl holds, but for the clock. */
async function metricsOf(folder: string): Promise<object[]> {
  const lines = (await readFile(join(folder, 'metrics.jsonl'), 'utf8')).trim().split('\n');
  return lines.map((line) => ({ ...(JSON.parse(line) as object), elapsedSeconds: 0 }));
}

const damagedCheckpoint =
  (change: (file: SafeFile) => unknown, name = STEP) =>
  async (folder: string): Promise<void> => {
    const path = join(folder, 'checkpoints', name);
    const file = await readSafetensors(path);
    change(file);
    await writeSafetensors(path, file.tensors, file.metadata);
  };
const firstOf = ({ tensors }: SafeFile, prefix: string): string =>
  Object.keys(tensors).find((name) => name.startsWith(prefix)) as string;
const poison =
  (prefix: string, value: number) =>
  (file: SafeFile): void => {
    ((file.tensors[firstOf(file, prefix)] as SafeTensor).data as Float32Array)[0] = value;
  };
const note =
  (name: string, text: string) =>
  ({ metadata }: SafeFile): void => {
    metadata[name] = text;
  };

describe('resumeTraining', () => {
  it.each<[string, (file: SafeFile) => unknown, RegExp]>([
    ['a weight that is NaN', poison('model.', Number.NaN), /'model\..*' must be finite, got NaN at flat position 0/],
    ['a moment that is NaN', poison('optimizer.m.', Number.NaN), /'optimizer\.m\..*' must be finite, got NaN/],
    [
      'a mean square below 0',
      poison('optimizer.v.', -1),
      /'optimizer\.v\..*' must be F32 and >= 0, got a number below 0/,
    ],
    [
      'a moment of integers',
      (file) => {
        const name = firstOf(file, 'optimizer.m.');
        const { shape, data } = file.tensors[name] as SafeTensor;
        file.tensors[name] = { dtype: 'I32', shape, data: new Int32Array(data.length) };
      },
      /'optimizer\.m\..*' must be F32, got I32/,
    ],
    ['a moment that is missing', (file) => delete file.tensors[firstOf(file, 'optimizer.m.')], /state must hold 'm\./],
    [
      'a tensor of nothing in the run',
      (file) => {
        file.tensors.stranger = { dtype: 'F32', shape: [1], data: new Float32Array(1) };
      },
      /'stranger' must begin with model\., optimizer\., gathered\./,
    ],
    ['a weight that is missing', (file) => delete file.tensors[firstOf(file, 'model.')], /missing \["/],
    ['a generator without a state', note('quantizerRng', '{'), /note 'quantizerRng' as JSON in UTF-8, got "{"/],
    ['a generator of other numbers', note('quantizerRng', '[1,2,3]'), /rng\.restore: state must be four integers/],
    ['more updates than steps', note('optimizerSteps', '{"encoder.conv1.weight":13}'), /must be <= 12, got 13/],
    ['no updates', ({ metadata }) => delete metadata.optimizerSteps, /note 'optimizerSteps' as JSON/],
    [
      'no checksum',
      ({ metadata }) => delete metadata[CHECKSUM],
      /must be a checkpoint .* \(format '.*', a step and a checksum\)/,
    ],
    ['an empty step', note('step', ''), /got format "vqkit-train-2", step ""/],
    [
      'the step of another checkpoint',
      note('step', '5'),
      /must be <= 5|must hold the step that its name says, got step 5/,
    ],
    ['notes nested 3,000 deep', note('config', '['.repeat(3000) + ']'.repeat(3000)), /must say of which run it is/],
    ['notes of images that are null', note('data', 'null'), /must say of which run it is/],
    [
      'counts of images that are objects',
      note('data', '{"train":{"toString":0},"sha256":"0"}'),
      /must say of which run/,
    ],
  ])('takes the checkpoint before one with %s, saying so', async (_, change, message) => {
    const { folder, resume } = await copyOf(damagedCheckpoint(change));
    const { starts, warnings } = await resume();
    expect(starts).toEqual([8]);
    expect(warnings).toEqual([expect.stringMatching(message)]);
    expect(warnings[0]).toMatch(/ Using step-8\.safetensors\.$/);
    expect(await readdir(join(folder, 'checkpoints'))).toContain(`${STEP}.damaged`);
    expect(await readFile(join(folder, 'checkpoints', STEP))).toEqual(whole);
    expect(await metricsOf(folder)).toEqual(await metricsOf(run));
  });

  it('finds one flipped bit, wherever it is', async () => {
    // The first bytes of data, the last, and some of the header between.
    for (const at of [whole.length - 1, whole.length - 2000, 500, 1500]) {
      const { resume } = await copyOf(async (folder) => {
        const bytes = Buffer.from(whole);
        bytes[at] = (bytes[at] as number) ^ 1;
        await writeFile(join(folder, 'checkpoints', STEP), bytes);
      });
      const { starts, warnings } = await resume();
      expect([starts, warnings.length]).toEqual([[8], 1]);
    }
    const { folder } = await copyOf(async (copy) => {
      const bytes = Buffer.from(whole);
      bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
      await writeFile(join(copy, 'checkpoints', STEP), bytes);
    });
    await expect(readTokenizer(folder)).rejects.toThrow(CheckpointError);
    await expect(readTokenizer(folder)).rejects.toThrow(/must have the content of its checksum/);
  });

  it('names the lines of metrics.jsonl that are no records, keeps the file and goes on', async () => {
    let lines: string[] = [];
    const { folder, resume } = await copyOf(async (copy) => {
      const path = join(copy, 'metrics.jsonl');
      lines = (await readFile(path, 'utf8')).trim().split('\n');
      const bad = [
        'null',
        '{"kind":"validation","step":3,"epoch":1,"elapsedSeconds":1}',
        '{"kind":"train","step":"2"}',
        '['.repeat(3000) + ']'.repeat(3000),
        'x',
      ];
      await writeFile(path, [...bad, ...lines, lines[0], '{"kind":"tra'].join('\n'));
    });
    const { warnings } = await resume();
    const expected = [
      /metrics\.jsonl line 1: it must be an object, got null\. Left out; the file is kept as metrics\.jsonl\.damaged\.$/,
      /line 2: quality must be an object, got undefined/,
      /line 3: step must be a number, got "2"/,
      /line 4 must be JSON nested at most 64 deep/,
      /line 5 must be JSON in UTF-8, got /,
      /line \d+: step must be >= 12, that of the record before, got 0/,
    ];
    expect(warnings).toEqual(expected.map((message) => expect.stringMatching(message) as string));
    expect((await readFile(join(folder, 'metrics.jsonl'), 'utf8')).trim().split('\n')).toEqual(lines);
    expect(await readFile(join(folder, 'metrics.jsonl.damaged'), 'utf8')).toMatch(/^null\n/);
  });

  it.each<[string, object, RegExp]>([
    [
      'larger than its checkpoints',
      { widths: [10_000, 10_000] },
      /the model must be no larger than its file, got \d+ numbers/,
    ],
    [
      'with a discriminator larger than its checkpoints',
      { discriminatorFrom: 1, discriminatorFilters: 2000 },
      /the model must be no larger than its file, got \d+ numbers/,
    ],
    ['of another quantizer', { quantizer: 'lfq' }, /createLfq: options must have no 'levels'/],
    ['of no options', { quantizerOptions: {} }, /createFsq: levels must be a list/],
  ])('makes no model %s, and names config.json', async (_, changes, message) => {
    const { resume } = await copyOf(async (folder) => {
      const path = join(folder, 'config.json');
      const config = JSON.parse(await readFile(path, 'utf8')) as object;
      await writeFile(path, JSON.stringify({ ...config, ...changes }));
    });
    await expect(resume()).rejects.toThrow(OptionError);
    await expect(resume()).rejects.toThrow(message);
    await expect(resume()).rejects.toThrow(
      /config\.json must describe the model that the run was begun with, got .* Put it back, or start a new run\.$/,
    );
  });

  it.each([
    ['{', /config\.json must be JSON in UTF-8, got /],
    ['{"steps":1,"steps":2}', /config\.json must be JSON with every key once, got "steps" twice/],
    [`{"quantizerOptions":${'{"a":'.repeat(3000)}1${'}'.repeat(3000)}}`, /config\.json must be JSON nested at most 64/],
    ['null', /config\.json: options must be an object, got null/],
    ['{"__proto__":{"steps":3}}', /config\.json: options must have no '__proto__'/],
    [`{"widths":[${'1,'.repeat(30)}1]}`, /config\.json: widths must be a list of at most 16/],
  ])('refuses the config.json %s by name', async (text, message) => {
    const { resume } = await copyOf((folder) => writeFile(join(folder, 'config.json'), text));
    await expect(resume()).rejects.toThrow(OptionError);
    await expect(resume()).rejects.toThrow(message);
  });
});
