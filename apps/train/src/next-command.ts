import { normalize } from 'node:path';
import { shellWord } from './shell-word.ts';
import type { TrainConfig } from './train-options.ts';

/** A new run with the configuration of this one and further flags. */
export function again({ outDir: given }: TrainConfig, name: string, flags: string): string {
  const outDir = normalize(given).replace(/(?<=.)\/+$/, '');
  return `vqkit train --config ${shellWord(`${outDir}/config.json`)} ${flags} --out-dir ${shellWord(`${outDir}-${name}`)}`;
}

/** The run itself, for as long again; of a schedule that has ended a new run. */
export function trainOn(config: TrainConfig): string {
  const steps = 2 * config.steps;
  if (config.schedule === 'cosine') return again(config, 'long', `--steps ${steps}`);
  return `vqkit train --resume ${shellWord(config.outDir)} --steps ${steps}`;
}

/** A finding's command, where there is one. */
export function command(text: string | undefined): { command?: string } {
  return text === undefined ? {} : { command: text };
}
