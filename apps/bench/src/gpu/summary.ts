import type { Measurement, Table, Verdict } from '../experiment.ts';
import { CONTENDER_TITLES, type ContenderName } from '../kernels/contender.ts';
import { leastOf, type Measured, medianOf } from '../kernels/measure.ts';
import { factsOf } from '../kernels/work.ts';
import { numberText } from '../markdown.ts';
import type { GpuRow } from './rows.ts';

/** Who does the work, in the order of the tables. `one` is vqkit on one thread of the CPU. */
const SIDES = ['webgpu', 'cuda', 'vqkit', 'one'] as const;
type Side = (typeof SIDES)[number];

/** A row as it was measured. */
export interface GpuResult {
  readonly row: GpuRow;
  readonly cores: number;
  /** On the GPU, and on all threads of the CPU. */
  readonly all: readonly Measured[];
  /** On one thread of the CPU; empty where it was not asked to. */
  readonly one: readonly Measured[];
}

function sideTitle(side: Side, cores: number): string {
  if (side === 'one') return `${CONTENDER_TITLES.vqkit}, 1 thread`;
  return side === 'vqkit' ? `${CONTENDER_TITLES.vqkit}, ${cores} threads` : CONTENDER_TITLES[side];
}

function found({ all, one }: GpuResult, side: Side): Measured | undefined {
  const name: ContenderName = side === 'one' ? 'vqkit' : side;
  return (side === 'one' ? one : all).find(({ contender }) => contender === name);
}

/** The fastest repetition; undefined when it was not measured. */
function least(result: GpuResult, side: Side): number | undefined {
  return leastOf(found(result, side));
}

function median(result: GpuResult, side: Side): number | undefined {
  return medianOf(found(result, side));
}

/** So many times as fast as another side is WebGPU; undefined when one of them was not measured. */
function ratio(result: GpuResult, side: Side): number | undefined {
  const [ours, theirs] = [least(result, 'webgpu'), least(result, side)];
  return ours === undefined || theirs === undefined ? undefined : theirs / ours;
}

export function tablesOf(results: readonly GpuResult[]): Table[] {
  const cores = results[0]?.cores ?? 1;
  const times = (title: string, of: (result: GpuResult, side: Side) => number | undefined): Table => ({
    title,
    columns: ['work', ...SIDES.map((side) => sideTitle(side, cores))],
    rows: results.map((result) => [
      result.row.title,
      ...SIDES.map((side) => found(result, side)?.untimed ?? of(result, side) ?? null),
    ]),
  });
  const others = SIDES.filter((side) => side !== 'webgpu');
  return [
    times('Milliseconds, minimum', least),
    {
      title: 'So many times as fast is vqkit on WebGPU as',
      columns: ['work', ...others.map((side) => sideTitle(side, cores))],
      rows: results.map((result) => [result.row.title, ...others.map((side) => ratio(result, side) ?? null)]),
    },
    {
      title: "Ids that differ from vqkit's on WebAssembly",
      columns: ['work', 'tokens', CONTENDER_TITLES.webgpu, CONTENDER_TITLES.cuda],
      rows: results
        .filter(({ row: { work } }) => work.op === 'encode' && !('depth' in work))
        .map((result) => [
          result.row.title,
          result.row.work.n,
          ...(['webgpu', 'cuda'] as const).map((side) => found(result, side)?.idsThatDiffer ?? null),
        ]),
    },
    notesTable(results),
  ];
}

/** What the GPUs are, and who could not do what, in its own words. */
function notesTable(results: readonly GpuResult[]): Table {
  const notes = new Map<string, string>();
  for (const result of results) {
    for (const side of SIDES) {
      const measured = found(result, side);
      if (measured === undefined) continue;
      const could = measured.timesMs.length > 0 || measured.untimed !== undefined;
      if (could && side === 'cuda') notes.set(CONTENDER_TITLES.cuda, measured.note);
      if (!could) notes.set(`${sideTitle(side, result.cores)}, ${result.row.title}`, `not measured: ${measured.note}`);
    }
  }
  return { title: 'Notes', columns: ['who', 'what'], rows: [...notes].map(([who, what]) => [who, what]) };
}

