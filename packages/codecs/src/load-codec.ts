import type { SafeTensor } from '@vqkit/checkpoint';
import { requireKnownOptions, requireOneOf } from '@vqkit/core-tensor/check';
import type { CodecExtras, CodecKernels } from '@vqkit/core-tensor/codec';
import { OptionError, shorten } from '@vqkit/core-tensor/errors';
import type { StackCodec } from '@vqkit/residual/codec';
import { MODELS } from './models/all.ts';
import type { CodecModel } from './models/model.ts';
import type { SourceLike } from './read/source.ts';
import { openWeights, type Weights } from './read/weights.ts';
import { viewOf } from './view.ts';

const WHERE = 'loadCodec';

/** The quantizer of a published model, on plain typed arrays: latents [frames, dim] ↔ one array of ids per layer. */
export interface PublishedCodec extends StackCodec {
  /** Such as `dac`. */
  readonly model: string;
  /** Where it stands in the file: what its keys begin with. */
  readonly prefix: string;
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
}

/** Where a model's keys are in a file, and which are not. */
interface Match {
  readonly model: CodecModel;
  readonly prefix: string;
  /** The form of its keys, and those of it that are not there. */
  readonly form: readonly string[];
  readonly missing: readonly string[];
}

/**
 * The quantizer of a published model, from its own file: .safetensors, .pt, .pth, .ckpt, .bin or .npz, whatever it is nested in. Only the
 * quantizer's tensors are read.
 *
 * It is recognised by its keys. Latents are what the published quantizer takes and gives, channels-last; ids are the published ones, but where two codes
 * are equally near within float32's rounding.
 *
 * @param data bytes, a File or Blob, or a source of ranges (`fileSource`, `urlSource`).
 * @throws OptionError when no model or several are found, naming the nearest and the keys that it lacks; CheckpointError for a damaged file; ShapeError
 * for tensors that do not fit together.
 * @example
 * const weight = { dtype: 'F32', shape: [2, 2], data: new Float32Array([1, 0, 0, 1]) } as const;
 * const file = encodeSafetensors({ 'quantizer.vq.layers.0._codebook.embed': weight });
 * const codec = await loadCodec(file); // codec.model is 'encodec'
 * const ids = codec.encode(new Float32Array([0.3, 0.9])); // [ [ 1 ] ]
 * const codes = codec.decode(ids); // [ 0, 1 ]
 */
export async function loadCodec(data: SourceLike, options: LoadCodecOptions = {}): Promise<PublishedCodec> {
  return (await extractCodec(data, options)).codec;
}

/** A quantizer, and the tensors of its file that make it, by the names that they have there. */
export interface ExtractedCodec {
  readonly codec: PublishedCodec;
  readonly tensors: Readonly<Record<string, SafeTensor>>;
}

/**
 * The same as {@link loadCodec}, and the tensors that were read for it: a file of these alone gives the same quantizer.
 *
 * @throws as `loadCodec`.
 * @example
 * const weight = { dtype: 'F32', shape: [2, 2], data: new Float32Array([1, 0, 0, 1]) } as const;
 * const file = encodeSafetensors({ 'quantizer.vq.layers.0._codebook.embed': weight, decoder: weight });
 * const { tensors } = await extractCodec(file); // without the decoder
 * const { model } = await loadCodec(encodeSafetensors(tensors)); // encodec
 */
export async function extractCodec(data: SourceLike, options: LoadCodecOptions = {}): Promise<ExtractedCodec> {
  requireKnownOptions(WHERE, options, ['fileName', 'model', 'prefix', 'kernels']);
  const { fileName, model, prefix, kernels } = options;
  const names = MODELS.map(({ name }) => name);
  if (model !== undefined) requireOneOf(WHERE, 'model', model, names);
  const weights = await openWeights(data, fileName);
  const models = MODELS.filter(({ name }) => model === undefined || name === model);
  const found = choose(weights, models, model !== undefined, prefix);
  const tensors = new Map<string, SafeTensor>();
  const read = async (name: string): Promise<SafeTensor> => {
    const tensor = tensors.get(name) ?? (await weights.read(name));
    tensors.set(name, tensor);
    return tensor;
  };
  const extras: CodecExtras = { kernels };
  const codec = await found.model.load(viewOf(WHERE, { ...weights, read }, found.prefix), extras);
  // Those that it is known by belong to it, though some models compute nothing with them.
  for (const key of found.form) await read(found.prefix + key);
  return {
    codec: { ...codec, model: found.model.name, prefix: found.prefix },
    tensors: Object.fromEntries(tensors),
  };
}

/** The one quantizer of a file. */
function choose(weights: Weights, models: readonly CodecModel[], named: boolean, prefix: string | undefined): Match {
  const matches = models
    .flatMap((model) => matchesOf(weights, model))
    .filter((match) => (prefix ?? match.prefix) === match.prefix);
  const whole = matches.filter(({ missing }) => missing.length === 0);
  const certain = whole.filter(({ model }) => named || model.mustBeNamed !== true);
  const [found] = certain;
  if (found !== undefined && certain.length === 1) return found;
  const wanted = models.length === 1 ? `the quantizer of ${models[0]?.name}` : 'a quantizer that is known';
  const fail = (rule: string, got: string, fix: string): never => {
    throw new OptionError(`${WHERE}: ${weights.name} must hold ${rule}, got ${got}. ${fix}`);
  };
  const list = (some: readonly Match[]): string => {
    const shown = some.slice(0, 4).map(({ model, prefix }) => `${model.name} at '${shorten(prefix)}'`);
    return shown.join(', ') + (some.length > 4 ? ` and ${some.length - 4} more` : '');
  };
  if (certain.length > 1) return fail('one quantizer', list(certain), 'Pass { prefix } or { model }.');
  if (whole.length > 0) {
    const fix = 'Models of other mathematics have the same keys: pass { model } if it is this one.';
    return fail('keys that tell its model', list(whole), fix);
  }
  const nearest = matches.reduce<Match | undefined>(
    (best, match) => (best === undefined || match.missing.length < best.missing.length ? match : best),
    undefined,
  );
  const lacks = nearest?.missing.map((key) => `'${shorten(nearest.prefix + key)}'`).join(', ');
  const got =
    nearest === undefined
      ? `${weights.tensors.size} tensors of other names`
      : `the nearest, ${list([nearest])}, without ${lacks}`;
  return fail(wanted, got, 'See openWeights(…).tensors for its keys.');
}

/** Every prefix below which a key of the model is found. */
function matchesOf(weights: Weights, model: CodecModel): Match[] {
  const matches = new Map<string, Match>();
  for (const form of model.forms) {
    for (const key of form) {
      for (const name of weights.tensors.keys()) {
        const prefix = name.slice(0, -key.length);
        if (!name.endsWith(key) || (prefix !== '' && !prefix.endsWith('.'))) continue;
        if (model.prefixEnd !== undefined && prefix !== '' && !prefix.endsWith(model.prefixEnd)) continue;
        if (model.without?.some((other) => weights.tensors.has(prefix + other))) continue;
        const missing = form.filter((own) => !weights.tensors.has(prefix + own));
        if (missing.length < (matches.get(prefix)?.missing.length ?? Infinity))
          matches.set(prefix, { model, prefix, form, missing });
      }
    }
  }
  return [...matches.values()];
}
