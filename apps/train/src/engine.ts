import { init } from '@vqkit/backend-node';
import { UnsupportedError } from '@vqkit/core-tensor';
import type { EngineName, TrainConfig } from './config.ts';

/** The engine that runs, and its threads where their number may change the last bits of a result. */
export interface StartedEngine {
  readonly engine: Exclude<EngineName, 'auto'>;
  readonly threads: number | undefined;
}

/**
 * Starts the engine of a configuration; `auto` takes the fastest that loads.
 * @throws UnsupportedError when the engine was asked for by name and cannot run here.
 */
export async function startEngine(config: Pick<TrainConfig, 'engine' | 'threads'>): Promise<StartedEngine> {
  const { engine: wanted, threads } = config;
  const report = await init({
    ...(wanted === 'auto' ? {} : { prefer: wanted }),
    ...(threads === undefined ? {} : { threads }),
  });
  if (wanted !== 'auto' && report.engine !== wanted) {
    const obstacle = report.notChosen.find(({ engine }) => engine === wanted);
    throw new UnsupportedError(
      `train: engine '${wanted}' must run here, got: ${obstacle?.reason ?? 'it does not load'}. ${obstacle?.fix ?? ''} Or pass engine 'auto'.`,
    );
  }
  return { engine: report.engine, threads: report.engine === 'wasm' ? report.threads : undefined };
}
