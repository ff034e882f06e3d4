// The process that tries one engine, which is its argument, and prints what it is as one line of JSON.
import { version_core } from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-node';
import { startWebgpu } from '@vqkit/backend-webgpu';
import { kernelReport } from '@vqkit/core-tensor';
import { type EngineFacts, type EngineName, PREFIX } from './engines.ts';

const engine = (process.argv[2] ?? 'cpu') as EngineName;
const facts = engine === 'webgpu' ? await tryWebgpu() : await tryEngine(engine);
// Engines may keep a process alive.
process.stdout.write(`\n${PREFIX}${JSON.stringify(facts)}\n`, () => process.exit(0));

async function tryEngine(prefer: Exclude<EngineName, 'webgpu'>): Promise<EngineFacts> {
  const report = await init({ prefer });
  const { engine: chosen, tfjs, tensorflow, threads, kernels, notChosen } = report;
  if (chosen === prefer) {
    const version = tensorflow === undefined ? `TensorFlow.js ${tfjs}` : `TensorFlow ${tensorflow}`;
    return { engine: prefer, runs: true, tfjs, version, threads, kernels };
  }
  const { reason = 'it does not start', fix = '' } = notChosen.find((other) => other.engine === prefer) ?? {};
  return { engine: prefer, runs: false, reason, fix };
}

async function tryWebgpu(): Promise<EngineFacts> {
  const started = await startWebgpu();
  if ('reason' in started) return { engine: 'webgpu', runs: false, ...started };
  const { adapter, software, version } = started;
  const facts = { tfjs: version_core, version: `TensorFlow.js ${version}`, adapter, software };
  return { engine: 'webgpu', runs: true, ...facts, kernels: kernelReport() };
}
