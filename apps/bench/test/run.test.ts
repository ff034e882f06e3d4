import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError, OptionError } from '@vqkit/core-tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ExperimentContext, Outcome } from '../src/experiment.ts';
import { readResult } from '../src/replay.ts';
import { type BenchOptions, runBenchmarks } from '../src/run.ts';
import { fakeEntry, outcome } from './fake.ts';

let out: string;
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
});
afterEach(() => rm(out, { recursive: true, force: true }));

function runFake(work: (context: ExperimentContext) => Promise<Outcome>, options: BenchOptions = {}) {
  return runBenchmarks(['fake'], { out, ...options }, {}, [fakeEntry(work)]);
}

async function rejection(promise: Promise<unknown>): Promise<Error> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Error) return error;
  throw new Error('nothing was thrown');
}

describe('runBenchmarks', () => {
  it('writes result, pictures and page', async () => {
    const [result] = await runFake(async ({ part, seeds, cores }) => {
      expect([seeds, cores]).toEqual([[1, 2, 3], availableParallelism()]);
      await part('one', { n: 1 }, async () => ({ ms: 3 }));
      await part('two', {}, async () => [1 / 3, 123_456_789, 1e-9 / 7]);
      return outcome;
    });
    expect((await readdir(out)).sort()).toEqual(['.parts', 'answers', 'fake-growth.svg', 'fake.json']);
    const { outcome: made, ...stored } = result as NonNullable<typeof result>;
    const text = await readFile(join(out, 'fake.json'), 'utf8');
    expect(JSON.parse(text)).toEqual(stored);
    expect(stored.parts).toMatchObject([
      { name: 'one', settings: { n: 1 }, value: { ms: 3 } },
      { name: 'two', value: [0.333333, 123_456_789, 1.42857e-10] },
    ]);
    // A part a line.
    expect(text.split('\n').filter((line) => line.startsWith('{"name":'))).toHaveLength(2);
    expect(await readResult(join(out, 'fake.json'), [fakeEntry(async () => made)])).toEqual(result);
    expect(stored.environment.node).toBe(process.versions.node);
    const page = await readFile(join(out, 'answers', 'fake.md'), 'utf8');
    for (const text of [
      '# How long does it take?',
      'It takes **0.1003 ms**.',
      '| FSQ encode | 0.1003 | not measured |',
      '](../fake-growth.svg)',
      '`pnpm bench fake`',
    ]) {
      expect(page).toContain(text);
    }
  });

  it('writes what was measured in full where it is asked to, and keeps what the part gives', async () => {
    const [result] = await runFake(
      async ({ part }) => {
        await part('train, seed 1', { n: 1 }, async (raw) => {
          raw({ trace: [1, 2, 1 / 3] });
          return { last: 1 / 3 };
        });
        await part('plain', {}, async () => 1);
        return outcome;
      },
      { raw: join(out, 'raw') },
    );
    expect(result?.parts.map(({ value }) => value)).toEqual([{ last: 0.333333 }, 1]);
    const [file = '', ...others] = await readdir(join(out, 'raw', 'fake'));
    expect(others).toEqual([]);
    expect(JSON.parse(await readFile(join(out, 'raw', 'fake', file), 'utf8'))).toEqual({
      name: 'train, seed 1',
      settings: { n: 1 },
      value: { trace: [1, 2, 1 / 3] },
    });
  });

  it('goes on where a failed run stopped, and starts anew with fresh', async () => {
    const done: string[] = [];
    const work =
      (fails: boolean) =>
      async ({ part }: ExperimentContext): Promise<Outcome> => {
        for (const name of ['a', 'b', 'c']) {
          await part(name, {}, async () => {
            if (fails && name === 'c') throw new Error('power cut');
            done.push(name);
          });
        }
        return outcome;
      };
    expect((await rejection(runFake(work(true)))).message).toBe('power cut');
    expect(done).toEqual(['a', 'b']);
    await rejection(runFake(work(true), { fresh: true }));
    expect(done).toEqual(['a', 'b', 'a', 'b']);
    await runFake(work(false));
    expect(done).toEqual(['a', 'b', 'a', 'b', 'c']);
    // What is finished is not taken for a part of the next run.
    await runFake(work(false));
    expect(done.length).toBe(8);
  });

  it('takes over the parts of the present result when asked to, and says so', async () => {
    const done: string[] = [];
    const work =
      (parts: readonly string[], answer: string) =>
      async ({ part }: ExperimentContext): Promise<Outcome> => {
        for (const name of parts) await part(name, { n: 1 }, async () => done.push(name));
        return { ...outcome, answer };
      };
    const [first] = await runFake(work(['a', 'b'], 'old'));
    const [again] = await runFake(work(['a', 'b'], 'new'), { reuse: true });
    expect(done).toEqual(['a', 'b']);
    // Only the texts are new: it is still the measurement of then.
    expect(again).toEqual({ ...first, outcome: { ...outcome, answer: 'new' } });
    const [more] = await runFake(work(['a', 'b', 'c'], 'more'), { reuse: true });
    expect(done).toEqual(['a', 'b', 'c']);
    const from = { date: first?.date, commit: first?.environment.commit };
    expect(more?.parts).toMatchObject([{ from }, { from }, { name: 'c' }]);
    expect(more?.parts[2]).not.toHaveProperty('from');
    expect(await readFile(join(out, 'answers', 'fake.md'), 'utf8')).toMatch(
      /2 of its 3 parts were measured before \(\d{4}-\d\d-\d\d, commit .+\)\./,
    );
    const [fresh] = await runFake(work(['a'], 'fresh'));
    expect(done).toEqual(['a', 'b', 'c', 'a']);
    expect(fresh?.parts[0]).not.toHaveProperty('from');
  });

  it('takes over nothing that was measured elsewhere', async () => {
    const work = ({ part }: ExperimentContext): Promise<Outcome> => part('a', {}, async () => 1).then(() => outcome);
    await runFake(work);
    const path = join(out, 'fake.json');
    const text = (await readFile(path, 'utf8')).replace(`"node":"${process.versions.node}"`, '"node":"1.2.3"');
    await writeFile(path, text);
    const error = await rejection(runFake(work, { reuse: true }));
    expect(error).toBeInstanceOf(OptionError);
    expect(error.message).toMatch(
      /^bench: the result to reuse must be of the same Node, .* with node .*, got .*1\.2\.3/,
    );
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it('does a part again whose settings are others', async () => {
    const done: number[] = [];
    const work =
      (steps: number) =>
      async ({ part }: ExperimentContext): Promise<Outcome> => {
        await part('train', { steps }, async () => done.push(steps));
        throw new Error('killed');
      };
    for (const steps of [10, 10, 20]) await rejection(runFake(work(steps)));
    expect(done).toEqual([10, 20]);
  });

  it('gives a part back as JSON has it, first and later', async () => {
    const seen: unknown[] = [];
    const work = async ({ part }: ExperimentContext): Promise<Outcome> => {
      seen.push(await part('numbers', {}, async () => ({ a: Number.NaN, b: new Date(0), c: undefined })));
      throw new Error('killed');
    };
    await rejection(runFake(work));
    await rejection(runFake(work));
    expect(seen).toEqual([
      { a: null, b: '1970-01-01T00:00:00.000Z' },
      { a: null, b: '1970-01-01T00:00:00.000Z' },
    ]);
  });

  it('refuses two parts of one name', async () => {
    const error = await rejection(
      runFake(async ({ part }) => {
        await part('a', {}, async () => 1);
        await part('a', {}, async () => 2);
        return outcome;
      }),
    );
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe('bench: each part must have a name of its own, got "a" twice. Rename one.');
  });

  it('leaves a results file of another version alone, before any work', async () => {
    const path = join(out, 'fake.json');
    await writeFile(path, '{"version": 0, "precious": true}');
    const error = await rejection(runFake(() => Promise.reject(new Error('not reached'))));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(/must be a results file of version 2, got version 0\. .*nothing was changed\.$/);
    expect(await readFile(path, 'utf8')).toBe('{"version": 0, "precious": true}');
  });

  it('refuses an outcome of another form and keeps the parts', async () => {
    const error = await rejection(
      runFake(async ({ part }) => {
        await part('a', {}, async () => 1);
        return { ...outcome, tables: 'none' } as unknown as Outcome;
      }),
    );
    expect(error.message).toMatch(/^bench: the outcome of fake must have the form of Outcome .* at tables\. /);
    expect(await readdir(join(out, '.parts', 'fake'))).toHaveLength(1);
  });

  it.each([
    [['nonsense'], {}, OptionError, /^bench: the experiment must be one of fake or all, got "nonsense"\. /],
    [
      ['fake'],
      { seeds: [1, 1] },
      OptionError,
      /^bench: seeds must be different numbers, at least one, got \[1,1\]\. Pass/,
    ],
    [['fake'], { seeds: [] }, OptionError, /^bench: seeds must be different numbers/],
    [['fake'], { seeds: [1.5] }, OptionError, /seeds\[0\]/],
    [['fake'], { quik: true }, OptionError, /quik/],
    [
      ['fake'],
      { data: 'no-such-folder' },
      DataError,
      /^bench: data must be a folder that exists, got "no-such-folder"\. /,
    ],
    [
      ['fake'],
      { python: 'no-such-python' },
      OptionError,
      /^bench: python must be a Python that has torch .*no-such-python.*not measured\.$/,
    ],
  ])('refuses %j with %j', async (names, options, kind, message) => {
    const error = await rejection(runBenchmarks(names, { out, ...options }, {}, [fakeEntry(async () => outcome)]));
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toMatch(message);
  });

  it('runs the other experiments when one fails, and says which', async () => {
    const failing = { ...fakeEntry(() => Promise.reject(new Error('no data'))), name: 'first', aliases: [] };
    const error = await rejection(runBenchmarks(['all'], { out }, {}, [failing, fakeEntry(async () => outcome)]));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toMatch(
      /^bench: all 2 experiments must end, got 1 failed: first: no data\. The results of the others/,
    );
    expect(await readdir(out)).toContain('fake.json');
  });

  it('tells the caller what happens', async () => {
    const events: unknown[] = [];
    await runBenchmarks(
      ['false'],
      { out, quick: true },
      {
        onStart: ({ experiment }) => events.push(experiment),
        onPart: ({ name, state }) => events.push(`${name} ${state}`),
        // Whether the machine is busy is another matter.
        onLog: (line) => (line.startsWith('The machine') ? undefined : events.push(line)),
        onProgress: (share) => events.push(share),
        onDone: ({ result }) => events.push(result.quick, result.seeds),
      },
      [
        fakeEntry(async ({ part, log, progress }) => {
          await part('a', {}, async () => {
            progress(0.5);
            log('half');
          });
          return outcome;
        }),
      ],
    );
    expect(events).toEqual(['fake', 'a started', 0.5, 'half', 'a done', true, [1]]);
  });
});
