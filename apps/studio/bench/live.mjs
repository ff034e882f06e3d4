// Frames per second and memory of the Live view with a made-up run of 100,000 steps and K = 65,536 on sound that goes on by 20 records a second and a snapshot
// with eight examples of half a second every 5 seconds: `node apps/studio/bench/live.mjs 600` takes 600 s and Chromium.
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { serveStudio } from '../dist/index.js';

const [seconds = 60] = process.argv.slice(2).map(Number);
const STEPS = 100_000;
const CODES = 65_536;
const folder = mkdtempSync(join(tmpdir(), 'vqkit-live-'));

/** @param {number} step */
const record = (step) => {
  const noise = 0.05 * Math.sin(12.9898 * step);
  const reconstruction = 0.1 + step ** -0.5;
  const losses = { codebookEntropy: 11 - 5 * step ** -0.5 + noise, perSampleEntropy: 2 + noise };
  const loss = { loss: reconstruction + noise, reconstruction, quantizer: noise, losses };
  const rest = { gradientNorm: 1, learningRate: 1e-3, elapsedSeconds: step / 10 };
  return `${JSON.stringify({ kind: 'train', step, epoch: step / 1000, ...loss, ...rest })}\n`;
};
/** @param {number} step */
const validation = (step) => {
  const use = { tokens: 1e5, codebookSize: CODES, numCodebooks: 1, used: CODES / 2, utilization: 0.5 };
  const codes = { ...use, perplexity: CODES / 4, bitsPerToken: 14, statistics: { obtuseShare: 0.01 } };
  const quality = { l1: 0.1, mse: step ** -0.5 };
  return `${JSON.stringify({ kind: 'validation', step, epoch: step / 1000, quality, codes, elapsedSeconds: step / 10 })}\n`;
};
/** @param {number} step */
function writeSnapshot(step) {
  const codes = Array.from({ length: CODES }, (_, i) => i).filter((code) => code % 7 !== 0);
  const counts = codes.map((code) => (code % 5 === 0 ? 0 : (code * 7919) % 1000));
  const lastUsed = codes.map((code) => (code % 5 === 0 ? (code * 31) % step : step));
  const sound = Array.from({ length: 8 * 8000 }, (_, i) => Math.round(1e4 * Math.sin(i / 9 + step)) / 1e4);
  const ids = Array.from({ length: 8 * 100 }, (_, i) => (i * 7919 + step) % CODES);
  const examples = { count: 8, shape: [8000, 1], originals: sound, reconstructions: sound, ids };
  const latents = { angles: Array.from({ length: 18 }, (_, i) => (i * step) % 997), limits: null };
  const codebooks = [{ codebookSize: CODES, codes, counts, lastUsed }];
  const file = join(folder, 'snapshot.json');
  writeFileSync(`${file}.new`, JSON.stringify({ formatVersion: 1, step, codebooks, latents, diagnoses: [], examples }));
  renameSync(`${file}.new`, file);
}

const config = { quantizer: 'lfq', data: 'folder', steps: STEPS, batchSize: 64, engine: 'webgpu', sampleRate: 16_000 };
writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
const lines = Array.from({ length: STEPS }, (_, i) => record(i + 1) + ((i + 1) % 100 === 0 ? validation(i + 1) : ''));
writeFileSync(join(folder, 'metrics.jsonl'), lines.join(''));
writeSnapshot(STEPS);

const studio = await serveStudio({ port: 0, paths: [folder] });
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const args = ['--headless=new', '--no-sandbox', '--use-angle=swiftshader'];
const browser = await chromium.launch({ executablePath, headless: false, args });
const tab = await browser.newPage({ viewport: { width: 1300, height: 1000 } });
const session = await tab.context().newCDPSession(tab);
await session.send('Performance.enable');
const began = performance.now();
await tab.goto(`${studio.address}/#live`);
await tab.locator('.now', { hasText: `Step ${STEPS}` }).waitFor({ timeout: 120_000 });
console.log(`${STEPS} records drawn after ${((performance.now() - began) / 1000).toFixed(1)} s`);
await tab.evaluate(
  'frames = []; (function next(t) { frames.push(t); requestAnimationFrame(next); })(performance.now())',
);

let before = { at: 0, busy: 0 };
/** @param {number} step */
async function report(step) {
  await session.send('HeapProfiler.collectGarbage');
  const { metrics } = await session.send('Performance.getMetrics');
  const of = (/** @type {string} */ name) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
  const now = { at: of('Timestamp'), busy: of('TaskDuration') };
  const share = (now.busy - before.busy) / (now.at - before.at);
  before = now;
  /** @type {number[]} */
  const frames = await tab.evaluate('frames.splice(0)');
  const rate = (1000 * (frames.length - 1)) / ((frames.at(-1) ?? 0) - (frames[0] ?? 0));
  console.log(
    `step ${step}: ${rate.toFixed(1)} frames per second, its thread busy ${(100 * share).toFixed(0)} %, heap ${(of('JSHeapUsedSize') / 2 ** 20).toFixed(1)} MiB, ${of('Nodes')} nodes`,
  );
}

let step = STEPS;
await report(step);
for (let half = 1; half <= 2 * seconds; half++) {
  appendFileSync(join(folder, 'metrics.jsonl'), Array.from({ length: 10 }, () => record(++step)).join(''));
  if (half % 10 === 0) writeSnapshot(step);
  await sleep(500);
  if (half % 30 === 0 || half === 2 * seconds) await report(step);
}
await browser.close();
studio.close();
rmSync(folder, { recursive: true });
