import { Command, InvalidArgumentError } from 'commander';
import { type BenchOptions, loadBench } from '../bench-harness.ts';
import { createBenchProgress } from '../bench-progress.ts';
import { EXIT } from '../errors.ts';

const EXAMPLES = `
  vqkit bench list                     what there is
  vqkit bench kernels --quick          a run of minutes, into results/quick
  vqkit bench kernels --python PYTHON  beside the reference library, where that
                                       Python has torch and
                                       vector-quantize-pytorch
  vqkit bench all --quick              every experiment, in less than 10 minutes
  vqkit bench compare A.json B.json    ratio and spread of every row
  vqkit bench docs --check             whether every page and quoted number is
                                       what the results say

A run that was killed goes on where it stopped; --fresh starts anew.
`;

export function command(finish: (code: number) => void): Command {
  return new Command('bench')
    .description(
      "Answers one of the field's questions by experiment, and writes numbers, pictures and a page about it.",
    )
    .argument('[experiments...]', 'names of experiments, or all')
    .option('--quick', 'a run of minutes: fewer steps, one seed, smaller sizes; results of their own')
    .option('--seeds <a,b,…>', 'seeds of random training (default: 1,2,3; quick: 1)', parseSeeds)
    .option(
      '--python <path>',
      'a Python that has torch and vector-quantize-pytorch (default: one on the PATH that has)',
    )
    .option('--data <folder>', 'the data of experiments that need some')
    .option('--out <folder>', 'where the results go (default: apps/bench/results)')
    .option('--raw <folder>', 'also write all that was measured: traces of trainings, each repetition')
    .option('--reuse', 'take over the parts that the present result has with the same settings')
    .option('--fresh', 'forget what a run that was killed had finished')
    .addHelpText('after', EXAMPLES)
    .addCommand(listCommand())
    .addCommand(compareCommand())
    .addCommand(docsCommand(finish))
    .action(async (names: string[], options: BenchOptions) => {
      if (names.length === 0) {
        throw new InvalidArgumentError('bench: name an experiment, or all. See vqkit bench list.');
      }
      const { runBenchmarks } = await loadBench();
      const progress = createBenchProgress(process.stderr);
      try {
        await runBenchmarks(names, options, progress.hooks);
      } finally {
        progress.stop();
      }
    });
}

function listCommand(): Command {
  return new Command('list').description('Prints every experiment and its question.').action(async () => {
    const { experiments } = await loadBench();
    for (const { name, aliases = [], load } of experiments) {
      const { question } = await load();
      process.stdout.write(`${[name, ...aliases].join(', ')}\n    ${question}\n`);
    }
  });
}

function compareCommand(): Command {
  return new Command('compare')
    .description('Prints ratio and spread of every row of two results of one experiment.')
    .argument('<A>', 'a results file')
    .argument('<B>', 'another')
    .action(async (a: string, b: string) => {
      const { compareResults, markdownTable, readResult } = await loadBench();
      const table = compareResults(await readResult(a), await readResult(b));
      process.stdout.write(`${table.title}\n\n${markdownTable(table)}\n`);
    });
}

function docsCommand(finish: (code: number) => void): Command {
  return new Command('docs')
    .description('Makes every page, picture and quoted number out of apps/bench/results.')
    .option('--check', 'write nothing; fail when something differs')
    .action(async ({ check = false }: { check?: boolean }) => {
      const { generateDocs } = await loadBench();
      const changed = await generateDocs({ check });
      for (const path of changed) process.stdout.write(`${check ? 'differs' : 'wrote'} ${path}\n`);
      if (check && changed.length > 0) {
        process.stderr.write('error: pages differ from the results. Write them anew with: pnpm bench docs\n');
        finish(EXIT.failed);
      }
    });
}

function parseSeeds(text: string): number[] {
  const seeds = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (seeds.every((seed) => Number.isInteger(seed) && seed >= 0)) return seeds;
  throw new InvalidArgumentError('It must be integers >= 0 with commas between. Write for example 1,2,3.');
}
