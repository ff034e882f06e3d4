import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder, tinyIdxFolder } from '@vqkit/testing/pictures';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { shellWord } from '../src/shell-word.ts';
import { resumeTraining, train } from '../src/train.ts';
import { tinyConfig } from './fixtures.ts';

/** As an editor on Windows saves it: a byte order mark, and CR before LF. */
async function saveAsOnWindows(path: string): Promise<void> {
  await writeFile(path, `\uFEFF${(await readFile(path, 'utf8')).replaceAll('\n', '\r\n')}`);
}

describe('text files as editors on Windows save them', () => {
  let folder = '';
  let data = '';
  beforeAll(async () => {
    [folder, data] = [await temporaryFolder(), await tinyIdxFolder()];
  });

  it('are read: config.json and metrics.jsonl of a run that goes on', async () => {
    const run = join(folder, 'run');
    await train(tinyConfig(data, run, { steps: 4 }));
    for (const name of ['config.json', 'metrics.jsonl']) await saveAsOnWindows(join(run, name));
    const warnings: string[] = [];
    const result = await resumeTraining(run, { steps: 6 }, { onWarning: (text) => warnings.push(text) });
    expect([result.status, warnings]).toEqual(['finished', []]);
    const steps = (await readFile(join(run, 'metrics.jsonl'), 'utf8')).match(/"kind":"train","step":\d+/g);
    expect(steps?.map((text) => Number(text.split(':').at(-1)))).toEqual([1, 2, 4, 6]);
  });

  it('are read: the file of --config', async () => {
    const file = join(folder, 'config.json');
    await writeFile(file, '{\n  "quantizer": "fsq",\n  "steps": 7\n}\n');
    await saveAsOnWindows(file);
    expect(await loadConfig({ file })).toMatchObject({ quantizer: 'fsq', steps: 7 });
  });
});

describe('shellWord on Windows', () => {
  it.each([
    ['runs\\a', 'runs\\a'],
    ['C:\\runs\\a b', '"C:\\runs\\a b"'],
    ["it's", '"it\'s"'],
  ])('writes %s as cmd and PowerShell read it', (text, word) => {
    expect(shellWord(text, true)).toBe(word);
  });
});
