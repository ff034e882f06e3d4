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

/** A sound through a small model of random weights whose encoder and decoder are ONNX files (packages/codecs/test/fixtures/make_onnx.py). */
export interface PublishedSound {
  /** Of the quantizer. */
  readonly file: Uint8Array;
  /** Paths of `[1, 1, samples]` → `[1, dim, frames]` and back. */
  readonly encoder: string;
  readonly decoder: string;
  readonly wave: Float32Array;
  /** What the Python model makes of it. */
  readonly ids: readonly Int32Array[];
  readonly sound: Float32Array;
}

/** Models that keys alone do not tell. */
const NAMED = ['taming-vqgan', 'maskgit', 'titok', 'ibq', 'open-magvit2', 'cosmos'];
const fixtures = fileURLToPath(new URL('../../codecs/test/fixtures/', import.meta.url));

/** Every model that has runs. */
export const publishedModels: readonly string[] = readdirSync(`${fixtures}models`)
  .filter((name) => name.endsWith('.safetensors'))
  .map((name) => name.replace('.safetensors', ''));

export function publishedRuns(model: string): PublishedRun[] {
  const runs = new Map<string, Tensors>();
  for (const [key, tensor] of Object.entries(readTensors(`models/${model}.safetensors`))) {
    const [, run = '', own = ''] = /^([^/]+)\/(.*)$/.exec(key) ?? [];
    runs.set(run, { ...runs.get(run), [own]: tensor });
  }
  // `small` before `large`, by seed.
  const sizes = [...runs].sort(
    ([a], [b]) => Number(a.startsWith('large')) - Number(b.startsWith('large')) || (a < b ? -1 : 1),
  );
  return sizes.map(([name, all]) => {
    const { golden, ...rest } = withoutGoldens(all);
    const scales = golden('scales');
    return {
      name,
      ...rest,
      options: { ...(NAMED.includes(model) && { model }), ...(scales && { scales: [...scales] }) },
      latents: golden('latents') ?? new Float32Array(),
      codes: golden('codes'),
      partial: golden('partial'),
    };
  });
}

export function publishedSound(model: 'dac' | 'snac'): PublishedSound {
  const { golden, file, ids } = withoutGoldens(readTensors(`onnx/${model}.safetensors`));
  return {
    file,
    ids,
    encoder: `${fixtures}onnx/${model}-encoder.onnx`,
    decoder: `${fixtures}onnx/${model}-decoder.onnx`,
    wave: golden('wave') ?? new Float32Array(),
    sound: golden('output') ?? new Float32Array(),
  };
}

type Tensors = Readonly<Record<string, SafeTensor>>;

function readTensors(path: string): Tensors {
  return decodeSafetensors(new Uint8Array(readFileSync(fixtures + path))).tensors;
}

/** The weights of a model, and what its own code makes of them: tensors `golden.…`. */
function withoutGoldens(all: Tensors): Pick<PublishedRun, 'weights' | 'file' | 'ids'> & {
  golden: (key: string) => Float32Array | undefined;
} {
  const weights = Object.fromEntries(Object.entries(all).filter(([key]) => !key.startsWith('golden.')));
  const layers = Object.keys(all).filter((key) => key.startsWith('golden.ids.')).length;
  return {
    weights,
    file: encodeSafetensors(weights),
    ids: Array.from({ length: layers }, (_, layer) => {
      const key = `golden.ids.${layer}`;
      return integersOf('published-models', key, all[key] as SafeTensor);
    }),
    golden(key) {
      const tensor = all[`golden.${key}`];
      return tensor && floatsOf('published-models', key, tensor);
    },
  };
}
