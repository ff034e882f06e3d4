// The process of vqkit: encodes pictures into shards as `vqkit encode --workers` does, and prints how fast. Its argument is a WorkersTask.
import { encodeShards } from '@vqkit/train';
import type { WorkersRate, WorkersTask } from './task.ts';

const task = JSON.parse(process.argv[2] ?? '') as WorkersTask;
const { pictures, tokenizer, out, workers, shards, batchSize } = task;
const seen: (readonly [ms: number, done: number])[] = [];
let examples = 0;
const result = await encodeShards(
  tokenizer,
  { paths: [pictures], out, workers, shards, batchSize, format: 'npy', engine: 'wasm', threads: 1 },
  {
    onStart(info) {
      examples = info.examples;
    },
    onExamples: (done) => seen.push([performance.now(), done]),
  },
  {},
);
if (result.status !== 'finished' || result.failed.length > 0)
  throw new Error(`not finished: ${JSON.stringify(result)}`);
const at = (share: number): readonly [ms: number, done: number] =>
  seen.find(([, done]) => done >= share * examples) ?? [0, 0];
const [[from, first], [to, last]] = [at(0.1), at(0.9)];
const found: WorkersRate = { perSecond: (1000 * (last - first)) / (to - from) };
process.stdout.write(`\n@workers ${JSON.stringify(found)}\n`);
process.exit(0);
