import type { Measurement, Table } from './experiment.ts';
import { numberText } from './markdown.ts';
import { type Summary, summary } from './order-statistics.ts';
import type { Result } from './result.ts';

/**
 * Two results side by side: for each measurement the medians, their ratio, the ratio of the best repetitions, and whether the
 * middle halves of the repetitions are apart, so that noise is not taken for an effect.
 */
export function compareResults(a: Result, b: Result): Table {
  const ofA = measurementsOf(a);
  const ofB = measurementsOf(b);
  const rows = [...new Set([...ofA.keys(), ...ofB.keys()])].map((name) =>
    compareRow(name, ofA.get(name), ofB.get(name)),
  );
  return {
    title: `${a.experiment}, ${a.date.slice(0, 10)} against ${b.experiment}, ${b.date.slice(0, 10)}`,
    columns: ['row', 'unit', 'A median', 'A spread', 'B median', 'B spread', 'B / A', 'best B / A', 'change'],
    rows,
  };
}

function compareRow(name: string, a: Measurement | undefined, b: Measurement | undefined): Table['rows'][number] {
  const inA = a === undefined ? undefined : summary(a.samples);
  const inB = b === undefined ? undefined : summary(b.samples);
  const measurement = a ?? b;
  const ratio = inA !== undefined && inB !== undefined ? inB.median / inA.median : null;
  const best = measurement?.better === 'higher' ? 'high' : 'low';
  return [
    name,
    measurement?.unit ?? '',
    inA?.median ?? null,
    spreadText(inA),
    inB?.median ?? null,
    spreadText(inB),
    ratio,
    inA !== undefined && inB !== undefined ? inB[best] / inA[best] : null,
    changeText(measurement?.better, inA, inB),
  ];
}

function spreadText(of: Summary | undefined): string {
  if (of === undefined) return '-';
  return of.count === 1 ? 'one sample' : `${numberText(of.low)} … ${numberText(of.high)}`;
}

function changeText(better: Measurement['better'] | undefined, a: Summary | undefined, b: Summary | undefined): string {
  if (a === undefined || b === undefined) return 'not in both';
  if (a.count === 1 || b.count === 1) return a.median === b.median ? 'same' : 'one sample';
  if (b.firstQuarter > a.lastQuarter) return better === 'higher' ? 'better' : 'worse';
  if (b.lastQuarter < a.firstQuarter) return better === 'higher' ? 'worse' : 'better';
  return 'within the spread';
}

/** By name; where an experiment gives none, every number of its tables is one of a single sample. */
function measurementsOf({ outcome }: Result): Map<string, Measurement> {
  const given = outcome.measurements ?? outcome.tables.flatMap(cellsOf);
  return new Map(given.map((measurement) => [measurement.name, measurement]));
}

function cellsOf({ title, columns, rows }: Table): Measurement[] {
  return rows.flatMap((row) => {
    const words = row.filter((cell) => typeof cell === 'string').join(', ');
    return row.flatMap((cell, i) =>
      typeof cell === 'number'
        ? [{ name: `${title}: ${words}: ${columns[i] ?? i}`, unit: '', better: 'lower' as const, samples: [cell] }]
        : [],
    );
  });
}
