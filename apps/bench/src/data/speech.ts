import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeWaveToFloat32Channels } from '@echogarden/wave-codec';
import { createRng, DataError, phrase, reason } from '@vqkit/core-tensor';
import type { ExperimentContext } from '../experiment.ts';
import { once } from '../once.ts';
import { melFrames } from './mel.ts';
import { type Data, type Source, storedVectors, unread } from './source.ts';

/** Where Debian's package asterisk-core-sounds-en-wav puts its recordings: one speaker, 8 kHz, with pauses. */
const DEBIAN_SPEECH = '/usr/share/asterisk/sounds/en_US_f_Allison';
const BANDS = 40;
/** 32 ms windows, 10 ms apart, as speech models use; a window is the next power of two of samples. */
const WINDOW_MS = 32;
const HOP_MS = 10;
const TEST_SHARE = 0.1;
/** A frame is silent when its loudest band is this far below the loudest band of all recordings, in nepers of power: 40 dB. */
const SILENCE = (40 * Math.LN10) / 10;

/** Speech as log-mel frames, every band with mean 0 and variance 1 over the training frames. */
export interface Speech {
  readonly source: Source;
  readonly files: number;
  /** Training frames. */
  readonly frames: number;
  /** Share of silent frames in the training frames. */
  readonly silence: number;
  readonly sampleRate: number;
}

/**
 * Reads every WAV file below `<dataDir>/speech`, `dataDir` or, where there are none, of Debian's speech package, and makes mel frames.
 * Whole recordings are held out for the test, a tenth of them. Undefined where there are no recordings at all.
 *
 * @param silence wanted share of silent frames in training and test: louder or silent frames are left out, at random, until it holds.
 * @throws DataError when a file cannot be read or the recordings differ in sample rate.
 */
export async function readSpeech(
  { dataDir, log }: Pick<ExperimentContext, 'dataDir' | 'log'>,
  silence?: number,
): Promise<Speech | undefined> {
  const found = await readRecordings({ dataDir, log });
  return found === undefined ? undefined : framesOf(found.samples, found.sampleRate, silence);
}

/** Recordings as they are. */
interface Recordings {
  readonly samples: readonly Float32Array[];
  readonly sampleRate: number;
}

/**
 * The WAV files that {@link readSpeech} makes frames of, their first channels in [-1, 1]. Undefined where there are none.
 * @throws DataError as it does.
 */
export async function readRecordings({
  dataDir,
  log,
}: Pick<ExperimentContext, 'dataDir' | 'log'>): Promise<Recordings | undefined> {
  const found = await recordingsOf(dataDir);
  if (found === undefined) return undefined;
  const { folder, files } = found;
  if (dataDir !== undefined && folder === DEBIAN_SPEECH) {
    log("The folder of --data has no two WAV files: the recordings are those of Debian's package.");
  }
  const recordings = await Promise.all(files.map(readRecording));
  const sampleRate = recordings[0]?.sampleRate as number;
  const other = recordings.findIndex((recording) => recording.sampleRate !== sampleRate);
  if (other >= 0) {
    throw new DataError(
      'bench',
      'all recordings',
      'have one sample rate',
      phrase(`${sampleRate} Hz and ${recordings[other]?.sampleRate} Hz in ${files[other]}`, sampleRate),
      'Resample them, for example with sox.',
    );
  }
  return { samples: recordings.map((recording) => recording.samples), sampleRate };
}

/** Speech that is read when something is measured with it. */
interface SpeechData {
  readonly data: Data;
  /** Share of silent frames in the training frames. */
  readonly silence: number;
}

/** {@link readSpeech} as a part of an experiment, which keeps what a page says of the recordings. Undefined where there are none. */
export async function speechData(
  context: Pick<ExperimentContext, 'dataDir' | 'log' | 'part'>,
  silence?: number,
): Promise<SpeechData | undefined> {
  const read = once(() => readSpeech(context, silence));
  const name = silence === undefined ? 'the recordings' : `the recordings, ${Math.round(100 * silence)} % silent`;
  const files = (await recordingsOf(context.dataDir))?.files.length ?? 0;
  const found = await context.part(name, { files }, async () => {
    const speech = await read();
    return speech === undefined ? null : { name: speech.source.name, silence: speech.silence };
  });
  if (found === null) return undefined;
  return { silence: found.silence, data: unread(found.name, undefined, async () => required(await read()).source) };
}

/**
 * {@link speechData} for an experiment that is about nothing else.
 * @throws DataError when there are no recordings.
 */
export async function requireSpeech(
  context: Pick<ExperimentContext, 'dataDir' | 'log' | 'part'>,
  silence?: number,
): Promise<SpeechData> {
  return required(await speechData(context, silence));
}

/**
 * The folder whose recordings those are.
 * @throws DataError when there are no recordings.
 */
export async function speechFolder(dataDir: string | undefined): Promise<string> {
  return required(await recordingsOf(dataDir)).folder;
}

function required<T>(speech: T | undefined): T {
  if (speech !== undefined) return speech;
  const fix = 'Run apt-get install asterisk-core-sounds-en-wav, or pass --data with a folder of recordings.';
  throw new DataError('bench', 'this machine', 'have speech: two WAV files', phrase('none'), fix);
}

