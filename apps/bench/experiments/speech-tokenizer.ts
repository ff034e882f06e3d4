import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resultOf } from '../src/child.ts';
import { speechFolder } from '../src/data/speech.ts';
import type { Experiment, ExperimentContext, Outcome } from '../src/experiment.ts';
import { PACKAGE_FOLDER } from '../src/paths.ts';
import { CONTENDERS, type Contender, type Runs, TOKENS_PER_SECOND } from '../src/sound/contenders.ts';
import { type SoundRun, type SoundSettings, soundRunSchema } from '../src/sound/settings.ts';
import { SAME_DB, SAME_MEL, speechOutcome } from '../src/sound/summary.ts';

const FEWER_SEEDS = 3;
const SMALL: Omit<SoundSettings, 'quantizer' | 'quantizerOptions' | 'seed' | 'steps'> = {
  sampleRate: 8000,
  seconds: 0.5,
  batchSize: 4,
  filters: 8,
  strides: [2, 4, 5],
  learningRate: 3e-3,
  waveWeight: 10,
  stftWeight: 1,
  melWeight: 1,
};
const STEPS = 400;
const QUICK_STEPS = 10;

/** Real speech through arch `seanet`, as preset `speech` trains it, in miniature, and beside PyTorch. */
export const speechTokenizer: Experiment = {
  name: 'speech-tokenizer',
  question:
    'Which quantizer should preset speech have, SimVQ with the rotation trick or without, and does vqkit train it as PyTorch does?',
  method: [
    "Debian's asterisk-core-sounds-en-wav, one speaker at 8 kHz (or the WAV files below --data), one in twenty recordings held out. Arch `seanet` with 8 filters, strides 2, 4, 5 and",
    `${TOKENS_PER_SECOND} tokens a second; ${STEPS} steps of 4 segments of half a second, AdamW with a rate that rises to 3e-3 and falls on a cosine, the loss of the preset: 10 times the L1 of the`,
    'waveforms, the multi-resolution STFT loss and the mel distance. SimVQ has 8,192 codes behind Linear-ReLU-Linear and both halves of its loss, the second with 0.25. The twin in PyTorch (apps/bench/peers/seanet_train.py) starts from the',
    "same weights and takes the same segments in the same order at the same rates; what it makes of the test is measured by vqkit's code. One thread each. SimVQ with weight 1 has three seeds. Means over the seeds, with Welch's",
    `95 % interval of their difference; they count as the same where it lies within ±${SAME_DB} dB and ±${100 * SAME_MEL} % of the mel distance. At this size nothing is good speech: [what is heard](speech-heard.md) shows`,
    'spectrograms of the preset at its own size.',
  ].join(' '),
  expected:
    'The same quality as PyTorch. SimVQ with weight 1 is worse than with 1,000, as an earlier run had it; with 1,000 the rotation trick lowers mse(z, q), and of what is heard nothing was said. A residual stack, with three times the bits, is the best.',
  parts: ({ seeds, python }) =>
    CONTENDERS.reduce((sum, own) => sum + seedsOf(own, seeds).length * (own.twin && python !== undefined ? 2 : 1), 0),
  run,
};

async function run(context: ExperimentContext): Promise<Outcome> {
  const { quick, seeds, python, log } = context;
  const steps = quick ? QUICK_STEPS : STEPS;
  const all: Runs[] = [];
  for (const contender of CONTENDERS) {
    const { name, quantizer, quantizerOptions, twin } = contender;
    const [vqkit, torch]: [SoundRun[], SoundRun[]] = [[], []];
    for (const seed of seedsOf(contender, seeds)) {
      const settings: SoundSettings = { ...SMALL, quantizer, quantizerOptions, seed, steps };
      const part = (by: string, work: () => Promise<SoundRun>): Promise<SoundRun> =>
        context.part(`${name} by ${by}, seed ${seed}`, { ...settings, by }, work);
      vqkit.push(await part('vqkit', () => trainOne(context, settings)));
      if (twin && python !== undefined) {
        torch.push(await part('PyTorch', () => withFolder((folder) => trainTwin(context, python, settings, folder))));
      }
    }
    all.push({ ...contender, vqkit, torch });
  }
  if (python === undefined) log('PyTorch is not measured: no Python that has it was named or found.');
  return speechOutcome(all);
}

function seedsOf({ fewer }: Contender, seeds: readonly number[]): readonly number[] {
  return fewer ? seeds.slice(0, FEWER_SEEDS) : seeds;
}

async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function worker(
  { dataDir }: ExperimentContext,
  settings: SoundSettings & { task: 'train' | 'prepare' | 'score'; folder: string },
): Promise<object> {
  const dataPath = await speechFolder(dataDir);
  const given = JSON.stringify({ ...settings, dataPath });
  return (await resultOf(process.execPath, [`${PACKAGE_FOLDER}dist/src/sound/worker.js`, given])) as object;
}

async function trainOne(context: ExperimentContext, settings: SoundSettings): Promise<SoundRun> {
  return soundRunSchema.parse(await worker(context, { ...settings, folder: '', task: 'train' }));
}

async function trainTwin(
  context: ExperimentContext,
  python: string,
  settings: SoundSettings,
  folder: string,
): Promise<SoundRun> {
  await worker(context, { ...settings, folder, task: 'prepare' });
  const time = (await resultOf(python, [`${PACKAGE_FOLDER}peers/seanet_train.py`, folder])) as object;
  return soundRunSchema.parse({ ...time, ...(await worker(context, { ...settings, folder, task: 'score' })) });
}
