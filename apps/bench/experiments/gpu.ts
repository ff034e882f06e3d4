import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Experiment, ExperimentContext, Outcome } from '../src/experiment.ts';
import { type GpuRow, gpuRows } from '../src/gpu/rows.ts';
import { answerOf, type GpuResult, measurementsOf, tablesOf, verdictsOf } from '../src/gpu/summary.ts';
import type { ContenderName } from '../src/kernels/contender.ts';
import { withInputs } from '../src/kernels/inputs.ts';
import { keptTimes, type Measured, measure } from '../src/kernels/measure.ts';

/** How long is measured. */
const FULL = { rounds: 7, budgetMs: 1500, leastRepetitions: 7, warmUpMs: 300, patienceMs: 0 };
const QUICK = { rounds: 2, budgetMs: 400, leastRepetitions: 4, warmUpMs: 50, patienceMs: 0 };

export const gpu: Experiment = {
  name: 'gpu',
  question:
    'How fast is vqkit on WebGPU on a real GPU, beside PyTorch on the same one and WebAssembly on the CPU of the same machine?',
  method: `Every contender does the same work on the same input in a process of its own, as in \`kernels\`: all have prepared and warmed up
before the first turn, then they take turns, and a table shows the minimum of at least 7 repetitions. The input is on the
GPU before the clock starts. A run ends when its result is in main memory: the ids of an encoding, the loss of a training
step, whose gradients are done before it can be read. The contenders:

- **vqkit, webgpu**: a quantizer of vqkit on \`@vqkit/backend-webgpu\`, in Node through Dawn. On a software rasteriser ids are
  compared and no time is claimed.
- **vector-quantize-pytorch, CUDA**: its public calls, as in \`kernels\`, on PyTorch's first CUDA device, in float32 as PyTorch computes it
  when it is asked for nothing else (no TF32 in products of matrices).
- **vqkit, wasm**: the same quantizer on \`@vqkit/backend-wasm\`, on all threads and, but for the large inputs, on one.`,
  expected: `What is short is slower than on the CPU, because asking a GPU and waiting for it takes longer than the work: encoding
65,536 tokens with FSQ or LFQ. The nearest code and LFQ's entropies, which are products of matrices, are many times as fast as on the CPU.
Against PyTorch the same reasons count as on the CPU: nothing of size N × K or N × 2^d is written to memory.`,

  parts: ({ quick }) => gpuRows(quick).reduce((sum, row) => sum + (row.large === true ? 1 : 2), 0),

  async run(context): Promise<Outcome> {
    const folder = await mkdtemp(join(tmpdir(), 'vqkit-bench-'));
    const { cores } = context;
    try {
      const results: GpuResult[] = [];
      for (const row of gpuRows(context.quick)) {
        const all = await measureRow(context, row, cores, folder);
        const one = row.large === true ? [] : await measureRow(context, row, 1, folder);
        results.push({ row, cores, all, one });
      }
      return {
        tables: tablesOf(results),
        plots: [],
        verdicts: verdictsOf(results),
        answer: answerOf(results),
        measurements: measurementsOf(results),
      };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** One thread of the CPU by itself; all of them beside the GPU. */
function measureRow(
  { part, python, quick, progress }: ExperimentContext,
  { title, work }: GpuRow,
  threads: number,
  folder: string,
): Promise<readonly Measured[]> {
  const contenders: ContenderName[] = threads === 1 ? ['vqkit'] : ['vqkit', 'webgpu'];
  if (threads > 1 && python !== undefined) contenders.push('cuda');
  const settings = { work, threads, contenders, ...(quick ? QUICK : FULL) };
  const name = threads === 1 ? `${title}, 1 thread` : `${title}, ${threads} threads and the GPU`;
  return part(name, settings, async (raw) => {
    const measured = await measure(await withInputs(work, folder), {
      ...settings,
      python,
      folder,
      onProgress: progress,
    });
    raw(measured);
    return keptTimes(measured);
  });
}
