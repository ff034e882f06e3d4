import { availableParallelism } from 'node:os';
import { init, type NodeEngineReport } from '@vqkit/backend-node';
import { Command } from 'commander';
import { packageVersion } from '../version.ts';

export function command(): Command {
  return new Command('doctor')
    .description(
      'Starts the engine that training would take here, and says why nothing faster runs and what to do about it.',
    )
    .option('--json', 'print the facts as JSON, for a bug report')
    .action(async ({ json }: { json?: boolean }) => {
      const machine = {
        vqkit: packageVersion(),
        node: process.versions.node,
        platform: `${process.platform} ${process.arch}`,
        cores: availableParallelism(),
      };
      const report = await init();
      process.stdout.write(
        json === true ? `${JSON.stringify({ ...machine, ...report }, undefined, 2)}\n` : describe(machine, report),
      );
    });
}

function describe(
  { vqkit, node, platform, cores }: { vqkit: string; node: string; platform: string; cores: number },
  { engine, tfjs, tensorflow, threads, notChosen, kernels }: NodeEngineReport,
): string {
  const native = tensorflow === undefined ? '' : `, TensorFlow ${tensorflow}`;
  const named = (runs: 'fused' | 'composed'): string =>
    kernels
      .filter((kernel) => kernel.runs === runs)
      .map(({ name }) => name)
      .join(', ') || 'none';
  const lines = [
    `vqkit ${vqkit}, Node ${node}, ${platform}, ${cores} cores, TensorFlow.js ${tfjs}${native}`,
    '',
    `Engine: ${engine}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    ...notChosen.flatMap((other) => [`  not ${other.engine}: ${other.reason}.`, `    ${other.fix}`]),
    '',
    `Kernels written for this engine: ${named('fused')}`,
    `Kernels made of its own operations: ${named('composed')}`,
  ];
  return `${lines.join('\n')}\n`;
}
