import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fromBinary } from '@bufbuild/protobuf';
import { decodeSound, encodeWav } from '@vqkit/data/node';
import { PYTHON, PYTHON_ENV, pythonMissing } from '@vqkit/testing';
import { temporaryFolder, tinyIdxFolder } from '@vqkit/testing/pictures';
import type { MetricsRecord } from '@vqkit/training';
import { beforeAll, describe, expect, it } from 'vitest';
import { createConfig } from '../src/config.ts';
import { readSnapshot } from '../src/snapshot.ts';
import { type Event, EventSchema } from '../src/tensorboard/event_pb.ts';
import { eventRecord, fileHead } from '../src/tensorboard/records.ts';
import { codeUse, latentUse, media, type Summary, scalars, text } from '../src/tensorboard/summaries.ts';
import { resumeTraining, type TrainHooks, train } from '../src/train.ts';
import { tinyConfig } from './fixtures.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const record = (step: number, ...value: Summary[]): string =>
  hex(eventRecord(step, { case: 'summary', value: { value } }, 1.5));

/** Written by tensorboard 2.21.0: RecordWriter, of events of its own messages. */
const GOLDEN = {
  version: '1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c',
  start: '0f000000000000006d532b0909000000000000f83f10073a020801774771c7',
  scalar: '1800000000000000a37f4b2209000000000000f83f10ac022a0a0a080a0161150000803eb4fa9511',
  text: '2600000000000000734fe30009000000000000f83f10032a190a170a0174420808071200420268694a080a060a047465787476f594a8',
  codes:
    '8500000000000000e98acc5909000000000000f83f10032a780a760a01682a7109000000000000f03f110000000000000840190000000000001440210000000000002640290000000000003d403220000000000000f03f0000000000000040000000000000084000000000000010403a2000000000000000000000000000000040000000000000000000000000000008404c3686a9',
  image: '1e00000000000000d9dc123209000000000000f83f10032a110a0f0a0169220a0802100318042202010289abf18d',
  audio:
    '2b00000000000000861bc34b09000000000000f83f10032a1e0a1c0a017332170d0000fa45100118052201012a09617564696f2f77617678813b46',
};

describe('records of events', () => {
  it("are TensorBoard's, byte for byte", () => {
    const [version, start] = fileHead(7).map(({ step, what }) => hex(eventRecord(step, what, 1.5)));
    const sound = { sampleRate: 8000, channels: 1, frames: 5, wav: Uint8Array.of(1) };
    expect({
      version,
      start,
      scalar: record(300, ...scalars('a', 0.25)),
      text: record(3, text('t', 'hi')),
      codes: record(3, codeUse('h', { codebookSize: 4, codes: [1, 3], counts: [2, 3] })),
      image: record(3, media('i', { kind: 'image', height: 2, width: 3, png: Uint8Array.of(1, 2) })),
      audio: record(3, media('s', { kind: 'audio', ...sound })),
    }).toEqual(GOLDEN);
  });

  it('name numbers by their path, and leave out what is none', () => {
    const found = scalars('v', { a: 1, b: { c: -2, d: Number.NaN, e: null, f: 'x' }, g: [3, { h: 4 }] });
    expect(found.map(({ tag }) => tag)).toEqual(['v/a', 'v/b/c', 'v/g/0', 'v/g/1/h']);
  });

  it('hold angles and shares of the limit in their bins', () => {
    const angles = new Array<number>(18).fill(0);
    [angles[0], angles[9]] = [3, 1];
    const limits = [new Array<number>(20).fill(2)];
    const uses = latentUse({ angles, limits });
    const [first, second] = uses.map(({ value }) => (value?.case === 'histo' ? value.value : undefined));
    const { bucketLimit = [], bucket, ...sums } = first ?? {};
    expect([uses[0]?.tag, bucketLimit.at(0), bucketLimit.at(-1), bucket]).toEqual(['angles', 10, 180, angles]);
    expect(sums).toMatchObject({ min: 0, max: 100, num: 4, sum: 3 * 5 + 95, sumSquares: 3 * 25 + 95 ** 2 });
    expect([uses[1]?.tag, second?.min, second?.max, second?.num]).toEqual(['limits/0', -1, 1, 40]);
    expect(second?.sum).toBeCloseTo(0, 12);
    expect(latentUse({ angles: null, limits: null })).toEqual([]);
  });

  it('hold codes of a large codebook in at most 256 buckets', () => {
    const { value } = codeUse('codes', { codebookSize: 1000, codes: [0, 3, 999], counts: [1, 2, 4] });
    if (value?.case !== 'histo') return expect.fail('no histogram');
    const { bucket = [], bucketLimit = [], num } = value.value;
    expect([bucket.length, bucketLimit.at(-1), num, bucket[0], bucket.at(-1)]).toEqual([250, 1000, 7, 3, 4]);
  });
});

