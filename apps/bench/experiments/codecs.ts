import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAnswering } from '../src/child.ts';
import type { Experiment, Outcome } from '../src/experiment.ts';
import { numberText } from '../src/markdown.ts';
import { PACKAGE_FOLDER } from '../src/paths.ts';
import type { Spent } from '../src/vectors/task.ts';

const SIZES = { dim: 1024, layers: 9, codes: 1024, width: 8, frames: 16_384 };
const QUICK_FRAMES = 2048;
const REPETITIONS = 7;
const GOAL = 3;

/** What both took, in turns, and ids that differ. */
interface Found {
  readonly differ: number;
  readonly ids: number;
  readonly own: readonly Spent[];
  readonly peer: readonly Spent[];
}

export const codecs: Experiment = {
  name: 'codecs',
  question: 'Is the quantizer of the Descript Audio Codec faster here than in Python, with the same ids?',
  method: `The nine layers of its 44.1 kHz model with random weights, ${SIZES.frames.toLocaleString('en-US')} frames of ${SIZES.dim} latents, on one thread: \`ResidualVectorQuantize\` of descriptinc/descript-audio-codec in
PyTorch (\`--data\` names a clone), as it is called, without gradients, and \`loadCodec\` with SIMD kernels, of the same file. Each is a process of its own, that has run once; then they take turns. Minimum and median of
${REPETITIONS} repetitions; times of the processor, which a loaded machine changes little.`,
  expected: `The same ids, ${GOAL} times as fast.`,
  parts: () => 1,

  async run({ part, quick, python = 'python3', dataDir, log }): Promise<Outcome> {
    const sizes = { ...SIZES, ...(quick && { frames: QUICK_FRAMES }) };
    const found = await part('nine layers', { ...sizes, repetitions: REPETITIONS }, async (raw) => {
      if (dataDir === undefined || !existsSync(join(dataDir, 'dac/nn/quantize.py'))) {
        log('PyTorch is not measured: pass a clone of descriptinc/descript-audio-codec as --data, and --python.');
        return null;
      }
      const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
      try {
        const measured = await inTurns(python, dataDir, join(folder, 'dac.safetensors'), sizes);
        raw(measured);
        return measured;
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
    return outcomeOf(found);
  },
};

async function inTurns(python: string, clone: string, path: string, sizes: object): Promise<Found> {
  const peer = startAnswering(python, [
    join(PACKAGE_FOLDER, 'peers/dac_quantizer.py'),
    clone,
    path,
    JSON.stringify(sizes),
  ]);
  await peer.next();
  const own = startAnswering(process.execPath, [join(PACKAGE_FOLDER, 'dist/src/codecs/worker.js'), path]);
  const { differ, ids } = (await own.next()) as Pick<Found, 'differ' | 'ids'>;
  const times: { own: Spent[]; peer: Spent[] } = { own: [], peer: [] };
  for (let i = 0; i < REPETITIONS; i++) {
    times.own.push((await own.ask()) as Spent);
    times.peer.push((await peer.ask()) as Spent);
  }
  own.stop();
  peer.stop();
  return { differ, ids, ...times };
}

function outcomeOf(found: Found | null): Outcome {
  const sorted = (spent: readonly Spent[], clock: 'processor' | 'wall'): number[] =>
    spent.map((own) => own[clock]).sort((a, b) => a - b);
  const least = (spent: readonly Spent[] | undefined): number =>
    spent === undefined ? Number.NaN : (sorted(spent, 'processor')[0] ?? Number.NaN);
  const middle = (spent: readonly Spent[]): number => sorted(spent, 'processor')[spent.length >> 1] as number;
  const ratio = least(found?.peer) / least(found?.own);
  const row = (name: string, spent: readonly Spent[] | undefined): (string | number | null)[] => [
    name,
    spent === undefined ? null : least(spent),
    spent === undefined ? null : middle(spent),
    spent === undefined ? null : (sorted(spent, 'wall')[0] ?? null),
  ];
  return {
    tables: [
      {
        title: 'Nine layers, one thread, milliseconds',
        columns: ['quantizer', 'processor, minimum', 'processor, median', 'wall, minimum'],
        rows: [row('vqkit, codec with SIMD', found?.own), row('PyTorch, published code', found?.peer)],
      },
    ],
    plots: [],
    verdicts: [
      {
        claim: `encoding is ${GOAL} times as fast as in Python`,
        expected: `at least ${GOAL}`,
        measured: Number.isNaN(ratio) ? 'not measured' : numberText(ratio),
        verdict: Number.isNaN(ratio) ? 'undecided' : ratio >= GOAL ? 'reproduced' : 'not reproduced',
        remark: 'One thread, time of the processor, minimum of the repetitions.',
      },
      {
        claim: 'the ids are the same',
        expected: '0 differ',
        measured: found === null ? 'not measured' : `${found.differ} of ${found.ids.toLocaleString('en-US')} differ`,
        verdict: found === null ? 'undecided' : found.differ === 0 ? 'reproduced' : 'not reproduced',
        remark: 'A latent that is nearly as near to two codes may have either.',
      },
    ],
    answer:
      found === null
        ? 'PyTorch was not measured.'
        : `**${numberText(ratio)} times as fast** as the published code in PyTorch, on one thread by the time of the processor; ${found.differ} of ${found.ids.toLocaleString('en-US')} ids differ.`,
    ...(found !== null && {
      measurements: [
        { name: 'vqkit', unit: 'ms', better: 'lower' as const, samples: found.own.map(({ processor }) => processor) },
        {
          name: 'PyTorch',
          unit: 'ms',
          better: 'lower' as const,
          samples: found.peer.map(({ processor }) => processor),
        },
      ],
    }),
  };
}
