import { relative } from 'node:path';
import type { Table, Verdict } from './experiment.ts';
import { asPredicted, formatNumber, markdownTable, slug, verdictTable } from './markdown.ts';
import type { Result } from './result.ts';

/** Share of the cores that others may use without a warning. */
const BUSY = 0.5;

/** Where the plot of an experiment is, without its ending. */
export function plotFile(experiment: string, plot: string): string {
  return `${experiment}-${plot}`;
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
    ...(outcome.verdicts.length > 0 ? ['## Claims', verdictTable(outcome.verdicts), ...judgedHow(result)] : []),
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

/** docs/answers/README.md: the questions that are asked most, then every question with its short answer and its page. */
export function indexPage(results: readonly Result[], asked: readonly string[] = []): string {
  return [
    '<!-- Made by `pnpm bench docs` from the results; do not edit. -->',
    '# Answers · 问答',
    'Words are in the [glossary](../glossary.md). Questions of the field, each answered by an experiment that one command repeats. The numbers come from `apps/bench/results`. A claim is true here when it held in miniature; that one did not is an answer too, and one that the seeds cannot decide counts as neither. As predicted are the claims of which we said so before the run.',
    ...asked,
    '## All questions',
    markdownTable({
      columns: ['question', 'short answer', 'command', 'claims true here', 'as predicted'],
      rows: results.map(({ experiment, question, command, outcome: { answer, verdicts } }) => [
        `[${question}](${experiment}.md)`,
        shortAnswer(answer),
        `\`${command}\``,
        countOf(verdicts, ({ verdict }) => verdict === 'reproduced'),
        countOf(verdicts, (verdict) => asPredicted(verdict) === 'yes'),
      ]),
    }),
    '',
  ].join('\n\n');
}

function countOf(verdicts: readonly Verdict[], holds: (verdict: Verdict) => boolean): string {
  return verdicts.length === 0 ? '-' : `${verdicts.filter(holds).length} of ${verdicts.length}`;
}

/** What an answer begins with in bold. */
function shortAnswer(answer: string): string {
  return /^\*\*(.+?)\*\*/.exec(answer.trim())?.[1] ?? 'see its page';
}

/**
 * What stands between `<!-- result:experiment:key -->` and `<!-- /result -->`, undefined for an unknown key:
 * `answer`, `verdicts`, `command`, `date`, `machine`, `measured` (when, with which sources, on what), `table.<title>`, and `cell.<title>.<first cell of the row>.<column>`, with
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
    case 'measured': {
      const { commit } = result.environment;
      return `on ${date.slice(0, 10)}${commit === null ? '' : ` with commit ${commit}`}, ${machine(result)}`;
    }
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

/** Whether its parts depend on seeds. */
function isSeeded({ parts }: Result): boolean {
  return parts.some(({ settings }) => 'seed' in settings || 'seeds' in settings);
}

/** What stands under the claims of trainings. */
function judgedHow(result: Result): string[] {
  const { seeds, outcome } = result;
  const count = outcome.verdicts.length;
  return isSeeded(result)
    ? [
        `${count} claim${count === 1 ? '' : 's'}, each judged by itself from ${seeds.length} seed${seeds.length === 1 ? '' : 's'} at most: nothing is corrected for their number. Numbers are means, with the lowest and the highest seed in brackets.`,
      ]
    : [];
}

const TIMES = new Set(['ms', '1/s']);

function measuredWith(result: Result): string {
  const { command, date, seeds, quick, seconds, environment, outcome } = result;
  const commit = environment.commit === null ? '' : `, commit ${environment.commit}`;
  const timed = outcome.measurements?.some(({ unit }) => TIMES.has(unit)) ?? false;
  return [
    `Repeat it with \`${command}\`${quick ? ' (a quick run: fewer steps and seeds, smaller sizes)' : ''}.`,
    ...(timed && environment.load !== null && environment.load > BUSY * environment.cores
      ? [
          `**The machine was busy**: ${environment.load} other processes wanted its ${environment.cores} cores when it began, so times are too long.`,
        ]
      : []),
    ...originsOf(result),
    `Measured on ${date.slice(0, 10)}: ${machine(result)}, vqkit ${environment.vqkit}${commit}${isSeeded(result) ? `; seeds ${seeds.join(', ')}` : ''}; ${Math.round(seconds)} s of work.`,
  ].join('\n');
}

/** Parts that were taken over from earlier runs, by run. */
function originsOf({ parts }: Result): string[] {
  const kept = parts.flatMap(({ from }) => (from === undefined ? [] : [from]));
  const runs = [...new Set(kept.map(({ date, commit }) => `${date.slice(0, 10)}, commit ${commit ?? 'unknown'}`))];
  return kept.length === 0
    ? []
    : [`${kept.length} of its ${parts.length} parts were measured before (${runs.join('; ')}).`];
}
