import { counted } from '@vqkit/schema';
import type { CodeUse, Quality } from '@vqkit/training';
import type { ModalityShown } from '../../modality.ts';
import { fixed, significant } from '../../report/format.ts';
import { type Html, html } from '../../report/html.ts';
import type { Run } from '../../report/read-run.ts';
import { runDot, runStyle } from '../../report/runs.ts';
import type { RowIdsSummary } from '../../report-data.ts';
import { colliding, overfitted, stillImproving } from './findings.ts';

/** Ids of rows: the error relative to the variance, and the rows that share their ids. */
export const vectorsShown: ModalityShown = {
  noun: 'row',
  text: ({ test: { quality, codes }, ids }) => (ids === undefined ? '' : idsText(quality, codes, ids)),
  progress: ({ error }) => `error ${significant(error, 4)}`,
  headline: ({ error }) => `an error of ${significant(error, 3)} of their variance`,
  rows: [
    {
      title: 'Error',
      hint: 'of all rows, over their variance: 0 perfect, 1 no better than their mean',
      cell: ({ data }) => html`${significant(data.summary.test.quality.error, 4)}`,
      better: 'lower',
      value: ({ data }) => data.summary.test.quality.error ?? null,
    },
    {
      title: 'Variance',
      hint: 'how far the rows spread: mean over all numbers of the squared distance from the mean row',
      cell: ({ data }) => html`${significant(data.summary.test.quality.variance, 4)}`,
    },
    {
      title: 'Rows that share ids',
      hint: 'with at least one other',
      cell: ({ data }) => html`${significant(data.summary.ids?.collisions.colliding, 9)}`,
      better: 'lower',
      value: ({ data }) => data.summary.ids?.collisions.colliding ?? null,
    },
  ],
  curve: {
    title: 'Validation error',
    caption: 'Held-out rows, over their variance; lower is better.',
    unit: '',
    value: ({ error }) => error ?? null,
  },
  async examples(runs) {
    return html`<section><h2>Collisions</h2>
<p class="hint">Rows that share all their ids with others. A last id, --unique, tells them apart.</p>
${collisionTable(runs)}</section>`;
  },
  findings: (facts) => [stillImproving(facts), overfitted(facts), colliding(facts)],
  async write() {
    // Their ids were written by the test.
  },
};

/** Error and collisions in one line. */
export function idsText(quality: Quality, { bitsPerToken: _, ...codes }: CodeUse, ids: RowIdsSummary): string {
  const { rows, tuples, colliding: sharing, groups, largest } = ids.collisions;
  const shared =
    groups === 0
      ? 'no two rows share all ids'
      : `${counted(sharing, 'row')} share ids with others (${counted(groups, 'group')}, the largest of ${largest})`;
  const bits = codes.numCodebooks * Math.log2(codes.codebookSize);
  return `${counted(rows, 'row')} in ${bits.toFixed(1)} bits each: error ${significant(quality.error, 3)} of the variance; ${counted(tuples, 'tuple')}, ${shared}`;
}

function collisionTable(runs: readonly Run[]): Html {
  const titles = ['Rows', 'Different ids', 'Rows that share', 'Groups', 'Largest group', 'Ids of a row'];
  const rows = runs.map(({ name, data }, i) => {
    const { collisions, columns } = data.summary.ids ?? {};
    const { rows, tuples, colliding: sharing, groups, largest } = collisions ?? {};
    const share =
      sharing === undefined || !rows ? undefined : html` <small>${fixed((100 * sharing) / rows, 2)} %</small>`;
    const cells = [rows, tuples, sharing, groups, largest, columns].map(
      (value, j) => html`<td>${significant(value, 9)}${j === 2 ? share : undefined}</td>`,
    );
    return html`<tr><th scope="row" style="${runStyle(i)}">${runDot(i)}${name}</th>${cells}</tr>`;
  });
  return html`<div class="scroll"><table><thead><tr><td></td>${titles.map((title) => html`<th scope="col">${title}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}
