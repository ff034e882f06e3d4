import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fullRun, titleIf } from '@vqkit/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { documentsOf, fillBlocks, generateDocs } from '../src/docs.ts';
import type { Experiment, ExperimentContext } from '../src/experiment.ts';
import { indexPage } from '../src/page.ts';
import { ANSWERS, RESULTS, ROOT } from '../src/paths.ts';
import { questionsOf } from '../src/questions.ts';
import { type ExperimentEntry, experiments } from '../src/registry.ts';
import { readResult, replay } from '../src/replay.ts';
import { readStored } from '../src/result.ts';
import { runBenchmarks } from '../src/run.ts';
import { fakeEntry, outcome } from './fake.ts';

describe('the pages of this repository', () => {
  it.skipIf(!fullRun)(titleIf(fullRun, 'say what the results say (else run: pnpm bench docs)'), async () => {
    expect(await generateDocs({ check: true })).toEqual([]);
  });

  const committed = experiments.map(({ name }) => name).filter((name) => existsSync(join(RESULTS, `${name}.json`)));

  it.each(committed)('rest on every part of %s, and show every picture of it', async (name) => {
    const stored = await readStored(join(RESULTS, `${name}.json`));
    const read: string[] = [];
    const load = async (): Promise<Experiment> => {
      const experiment = await (experiments.find((entry) => entry.name === name) as ExperimentEntry).load();
      const part: (context: ExperimentContext) => ExperimentContext['part'] = (context) => (title, settings, work) => {
        read.push(title);
        return context.part(title, settings, work);
      };
      return { ...experiment, run: (context) => experiment.run({ ...context, part: part(context) }) };
    };
    const { plots } = await replay(stored, [{ name, load }]);
    expect(read.sort()).toEqual(stored.parts.map((part) => part.name).sort());
    const longer = committed.filter((other) => other.startsWith(`${name}-`));
    const pictures = (await readdir(RESULTS)).filter(
      (file) => file.startsWith(`${name}-`) && !longer.some((other) => file.startsWith(other)),
    );
    expect(pictures).toEqual(plots.map((plot) => `${name}-${plot.name}.svg`).sort());
  });

  it('are where every speed in a README comes from', async () => {
    const speed = /\d\s?(?:ms|µs)\b|\*\*[\d.]+×|\d times (?:as )?(?:fast|slow|long)|\d steps per second/;
    const unmarked = (await documentsOf(ROOT))
      .filter((path) => path.endsWith('README.md') && !path.startsWith(ANSWERS))
      .map(async (path) => {
        const text = (await readFile(path, 'utf8'))
          .replace(/^```[\s\S]*?^```/gm, '')
          .replace(/<!-- result:[\s\S]*?<!-- \/result -->(?: ms)?/g, '');
        return text.split('\n').flatMap((line) => (speed.test(line) ? [`${relative(ROOT, path)}: ${line}`] : []));
      });
    expect((await Promise.all(unmarked)).flat()).toEqual([]);
  });

  it('answer what is asked most with every number that is quoted', async () => {
    const results = await Promise.all(committed.map((name) => readResult(join(RESULTS, `${name}.json`))));
    const asked = questionsOf(results).join('\n');
    expect(asked.match(/^## /gm)).toHaveLength(3);
    expect(asked).not.toMatch(/\{[a-z-]+:/);
    const pictures = [...asked.matchAll(/results\/([a-z0-9-]+\.svg)/g)].map(([, file]) => file as string);
    expect(pictures.filter((file) => !existsSync(join(RESULTS, file)))).toEqual([]);
  });

  it('are small, in lines that can be compared', async () => {
    const files = (await readdir(RESULTS, { withFileTypes: true })).filter((file) => file.isFile());
    const texts = await Promise.all(files.map(({ name }) => readFile(join(RESULTS, name), 'utf8')));
    expect(files.filter(({ name }) => !/\.(json|svg)$/.test(name))).toEqual([]);
    expect(texts.reduce((bytes, text) => bytes + text.length, 0)).toBeLessThan(3e6);
    expect(Math.max(...texts.flatMap((text) => text.split('\n').map((line) => line.length)))).toBeLessThan(5000);
  });
});

describe('generateDocs', () => {
  const known = [fakeEntry(async () => outcome)];
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
    await runBenchmarks(['fake'], { out: folder }, {}, known);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('notices a number that was changed by hand, in a page, a picture or a block', async () => {
    const document = join(folder, 'README.md');
    await writeFile(document, 'It takes <!-- result:fake:cell.speed-ms.fsq-encode.ours --><!-- /result --> ms.\n');
    const options = { resultsFolder: folder, answersFolder: join(folder, 'answers'), documents: [document], known };
    await generateDocs(options);
    expect(await readFile(document, 'utf8')).toContain('-->0.1003<!--');
    expect(await generateDocs({ ...options, check: true })).toEqual([]);
    for (const path of [document, join(folder, 'answers', 'fake.md'), join(folder, 'fake-growth.svg')]) {
      const text = await readFile(path, 'utf8');
      await writeFile(path, path.endsWith('svg') ? text.replace('time', 'tyme') : text.replace('0.1003', '0.05'));
      expect(await generateDocs({ ...options, check: true })).toHaveLength(1);
      await generateDocs(options);
      expect(await readFile(path, 'utf8')).toBe(text);
    }
  });

  it('says which part is missing where the experiment has changed since', async () => {
    const changed = [fakeEntry(({ part }) => part('new', {}, async () => outcome))];
    await expect(readResult(join(folder, 'fake.json'), changed)).rejects.toThrow(
      'bench: the result of fake must have the part "new", got none. Measure it: pnpm bench fake, with --reuse where it was measured on this machine.',
    );
  });

  it('fills every kind of block', async () => {
    const results = [await readResult(join(folder, 'fake.json'), known)];
    const fill = (key: string) => fillBlocks(`<!-- result:fake:${key} -->old<!-- /result -->`, results, 'README.md');
    expect(fill('answer')).toContain('\nIt takes **0.1003 ms**.\n');
    expect(fill('verdicts')).toContain('| **yes** | yes |');
    expect(fill('table.speed-ms')).toContain('| LFQ encode | 12 | 65,536 |');
    expect(fill('cell.speed-ms.fsq-encode.peer')).toContain('-->not measured<!--');
    expect(fill('command')).toContain('-->`pnpm bench fake`<!--');
    expect(fill('date')).toMatch(/-->\d{4}-\d\d-\d\d<!--/);
    expect(fill('machine')).toContain(process.versions.node);
    expect(fill('measured')).toMatch(/-->on \d{4}-\d\d-\d\d.*, \d+ cores of .*Node/);
  });

  it('leads the index with what is asked most, in two languages, and then lists every question', async () => {
    const result = await readResult(join(folder, 'fake.json'), known);
    const page = indexPage([result], ['## Why?\n\n**为什么？**']);
    expect(page.indexOf('为什么')).toBeLessThan(page.indexOf('## All questions'));
    expect(page).toContain('(fake.md) | see its page | `pnpm bench fake` | 1 of 1 | 1 of 1 |');
    // What they quote is not among these results.
    expect(questionsOf([result]).filter((text) => text.includes('{'))).toEqual([]);
  });

  it('leaves examples in fenced code alone', async () => {
    const results = [await readResult(join(folder, 'fake.json'), known)];
    const block = '<!-- result:fake:date --><!-- /result -->';
    const fence = `\`\`\`md\n<!-- result:none:answer --><!-- /result -->\n\`\`\``;
    const filled = fillBlocks(`${block}\n\n${fence}\n\n${block}\n`, results, 'README.md');
    expect(filled).toContain(fence);
    expect(filled.match(/-->\d{4}-\d\d-\d\d<!--/g)).toHaveLength(2);
  });

  it('refuses a block about results or keys that are not there', async () => {
    const results = [await readResult(join(folder, 'fake.json'), known)];
    const fill = (block: string) => () => fillBlocks(`<!-- ${block} --><!-- /result -->`, results, 'README.md');
    expect(fill('result:other:answer')).toThrow(
      'bench docs: README.md must quote results that exist, got other. Run pnpm bench other first.',
    );
    for (const key of ['nonsense', 'table.none', 'cell.speed-ms.none.ours', 'cell.speed-ms.fsq-encode.none']) {
      expect(fill(`result:fake:${key}`)).toThrow(`must quote a key of results/fake.json, got ${key}.`);
    }
  });
});
