import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson } from '@vqkit/checkpoint';
import { DataError, obstacleOf, phrase } from '@vqkit/core-tensor/errors';
import { parseMetrics, readRun, readSnapshot } from '@vqkit/train';
import type { LiveConfig, LiveEvent, LiveRecord } from './live-events.ts';

/** How often the files of a run are looked at. */
const EVERY_MS = 500;
/** Bytes of metrics.jsonl that are read at once, and a line at most. */
const BLOCK = 2 ** 20;
/** Records of one event, so that the page stays smooth. */
const TOGETHER = 1000;

/** Tells an event; waits until there is room for the next. */
type Send = (event: LiveEvent) => void | Promise<void>;

/** What was seen of a file: another size, time or place is another content. */
type Seen = string | undefined;

/**
 * Follows the folder of a run: what is there, then what comes, until the signal. Folders that vanish, files that are cut short or half-written and
 * what is damaged in them are told as a state; following goes on.
 */
export async function followRun(folder: string, send: Send, signal: AbortSignal): Promise<void> {
  const look = createLook(folder, send);
  while (!signal.aborted) {
    await look();
    await pause(EVERY_MS, signal);
  }
}

/** Looks at the files once: tells what is new since the look before. */
export function createLook(folder: string, send: Send): () => Promise<void> {
  let told = '';
  const say = async (state: Extract<LiveEvent, { kind: 'state' }>['state'], message: string): Promise<void> => {
    if (told === state + message) return;
    told = state + message;
    await send({ kind: 'state', state, message });
  };
  const config = whenChanged(folder, 'config.json', async (path) => {
    await send({ kind: 'config', config: configOf(await readObject(path)) });
  });
  const snapshot = whenChanged(folder, 'snapshot.json', async () => {
    const { step, codebooks, latents, diagnoses, examples } = await readSnapshot(folder);
    await send({ kind: 'snapshot', step, codebooks, latents, diagnoses, examples });
  });
  const report = whenChanged(folder, 'report-data.json', () => sendReport(folder, send));
  const metrics = createMetricsReader(join(folder, 'metrics.jsonl'), send);

  return async () => {
    if ((await seen(folder)) === undefined) {
      // Whatever comes back may be another run.
      for (const file of [config, snapshot, report]) file.forget();
      if (metrics.forget()) await send({ kind: 'reset' });
      await say('gone', 'The folder is not there any more.');
      return;
    }
    const problems: (string | undefined)[] = [];
    for (const { look } of [config, metrics, snapshot, report]) problems.push(await look());
    const problem = problems.find((each) => each !== undefined);
    const failure = await readObject(join(folder, 'failure.json')).catch(() => undefined);
    if (failure !== undefined) await say('failed', `Training broke off: ${String(failure.reason)}`);
    else if (problem !== undefined) await say('problem', problem);
    else if (await finished(folder)) await say('finished', 'The training is finished.');
    else await say('training', 'The training goes on, or was stopped before its end.');
  };
}

/** Part of what is looked at; a look gives what is wrong, as long as it is. */
interface Watched {
  look(): Promise<string | undefined>;
  /** Says whether anything was known. */
  forget(): boolean;
}

/** A file that is written whole, read again when it has changed. */
function whenChanged(folder: string, name: string, read: (path: string) => Promise<void>): Watched {
  const path = join(folder, name);
  let before: Seen;
  let problem: string | undefined;
  return {
    async look() {
      const now = await seen(path);
      if (now === before) return problem;
      before = now;
      problem = undefined;
      try {
        if (now !== undefined) await read(path);
      } catch (error) {
        problem = obstacleOf(error).reason;
      }
      return problem;
    },
    forget() {
      before = undefined;
      problem = undefined;
      return true;
    },
  };
}

