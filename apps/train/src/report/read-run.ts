import { basename, join, resolve } from 'node:path';
import { readJson } from '@vqkit/checkpoint/node';
import { OptionError, phrase, shorten, show } from '@vqkit/core-tensor/errors';
import { QUANTIZERS } from '@vqkit/quantizers';
import type { ReportData } from '../report-data.ts';
import { reportData } from '../report-schema.ts';

/** A run that the report shows. */
export interface Run {
  /** Unique among the runs of the report: `LFQ`, or with several of them `LFQ, seed 1`, `LFQ (folder)` or `LFQ (/path/of/folder)`. */
  readonly name: string;
  readonly folder: string;
  readonly data: ReportData;
}

/**
 * Reads report-data.json of every run folder and names the runs.
 * @throws OptionError when there is no folder, or its file is missing, is not JSON or does not hold a run's data.
 */
export async function readRuns(where: string, folders: readonly string[]): Promise<Run[]> {
  if (folders.length === 0) {
    throw new OptionError(where, 'runFolders', 'have at least one folder', phrase('none'), 'Pass the folder of a run.');
  }
  const runs = await Promise.all(folders.map(async (folder) => ({ folder, data: await readRun(where, folder) })));
  const plain = runs.map(({ data }) => quantizerTitle(data.summary.quantizer));
  const seeded = runs.map(({ data }, i) => `${plain[i]}, seed ${data.summary.seed}`);
  const named = (part: (folder: string) => string): string[] =>
    runs.map(({ folder }, i) => `${plain[i]} (${part(resolve(folder))})`);
  const candidates = [plain, seeded, named(basename), named((folder) => folder)];
  return runs.map(({ folder, data }, i) => {
    const unique = candidates.find((names) => names.filter((name) => name === names[i]).length === 1);
    if (unique === undefined) {
      throw new OptionError(
        where,
        'runFolders',
        'name every run once',
        phrase(`${folder} twice`, folder),
        'Leave one out.',
      );
    }
    return { folder, data, name: unique[i] as string };
  });
}

export async function readRun(where: string, folder: string): Promise<ReportData> {
  const path = join(folder, 'report-data.json');
  const fix = 'Pass the folder of a finished run.';
  const json = await readJson(path, (rule, found) => {
    return new OptionError(where, path, `be ${rule}`, phrase(found), fix);
  });
  const result = reportData.safeParse(json);
  if (result.success) return result.data as ReportData;
  const issue = result.error.issues[0];
  const at = shorten(issue?.path.join('.') ?? '');
  const value = issue?.path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown>)?.[key], json);
  throw new OptionError(
    where,
    path,
    "hold a run's report data",
    phrase(`${at === '' ? '' : `${at} = `}${show(value)} (${shorten(issue?.message ?? '')})`, value),
    fix,
  );
}

/** What a report of another version may name has its name for a title. */
function quantizerTitle(name: string): string {
  return Object.values(QUANTIZERS).find((entry) => entry.name === name.toLowerCase())?.title ?? name;
}
