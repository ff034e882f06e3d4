import { createBar, printLine, stopBar } from './bar.ts';
import type { BenchHooks } from './bench-harness.ts';

/** Shows which part of which experiment runs. */
export interface BenchProgress {
  readonly hooks: BenchHooks;
  stop(): void;
}

/** A bar on a terminal, with a line above it for each finished part; elsewhere the lines alone. */
export function createBenchProgress(stream: NodeJS.WriteStream): BenchProgress {
  const bar = createBar(stream, '{bar} {percentage} %  {experiment}: {part}  {duration_formatted}');
  let experiment = '';
  let finished = 0;
  let expected: number | undefined;

  const print = (line: string): void => printLine(stream, bar, line);
  const show = (part: string, share = 0): void => {
    // Where the number of parts is not known, the bar always has one more to go.
    const total = Math.max(expected ?? 0, finished + 1);
    bar?.update(Math.min(1, (finished + share) / total), { experiment, part });
  };
  let running = '';
  return {
    hooks: {
      onStart(info) {
        experiment = info.experiment;
        expected = info.parts;
        finished = 0;
        print(`${experiment}: ${info.question}`);
        stopBar(bar);
        bar?.start(1, 0, { experiment, part: '' });
      },
      onPart({ name, state, seconds }) {
        if (state === 'started') {
          running = name;
          show(name);
          return;
        }
        finished++;
        const of = expected === undefined ? '' : `/${expected}`;
        print(`  ${finished}${of} ${name}: ${state === 'remembered' ? 'done before' : `${seconds.toFixed(1)} s`}`);
        show(name);
      },
      onProgress: (share) => show(running, share),
      onLog: (line) => print(`  ${line}`),
      onDone({ result, files }) {
        stopBar(bar);
        for (const line of result.outcome.answer.trim().split('\n')) print(line);
        print('');
        for (const file of files) print(file);
      },
    },
    stop: () => stopBar(bar),
  };
}
