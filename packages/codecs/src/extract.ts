import type { SafeTensor } from '@vqkit/checkpoint';
import { requireKnownOptions } from '@vqkit/core-tensor/check';
import type { CodecKernels } from '@vqkit/core-tensor/codec';
import type { StackCodec } from '@vqkit/residual/codec';
import type { CodecModel, ModelExtras } from './models/model.ts';
import type { Weights } from './read/weights.ts';
import { requireFinite, viewOf } from './view.ts';

export const WHERE = 'loadCodec';

/** The quantizer of a published model, on plain typed arrays: latents [frames, dim] ↔ one array of ids per layer. */
export interface PublishedCodec extends StackCodec {
  /** Such as `dac`. */
  readonly model: string;
  /** Where it stands in the file: what its keys begin with. */
  readonly prefix: string;
  /** Whether its ids have latents: where they have none, `decode` throws. */
  readonly decodes: boolean;
}

export interface LoadCodecOptions {
  /** What to call the file in errors. */
  readonly fileName?: string;
  /** Insists on a model, by its name: where keys alone do not tell, or to refuse any other. */
  readonly model?: string;
  /** Which of several quantizers in the file: what its keys begin with, such as `ema.quantizer.`. */
  readonly prefix?: string;
  /** From `loadKernels` of @vqkit/backend-wasm/codec: searches with SIMD, the same ids. */
  readonly kernels?: CodecKernels;
  /** Of `var` and `infinity`, whose files do not say it: height and width of each scale, coarsest first. Default: the published ones. */
  readonly scales?: ModelExtras['scales'];
}

/** Where a model's keys are in a file, and which are not. */
export interface Match {
  readonly model: CodecModel;
  readonly prefix: string;
  /** The form of its keys, and those of it that are not there. */
  readonly form: readonly string[];
  readonly missing: readonly string[];
}

/** A quantizer, and the tensors of its file that make it, by the names that they have there. */
export interface ExtractedCodec {
  readonly codec: PublishedCodec;
  readonly tensors: Readonly<Record<string, SafeTensor>>;
}

export function requireLoadOptions(options: LoadCodecOptions): void {
  requireKnownOptions(WHERE, options, ['fileName', 'model', 'prefix', 'kernels', 'scales']);
}

/** The quantizer at a match, and the tensors that make it. */
export async function extract(
  weights: Weights,
  found: Match,
  { kernels, scales }: LoadCodecOptions,
): Promise<ExtractedCodec> {
  const tensors = new Map<string, SafeTensor>();
  const read = async (name: string): Promise<SafeTensor> => {
    const tensor = tensors.get(name) ?? (await weights.read(name));
    tensors.set(name, tensor);
    return tensor;
  };
  const extras: ModelExtras = { kernels, scales };
  const codec = await found.model.load(viewOf(WHERE, { ...weights, read }, found.prefix), extras);
  // Those that it is known by belong to it, though some models compute nothing with them.
  for (const key of found.form) await read(found.prefix + key);
  return {
    codec: {
      ...codec,
      model: found.model.name,
      prefix: found.prefix,
      decodes: found.model.oneWay !== true,
      encode(latents, given) {
        const ids = codec.encode(latents, given);
        requireFinite('encode', 'latents', latents, 'See what the encoder gives.');
        return ids;
      },
    },
    tensors: Object.fromEntries(tensors),
  };
}

/** Every prefix below which a key of the model is found. */
export function matchesOf(weights: Weights, model: CodecModel): Match[] {
  const matches = new Map<string, Match>();
  for (const form of model.forms) {
    for (const key of form) {
      for (const name of weights.tensors.keys()) {
        const prefix = name.slice(0, -key.length);
        if (!name.endsWith(key) || (prefix !== '' && !prefix.endsWith(model.prefixEnd ?? '.'))) continue;
        if (model.without?.some((other) => weights.tensors.has(prefix + other))) continue;
        const missing = form.filter((own) => !weights.tensors.has(prefix + own));
        if (missing.length < (matches.get(prefix)?.missing.length ?? Infinity))
          matches.set(prefix, { model, prefix, form, missing });
      }
    }
  }
  return [...matches.values()];
}
