import type { Diagnosis } from '@vqkit/metrics';
import { quantizerEntry } from '@vqkit/quantizers';
import { modalityOf } from './modalities.ts';
import type { FindingFacts } from './modality.ts';
import { again, command } from './next-command.ts';
import type { Finding } from './report-data.ts';
import type { TrainConfig } from './train-options.ts';

/** Used codes over those that as many uniform draws would use; the diagnosis calls less than 0.2 a collapse. */
const UNDER_USED = { least: 0.2, most: 0.5 };
/** Mean hinge loss of a discriminator below which it is hardly ever wrong. A choice, not a measurement. */
const WON = 0.1;

/** The findings of the diagnosis, and what shows in the curves and the pictures, each with the command to type next where there is one. */
export function findingsOf(diagnosis: readonly Diagnosis[], facts: FindingFacts): Finding[] {
  const found: Finding[] = diagnosis.map(({ problem, severity, evidence, remedy }) => ({
    name: problem,
    severity,
    message: evidence,
    remedy,
    ...command(nextCommand(problem, facts)),
  }));
  const collapsed = found.some(({ name }) => name === 'collapse');
  const own = modalityOf(facts.config.data).shown.findings(facts);
  const further = [...own, collapsed ? undefined : underUsed(facts), discriminatorWon(facts)];
  return [...found, ...further.filter((finding) => finding !== undefined)];
}

function nextCommand(problem: Diagnosis['problem'], { config }: FindingFacts): string | undefined {
  const { quantizer, batchSize } = config;
  const next = quantizerEntry(quantizer).nextRuns[problem];
  if (next !== undefined) return again(config, next.name, next.flags);
  switch (problem) {
    case 'collapse':
      return again(config, 'warmup', `--warmup-steps ${Math.max(1, Math.round(config.steps / 20))}`);
    case 'over-rotation':
      return again(config, 'straight-through', '--no-rotation');
    case 'batch too small':
      return again(config, 'batch', `--batch-size ${4 * batchSize}`);
    default:
      return undefined;
  }
}

function underUsed({ config, codes }: FindingFacts): Finding | undefined {
  const share = codes.statistics.utilizationOfExpected;
  if (share === undefined || share < UNDER_USED.least || share >= UNDER_USED.most) return undefined;
  const sized = 'codebookSize' in quantizerEntry(config.quantizer).flags;
  const half = Math.max(2, Math.floor(codes.codebookSize / 2));
  const command = sized
    ? again(config, 'smaller', `--codebook-size ${half}${boundWidth(config, half)}`)
    : again(config, 'long', `--steps ${2 * config.steps}`);
  return {
    name: 'under-used',
    severity: 'warning',
    message: `${Math.round(codes.used)} of ${codes.codebookSize} codes are used, ${(100 * share).toFixed(0)} % of those that as many uniform draws would use.`,
    remedy: sized
      ? 'Take fewer codes, which the same pictures then need fewer bits for, or train longer.'
      : 'Train longer, or take fewer levels: the same pictures need fewer bits.',
    command,
  };
}

/** By the last quarter of the steps in which it took part. */
function discriminatorWon({ config, history }: FindingFacts): Finding | undefined {
  const { steps, discriminatorFrom: from, discriminatorFilters: filters } = config;
  if (from === undefined || filters === undefined) return undefined;
  const last = history.flatMap((record) =>
    record.kind === 'train' && record.adversarial !== undefined && record.step > steps - (steps - from) / 4
      ? [record.adversarial.discriminator]
      : [],
  );
  const loss = last.reduce((sum, value) => sum + value, 0) / last.length;
  if (!(loss < WON)) return undefined;
  const later = Math.min(steps, Math.round((from + steps) / 2));
  const fewer = Math.max(1, Math.floor(filters / 2));
  return {
    name: 'discriminator won',
    severity: 'warning',
    message: `The discriminator is hardly ever wrong (mean hinge loss ${loss.toFixed(3)} at the end, limit ${WON}; 1 knows nothing): what it says no longer helps the tokenizer much.`,
    remedy: 'Make it smaller and let it start later.',
    command: again(config, 'discriminator', `--discriminator-filters ${fewer} --discriminator-from ${later}`),
  };
}

/** Of latents that are the code's bits themselves: their number stands in config.json beside the number of codes. */
function boundWidth({ quantizerOptions: { dim, hasProjections, numCodebooks } }: TrainConfig, codes: number): string {
  const isBound = hasProjections === false && typeof dim === 'number' && typeof numCodebooks === 'number';
  return isBound ? ` --dim ${Math.log2(codes) * numCodebooks}` : '';
}
