import { modalityOf } from '../modalities.ts';
import { duration, fixed, significant } from './format.ts';
import { type Html, html } from './html.ts';
import type { Run } from './read-run.ts';
import type { Row } from './row.ts';
import { runDot, runStyle } from './runs.ts';
import { bitsText, tokensPerExample } from './tokens.ts';

const codes = (run: Run): Run['data']['summary']['test']['codes'] => run.data.summary.test.codes;

/** Of any kind of data; before them stand those of its own. */
const ROWS: readonly Row[] = [
  {
    title: 'Codes used',
    hint: 'at least once in the test',
    cell: (run) => {
      const { used, codebookSize, numCodebooks, utilization } = codes(run);
      const books = numCodebooks > 1 ? html`<br><small>mean of ${numCodebooks} codebooks</small>` : undefined;
      const width = `width: ${Math.round(100 * Math.min(1, Math.max(0, utilization)))}%`;
      return html`${significant(used)} <small>of ${significant(codebookSize, 9)}</small>${books}<span class="meter"><i style="${width}"></i></span>`;
    },
  },
  {
    title: 'Perplexity',
    hint: 'size of a uniformly used codebook with this entropy',
    cell: (run) => html`${fixed(codes(run).perplexity, 1)}`,
  },
  {
    title: 'Bits per token',
    hint: 'entropy of the codes',
    cell: (run) => {
      const { bitsPerToken, codebookSize, numCodebooks } = codes(run);
      const books = numCodebooks > 1 ? html`<br><small>over ${numCodebooks} codebooks</small>` : undefined;
      return html`${fixed(bitsPerToken, 2)} <small>of ${significant(numCodebooks * Math.log2(codebookSize), 3)}</small>${books}`;
    },
  },
  {
    title: 'Tokens per example',
    hint: 'and ids, of several codebooks',
    cell: (run) => {
      const { numCodebooks } = codes(run);
      const tokens = tokensPerExample(run);
      const ids = numCodebooks > 1 ? html` <small>of ${numCodebooks} ids</small>` : undefined;
      return html`${significant(tokens, 9)}${ids}`;
    },
  },
  {
    title: 'Bits per example',
    hint: 'as stored, and with an ideal entropy coder; compare runs of equal bits',
    cell: (run) => html`${bitsText(run)} <small>bits</small>`,
  },
  {
    title: 'Speed',
    hint: 'training alone',
    cell: (run) => html`${significant(run.data.summary.stepsPerSecond, 3)} <small>steps/s</small>`,
  },
  {
    title: 'Time',
    hint: 'with validation, checkpoints and test',
    cell: (run) => html`${duration(run.data.summary.elapsedSeconds)}`,
  },
];

/** The runs side by side: one column each. */
export function summaryTable(runs: readonly Run[]): Html {
  const head = runs.map((run, i) => html`<th scope="col" style="${runStyle(i)}">${runDot(i)}${run.name}</th>`);
  const kinds = [...new Set(runs.map(({ data }) => modalityOf(data.config.data)))];
  const own = kinds.flatMap(({ shown }) => shown.rows.map((row) => ({ ...row, of: shown })));
  const noun = kinds.length === 1 ? (kinds[0]?.shown.noun ?? 'example') : 'example';
  const rows = [...own, ...ROWS.map((row) => ({ ...row, of: undefined }))].map((row) => {
    const { title, hint, cell, better, value, of } = row;
    const hasIt = ({ data }: Run): boolean => of === undefined || modalityOf(data.config.data).shown === of;
    const valueIn = (run: Run): number => (hasIt(run) ? (value?.(run) ?? Number.NaN) : Number.NaN);
    const values = runs.map(valueIn).filter((v) => !Number.isNaN(v));
    const best = better === 'lower' ? Math.min(...values) : Math.max(...values);
    const cells = runs.map((run, i) => {
      const isBest = better !== undefined && runs.length > 1 && valueIn(run) === best;
      return html`<td${isBest ? html` class="best"` : ''} style="${runStyle(i)}">${hasIt(run) ? cell(run) : '–'}</td>`;
    });
    return html`<tr><th scope="row">${title.replace('example', noun)}<small>${hint}</small></th>${cells}</tr>`;
  });
  return html`<div class="scroll"><table><thead><tr><td></td>${head}</tr></thead><tbody>${rows}</tbody></table></div>`;
}
