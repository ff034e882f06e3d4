import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { NotChosen } from '@vqkit/backend-node';

/** Every engine of a Node process: those that `init()` of @vqkit/backend-node tries, fastest first, and WebGPU, which is asked for by name. */
export const ENGINES = ['native', 'wasm', 'cpu', 'webgpu'] as const;
export type EngineName = (typeof ENGINES)[number];

/** An engine that runs here. */
export interface RunningEngine {
  readonly engine: EngineName;
  readonly runs: true;
  /** Version of TensorFlow.js. */
  readonly tfjs: string;
  /** What it runs on and its version, such as `TensorFlow 2.21.0`. */
  readonly version: string;
  /** Threads of a processor; not of WebGPU. */
  readonly threads?: number;
  /** The GPU of WebGPU, and whether it is a software rasteriser. */
  readonly adapter?: string;
  readonly software?: boolean;
  readonly kernels: readonly { readonly name: string; readonly runs: 'fused' | 'composed' }[];
}

/** One that does not, why, and what to do about it. */
export interface MissingEngine extends Omit<NotChosen, 'engine'> {
  readonly engine: EngineName;
  readonly runs: false;
}

export type EngineFacts = RunningEngine | MissingEngine;

/** What a probe prints before its line of JSON: drivers print to the same stream. */
export const PREFIX = '@engine ';

const PATIENCE_MS = 120_000;

/** Starts an engine in a process of its own, which a driver may crash or hang, and says what it is. */
export function probeEngine(engine: EngineName): Promise<EngineFacts> {
  const probe = fileURLToPath(new URL('./probe.js', import.meta.url));
  return new Promise((resolve) => {
    execFile(process.execPath, [probe, engine], { timeout: PATIENCE_MS }, (error, stdout) => {
      const line = stdout.split('\n').find((each) => each.startsWith(PREFIX));
      if (line !== undefined) return resolve(JSON.parse(line.slice(PREFIX.length)) as EngineFacts);
      const ended = error?.killed
        ? `did not answer within ${PATIENCE_MS / 1000} s`
        : `ended with ${error?.signal ?? `exit code ${error?.code ?? 0}`}`;
      resolve({ engine, runs: false, reason: `the process that tried it ${ended}`, fix: FIXES[engine] });
    });
  });
}

/** What to do about an engine that takes its process along. */
const FIXES: Record<EngineName, string> = {
  native: 'Run: npx vqkit native install --force',
  wasm: 'Reinstall @vqkit/backend-node.',
  cpu: 'Reinstall @vqkit/backend-node.',
  webgpu: 'Update the graphics driver, or name another one in VK_ICD_FILENAMES.',
};
