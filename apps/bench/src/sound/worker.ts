// One training of arch `seanet` in a process of its own, as peers/seanet_train.py is: the first argument says what, one line of JSON the result. Or it writes what the
// twin starts from, settings.json, initial.safetensors, train.f32 and test.f32, into a folder, or measures what the twin made of the test, by the same code.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tensor3d } from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-node';
import { createRng } from '@vqkit/core-tensor';
import { createBatchOrder, createSoundSet } from '@vqkit/data';
import { readSounds } from '@vqkit/data/node';
import { createTracker, type TrackerReport } from '@vqkit/metrics';
import { createAdamW, learningRateAt } from '@vqkit/nn';
import { createAudioTokenizer, saveTokenizer } from '@vqkit/tokenizer';
import { type AudioQuality, createAudioModality, evaluate, trainStep } from '@vqkit/training';
import type { SoundRun, WorkerSettings } from './settings.ts';

const settings = JSON.parse(process.argv[2] ?? '') as WorkerSettings;
const { quantizer, quantizerOptions, seed, steps, sampleRate, seconds, batchSize, filters, strides } = settings;
const { learningRate, waveWeight, stftWeight, melWeight, dataPath, folder, task } = settings;
await init({ prefer: 'wasm', threads: 1 });

const hop = strides.reduce((product, stride) => product * stride, 1);
const samples = hop * Math.round((seconds * sampleRate) / hop);
const { clips } = await readSounds(dataPath, { sampleRate, channels: 1 });
// The same recordings are held out whatever the seed.
const order = createRng(0).permutation(clips.length);
const held = Math.max(1, Math.round(clips.length / 20));
const setOf = (from: number, to: number) =>
  createSoundSet(
    [...order.slice(from, to)].map((i) => (clips[i] as { samples: Float32Array }).samples),
    { samples, channels: 1, seed },
  );
const [test, train] = [setOf(0, held), setOf(held, clips.length)];
const modality = createAudioModality({ sampleRate, samples, waveWeight, stftWeight, melWeight });
const all = Int32Array.from({ length: test.count }, (_, i) => i);

const write = (name: string, values: Float32Array): Promise<void> =>
  writeFile(join(folder, name), new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
const bytesOf = async (name: string): Promise<ArrayBuffer> => {
  const bytes = await readFile(join(folder, name));
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer;
};

const schedule = {
  base: learningRate,
  warmupSteps: Math.min(100, Math.floor(steps / 10)),
  decay: 'cosine' as const,
  steps,
};
const CLIP = 1;
const batches = createBatchOrder({ count: train.count, batchSize, seed });
// The last batch of an epoch is smaller; here all are alike.
const whole = Math.floor(train.count / batchSize);
function segments(step: number): Float32Array {
  return train.batch(batches.at(Math.floor(step / whole) * batches.batchesPerEpoch + (step % whole)), step);
}

const create = () => createAudioTokenizer({ quantizer, quantizerOptions, seed, filters, strides, sampleRate });

async function trained(): Promise<SoundRun> {
  const model = create();
  const optimizer = createAdamW({ variables: model.variables() });
  const { base, warmupSteps, decay } = schedule;
  const options = { loss: 'l1' as const, learningRate: base, warmupSteps, schedule: decay, steps, clipGradNorm: CLIP };
  const started = process.cpuUsage();
  for (let step = 0; step < steps; step++) {
    const batch = tensor3d(segments(step), [batchSize, samples, 1]);
    await trainStep({ model, optimizer }, batch, options, step, modality);
    batch.dispose();
  }
  const { user, system } = process.cpuUsage(started);
  const { quality, tracker } = await evaluate(model, test, { batchSize: 32, step: steps, modality });
  const { siSdrDb, melDistance, stftDistance } = quality as AudioQuality;
  const secondsPerStep = (user + system) / 1e6 / steps;
  const latentRms = tracker.latents?.rms;
  const commitment = tracker.latents?.pairs?.error;
  return { siSdrDb: siSdrDb ?? 0, melDistance, stftDistance, ...useOf(tracker), latentRms, commitment, secondsPerStep };
}

function useOf({ codebooks }: TrackerReport): Pick<SoundRun, 'used' | 'perplexity'> {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [used, perplexity] = [codebooks.map((own) => own.usedCodes), codebooks.map((own) => own.perplexity)];
  return { used: mean(used), perplexity: mean(perplexity) };
}

/** What the twin is made of. */
async function prepared(): Promise<object> {
  const model = create();
  const drawn = new Float32Array(steps * batchSize * samples);
  for (let step = 0; step < steps; step++) drawn.set(segments(step), step * batchSize * samples);
  await write('train.f32', drawn);
  await write('test.f32', test.batch(all));
  await writeFile(join(folder, 'initial.safetensors'), await saveTokenizer(model));
  const { dilations, activation, causal, channels } = model.config;
  const { dim, config } = model.quantizer as unknown as { dim: number; config: Record<string, unknown> };
  const { commitmentWeight, rotationTrick: rotation, levels, numQuantizers: layers } = config;
  const network = { dilations, activation, causal, channels, dim, commitmentWeight, rotation, levels, layers };
  const learningRates = Array.from({ length: steps }, (_, step) => learningRateAt(step, schedule));
  const rest = { ...modality.sizes, clipGradNorm: CLIP, learningRates, samples };
  await writeFile(join(folder, 'settings.json'), JSON.stringify({ ...settings, ...network, ...rest }));
  return {};
}

async function scored(): Promise<Omit<SoundRun, 'secondsPerStep'>> {
  const meter = modality.createMeter([samples, 1]);
  await meter.add(test.batch(all), new Float32Array(await bytesOf('output.f32')));
  const { siSdrDb, melDistance, stftDistance } = meter.report();
  const { codebookSize, numCodebooks } = create().quantizer;
  const tracker = createTracker({ codebookSize, numCodebooks });
  tracker.update({ indices: new Int32Array(await bytesOf('ids.i32')) });
  return { siSdrDb: siSdrDb ?? 0, melDistance, stftDistance, ...useOf(tracker.report()) };
}

const tasks = { train: trained, prepare: prepared, score: scored };
process.stdout.write(`${JSON.stringify(await tasks[task]())}\n`);
process.exit(0);
