import type { Plot } from '../experiment.ts';
import { numberText } from '../markdown.ts';
import { percent, testSpread } from '../training/summary.ts';
import {
  ceilingOf,
  METHODS,
  meanOf,
  type Pick,
  type Quality,
  type Row,
  sizes,
  uniformShare,
  used,
} from './collapse-methods.ts';

/** The pictures of the sweep, each with its finding at the largest codebook. */
export function plotsOf(rows: readonly Row[], quality: Quality): Plot[] {
  const plot = (name: string, title: string, label: string, scale: 'linear' | 'log', pick: Pick): Plot => ({
    name,
    title,
    x: { label: 'bits per token' },
    y: { label, scale },
    series: METHODS.map((method) => {
      const points = rows
        .filter((row) => row.method === method)
        .flatMap(({ runs }) => {
          const spread = testSpread(runs, pick);
          const bits = testSpread(runs, (test) => test.bitsPerToken);
          return spread === null || bits === null ? [] : [{ bits: bits.mean, spread }];
        });
      return {
        label: method.name,
        points: points.map(({ bits, spread }) => [bits, spread.mean] as const),
        spread: points.map(({ spread }) => [spread.low, spread.high] as const),
      };
    }),
  });
  /** The methods with the most and with the least at the largest codebook. */
  const extremes = (pick: Pick): string => {
    const largest = Math.max(...sizes(rows));
    const found = METHODS.map((method) => ({ name: method.name, value: meanOf(rows, method, largest, pick) })).sort(
      (a, b) => b.value - a.value,
    );
    const [first, last] = [found[0], found.at(-1)];
    return `${first?.name} ${numberText(first?.value ?? Number.NaN)}, ${last?.name} ${numberText(last?.value ?? Number.NaN)}`;
  };
  const codes = plot(
    'used',
    `Codes in use, largest codebook: ${extremes(used)}; drawn uniformly ${percent(uniformShare(rows))} would be`,
    'used codes',
    'log',
    used,
  );
  return [
    { ...codes, series: [...codes.series, ceilingOf(rows)] },
    plot(
      'perplexity',
      `Codes as if used evenly, largest codebook: ${extremes((test) => test.perplexity)}`,
      'perplexity',
      'log',
      (test) => test.perplexity,
    ),
    plot(
      'quality',
      `${quality.name}, largest codebook: ${extremes(quality.pick)}`,
      `${quality.name}, dB`,
      'linear',
      quality.pick,
    ),
  ];
}
