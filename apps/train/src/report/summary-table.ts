import { duration, fixed, significant } from './format.ts';
import { type Html, html } from './html.ts';
import type { Run } from './read-run.ts';
import { runDot, runStyle } from './runs.ts';

interface Row {
  readonly title: string;
  readonly hint: string;
  readonly cell: (run: Run) => Html;
  /** What is better, where one can say so; the best of several runs is set in bold. */
  readonly better?: 'lower' | 'higher';
  readonly value?: (run: Run) => number | null;
}

const quality = (run: Run): Run['data']['summary']['test']['quality'] => run.data.summary.test.quality;
const codes = (run: Run): Run['data']['summary']['test']['codes'] => run.data.summary.test.codes;

/** Of the test images. */
export function tokensPerImage({ data: { summary } }: Run): number {
  return summary.test.codes.tokens / summary.testImages;
}

/** `392 (301)`: log₂ K for every id, and the entropy of the codes. */
export function bitsText(run: Run): string {
  const { codebookSize, numCodebooks, bitsPerToken } = codes(run);
  const tokens = tokensPerImage(run);
  return `${significant(tokens * numCodebooks * Math.log2(codebookSize), 4)} (${significant(tokens * bitsPerToken, 4)})`;
}

const ROWS: readonly Row[] = [
  {
    title: 'Test L1',
    hint: 'mean absolute error of a pixel, range [-1, 1]; lower is better',
    cell: (run) => html`${fixed(quality(run).l1, 4)}`,
    better: 'lower',
    value: (run) => quality(run).l1,
  },
  {
    title: 'PSNR',
    hint: 'higher is better',
    cell: (run) =>
      quality(run).psnrDb === null ? html`exact` : html`${fixed(quality(run).psnrDb, 2)} <small>dB</small>`,
    better: 'higher',
    value: (run) => quality(run).psnrDb ?? Number.POSITIVE_INFINITY,
  },
  {
    title: 'SSIM',
    hint: 'structural similarity, 1 is equal',
    cell: (run) => html`${fixed(quality(run).ssim, 3)}`,
    better: 'higher',
    value: (run) => quality(run).ssim,
  },
  {
    title: 'Codes used',
    hint: 'at least once on the test images',
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
    title: 'Tokens per image',
    hint: 'and ids, of several codebooks',
    cell: (run) => {
      const { numCodebooks } = codes(run);
      const tokens = tokensPerImage(run);
      const ids = numCodebooks > 1 ? html` <small>of ${numCodebooks} ids</small>` : undefined;
      return html`${significant(tokens, 9)}${ids}`;
    },
  },
  {
    title: 'Bits per image',
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
  const rows = ROWS.map(({ title, hint, cell, better, value }) => {
    const values = runs.map((run) => value?.(run) ?? Number.NaN).filter((v) => !Number.isNaN(v));
    const best = better === 'lower' ? Math.min(...values) : Math.max(...values);
    const cells = runs.map((run, i) => {
      const isBest = better !== undefined && runs.length > 1 && value?.(run) === best;
      return html`<td${isBest ? html` class="best"` : ''} style="${runStyle(i)}">${cell(run)}</td>`;
    });
    return html`<tr><th scope="row">${title}<small>${hint}</small></th>${cells}</tr>`;
  });
  return html`<div class="scroll"><table><thead><tr><td></td>${head}</tr></thead><tbody>${rows}</tbody></table></div>`;
}
