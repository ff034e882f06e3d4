import type { CodeHistogram } from '@vqkit/training';
import { modalityOf } from '../modalities.ts';
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
    figure(
      'Discriminator loss',
      'Of steps with a discriminator: 1 for one that knows nothing, 0 for one that is never wrong.',
      {
        x: step,
        y: '',
        zero: true,
        series: overRuns((data) => trainCurve(data, (record) => record.adversarial?.discriminator)),
        levels: [{ label: 'knows nothing', y: 1 }],
      },
    ),
    figure(
      'Weight of the discriminator',
      'By which its gradient at the last layer is as long as it should be; logarithmic.',
      {
        x: step,
        y: '',
        scale: 'log',
        series: overRuns((data) => trainCurve(data, (record) => record.adversarial?.weight)),
      },
    ),
    figure('Gradient norm', 'Global norm before clipping; logarithmic.', {
      x: step,
      y: '',
      scale: 'log',
      series: overRuns((data) => trainCurve(data, (record) => record.gradientNorm)),
    }),
    ...[...new Set(runs.map(({ data }) => modalityOf(data.config.data)))].map(({ data: kinds, shown: { curve } }) =>
      figure(curve.title, curve.caption, {
        x: step,
        y: curve.unit,
        series: overRuns((data) =>
          kinds.includes(data.config.data) ? validationCurve(data, (record) => curve.value(record.quality)) : [],
        ),
      }),
    ),
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
      const batchTokens = (tokens / data.summary.testExamples) * data.config.batchSize;
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

/** What is left of the latents after each layer of the runs that have layers; undefined where none has. */
export async function depthFigure(runs: readonly Run[]): Promise<Html | undefined> {
  const layered = runs.flatMap(({ name, data }, i) => {
    const { layers = [] } = data.summary.test.codes;
    const ofVariance = layers.every(({ errorOfVariance }) => errorOfVariance !== undefined);
    const points = layers.map(({ error, errorOfVariance }, j) => {
      return [j + 1, (ofVariance ? errorOfVariance : error) ?? Number.NaN] as const;
    });
    return layers.length === 0 ? [] : [{ ofVariance, series: { name, color: runColor(i), points } }];
  });
  const ofVariance = layered.every((run) => run.ofVariance);
  return await figure(
    'Error against depth',
    `What is left of the latents after so many layers, as a share of their ${ofVariance ? 'variance' : 'energy'}; logarithmic.`,
    { x: 'layers', y: '', scale: 'log', series: layered.map(({ series }) => series) },
  );
}

/** How often each code of each run was used in the test, sorted. */
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
