import { range, type Tensor, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { comparesLatents, createTracker, diagnose, type Tracker } from '@vqkit/metrics';
import { quantizerEntry } from '@vqkit/quantizers';
import type { Answers } from '../calls.ts';
import { createPlayModel, type PlayModel, type PlayStep } from './model.ts';
import { playQuantizers } from './quantizers.ts';
import { ANGLE_BINS, GRID, type PlayFrame, type PlaySettings } from './settings.ts';

/** Frames that statistics are taken over. */
const WINDOW = 10;
/** How much room is left around what is drawn, and how slowly the drawing follows it inwards. */
const VIEW = { room: 1.2, inwards: 0.05 };

export function createPlay(): Answers<'quantizers' | 'play' | 'frame'> {
  let model: PlayModel | undefined;
  let tracker: Tracker | undefined;
  let given: PlaySettings | undefined;
  let extent = 0;

  return {
    async quantizers() {
      return playQuantizers();
    },
    async play(settings) {
      model?.dispose();
      model = undefined;
      const next = createPlayModel(settings);
      model = next;
      given = settings;
      tracker = createTracker({ codebookSize: next.quantizer.codebookSize, window: WINDOW });
      extent = 0;
    },
    async frame(milliseconds, steps) {
      if (model === undefined || tracker === undefined || given === undefined) throw new Error('Nothing is trained.');
      const until = performance.now() + milliseconds;
      for (let i = 0; i < steps; i++) {
        model.step();
        // Only what was computed tells how long a step takes.
        if (i % 8 === 7) await model.read();
        if (performance.now() > until) break;
      }
      const done = await model.read();
      const { quantizer } = model;
      const codes = await read(tidy(() => quantizer.decode(range(0, quantizer.codebookSize, 1, 'int32'))));
      extent = follow(extent, VIEW.room * largest([done.latents, codes as Float32Array]));
      const cells = await read(tidy(() => quantizer.encode(tensor2d(gridPoints(extent), [GRID * GRID, 2]))));
      const { latents, ids, gradients } = done;
      return {
        step: model.steps(),
        extent,
        cells: cells as Int32Array,
        codes: codes as Float32Array,
        latents,
        ids,
        gradients,
        angles: anglesOf(done),
        ...statistics(tracker, model, given, done),
      };
    },
  };
}

function statistics(
  tracker: Tracker,
  { quantizer }: PlayModel,
  settings: PlaySettings,
  { latents, quantized, ids, losses }: PlayStep,
): Pick<PlayFrame, 'numbers' | 'findings'> {
  const { perSampleEntropy, codebookEntropy } = losses;
  tracker.update({
    indices: ids,
    latents,
    dim: 2,
    ...(comparesLatents(quantizer) ? { codes: quantized } : {}),
    ...(perSampleEntropy === undefined ? {} : { perSampleEntropy }),
    ...(codebookEntropy === undefined ? {} : { codebookEntropy }),
  });
  const report = tracker.report();
  const { rotationTrick } = quantizer.config as { rotationTrick?: boolean };
  const found = diagnose(report, {
    method: quantizerEntry(settings.quantizer),
    rotationTrick: rotationTrick === true,
  });
  return {
    numbers: {
      ...losses,
      rms: report.latents?.rms ?? Number.NaN,
      error: meanSquare(latents, quantized),
      used: report.usedCodes,
      perplexity: report.perplexity,
      entropy: report.entropy,
      obtuseShare: report.latents?.pairs?.obtuseShare ?? Number.NaN,
      codebookSize: quantizer.codebookSize,
      tokens: report.tokens,
    },
    findings: found.map(({ problem, evidence, remedy }) => ({ problem, evidence, remedy })),
  };
}

async function read(tensor: Tensor): Promise<Float32Array | Int32Array> {
  const values = (await tensor.data()) as Float32Array | Int32Array;
  tensor.dispose();
  return values;
}

/** Outwards at once, inwards slowly, so that the drawing does not shake. */
function follow(before: number, wanted: number): number {
  return wanted > before ? wanted : before + VIEW.inwards * (wanted - before);
}

/** Codes that nothing is near may lie far away: the latents and those of them that are within ten times as far count. */
function largest([latents, codes]: readonly [Float32Array, Float32Array]): number {
  const most = latents.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-3);
  return codes.reduce((max, value) => (Math.abs(value) < 10 * most ? Math.max(max, Math.abs(value)) : max), most);
}

/** Centres of the cells of the grid, rows from the top. */
function gridPoints(extent: number): Float32Array {
  const points = new Float32Array(2 * GRID * GRID);
  for (let y = 0; y < GRID; y++) {
    for (let x = 0; x < GRID; x++) {
      points[2 * (y * GRID + x)] = extent * ((2 * x + 1) / GRID - 1);
      points[2 * (y * GRID + x) + 1] = extent * (1 - (2 * y + 1) / GRID);
    }
  }
  return points;
}

function anglesOf({ latents, quantized }: PlayStep): number[] {
  const bins = new Array<number>(ANGLE_BINS).fill(0);
  for (let i = 0; i < latents.length; i += 2) {
    const [zx, zy, qx, qy] = [latents[i], latents[i + 1], quantized[i], quantized[i + 1]] as [
      number,
      number,
      number,
      number,
    ];
    const angle = Math.abs(Math.atan2(zx * qy - zy * qx, zx * qx + zy * qy)) / Math.PI;
    const bin = Math.min(ANGLE_BINS - 1, Math.floor(angle * ANGLE_BINS));
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  return bins;
}

function meanSquare(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0) / a.length;
}
