import { createHash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from '@vqkit/checkpoint/node';
import { DataError, phrase } from '@vqkit/core-tensor';
import { z } from 'zod';
import type { Raw } from './experiment.ts';
import type { ResultPart } from './result.ts';

/** Remembers the finished parts of an unfinished run in a folder: one file each, written whole or not at all. */
export interface PartStore {
  /** The value of a part: remembered when it was done with the same settings, else `work` is done and remembered. */
  part<T>(name: string, settings: Readonly<Record<string, unknown>>, work: (raw: Raw) => Promise<T>): Promise<T>;
  /** All parts of this run so far, in the order of their first call. */
  parts(): readonly ResultPart[];
  /** Forgets the folder, when the result is written. */
  clear(): Promise<void>;
}

export interface PartStoreOptions {
  readonly folder: string;
  /** What every part depends on beside its settings, such as the version of Node. */
  readonly surroundings: Readonly<Record<string, unknown>>;
  /** Parts of an earlier result, measured in the same surroundings: one with the same name and settings is not done again. */
  readonly earlier?: readonly ResultPart[] | undefined;
  /** Where what was measured in full goes, one file for each part that is done. */
  readonly rawFolder?: string | undefined;
  /** Called before and after each part. `remembered` parts cost no time. */
  readonly onPart?: (event: { name: string; state: 'started' | 'done' | 'remembered'; seconds: number }) => void;
}

const storedSchema = z.strictObject({
  key: z.string(),
  name: z.string(),
  settings: z.record(z.string(), z.unknown()),
  seconds: z.number(),
  value: z.unknown(),
});

/** Opens the store of one experiment. A damaged file of it counts as not done. */
export function openPartStore({ folder, surroundings, earlier = [], rawFolder, onPart }: PartStoreOptions): PartStore {
  const finished = new Map<string, ResultPart>();
  return {
    async part<T>(
      name: string,
      settings: Readonly<Record<string, unknown>>,
      work: (raw: Raw) => Promise<T>,
    ): Promise<T> {
      if (finished.has(name)) {
        throw new DataError(
          'bench',
          'each part',
          'have a name of its own',
          phrase(`${JSON.stringify(name)} twice`, name),
          'Rename one.',
        );
      }
      const key = keyOf({ ...surroundings, settings });
      const path = join(folder, fileName(name));
      const stored = await read(path);
      if (stored?.key === key && stored.name === name) {
        finished.set(name, { name, settings: stored.settings, seconds: stored.seconds, value: stored.value });
        onPart?.({ name, state: 'remembered', seconds: stored.seconds });
        return stored.value as T;
      }
      const before = earlier.find((part) => part.name === name && keyOf(part.settings) === keyOf(settings));
      if (before !== undefined) {
        finished.set(name, before);
        onPart?.({ name, state: 'remembered', seconds: before.seconds });
        return before.value as T;
      }
      onPart?.({ name, state: 'started', seconds: 0 });
      const start = performance.now();
      let full: unknown;
      // As the file gives it back, so that a run that goes on, and every page, computes with the same values.
      const value = kept((await work((measured) => (full = measured))) ?? null) as T;
      const seconds = Math.round((performance.now() - start) / 100) / 10;
      if (rawFolder !== undefined && full !== undefined) {
        await mkdir(rawFolder, { recursive: true });
        await writeFileAtomic(join(rawFolder, fileName(name)), JSON.stringify({ name, settings, value: full }));
      }
      await mkdir(folder, { recursive: true });
      await writeFileAtomic(path, JSON.stringify({ key, name, settings, seconds, value }));
      finished.set(name, { name, settings, seconds, value });
      onPart?.({ name, state: 'done', seconds });
      return value;
    },
    parts: () => [...finished.values()],
    clear: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A value as results files have it: JSON, and six digits of every number that is not whole. */
function kept(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, part: unknown) =>
      typeof part === 'number' && !Number.isInteger(part) ? Number(part.toPrecision(6)) : part,
    ),
  );
}

async function read(path: string): Promise<z.infer<typeof storedSchema> | undefined> {
  try {
    return storedSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

/** `lfq d=10, seed 1` becomes `lfq-d-10-seed-1-1f2e3d4c.json`: readable, and different for different names. */
function fileName(name: string): string {
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 60);
  return `${slug}-${keyOf(name).slice(0, 8)}.json`;
}

/** The same for objects whose keys stand in another order. */
function keyOf(value: unknown): string {
  const sorted = JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
  return createHash('sha256').update(sorted).digest('hex');
}
