import { appendFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { withFileErrors } from '@vqkit/checkpoint/node';
import type { MetricsRecord, TrainingEvent } from '@vqkit/training';
import type { ModalityShown } from '../modality.ts';
import type { TrainConfig } from '../train-options.ts';
import { eventRecord, fileHead } from './records.ts';
import { codeUse, latentUse, media, type Summary, scalars, text } from './summaries.ts';

const FILE = /^events\.out\.tfevents\.(\d+)\./;

/** What TensorBoard shows of a run: event files in `<run>/tensorboard`. */
export interface TensorboardLog {
  /** Appends what an event tells; whole records are in the file when the promise is kept, so that a TensorBoard that follows shows them. */
  write(event: TrainingEvent): Promise<void>;
  /** Appends the numbers of a record under `tag`. */
  writeNumbers(step: number, tag: string, record: object): Promise<void>;
}

interface LoggedRun {
  /** Steps done before; undefined of a new run. */
  readonly reached: number | undefined;
  /** The records of those. */
  readonly history: readonly MetricsRecord[];
  readonly shown: Pick<ModalityShown, 'media'>;
  readonly config: TrainConfig;
}

/**
 * Begins an event file in `folder`. Of a resumed run it is one more: TensorBoard reads the files in the order of their names, and what earlier
 * ones say of steps after `reached` is void.
 * A run that was begun without such a log is told from its first step.
 */
export async function openTensorboardLog(
  folder: string,
  { reached, history, shown, config }: LoggedRun,
): Promise<TensorboardLog> {
  await withFileErrors('train', folder, 'be a folder', mkdir(folder, { recursive: true }));
  const before = (await withFileErrors('train', folder, 'be a folder', readdir(folder))).map((name) =>
    Number(FILE.exec(name)?.[1] ?? 0),
  );
  // Later than all, whatever the clock of this machine says.
  const seconds = Math.max(Math.floor(Date.now() / 1000), ...before.map((second) => second + 1));
  const path = join(folder, `events.out.tfevents.${String(seconds).padStart(10, '0')}.${hostname()}`);
  const now = (): number => Date.now() / 1000;
  const head = fileHead(before.length === 0 ? 0 : (reached ?? -1) + 1);
  const records = head.map(({ step, what }) => eventRecord(step, what, now()));
  await withFileErrors('train', path, 'be written', writeFile(path, Buffer.concat(records), { flag: 'wx' }));

  const append = async (step: number, value: Summary[]): Promise<void> => {
    if (value.length === 0) return;
    const record = eventRecord(step, { case: 'summary', value: { value } }, now());
    await withFileErrors('train', path, 'be written', appendFile(path, record));
  };
  const writeRecord = ({ kind, step, ...numbers }: MetricsRecord): Promise<void> =>
    append(step, scalars(kind, numbers));
  if (before.length === 0) for (const record of history) await writeRecord(record);
  return {
    async write(event) {
      const { step } = event;
      if (event.kind === 'train' || event.kind === 'validation') await writeRecord(event);
      if (event.kind === 'codes') {
        const several = event.histograms.length > 1;
        const tag = (i: number): string => (several ? `codes/${i}` : 'codes');
        const uses = event.histograms.map((histogram, i) => codeUse(tag(i), histogram));
        await append(step, [...uses, ...latentUse(event.latents)]);
      }
      if (event.kind === 'examples' && shown.media !== undefined) {
        const pictures = await shown.media(event.pairs, config);
        await append(
          step,
          Object.entries(pictures).map(([name, one]) => media(`${event.of}/${name}`, one)),
        );
      }
      if (event.kind === 'diagnosis') {
        const found = event.found.map(({ evidence, remedy }) => `- ${evidence} ${remedy}`);
        await append(step, [text('diagnosis', found.length === 0 ? 'Nothing found.' : found.join('\n'))]);
      }
    },
    writeNumbers: (step, tag, record) => append(step, scalars(tag, record)),
  };
}
