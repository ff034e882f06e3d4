export type { QueueOptions, QueueState } from './queue.ts';
export { fillQueue, queueState } from './queue.ts';
export type { Worked, WorkHooks, WorkOptions } from './work.ts';
export { workQueue } from './work.ts';
