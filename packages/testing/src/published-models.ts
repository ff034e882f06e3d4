import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeSafetensors, encodeSafetensors, type SafeTensor } from '@vqkit/checkpoint';
import { floatsOf, integersOf } from '@vqkit/core-tensor/plain-tensor';

/** A run of published code with random weights: two sizes and three seeds of each model (packages/codecs/test/fixtures/make_goldens.py). */
export interface PublishedRun {
  /** Such as `small.0`. */
  readonly name: string;
  readonly weights: Readonly<Record<string, SafeTensor>>;
  /** A file of the weights. */
  readonly file: Uint8Array;
  /** What loadCodec must be told, where the file does not say it. */
  readonly options: { readonly model?: string; readonly scales?: number[] };
  /** [frames, dim]. */
  readonly latents: Float32Array;
  /** Of each layer. */
  readonly ids: readonly Int32Array[];
  /** [frames, dim]; of the first two layers: `partial`. None where the published model has none. */
  readonly codes: Float32Array | undefined;
  readonly partial: Float32Array | undefined;
}

/** Models that keys alone do not tell. */
const NAMED = ['taming-vqgan', 'maskgit', 'titok', 'ibq', 'open-magvit2', 'cosmos'];
const folder = fileURLToPath(new URL('../../codecs/test/fixtures/models/', import.meta.url));

/** Every model that has runs. */
export const publishedModels: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith('.safetensors'))
  .map((name) => name.replace('.safetensors', ''));

export function publishedRuns(model: string): PublishedRun[] {
  const { tensors } = decodeSafetensors(new Uint8Array(readFileSync(`${folder}${model}.safetensors`)));
  const runs = new Map<string, Record<string, SafeTensor>>();
  for (const [key, tensor] of Object.entries(tensors)) {
    const [, run = '', own = ''] = /^([^/]+)\/(.*)$/.exec(key) ?? [];
    runs.set(run, { ...runs.get(run), [own]: tensor });
  }
  // `small` before `large`, by seed.
  const sizes = [...runs].sort(
    ([a], [b]) => Number(a.startsWith('large')) - Number(b.startsWith('large')) || (a < b ? -1 : 1),
  );
  return sizes.map(([name, all]) => {
    const isGolden = (key: string): boolean => key.startsWith('golden.');
    const weights = Object.fromEntries(Object.entries(all).filter(([key]) => !isGolden(key)));
    const floats = (key: string): Float32Array | undefined =>
      all[key] === undefined ? undefined : floatsOf('publishedRuns', key, all[key]);
    const integers = (key: string): Int32Array => integersOf('publishedRuns', key, all[key] as SafeTensor);
    const layers = Object.keys(all).filter((key) => key.startsWith('golden.ids.')).length;
    return {
      name,
      weights,
      file: encodeSafetensors(weights),
      options: {
        ...(NAMED.includes(model) && { model }),
        ...(all['golden.scales'] !== undefined && { scales: [...integers('golden.scales')] }),
      },
      latents: floats('golden.latents') ?? new Float32Array(),
      ids: Array.from({ length: layers }, (_, layer) => integers(`golden.ids.${layer}`)),
      codes: floats('golden.codes'),
      partial: floats('golden.partial'),
    };
  });
}
