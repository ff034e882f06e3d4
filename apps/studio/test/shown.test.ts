import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findShown } from '../src/shown.ts';

describe('what the studio shows', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vqkit-shown-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['b', 'a']) {
    mkdirSync(join(folder, 'runs', name), { recursive: true });
    writeFileSync(join(folder, 'runs', name, 'config.json'), '{}');
  }
  mkdirSync(join(folder, 'empty'));

  it('is a run, or the runs in a folder, each once', async () => {
    const run = (name: string): object => ({ name, path: join(folder, 'runs', name), isRun: true });
    expect(await findShown([join(folder, 'runs', 'b')])).toEqual([run('b')]);
    expect(await findShown([join(folder, 'runs'), join(folder, 'runs', 'b')])).toEqual([run('a'), run('b')]);
    expect(await findShown([])).toEqual([]);
  });

  it('refuses a folder without a run, and a file that is no tokenizer', async () => {
    await expect(findShown([join(folder, 'empty')])).rejects.toThrow(
      /must be the folder of a run, got one without config\.json/,
    );
    await expect(findShown([join(folder, 'missing')])).rejects.toThrow(/missing/);
    await expect(findShown([join(folder, 'runs', 'a', 'config.json')])).rejects.toThrow(/config\.json/);
  });
});
