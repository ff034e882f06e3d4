import { availableParallelism } from 'node:os';
import { Command } from 'commander';
import { ENGINES, type EngineFacts, type MissingEngine, probeEngine, type RunningEngine } from '../doctor/engines.ts';
import { EXIT } from '../errors.ts';
import { packageVersion } from '../version.ts';

interface Machine {
  readonly vqkit: string;
  readonly node: string;
  readonly platform: string;
  readonly cores: number;
}

export function command(finish: (code: number) => void): Command {
  return new Command('doctor')
    .description(
      'Tries every engine in a process of its own: which one training would take here, why nothing faster runs, what to do about it, and how each runs the kernels.',
    )
    .option('--json', 'print the facts as JSON, for a bug report')
    .action(async ({ json }: { json?: boolean }) => {
      const machine: Machine = {
        vqkit: packageVersion(),
        node: process.versions.node,
        platform: `${process.platform} ${process.arch}`,
        cores: availableParallelism(),
      };
      const engines = await Promise.all(ENGINES.map(probeEngine));
      const chosen = engines.find(isRunning);
      const text =
        json === true
          ? `${JSON.stringify({ ...machine, ...chosen, notChosen: missingBefore(engines, chosen), engines }, undefined, 2)}\n`
          : describe(machine, engines, chosen);
      process.stdout.write(text);
      if (chosen === undefined) finish(EXIT.failed);
    });
}

/** What `init()` of @vqkit/backend-node takes is the first that runs: WebGPU is the last of the list. */
function isRunning(facts: EngineFacts): facts is RunningEngine {
  return facts.runs;
}

function missingBefore(engines: readonly EngineFacts[], chosen: RunningEngine | undefined): MissingEngine[] {
  const before = chosen === undefined ? engines : engines.slice(0, engines.indexOf(chosen));
  return before.filter((facts): facts is MissingEngine => !facts.runs);
}

/** What training takes for the network whose fastest engine is another one. */
function forResnet(running: readonly RunningEngine[], chosen: RunningEngine | undefined): string[] {
  const wasm = running.find(({ engine }) => engine === 'wasm');
  return chosen?.engine === 'native' && wasm !== undefined
    ? [`  to train --arch resnet: wasm, ${runsOn(wasm)}, which is faster there`]
    : [];
}

function describe(
  { vqkit, node, platform, cores }: Machine,
  engines: readonly EngineFacts[],
  chosen: RunningEngine | undefined,
): string {
  const running = engines.filter(isRunning);
  const lines = [
    `vqkit ${vqkit}, Node ${node}, ${platform}, ${cores} cores, TensorFlow.js ${chosen?.tfjs ?? 'does not run'}`,
    '',
    `Engine: ${chosen === undefined ? 'none' : `${chosen.engine}, ${runsOn(chosen)}`}`,
    ...forResnet(running, chosen),
    ...missingBefore(engines, chosen).flatMap(({ engine, reason, fix }) => [
      `  not ${engine}: ${reason}.`,
      `    ${fix}`,
    ]),
    '',
    'Every engine:',
    ...engines.flatMap((facts) =>
      facts.runs
        ? [`  ${facts.engine.padEnd(7)} runs: ${facts.version}, ${runsOn(facts)}`]
        : [`  ${facts.engine.padEnd(7)} does not run: ${facts.reason}.`, `          ${facts.fix}`],
    ),
    '',
    ...kernelTable(running),
  ];
  return `${lines.join('\n')}\n`;
}

function runsOn({ adapter, software, threads }: RunningEngine): string {
  if (adapter === undefined) return `${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  return `${adapter}${software === true ? ', a software rasteriser: correct, but slow' : ''}`;
}

/** A row for each kernel, a column for each engine that runs. */
function kernelTable(running: readonly RunningEngine[]): string[] {
  const names = [...new Set(running.flatMap(({ kernels }) => kernels.map(({ name }) => name)))].sort();
  const width = Math.max(...names.map((name) => name.length)) + 2;
  const row = (first: string, cells: readonly string[]): string =>
    `  ${first.padEnd(width)}${cells.map((cell) => cell.padEnd(10)).join('')}`.trimEnd();
  return [
    'Kernels, written for the engine (fused) or made of its own operations (composed):',
    row(
      '',
      running.map(({ engine }) => engine),
    ),
    ...names.map((name) =>
      row(
        name,
        running.map(({ kernels }) => kernels.find((kernel) => kernel.name === name)?.runs ?? '-'),
      ),
    ),
  ];
}