export function verdictsOf(results: readonly GpuResult[]): Verdict[] {
  const compared = (): { differing: number; ids: number } | undefined => {
    const rows = results.flatMap((result) => {
      const { work } = result.row;
      const differing = found(result, 'webgpu')?.idsThatDiffer;
      // Feature by feature, so that no engine's sum decides.
      return factsOf(work).codes(work) === undefined && differing != null ? [{ differing, ids: work.n }] : [];
    });
    if (rows.length === 0) return undefined;
    return {
      differing: rows.reduce((sum, { differing }) => sum + differing, 0),
      ids: rows.reduce((sum, { ids }) => sum + ids, 0),
    };
  };
  const same = compared();
  const faster = results.map((result) => ratio(result, 'vqkit')).filter((value) => value !== undefined);
  const large = results.filter(({ row }) => row.large === true).map((result) => ratio(result, 'vqkit'));
  const known = large.filter((value) => value !== undefined);
  return [
    {
      claim: 'FSQ and LFQ give the same ids on WebGPU as on WebAssembly',
      expected: '0 differences',
      measured: same === undefined ? 'not measured' : `${same.differing} of ${same.ids}`,
      verdict: same === undefined ? 'beyond reach here' : same.differing === 0 ? 'reproduced' : 'not reproduced',
      remark: '',
    },
    {
      claim: 'On large inputs WebGPU is faster than WebAssembly on all threads',
      expected: 'more than 1×',
      measured: known.length === 0 ? 'not measured' : `${range(known)}; on all rows ${range(faster)}`,
      verdict: known.length === 0 ? 'beyond reach here' : Math.min(...known) > 1 ? 'reproduced' : 'not reproduced',
      remark: known.length === 0 ? 'There is no GPU here, or the run was a quick one.' : '',
    },
  ];
}

function range(values: readonly number[]): string {
  return `${numberText(Math.min(...values))} to ${numberText(Math.max(...values))}×`;
}

/** The answer in words. */
export function answerOf(results: readonly GpuResult[]): string {
  const ratios = (side: Side): number[] =>
    results.map((result) => ratio(result, side)).filter((value) => value !== undefined);
  const [wasm, cuda] = [ratios('vqkit'), ratios('cuda')];
  if (wasm.length === 0) {
    return '**Not measured: there is no GPU here**, or only a software rasteriser, whose times say nothing.';
  }
  const spreads = results.flatMap((result) =>
    SIDES.flatMap((side) => {
      const [low, middle] = [least(result, side), median(result, side)];
      return low === undefined || middle === undefined ? [] : [middle / low];
    }),
  );
  const extreme = (of: (...values: number[]) => number): string => {
    const found = results.find((result) => ratio(result, 'vqkit') === of(...wasm)) as GpuResult;
    return `"${found.row.title}" (${numberText(of(...wasm))}×)`;
  };
  const cores = results[0]?.cores ?? 1;
  // A range over all works would be of nothing in particular.
  const ahead = (all: readonly number[]): string =>
    `in ${all.filter((value) => value > 1).length} of ${all.length} works`;
  return [
    `**Faster than WebAssembly on all ${cores} threads ${ahead(wasm)}${cuda.length === 0 ? '' : `, faster than the reference library on CUDA ${ahead(cuda)}`}.**`,
    `Against WebAssembly it gains most in ${extreme(Math.max)} and least in ${extreme(Math.min)}. Times are minima; medians are ${numberText(Math.min(...spreads), 2)} to ${numberText(Math.max(...spreads), 2)} times as long.`,
  ].join(' ');
}

export function measurementsOf(results: readonly GpuResult[]): Measurement[] {
  return results.flatMap((result) =>
    SIDES.flatMap((side) => {
      const samples = found(result, side)?.timesMs ?? [];
      if (samples.length === 0) return [];
      const name = `${result.row.title}, ${sideTitle(side, result.cores)}`;
      return [{ name, unit: 'ms', better: 'lower' as const, samples }];
    }),
  );
}
