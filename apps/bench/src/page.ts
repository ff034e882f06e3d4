import { relative } from 'node:path';
import type { Table } from './experiment.ts';
import { formatNumber, markdownTable, slug, verdictTable } from './markdown.ts';
import type { Result } from './result.ts';

/** Share of the cores that others may use without a warning. */
const BUSY = 0.5;

/** Where the plot of an experiment is, without its ending. */
export function plotFile(experiment: string, plot: string): string {
  return `${experiment}-${plot}`;
}

/** results/<experiment>.md: the tables and what they were measured with. */
export function tablesPage(result: Result): string {
  return [
    `# ${result.experiment}`,
    measuredWith(result),
    ...(result.outcome.verdicts.length > 0 ? [verdictTable(result.outcome.verdicts)] : []),
    ...result.outcome.tables.map(titled),
    '',
  ].join('\n\n');
}

/**
 * The page with the question, the answer in words and all that it rests on.
 * @param folder where the page will be, and `results` where the pictures are.
 */
export function answerPage(result: Result, folder: string, results: string): string {
  const { experiment, question, method, expected, outcome } = result;
  const pictures = relative(folder, results).replaceAll('\\', '/') || '.';
  return [
    '<!-- Made by `pnpm bench docs` from the results; do not edit. -->',
    `# ${question}`,
    outcome.answer.trim(),
    ...(outcome.verdicts.length > 0 ? ['## Claims', verdictTable(outcome.verdicts)] : []),
    ...(outcome.tables.length > 0 ? ['## Numbers', ...outcome.tables.map(titled)] : []),
    ...(outcome.plots.length > 0 ? ['## Pictures'] : []),
    ...outcome.plots.map(({ name, title }) => `![${title}](${pictures}/${plotFile(experiment, name)}.svg)`),
    '## How it was done',
    method,
    `**Expected before the run:** ${expected}`,
    measuredWith(result),
    '',
  ].join('\n\n');
}

/** docs/answers/README.md: every question with a link to its page. */
export function indexPage(results: readonly Result[]): string {
  return [
    '<!-- Made by `pnpm bench docs` from the results; do not edit. -->',
    '# Answers',
    'Questions of the field, each answered by an experiment that one command repeats. The numbers come from `apps/bench/results`.',
    markdownTable({
      columns: ['question', 'command', 'claims reproduced'],
      rows: results.map(({ experiment, question, command, outcome: { verdicts } }) => [
        `[${question}](${experiment}.md)`,
        `\`${command}\``,
        verdicts.length === 0
          ? '-'
          : `${verdicts.filter(({ verdict }) => verdict === 'reproduced').length} of ${verdicts.length}`,
      ]),
    }),
    '',
  ].join('\n\n');
}

/**
 * What stands between `<!-- result:experiment:key -->` and `<!-- /result -->`, undefined for an unknown key:
 * `answer`, `verdicts`, `command`, `date`, `machine`, `table.<title>`, and `cell.<title>.<first cell of the row>.<column>`, with
 * titles, rows and columns as slugs.
 */
export function blockContent(result: Result, key: string): string | undefined {
  const { outcome, command, date } = result;
  const [kind, title, row, column] = key.split('.');
  const table = outcome.tables.find((candidate) => slug(candidate.title) === title);
  switch (kind) {
    case 'answer':
      return `\n${outcome.answer.trim()}\n`;
    case 'verdicts':
      return `\n${verdictTable(outcome.verdicts)}\n`;
    case 'command':
      return `\`${command}\``;
    case 'date':
      return date.slice(0, 10);
    case 'machine':
      return machine(result);
    case 'table':
      return table === undefined ? undefined : `\n${markdownTable(table)}\n`;
    case 'cell': {
      const at = table?.columns.findIndex((name) => slug(name) === column) ?? -1;
      const cell = table?.rows.find(([first]) => slug(String(first)) === row)?.[at];
      if (cell === undefined) return undefined;
      return typeof cell === 'number' ? formatNumber(cell) : (cell ?? 'not measured');
    }
    default:
      return undefined;
  }
}

function titled(table: Table): string {
  return `**${table.title}**\n\n${markdownTable(table)}`;
}

function machine({ environment: { cpu, cores, node, tfjs, python } }: Result): string {
  const peer =
    python === null
      ? ''
      : `, PyTorch ${python.torch}, vector-quantize-pytorch ${python.vectorQuantizePytorch} on Python ${python.python}`;
  return `${cores} cores of ${cpu}, Node ${node}, TensorFlow.js ${tfjs}${peer}`;
}

function measuredWith(result: Result): string {
  const { command, date, seeds, quick, seconds, environment } = result;
  const commit = environment.commit === null ? '' : `, commit ${environment.commit}`;
  return [
    `Repeat it with \`${command}\`${quick ? ' (a quick run: fewer steps and seeds, smaller sizes)' : ''}.`,
    ...(environment.load > BUSY * environment.cores
      ? [
          `**The machine was busy**: ${environment.load} other processes wanted its ${environment.cores} cores when it began, so times are too long.`,
        ]
      : []),
    `Measured on ${date.slice(0, 10)}: ${machine(result)}, vqkit ${environment.vqkit}${commit}; seeds ${seeds.join(', ')}; ${Math.round(seconds)} s of work.`,
  ].join('\n');
}
