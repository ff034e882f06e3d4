import type { Table, Verdict } from './experiment.ts';

/** A cell of a table: integers whole, other numbers with four significant digits, null as "not measured". */
export function formatCell(cell: string | number | null): string {
  if (cell === null) return 'not measured';
  return typeof cell === 'string' ? cell : formatNumber(cell);
}

/** `0.1003`, `12.35`, `5387`, `1.2e-7`, `65,536`. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value)) return size >= 10_000 ? value.toLocaleString('en-US') : String(value);
  if (size < 1e-3 || size >= 1e9) return value.toExponential(1);
  const rounded = Number(value.toPrecision(4));
  return size >= 10_000 ? rounded.toLocaleString('en-US') : String(rounded);
}

/** The number as a table prints it, with the given significant digits: as texts have it. */
export function numberText(value: number, digits = 3): string {
  return formatNumber(Number(value.toPrecision(digits)));
}

/** A GitHub table; columns of numbers stand on the right. */
export function markdownTable({ columns, rows }: Pick<Table, 'columns' | 'rows'>): string {
  const numeric = columns.map((_, i) => {
    const cells = rows.map((row) => row[i] ?? null).filter((cell) => cell !== null);
    return cells.length > 0 && cells.every((cell) => typeof cell === 'number');
  });
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeCell).join(' | ')} |`;
  return [
    line(columns),
    `| ${numeric.map((right) => (right ? '--:' : '---')).join(' | ')} |`,
    ...rows.map((row) => line(columns.map((_, i) => formatCell(row[i] ?? null)))),
  ].join('\n');
}

export function verdictTable(verdicts: readonly Verdict[]): string {
  return markdownTable({
    columns: ['claim', 'expected', 'measured', 'true here?', 'as predicted?', 'remark'],
    rows: verdicts.map(({ claim, expected, measured, remark, ...judged }) => [
      claim,
      expected,
      measured,
      `**${TRUE_HERE[judged.verdict]}**`,
      asPredicted(judged),
      remark,
    ]),
  });
}

const TRUE_HERE = {
  reproduced: 'yes',
  'not reproduced': 'no',
  undecided: 'undecided',
  'beyond reach here': 'not measured',
} as const;

/** Whether a claim came out as it was predicted, which may be that it does not hold. */
export function asPredicted({ verdict, predicted = true }: Pick<Verdict, 'verdict' | 'predicted'>): string {
  const found = TRUE_HERE[verdict];
  if (predicted === null) return 'not predicted';
  if (found !== 'yes' && found !== 'no') return found;
  return predicted === (found === 'yes') ? 'yes' : 'no';
}

/** A word for keys and anchors: `Speed against peers (ms)` becomes `speed-against-peers-ms`. */
export function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ');
}