/** The events of a file, its records' checksums not looked at; a record that was cut short ends them. */
function eventsOf(bytes: Buffer): Event[] {
  const events: Event[] = [];
  for (let at = 0; at + 12 <= bytes.length; ) {
    const length = Number(bytes.readBigUInt64LE(at));
    if (at + 16 + length > bytes.length) break;
    events.push(fromBinary(EventSchema, bytes.subarray(at + 12, at + 12 + length)));
    at += 16 + length;
  }
  return events;
}

/** The names of the values of a log, each once. */
const tagsOf = (events: readonly Event[]): string[] => [
  ...new Set(events.flatMap(({ what }) => (what.case === 'summary' ? what.value.value.map(({ tag }) => tag) : []))),
];

describe('vqkit train --log tensorboard', () => {
  let runs = '';
  let data = '';
  beforeAll(async () => {
    [runs, data] = [await temporaryFolder(), await tinyIdxFolder()];
  });
  const logOf = (name: string): string => join(runs, name, 'tensorboard');
  const files = async (name: string): Promise<string[]> =>
    (await readdir(logOf(name))).sort().map((file) => join(logOf(name), file));
  const metrics = async (name: string): Promise<MetricsRecord[]> =>
    (await readFile(join(runs, name, 'metrics.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as MetricsRecord);

  it('writes whole records as they come', async () => {
    const seen: number[] = [];
    const onEvent: TrainHooks['onEvent'] = ({ kind }) => {
      if (kind !== 'train') return;
      const [file = ''] = readdirSync(logOf('live'));
      seen.push(eventsOf(readFileSync(join(logOf('live'), file))).filter(({ what }) => what.case === 'summary').length);
    };
    await train(tinyConfig(data, join(runs, 'live'), { log: 'tensorboard' }), { onEvent });
    expect(seen.slice(0, 2)).toEqual([4, 5]);
    const [file = ''] = await files('live');
    const events = eventsOf(await readFile(file));
    expect(events[0]?.what).toEqual({ case: 'fileVersion', value: 'brain.Event:2' });
    expect(tagsOf(events)).toEqual(
      expect.arrayContaining([
        'train/loss',
        'validation/quality/l1',
        'codes',
        'limits/0',
        'limits/1',
        'validation/pairs',
        'test/pairs',
        'test/quality/psnrDb',
        'diagnosis',
      ]),
    );
  });

  it('begins with what was, when a run gets its log late', async () => {
    const options = { steps: 8 };
    await train(tinyConfig(data, join(runs, 'late'), options));
    await resumeTraining(join(runs, 'late'), { steps: 12, log: 'tensorboard' });
    const [file = ''] = await files('late');
    const steps = eventsOf(await readFile(file)).flatMap(({ step, what }) =>
      what.case === 'summary' && what.value.value.some(({ tag }) => tag === 'train/loss') ? [Number(step)] : [],
    );
    expect(steps).toEqual((await metrics('late')).filter(({ kind }) => kind === 'train').map(({ step }) => step));
  });

  const missing = pythonMissing('tensorboard');
  it.skipIf(missing !== undefined)(
    `is read by TensorBoard${missing === undefined ? '' : `: skipped, ${missing}`}, after a kill in the middle of a record too`,
    async () => {
      const stop = new AbortController();
      const onEvent: TrainHooks['onEvent'] = ({ kind, step }) => kind === 'step' && step === 10 && stop.abort();
      const run = join(runs, 'read');
      await train(tinyConfig(data, run, { log: 'tensorboard' }), { signal: stop.signal, onEvent });
      // As a kill leaves it: a checkpoint of step 8, a log until step 10, cut short.
      const [first = ''] = await files('read');
      await truncate(first, (await stat(first)).size - 3);
      await rm(join(run, 'checkpoints', 'step-10.safetensors'));
      await resumeTraining(run);

      const script = fileURLToPath(new URL('./read_tensorboard.py', import.meta.url));
      const read = JSON.parse(
        execFileSync(PYTHON, [script, logOf('read')], { env: PYTHON_ENV, encoding: 'utf8', stdio: 'pipe' }),
      );
      const wanted = (await metrics('read')).filter((record) => record.kind === 'train');
      expect(read.scalars['train/loss']).toEqual(wanted.map(({ step, loss }) => [step, Math.fround(loss)]));
      expect(read.scalars['validation/quality/l1']).toHaveLength(3);
      expect(read.histograms.codes).toEqual([0, 6, 12].map((step) => [step, 32, 32]));
      const png = '89504e47';
      expect(read.images['validation/pairs']).toEqual([0, 6, 12].map((step) => [step, 624, 144, png]));
      expect(read.images['test/pairs'][0].slice(0, 1)).toEqual([12]);
      expect(read.text.diagnosis).toHaveLength(1);
    },
  );

  /** A run on tones, and the sound of its log. */
  const heard = async (name: string): Promise<{ folder: string; wavs: Map<string, Buffer> }> => {
    const sounds = join(runs, `${name}-sounds`);
    await mkdir(sounds);
    for (let clip = 0; clip < 6; clip++) {
      const tone = Float32Array.from({ length: 600 }, (_, i) => 0.5 * Math.sin(i / (2 + clip)));
      await writeFile(join(sounds, `${clip}.wav`), encodeWav({ sampleRate: 1000, channels: [tone, tone] }));
    }
    const shape = { filters: 2, strides: [2, 5], dilations: [1], seconds: 0.1, sampleRate: 1000, stereo: true };
    const small = { quantizer: 'fsq', steps: 2, batchSize: 4, validateEvery: 2, validationSize: 2 } as const;
    const options = { ...shape, ...small, engine: 'cpu', log: 'tensorboard' } as const;
    const config = createConfig({ data: 'audio', dataPath: sounds, outDir: join(runs, name), ...options });
    await train(config);
    const [file = ''] = await files(name);
    const values = eventsOf(await readFile(file)).flatMap(({ step, what }) =>
      what.case === 'summary' ? what.value.value.map((value) => ({ step, ...value })) : [],
    );
    const wavs = values.flatMap(({ step, tag, value }): [string, Buffer][] =>
      value.case === 'audio' ? [[`${step} ${tag}`, Buffer.from(value.value.encodedAudioString)]] : [],
    );
    return { folder: logOf(name), wavs: new Map(wavs) };
  };

  it('has sounds and their reconstructions of a run on sound, and snapshot.json the same', async () => {
    const { wavs } = await heard('sound');
    const names = ['original', 'reconstruction'].flatMap((side) =>
      [0, 1, 2, 3].flatMap((i) => [`0 validation/${i}/${side}`, `2 validation/${i}/${side}`, `2 test/${i}/${side}`]),
    );
    expect([...wavs.keys()].sort()).toEqual(names.sort());
    const { examples } = await readSnapshot(join(runs, 'sound'));
    expect(examples).toMatchObject({ count: 8, shape: [100, 2] });
    for (const [side, values] of [
      ['original', examples.originals],
      ['reconstruction', examples.reconstructions],
    ] as const) {
      const { sampleRate, channels } = await decodeSound(wavs.get(`2 validation/1/${side}`) ?? Buffer.of());
      expect([sampleRate, channels.map(({ length }) => length)]).toEqual([1000, [100, 100]]);
      for (let i = 0; i < 100; i++) expect(channels[1]?.[i]).toBeCloseTo(values[200 + 2 * i + 1] ?? Number.NaN, 3);
    }
  });

  it.skipIf(missing !== undefined)(
    `has sounds that TensorBoard plays${missing === undefined ? '' : `: skipped, ${missing}`}`,
    async () => {
      const { folder } = await heard('played');
      const script = fileURLToPath(new URL('./read_tensorboard.py', import.meta.url));
      const read = JSON.parse(
        execFileSync(PYTHON, [script, folder], { env: PYTHON_ENV, encoding: 'utf8', stdio: 'pipe' }),
      );
      expect(read.audio['validation/0/reconstruction']).toEqual([0, 2].map((step) => [step, 1000, 'audio/wav', 100]));
      expect(read.audio['test/3/original']).toEqual([[2, 1000, 'audio/wav', 100]]);
      expect(read.histograms['limits/0']).toHaveLength(2);
    },
  );
});
