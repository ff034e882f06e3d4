import { counted } from '@vqkit/schema';
import {
  configJsonSchema,
  layersText,
  loadConfig,
  modalityOf,
  presets,
  type RunSummary,
  resumeTraining,
  shellWord,
  type TrainHooks,
  type TrainOptions,
  type TrainResult,
  train,
} from '@vqkit/train';
import { Command, Option } from 'commander';
import { EXIT } from '../errors.ts';
import { flagsOf, withAssignments } from '../flags.ts';
import { createProgress } from '../progress.ts';
import { quantizerFlags, quantizerOptionsOf } from '../quantizer-flags.ts';
import { stopOnSignals } from '../signals.ts';

interface Given extends Record<string, unknown> {
  readonly config?: string;
  readonly resume?: string;
  readonly set?: readonly string[];
}

const EXAMPLES = `
Presets:
${Object.entries(presets)
  .map(([name, { description }]) => `  ${name.padEnd(8)} ${description.replace(': ', ':\n           ')}`)
  .join('\n')}

The most used options of the quantizer have flags of their own; all those of
createLfq, createFsq, createSimVq, createVq, createResidualLfq and so on can be
given with --set:
  vqkit train --quantizer fsq --levels 8,5,5,5
  vqkit train --quantizer lfq --codebook-size 1024 --entropy-weight 0.1 \\
    --set quantizerOptions.diversityGamma=2
  vqkit train --quantizer residual-vq --set quantizerOptions.numQuantizers=8 \\
    --set quantizerOptions.quantizeDropout=true

Precedence, lowest first: defaults, --preset, --config, flags, --set.

  vqkit train --preset recipe --quantizer simvq --seed 1
  vqkit train --preset photos --data-path photos --out-dir runs/photos
  vqkit train --data-path photos --arch resnet --widths 64,128,256 --blocks 2 \\
    --image-size 96,128 --fit pad
  vqkit train --resume runs/photos --steps 5000

Vectors, such as embeddings of items:
  vqkit train --data vectors --data-path items.parquet --key-column sku \\
    --quantizer residual-vq --codebook-size 256 --unique
  vqkit train --data-path items.npy --arch mlp --hidden 512,256,128 \\
    --schedule cosine --ema 0.999

Sound, a folder of WAV, FLAC, Ogg and MP3:
  vqkit train --preset speech --data-path recordings
  vqkit train --preset speech --data-path recordings --quantizer simvq \\
    --no-rotation
  vqkit train --data audio --data-path music --quantizer residual-vq --stereo \\
    --sample-rate 44100 --causal
`;

export function command(finish: (code: number) => void): Command {
  const flags = flagsOf(configJsonSchema());
  const made = new Command('train')
    .description('Trains a tokenizer of images, vectors or sound, tests it, and writes a run folder with a report.')
    .addOption(new Option('--config <file>', 'a JSON file with any of the options below').conflicts('resume'))
    .addOption(new Option('--resume <folder>', 'go on with the run in this folder, exactly where it stopped'))
    .addOption(
      new Option('--set <name=value>', 'set an option by its name, inner ones too; may be repeated').argParser(
        (text, before: readonly string[] | undefined) => [...(before ?? []), text],
      ),
    )
    .addHelpText('after', EXAMPLES);
  for (const { options } of [...flags, ...quantizerFlags()]) for (const option of options) made.addOption(option);
  return made.action(async (given: Given) => {
    const fromFlags = Object.fromEntries(
      flags.filter(({ name }) => given[name] !== undefined).map(({ name }) => [name, given[name]]),
    );
    finish(await runTraining(await optionsOf(fromFlags, given), given));
  });
}

/** Flags, then --set. What a flag of the quantizer sets depends on the quantizer, which the configuration file may name. */
async function optionsOf(flags: TrainOptions, given: Given): Promise<TrainOptions> {
  const withSet = (options: TrainOptions): TrainOptions => withAssignments({ ...options }, given.set ?? []);
  const { quantizer } =
    given.resume === undefined ? await loadConfig({ file: given.config, flags: withSet(flags) }) : {};
  if (quantizer === undefined) return withSet(flags);
  const own = quantizerOptionsOf(quantizer, given);
  return withSet(
    Object.keys(own).length === 0 ? flags : { ...flags, quantizerOptions: { ...flags.quantizerOptions, ...own } },
  );
}

async function runTraining(options: TrainOptions, { config: file, resume }: Given): Promise<number> {
  const progress = createProgress(process.stderr);
  const stop = stopOnSignals('step');
  const hooks: TrainHooks = {
    onStart(info) {
      const { trainExamples, validationExamples, testExamples, noun, estimatedSeconds } = info;
      progress.note(
        `${info.folder}: ${counted(info.parameters, 'parameter')}, ${trainExamples} training, ${validationExamples} validation and ${counted(testExamples, `test ${noun}`)}, engine ${info.engine}`,
      );
      if (estimatedSeconds !== undefined) {
        progress.note(`${counted(info.steps - info.step, 'step')}, about ${roughly(estimatedSeconds)}`);
      }
      progress.start(info);
    },
    onEvent: (event) => progress.on(event),
    onWarning: (message) => progress.note(`warning: ${message}`),
    signal: stop.signal,
  };
  let result: TrainResult;
  try {
    result =
      resume === undefined
        ? await train(await loadConfig({ file, flags: options }), hooks)
        : await resumeTraining(resume, options, hooks);
  } finally {
    progress.stop();
    stop.release();
  }
  if (result.status === 'interrupted') {
    const { step, folder } = result;
    const text =
      folder === undefined
        ? 'before the first step.'
        : `after step ${step}. Go on with: vqkit train --resume ${shellWord(folder)}`;
    process.stderr.write(`Stopped ${text}\n`);
    return stop.exitCode();
  }
  const { summary } = result;
  process.stdout.write(`${summaryText(summary)}\n${layersText(summary.test.codes)}${result.folder}/report.html\n`);
  return EXIT.ok;
}

/** A time that is only known roughly. */
function roughly(seconds: number): string {
  if (seconds < 90) return counted(Math.max(1, Math.round(seconds)), 'second');
  const minutes = seconds / 60;
  return minutes < 90 ? counted(Math.round(minutes), 'minute') : counted(Number((minutes / 60).toFixed(1)), 'hour');
}

function summaryText(summary: RunSummary): string {
  const { quantizer, data, test, stepsPerSecond } = summary;
  const { used, codebookSize, perplexity, bitsPerToken } = test.codes;
  const rate = stepsPerSecond === null ? '' : `, ${stepsPerSecond.toFixed(1)} steps/s`;
  return `${quantizer}: ${modalityOf(data).shown.text(summary)}, ${used} of ${codebookSize} codes, perplexity ${perplexity.toFixed(1)}, ${bitsPerToken.toFixed(2)} bits per token${rate}`;
}
