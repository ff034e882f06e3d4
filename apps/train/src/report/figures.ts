import type { CodeHistogram } from '@vqkit/training';
import type { ReportData } from '../report-data.ts';
import { type Chart, drawChart, type Level, type Series } from './charts.ts';
import { significant } from './format.ts';
import { type Html, html } from './html.ts';
import type { Run } from './read-run.ts';
import { runColor, runDot } from './runs.ts';
import { rankedUses, trainCurve, validationCurve } from './series.ts';

/** The curves of all runs over the steps, one chart per quantity. */
export async function curveFigures(runs: readonly Run[]): Promise<(Html | undefined)[]> {
  const overRuns = (points: (data: ReportData) => Series['points']): Series[] =>
    runs.map(({ name, data }, i) => ({ name, color: runColor(i), points: points(data) }));
  const step = 'step';
  return await Promise.all([
    figure('Reconstruction loss', 'Training batches; logarithmic.', {
      x: step,
      y: '',
      scale: 'log',
      series: overRuns((data) => trainCurve(data, (record) => record.reconstruction)),
    }),
    figure('Loss', 'Reconstruction and quantizer together, what training minimises. An entropy loss can be negative.', {
      x: step,
      y: '',
      series: overRuns((data) => trainCurve(data, (record) => record.loss)),
    }),
    figure('Quantizer loss', 'Its weighted part of the loss.', {
      x: step,
      y: '',
      series: overRuns((data) => trainCurve(data, (record) => record.quantizer)),
    }),
    figure('Gradient norm', 'Global norm before clipping; logarithmic.', {
      x: step,
      y: '',
      scale: 'log',
      series: overRuns((data) => trainCurve(data, (record) => record.gradientNorm)),
    }),
    figure('Validation PSNR', 'Held-out images; higher is better.', {
      x: step,
      y: 'dB',
      series: overRuns((data) => validationCurve(data, (record) => record.quality.psnrDb)),
    }),
    figure('Validation perplexity', 'How many codes are in even use.', {
      x: step,
      y: 'codes',
      zero: true,
      series: overRuns((data) => validationCurve(data, (record) => record.codes.perplexity)),
      levels: levelsOf(
        runs.map(({ data }) => [`K = ${data.summary.test.codes.codebookSize}`, data.summary.test.codes.codebookSize]),
      ),
    }),
  ]);
}

/** Entropies of each run in nats, beside the most they can be: ln K, and ln N for a batch of N tokens. */
export async function entropyFigures(runs: readonly Run[]): Promise<(Html | undefined)[]> {
  return await Promise.all(
    runs.map(async ({ name, data }, i) => {
      const { codebookSize, tokens } = data.summary.test.codes;
      const batchTokens = (tokens / data.summary.testImages) * data.config.batchSize;
      const color = runColor(i);
      const soft: Series[] = [
        { name: 'batch', color, points: trainCurve(data, (record) => record.losses.codebookEntropy) },
        {
          name: 'per token',
          color,
          dash: [2, 3],
          points: trainCurve(data, (record) => record.losses.perSampleEntropy),
        },
      ];
      const hard: Series = {
        name: 'codes',
        color,
        dash: [7, 4],
        points: validationCurve(data, (record) => record.codes.bitsPerToken * Math.LN2),
      };
      const hasSoft = soft.some(({ points }) => points.some(([, y]) => Number.isFinite(y)));
      const caption = hasSoft
        ? 'Solid: entropy of the mean code probabilities of a batch, which training raises. Dotted: mean entropy of one token, which it lowers. Dashed: entropy of the codes used in validation.'
        : 'Dashed: entropy of the codes used in validation. This quantizer has no entropy loss.';
      return await figure(html`${runDot(i)}${name}`, caption, {
        x: 'step',
        y: 'nats',
        zero: true,
        small: true,
        series: hasSoft ? [...soft, hard] : [hard],
        levels: [
          { label: `ln K = ${significant(Math.log(codebookSize), 3)}`, y: Math.log(codebookSize) },
          { label: `ln N = ${significant(Math.log(batchTokens), 3)}`, y: Math.log(batchTokens) },
        ],
      });
    }),
  );
}

/** How often each code of each run was used on the test images, sorted. */
export async function histogramFigures(runs: readonly Run[]): Promise<(Html | undefined)[]> {
  return await Promise.all(
    runs.map(async ({ name, data }, i) => {
      const color = runColor(i);
      const uniform = data.summary.test.codes.tokens / data.summary.test.codes.codebookSize;
      const single = data.histograms.length === 1;
      const note = single ? '' : ' One line per codebook.';
      const shares = data.histograms.map(coverage).join('; ');
      return await figure(html`${runDot(i)}${name}`, `${shares}.${note}`, {
        x: 'codes, most used first',
        y: 'uses',
        scale: 'log',
        xEnd: data.summary.test.codes.codebookSize,
        filled: single,
        small: true,
        series: data.histograms.map((histogram, book) => ({
          name: `codebook ${book + 1}`,
          color,
          points: rankedUses(histogram),
        })),
        levels: [{ label: 'even use', y: uniform }],
      });
    }),
  );
}

/** How unevenly the codes are used, in words. */
function coverage({ codebookSize, counts }: CodeHistogram): string {
  const sorted = [...counts].sort((a, b) => b - a);
  const half = sorted.reduce((sum, uses) => sum + uses, 0) / 2;
  let covered = 0;
  const codes = sorted.findIndex((uses) => {
    covered += uses;
    return covered >= half;
  });
  const unused = codebookSize - counts.length;
  return `${codes + 1} of ${significant(codebookSize, 9)} codes make half of all tokens, ${unused === 0 ? 'none is' : `${significant(unused, 9)} are`} unused`;
}

/** Each level once, however many runs share it. */
function levelsOf(levels: readonly (readonly [label: string, y: number])[]): Level[] {
  return [...new Map(levels).entries()].map(([label, y]) => ({ label, y }));
}

async function figure(title: Html | string, caption: string, chart: Chart): Promise<Html | undefined> {
  const drawing = await drawChart(chart);
  if (drawing === undefined) return undefined;
  return html`<figure><h3>${title}</h3>${drawing}<figcaption>${caption}</figcaption></figure>`;
}
