import { truncate, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { runToEnd } from '../child.ts';
import { PACKAGE_FOLDER } from '../paths.ts';
import type { EngineMissing, ExpectedFiles, ParityFound, ParityTask, QuantizerName, ReferenceTask } from './task.ts';

/** Finds the ids of float64 of a quantizer in as many processes as there are cores, and writes them into a folder: once for all engines. */
export async function writeExpected(quantizer: QuantizerName, tokens: number, folder: string): Promise<ExpectedFiles> {
  const files = { ids: join(folder, `${quantizer}.ids`), codes: join(folder, `${quantizer}.codes`) };
  await writeFile(files.ids, '');
  await truncate(files.ids, 4 * tokens);
  const step = availableParallelism();
  await Promise.all(
    Array.from({ length: step }, (_, start) => {
      const task: ReferenceTask = { quantizer, tokens, start, step, files };
      return runWorker('reference-worker', task);
    }),
  );
  return files;
}

/** Compares the ids of one engine with those of float64, in a process of its own. */
export async function compareIds(task: ParityTask, files: ExpectedFiles): Promise<ParityFound | EngineMissing> {
  const output = await runWorker('worker', task, files);
  const [, line = ''] = /^@parity (.*)$/m.exec(output) ?? [];
  return JSON.parse(line) as ParityFound | EngineMissing;
}

function runWorker(name: string, ...given: readonly object[]): Promise<string> {
  const worker = join(PACKAGE_FOLDER, `dist/src/parity/${name}.js`);
  return runToEnd(process.execPath, [worker, ...given.map((each) => JSON.stringify(each))]);
}