/** Reads what metrics.jsonl has gained; all of it again when it was cut or is another file. */
function createMetricsReader(path: string, send: Send): Watched {
  let place: string | undefined;
  let offset = 0;
  let rest = Buffer.alloc(0);
  let problem: string | undefined;
  const forget = (): boolean => {
    const had = place !== undefined;
    place = undefined;
    offset = 0;
    rest = Buffer.alloc(0);
    problem = undefined;
    return had;
  };
  return {
    forget,
    async look() {
      const file = await open(path).catch(() => undefined);
      if (file === undefined) {
        if (forget()) await send({ kind: 'reset' });
        return problem;
      }
      try {
        const { ino, dev, size } = await file.stat();
        const here = `${dev}:${ino}`;
        if ((place !== undefined && place !== here) || size < offset) {
          forget();
          await send({ kind: 'reset' });
        }
        place = here;
        while (offset < size) {
          const block = Buffer.alloc(Math.min(BLOCK, size - offset));
          const { bytesRead } = await file.read(block, 0, block.length, offset);
          if (bytesRead === 0) break;
          offset += bytesRead;
          const bytes = Buffer.concat([rest, block.subarray(0, bytesRead)]);
          const end = bytes.lastIndexOf(10) + 1;
          rest = bytes.subarray(end);
          if (rest.length > BLOCK) {
            problem ??= 'metrics.jsonl has a line of more than 1 MiB';
            rest = Buffer.alloc(0);
          }
          const { records, problems } = parseMetrics(bytes.subarray(0, end));
          problem ??= problems[0] === undefined ? undefined : `metrics.jsonl has damage: ${problems[0]}`;
          const all = records.map(({ record }) => liveRecord(record as unknown as Readonly<Record<string, unknown>>));
          for (let i = 0; i < all.length; i += TOGETHER)
            await send({ kind: 'records', records: all.slice(i, i + TOGETHER) });
          // A long file must not hold up the server.
          await new Promise(setImmediate);
        }
      } finally {
        await file.close();
      }
      return problem;
    },
  };
}

/** The numbers of a record by name, those of its parts too. */
function liveRecord(record: Readonly<Record<string, unknown>>): LiveRecord {
  const { kind, step, losses, quality, codes, ...numbers } = record;
  const { statistics, ...use } = (codes ?? {}) as { readonly statistics?: object };
  const all = Object.entries({ ...statistics, ...numbers, ...(losses as object), ...(quality as object), ...use });
  const values = all.filter((entry): entry is [string, number] => Number.isFinite(entry[1]));
  return { kind: kind as LiveRecord['kind'], step: step as number, values: Object.fromEntries(values) };
}

/** Of a finished run that has no snapshot: what its report shows. */
async function sendReport(folder: string, send: Send): Promise<void> {
  if ((await seen(join(folder, 'snapshot.json'))) !== undefined) return;
  const { summary, histograms, latents, diagnosis, images } = await readRun('studio', folder);
  const { steps } = summary;
  const found = diagnosis.map(({ name, severity, message, remedy }) => ({
    problem: name,
    severity,
    evidence: message,
    remedy,
  }));
  const shape = images === undefined ? [] : [images.height, images.width, images.channels];
  await send({
    kind: 'snapshot',
    step: steps,
    codebooks: histograms.map(({ codebookSize, codes, counts }) => ({
      codebookSize,
      codes,
      counts,
      lastUsed: codes.map(() => steps),
    })),
    latents,
    diagnoses: found.length === 0 ? [] : [{ step: steps, found }],
    ...(images === undefined
      ? {}
      : {
          examples: {
            count: images.count,
            shape,
            originals: images.originals,
            reconstructions: images.reconstructions,
            ids: [],
          },
        }),
  });
}

function configOf(given: Readonly<Record<string, unknown>>): LiveConfig {
  const number = (name: string): number => (Number.isFinite(given[name]) ? (given[name] as number) : 0);
  const text = (name: string): string => String(given[name] ?? '');
  const { levels } = (given.quantizerOptions ?? {}) as { readonly levels?: unknown };
  return {
    quantizer: text('quantizer'),
    data: text('data'),
    steps: number('steps'),
    batchSize: number('batchSize'),
    engine: text('engine'),
    sampleRate: number('sampleRate'),
    levels: Array.isArray(levels) ? levels.filter(Number.isFinite) : [],
  };
}

async function finished(folder: string): Promise<boolean> {
  return (await seen(join(folder, 'summary.json'))) !== undefined;
}

async function readObject(path: string): Promise<Readonly<Record<string, unknown>>> {
  const refuse = (rule: string, found: string): DataError =>
    new DataError('followRun', path, `be ${rule}`, phrase(found), 'Resume the run, or leave it out.');
  const value = parseJson(await readFile(path), refuse);
  if (typeof value !== 'object' || value === null) throw refuse('an object', typeof value);
  return value as Readonly<Record<string, unknown>>;
}

async function seen(path: string): Promise<Seen> {
  return stat(path).then(
    ({ dev, ino, size, mtimeMs }) => `${dev}:${ino}:${size}:${mtimeMs}`,
    () => undefined,
  );
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    signal.addEventListener('abort', done);
  });
}