/** The first folder that has two recordings, and these. */
async function recordingsOf(dataDir: string | undefined): Promise<{ folder: string; files: string[] } | undefined> {
  const folders = [...(dataDir === undefined ? [] : [join(dataDir, 'speech'), dataDir]), DEBIAN_SPEECH];
  for (const folder of folders) {
    const files = await listRecordings(folder);
    if (files.length >= 2) return { folder, files };
  }
  return undefined;
}

async function listRecordings(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && /\.wav$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort((a, b) => (a < b ? -1 : 1));
}

async function readRecording(file: string): Promise<{ samples: Float32Array; sampleRate: number }> {
  try {
    const { audioChannels, sampleRate } = decodeWaveToFloat32Channels(new Uint8Array(await readFile(file)), true, true);
    return { samples: audioChannels[0] ?? new Float32Array(0), sampleRate };
  } catch (error) {
    throw new DataError('bench', file, 'be a WAV file of PCM samples', reason(error), 'Convert or remove it.');
  }
}

function framesOf(recordings: readonly Float32Array[], sampleRate: number, silence: number | undefined): Speech {
  const window = 2 ** Math.round(Math.log2((sampleRate * WINDOW_MS) / 1000));
  const mel = { sampleRate, window, hop: Math.round((sampleRate * HOP_MS) / 1000), bands: BANDS };
  const order = createRng(2).permutation(recordings.length);
  const held = Math.max(1, Math.round(TEST_SHARE * recordings.length));
  const part = (from: number, to: number): Float32Array =>
    joined(Array.from(order.slice(from, to), (i) => melFrames(recordings[i] as Float32Array, mel)));
  const all = { train: part(held, order.length), test: part(0, held) };
  const loudest = all.train.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const train = withSilence(all.train, loudest, silence);
  const test = withSilence(all.test, loudest, silence);
  const silent = silentFrames(train, loudest);
  const silentTest = silentFrames(all.test, loudest);
  const busy = joined(
    Array.from(silentTest, (flag, i) =>
      flag === 0 ? all.test.subarray(i * BANDS, (i + 1) * BANDS) : new Float32Array(0),
    ),
  );
  const { mean, deviation } = bandStatistics(train);
  // It stands for the data where a finished part of an experiment is looked up.
  const name = `speech (${recordings.length} recordings, ${all.train.length / BANDS} frames), ${BANDS} mel bands${silence === undefined ? '' : `, ${Math.round(100 * silence)} % silent`}`;
  return {
    source: storedVectors({
      name,
      dim: BANDS,
      train: standardised(train, mean, deviation),
      test: standardised(test, mean, deviation),
      busyTest: standardised(busy, mean, deviation),
    }),
    files: recordings.length,
    frames: train.length / BANDS,
    silence: silent.reduce((sum, flag) => sum + flag, 0) / silent.length,
    sampleRate,
  };
}

function silentFrames(frames: Float32Array, loudest: number): Uint8Array {
  return Uint8Array.from({ length: frames.length / BANDS }, (_, i) =>
    Number(frames.subarray(i * BANDS, (i + 1) * BANDS).every((value) => value < loudest - SILENCE)),
  );
}

/** Leaves out frames at random until the share is right. */
function withSilence(frames: Float32Array, loudest: number, share: number | undefined): Float32Array {
  if (share === undefined) return frames;
  const silent = silentFrames(frames, loudest);
  const count = silent.reduce((sum, flag) => sum + flag, 0);
  const loud = silent.length - count;
  // The most that can be kept of each: share = silent / (silent + loud), of those that are kept.
  const total = Math.min(share > 0 ? count / share : loud, share < 1 ? loud / (1 - share) : count);
  const left = [Math.round(total * (1 - share)), Math.round(total * share)];
  const kept: number[] = [];
  for (const i of createRng(3).permutation(silent.length)) {
    const kind = silent[i] as number;
    if ((left[kind] as number) === 0) continue;
    left[kind] = (left[kind] as number) - 1;
    kept.push(i);
  }
  return joined(kept.map((i) => frames.subarray(i * BANDS, (i + 1) * BANDS)));
}

function bandStatistics(frames: Float32Array): { mean: Float64Array; deviation: Float64Array } {
  const n = frames.length / BANDS;
  const mean = new Float64Array(BANDS);
  const deviation = new Float64Array(BANDS);
  frames.forEach((value, i) => {
    mean[i % BANDS] = (mean[i % BANDS] as number) + value / n;
  });
  frames.forEach((value, i) => {
    deviation[i % BANDS] = (deviation[i % BANDS] as number) + (value - (mean[i % BANDS] as number)) ** 2 / n;
  });
  return { mean, deviation: deviation.map((variance) => Math.max(Math.sqrt(variance), 1e-3)) };
}

function standardised(frames: Float32Array, mean: Float64Array, deviation: Float64Array): Float32Array {
  return frames.map((value, i) => (value - (mean[i % BANDS] as number)) / (deviation[i % BANDS] as number));
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
