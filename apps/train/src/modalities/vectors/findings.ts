import type { FindingFacts } from '../../modality.ts';
import { again, trainOn } from '../../next-command.ts';
import type { Finding } from '../../report-data.ts';
import type { VectorConfig } from '../../train-options.ts';

/** An error that fell by this share over the last fifth of a training says that it was not done. The limits are choices, not measurements. */
const STILL_IMPROVING = 0.01;
/** Error of held-out rows over that of all rows, most of which were trained on. */
const OVERFITTED = 1.1;
/** Share of rows that have no ids of their own. */
const COLLIDING = 0.01;

export function stillImproving({ config, history }: FindingFacts): Finding | undefined {
  const points = history.flatMap((record) =>
    record.kind === 'validation' && typeof record.quality.error === 'number'
      ? [{ step: record.step, error: record.quality.error }]
      : [],
  );
  const last = points.at(-1);
  const before = points.findLast(({ step }) => step <= 0.8 * config.steps);
  if (last === undefined || before === undefined || before.step === 0) return undefined;
  const gain = 1 - last.error / before.error;
  if (!(gain >= STILL_IMPROVING)) return undefined;
  return {
    name: 'still improving',
    severity: 'warning',
    message: `The validation error fell by ${(100 * gain).toFixed(1)} % from step ${before.step} to the last, ${last.step}: training was not done.`,
    remedy: 'Train on for as long again.',
    command: trainOn(config),
  };
}

export function overfitted({ config, quality, history }: FindingFacts): Finding | undefined {
  const last = history.findLast((record) => record.kind === 'validation');
  const heldOut = last?.kind === 'validation' ? last.quality.error : undefined;
  const ratio = (heldOut ?? Number.NaN) / (quality.error ?? Number.NaN);
  if (!(ratio >= OVERFITTED)) return undefined;
  return {
    name: 'overfitted',
    severity: 'warning',
    message: `Held-out rows have ${ratio.toFixed(2)} times the error of all rows (limit ${OVERFITTED}): the codes fit the rows that they were trained on.`,
    remedy:
      'Train on more rows, or take fewer codes and more layers. Where only these rows are ever encoded, nothing need be done.',
    command: again(config, 'all-rows', '--validation-size 0'),
  };
}

export function colliding({ config, shown: { ids } }: FindingFacts): Finding | undefined {
  if (ids === undefined) return undefined;
  const { rows, colliding: sharing, groups, largest } = ids.collisions;
  if (sharing < COLLIDING * rows || (config as VectorConfig).unique) return undefined;
  return {
    name: 'colliding ids',
    severity: 'warning',
    message: `${sharing} of ${rows} rows share their ids with others, in ${groups} groups, the largest of ${largest}.`,
    remedy: 'Add a last id that tells them apart, or take more layers or codes.',
    command: again(config, 'unique', '--unique'),
  };
}
