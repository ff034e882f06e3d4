import { init, type NodeEngine, type NodeEngineReport, type Obstacle } from '@vqkit/backend-node';
import { phrase, UnsupportedError } from '@vqkit/core-tensor';
import type { EngineName, TrainConfig } from './train-options.ts';

/** The engine that runs, and its threads where their number may change the last bits of a result. */
export interface StartedEngine {
  readonly engine: Exclude<EngineName, 'auto'>;
  readonly threads: number | undefined;
}

/**
 * Starts the engine of a configuration; `auto` takes the first of native, wasm and cpu that loads.
 *
 * @param fastest the engine that `auto` tries before those, where one is faster for what will run.
 * @throws UnsupportedError when the engine was asked for by name and cannot run here.
 */
export async function startEngine(
  config: Pick<TrainConfig, 'engine' | 'threads'>,
  fastest?: 'wasm',
): Promise<StartedEngine> {
  const { engine: wanted, threads } = config;
  if (wanted === 'webgpu') {
    // Loaded on demand: most runs need none of it.
    const { startWebgpu } = await import('@vqkit/backend-webgpu');
    const started = await startWebgpu();
    if ('reason' in started) throw refusal(wanted, started);
    return { engine: wanted, threads: undefined };
  }
  const start = (prefer: NodeEngine | undefined): Promise<NodeEngineReport> =>
    init({ ...(prefer === undefined ? {} : { prefer }), ...(threads === undefined ? {} : { threads }) });
  let report = await start(wanted === 'auto' ? fastest : wanted);
  // Native was not tried yet, and any engine is faster than cpu.
  if (wanted === 'auto' && fastest !== undefined && report.engine === 'cpu') report = await start(undefined);
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
