import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createRng } from '@vqkit/core-tensor';
import type { MetricsRecord } from '@vqkit/training';
import { createConfig } from '../src/config.ts';
import type { ReportData } from '../src/report-data.ts';
import type { ImageOptions } from '../src/train-options.ts';

/** Report data of a run that never was, with curves of the usual shape: falling losses, rising perplexity. */
export function fakeReportData(options: ImageOptions = {}, changes: Partial<ReportData> = {}): ReportData {
  const config = createConfig({ steps: 300, batchSize: 64, ...options });
  const rng = createRng(config.seed);
  const codebookSize = config.quantizer === 'fsq' ? 240 : 256;
  const codes = (perplexity: number): ReportData['summary']['test']['codes'] => ({
    tokens: 4900,
    codebookSize,
    numCodebooks: 1,
    used: 200,
    utilization: 200 / codebookSize,
    perplexity,
    bitsPerToken: Math.log2(perplexity),
    statistics: { deadCodes: codebookSize - 200, topCodeShare: 0.04 },
  });
  const history: MetricsRecord[] = [];
  for (let step = 1; step <= config.steps; step += step === 1 ? 9 : 10) {
    const reconstruction = 0.04 + Math.exp(-step / 40) * (1 + 0.1 * rng.normal());
    const entropies = { perSampleEntropy: 4 * Math.exp(-step / 60), codebookEntropy: 5.5 - Math.exp(-step / 30) };
    history.push({
      kind: 'train',
      step,
      epoch: step / 100,
      loss: reconstruction - 0.1,
      reconstruction,
      quantizer: -0.1,
      losses: config.quantizer === 'lfq' ? entropies : { commitment: 0.2 },
      gradientNorm: 0.5 + Math.abs(rng.normal()),
      learningRate: config.learningRate,
      elapsedSeconds: step / 10,
    });
    if (step % 50 === 0) {
      const quality = { l1: reconstruction, mse: reconstruction / 2, psnrDb: 8 + step / 30, ssim: 0.5 };
      history.push({ kind: 'validation', step, epoch: step / 100, quality, codes: codes(step / 2), elapsedSeconds: 1 });
    }
  }
  const count = 8;
  const pixels = 12 * 12;
  const originals = Array.from({ length: count * pixels }, (_, i) => Math.sin(i / 7 + Math.floor(i / pixels)));
  return {
    formatVersion: 1,
    config,
    summary: {
      quantizer: config.quantizer,
      data: config.data,
      seed: config.seed,
      steps: config.steps,
      trainExamples: 59_000,
      validationExamples: 1000,
      testExamples: 100,
      skippedExamples: 0,
      parameters: 12_345,
      test: { quality: { l1: 0.1131, mse: 0.05, psnrDb: 18.45, ssim: 0.71 }, codes: codes(150) },
      elapsedSeconds: 64.2,
      stepsPerSecond: 12.34,
      engine: 'wasm',
    },
    history,
    images: { count, height: 12, width: 12, channels: 1, originals, reconstructions: originals.map((x) => x * 0.8) },
    histograms: [
      {
        codebookSize,
        codes: Array.from({ length: 200 }, (_, i) => i),
        counts: Array.from({ length: 200 }, (_, i) => Math.round(200 / (1 + i))),
      },
    ],
    diagnosis: [],
    ...changes,
  };
}

/** Puts report data where a finished run has them. */
export async function writeRun(folder: string, data: unknown): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'report-data.json'), JSON.stringify(data));
  return folder;
}
