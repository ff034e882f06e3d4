// A fleet of workers whose work is a sleep, on one Redis server: how many shards a second the queue hands out.
// `node bench/fleet.mjs --redis redis://127.0.0.1:6379 --workers 1000 --seconds 1 --jobs 20000`
import { parseArgs } from 'node:util';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';

const { values } = parseArgs({
  options: {
    redis: { type: 'string', default: 'redis://127.0.0.1:6379' },
    workers: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '10000' },
  },
});
const [count, seconds, jobs] = [values.workers, values.seconds, values.jobs].map(Number);
const name = `fleet-${process.pid}`;
const connect = () => new Redis(values.redis, { maxRetriesPerRequest: null });
const queue = new Queue(name, { connection: connect() });
for (let from = 0; from < jobs; from += 1000) {
  const part = Array.from({ length: Math.min(1000, jobs - from) }, (_, i) => ({
    name: 'shard',
    data: { shard: from + i },
  }));
  await queue.addBulk(part);
}
/** Milliseconds: when the first shard was done, when as many as there are workers, and the last. */
let [done, first, round, last] = [0, 0, 0, 0];
const seen = new Set();
const shared = connect();
shared.setMaxListeners(0);
const workers = Array.from({ length: count }, () => {
  const worker = new Worker(
    name,
    async ({ data }) => {
      await new Promise((go) => setTimeout(go, 1000 * seconds));
      seen.add(data.shard);
    },
    { connection: shared, autorun: false },
  );
  worker.on('completed', () => {
    done++;
    last = performance.now();
    first ||= last;
    if (done === count) round = last;
  });
  return worker;
});
const began = performance.now();
for (const worker of workers) worker.run();
while (done < jobs && performance.now() - began < 240_000) await new Promise((go) => setTimeout(go, 200));
const perSecond = (1000 * (done - count)) / (last - round);
console.log(
  JSON.stringify({
    workers: count,
    sleepSeconds: seconds,
    jobs,
    done,
    distinct: seen.size,
    perSecond: Math.round(perSecond),
    ideal: Math.round(count / seconds),
    startSeconds: Math.round((first - began) / 1000),
  }),
);
await queue.obliterate({ force: true });
process.exit(0);
