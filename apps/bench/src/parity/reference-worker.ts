// A process that finds the ids of float64 for a share of the random vectors and writes them to their places in a file. Its argument is a
// ReferenceTask.
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { init } from '@vqkit/backend-node';
import { chunksOf, subjectOf } from './subjects.ts';
import type { ReferenceTask } from './task.ts';

const { quantizer, tokens, start, step, files } = JSON.parse(process.argv[2] ?? '') as ReferenceTask;
// Any engine: it only makes the codes.
await init({ prefer: 'cpu' });
const { reference, codes, draw } = await subjectOf(quantizer);
if (start === 0) writeFileSync(files.codes, codes);
const file = openSync(files.ids, 'r+');
for (const { chunk, first, count } of chunksOf(tokens)) {
  if (chunk % step === start) writeSync(file, reference.ids(draw(chunk, count)), 0, 4 * count, 4 * first);
}
closeSync(file);
