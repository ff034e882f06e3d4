import { expect, it } from 'vitest';
import type { Heatmap, Plot } from '../src/experiment.ts';
import { plotToSvg } from '../src/plot.ts';
import { outcome } from './fake.ts';

const [plot] = outcome.plots as readonly [Plot];

it('draws lines, bands, axis titles and the name of each line at its end, the same text each time', async () => {
  const svg = await plotToSvg(plot);
  for (const text of [
    'Time over tokens',
    'tokens N',
    'time (ms)',
    'ours',
    'theirs',
    '#0072b2',
    '#d55e00',
    'fill-opacity=".2"',
  ]) {
    expect(svg).toContain(text);
  }
  expect((await plotToSvg(plot)) === svg).toBe(true);
  // An element a line, tenths of a pixel.
  expect(svg.split('\n').length).toBeGreaterThan(20);
  expect(svg).not.toMatch(/ d="[^"]*\d\.\d\d/);
});

it('keeps the names of lines that end together apart', async () => {
  const series = Array.from({ length: 20 }, (_, i) => ({
    label: `line ${i}`,
    points: [
      [1, 5],
      [2, 5],
    ] as const,
  }));
  const svg = await plotToSvg({ ...plot, series });
  const names = [...svg.matchAll(/<text[^>]*transform="translate\(([\d. ]+)\)"[^>]*>\s*line \d+/g)];
  const heights = names.map(([, at]) => Number(at?.split(/[ ,]/)[1] ?? 0)).sort((a, b) => a - b);
  expect(heights).toHaveLength(20);
  expect(Math.min(...heights.slice(1).map((height, i) => height - (heights[i] as number)))).toBeGreaterThan(12);
});

it('leaves out what a logarithmic axis cannot show', async () => {
  const [line] = plot.series;
  const points = [...(line?.points ?? []), [1000, 0], [-1, 5], [Number.NaN, 1]] as const;
  const with0 = await plotToSvg({ ...plot, series: [{ label: 'ours', points }] });
  expect(with0 === (await plotToSvg({ ...plot, series: [{ label: 'ours', points: line?.points ?? [] }] }))).toBe(true);
  expect(with0).not.toContain('NaN');
});

it('draws an empty picture of no points', async () => {
  expect(await plotToSvg({ ...plot, series: [] })).toContain('tokens N');
});

it('draws a heatmap with every number in its field, from below, and leaves out what was not measured', async () => {
  const heatmap: Heatmap = {
    name: 'fields',
    title: 'Error over both',
    x: { label: 'rms', ticks: ['1/4', '4'] },
    y: { label: 'τ', ticks: ['1', '64'] },
    value: 'error/variance',
    cells: [
      [0.125, 0.5],
      [null, 0.875],
    ],
  };
  const svg = await plotToSvg(heatmap);
  for (const text of ['Error over both', 'error/variance', 'rms', 'τ', '0.125', '0.5', '0.875', '1/4', '64']) {
    expect(svg).toContain(`${text}<`);
  }
  const heightOf = (text: string): number =>
    Number(
      new RegExp(`<text[^>]*translate\\(([\\d.]+)[ ,]+([\\d.]+)\\)[^>]*>\\s*${text}<`).exec(svg)?.[2] ?? Number.NaN,
    );
  expect(heightOf('0.125')).toBeGreaterThan(heightOf('0.875'));
  expect(svg).not.toMatch(/NaN|null/);
});
