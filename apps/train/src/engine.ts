import { getBackend } from '@tensorflow/tfjs-core';
import type { TrainConfig } from './config.ts';

/** Starts the engine of a configuration and returns its name. */
export async function startEngine(_config: Pick<TrainConfig, 'engine' | 'threads'>): Promise<string> {
  return getBackend();
}
