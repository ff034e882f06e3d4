import { DataError, phrase } from '@vqkit/core-tensor';
import type { ExperimentContext, Outcome } from './experiment.ts';
import { type ExperimentEntry, experiments, findExperiments } from './registry.ts';
import { checkedOutcome, type Result, readStored, type StoredResult } from './result.ts';

/**
 * What an experiment makes of the parts that a result has: nothing is measured, and no data, engine or peer is asked for.
 * @throws DataError when a part is missing, because the experiment has changed since.
 */
export async function replay(stored: StoredResult, known: readonly ExperimentEntry[] = experiments): Promise<Outcome> {
  const { experiment: name, quick, seeds, environment, command } = stored;
  const experiment = await findExperiments([name], known)[0]?.load();
  const values = new Map(stored.parts.map((part) => [part.name, part.value]));
  const context: ExperimentContext = {
    quick,
    seeds,
    cores: environment.cores,
    python: environment.python === null ? undefined : 'python',
    dataDir: undefined,
    async part<T>(part: string): Promise<T> {
      if (values.has(part)) return values.get(part) as T;
      throw new DataError(
        'bench',
        `the result of ${name}`,
        `have the part ${JSON.stringify(part)}`,
        phrase('none'),
        `Measure it: ${command}, with --reuse where it was measured on this machine.`,
      );
    },
    log: () => undefined,
    progress: () => undefined,
  };
  return checkedOutcome(name, await (experiment as NonNullable<typeof experiment>).run(context));
}

/**
 * Reads a results file, with what its experiment makes of it. Question and method are worded as the experiment words them now; what was
 * expected stays as it was said before the run.
 * @throws DataError when it is missing, damaged, of another version or of an experiment that has changed since.
 */
export async function readResult(path: string, known?: readonly ExperimentEntry[]): Promise<Result> {
  const stored = await readStored(path);
  const outcome = await replay(stored, known);
  const experiment = await findExperiments([stored.experiment], known)[0]?.load();
  const { question, method } = experiment ?? stored;
  return { ...stored, question, method, outcome };
}
