import { mkdir, readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { writeFileAtomic } from '@vqkit/checkpoint/node';
import { DataError, phrase } from '@vqkit/core-tensor';
import { answerPage, blockContent, indexPage, plotFile } from './page.ts';
import { ANSWERS, RESULTS, ROOT } from './paths.ts';
import { plotToSvg } from './plot.ts';
import { questionsOf } from './questions.ts';
import type { ExperimentEntry } from './registry.ts';
import { readResult } from './replay.ts';
import type { Result } from './result.ts';

export interface DocsOptions {
  /** Says what differs and writes nothing. */
  readonly check?: boolean;
  readonly resultsFolder?: string;
  readonly answersFolder?: string;
  /** Files whose marked blocks are filled. Default every README and page of the workspace. */
  readonly documents?: readonly string[];
  /** Whose results they are. Default every experiment. */
  readonly known?: readonly ExperimentEntry[];
}

const BLOCK = /<!-- result:([a-z0-9-]+):([a-z0-9.-]+) -->([\s\S]*?)<!-- \/result -->/g;
const FENCED = /(^```[\s\S]*?^```)/m;

/**
 * Makes every page, picture and marked number out of the results, so that what is quoted is what was measured.
 *
 * `<!-- result:kernels:table.speed -->…<!-- /result -->` in a README or a page of docs/ holds the table "Speed" of
 * results/kernels.json; the keys are those of `blockContent`.
 *
 * @returns the files that were (with `check`: would be) changed, relative to the root.
 * @throws DataError when a block names a result or a key that does not exist.
 */
export async function generateDocs(options: DocsOptions = {}): Promise<string[]> {
  const { check = false, resultsFolder = RESULTS, answersFolder = ANSWERS } = options;
  const results = await readResults(resultsFolder, options.known);
  const wanted = new Map<string, string>();
  for (const result of results) {
    const { experiment, outcome } = result;
    wanted.set(join(answersFolder, `${experiment}.md`), answerPage(result, answersFolder, resultsFolder));
    for (const plot of outcome.plots) {
      wanted.set(join(resultsFolder, `${plotFile(experiment, plot.name)}.svg`), await plotToSvg(plot));
    }
  }
  if (results.length > 0) wanted.set(join(answersFolder, 'README.md'), indexPage(results, questionsOf(results)));
  const pages = new Set(wanted.keys());
  for (const path of options.documents ?? (await documentsOf(ROOT))) {
    if (pages.has(path)) continue;
    const text = await readFile(path, 'utf8');
    wanted.set(path, fillBlocks(text, results, relative(ROOT, path)));
  }
  const changed: string[] = [];
  for (const [path, content] of wanted) {
    if ((await readFile(path, 'utf8').catch(() => undefined)) === content) continue;
    changed.push(relative(ROOT, path));
    if (check) continue;
    await mkdir(dirname(path), { recursive: true });
    await writeFileAtomic(path, content);
  }
  return changed;
}

/** A text with its marked blocks filled anew, but for those in fenced code, which are examples. `name` is for the error. */
export function fillBlocks(text: string, results: readonly Result[], name: string): string {
  const fill = (part: string): string =>
    part.replace(BLOCK, (_, experiment: string, key: string) => {
      const content = contentOf(experiment, key, results, name);
      return `<!-- result:${experiment}:${key} -->${content}<!-- /result -->`;
    });
  // Split at a pattern in brackets, the fences themselves are the odd parts.
  return text
    .split(FENCED)
    .map((part, i) => (i % 2 === 0 ? fill(part) : part))
    .join('');
}

function contentOf(experiment: string, key: string, results: readonly Result[], name: string): string {
  const result = results.find((candidate) => candidate.experiment === experiment);
  if (result === undefined) {
    throw new DataError(
      'bench docs',
      name,
      'quote results that exist',
      phrase(experiment),
      `Run pnpm bench ${experiment} first.`,
    );
  }
  const content = blockContent(result, key);
  if (content !== undefined) return content;
  throw new DataError(
    'bench docs',
    name,
    `quote a key of results/${experiment}.json`,
    phrase(key),
    'The keys are answer, verdicts, command, date, machine, measured, table.<title> and cell.<title>.<row>.<column>.',
  );
}

/** Every finished result of a folder, sorted by name. */
async function readResults(folder: string, known: readonly ExperimentEntry[] | undefined): Promise<Result[]> {
  const names = await readdir(folder).catch(() => []);
  const files = names.filter((name) => name.endsWith('.json') && !name.startsWith('.')).sort();
  return Promise.all(files.map((name) => readResult(join(folder, name), known)));
}

/** The READMEs of the workspace and the pages of docs/. */
export async function documentsOf(root: string): Promise<string[]> {
  const inside = async (folder: string): Promise<string[]> => {
    const entries = await readdir(join(root, folder), { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(root, folder, name, 'README.md'));
  };
  const docs = (await readdir(join(root, 'docs'), { recursive: true }))
    // What `npm run site` makes and installs is nobody's text.
    .filter((name) => name.endsWith('.md') && !/(^|[\\/])(\.|node_modules[\\/])/.test(name))
    .map((name) => join(root, 'docs', name));
  const all = [join(root, 'README.md'), ...docs, ...(await inside('packages')), ...(await inside('apps'))];
  const readable = await Promise.all(
    all.map((path) =>
      readFile(path).then(
        () => true,
        () => false,
      ),
    ),
  );
  return all.filter((_, i) => readable[i]).sort();
}
