import type { Experiment, ExperimentContext, Outcome } from '../src/experiment.ts';
import type { ExperimentEntry } from '../src/registry.ts';

export const outcome: Outcome = {
  tables: [
    {
      title: 'Speed (ms)',
      columns: ['work', 'ours', 'peer'],
      rows: [
        ['FSQ encode', 0.10034, null],
        ['LFQ encode', 12, 65_536],
      ],
    },
  ],
  plots: [
    {
      name: 'growth',
      title: 'Time over tokens',
      x: { label: 'tokens N', scale: 'log' },
      y: { label: 'time (ms)', scale: 'log' },
      series: [
        {
          label: 'ours',
          points: [
            [10, 1],
            [100, 9],
          ],
          spread: [
            [0.9, 1.2],
            [8, 11],
          ],
        },
        {
          label: 'theirs',
          points: [
            [10, 2],
            [100, 30],
          ],
        },
      ],
    },
  ],
  verdicts: [{ claim: 'a', expected: 'b', measured: 'c', verdict: 'reproduced', remark: 'd' }],
  answer: 'It takes **0.1003 ms**.',
};

/** An experiment of given work, under the name `fake`. */
export function fakeEntry(run: (context: ExperimentContext) => Promise<Outcome>): ExperimentEntry {
  const experiment: Experiment = {
    name: 'fake',
    question: 'How long does it take?',
    method: 'A clock.',
    expected: 'Not long.',
    run,
  };
  return { name: 'fake', aliases: ['false'], load: async () => experiment };
}
