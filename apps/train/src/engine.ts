import { init, type Obstacle } from '@vqkit/backend-node';
import { phrase, UnsupportedError } from '@vqkit/core-tensor';
import type { EngineName, TrainConfig } from './train-options.ts';

/** The engine that runs, and its threads where their number may change the last bits of a result. */
export interface StartedEngine {
  readonly engine: Exclude<EngineName, 'auto'>;
  readonly threads: number | undefined;
}

/**
 * Starts the engine of a configuration; `auto` takes the fastest of native, wasm and cpu that loads.
 * @throws UnsupportedError when the engine was asked for by name and cannot run here.
 */
export async function startEngine(config: Pick<TrainConfig, 'engine' | 'threads'>): Promise<StartedEngine> {
  const { engine: wanted, threads } = config;
  if (wanted === 'webgpu') {
    // Loaded on demand: most runs need none of it.
    const { startWebgpu } = await import('@vqkit/backend-webgpu');
    const started = await startWebgpu();
    if ('reason' in started) throw refusal(wanted, started);
    return { engine: wanted, threads: undefined };
  }
  const report = await init({
    ...(wanted === 'auto' ? {} : { prefer: wanted }),
    ...(threads === undefined ? {} : { threads }),
  });
  if (wanted !== 'auto' && report.engine !== wanted) {
    throw refusal(
      wanted,
      report.notChosen.find(({ engine }) => engine === wanted),
    );
  }
  return { engine: report.engine, threads: report.engine === 'wasm' ? report.threads : undefined };
}

function refusal(engine: EngineName, obstacle: Obstacle | undefined): UnsupportedError {
  const { reason, fix } = obstacle ?? { reason: 'it does not load', fix: '' };
  return new UnsupportedError(
    'startEngine',
    `engine '${engine}'`,
    'run here',
    phrase(reason),
    `${fix}${/[.]$/.test(fix) ? '' : '.'} Or pass engine 'auto'.`,
  );
}
