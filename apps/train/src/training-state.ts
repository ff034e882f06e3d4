import { dispose, type Tensor } from '@tensorflow/tfjs-core';
import { CheckpointError, decodeSafetensorsHeader, parseJson, type SafeFile, type SafeTensor } from '@vqkit/checkpoint';
import { CHECKSUM, readBytes, readSafetensors, writeSafetensors } from '@vqkit/checkpoint/node';
import { fromSafeTensor, toSafeTensor } from '@vqkit/checkpoint/tensors';
import {
  OptionError,
  phrase,
  QuantizerError,
  type RngState,
  reason,
  requireFinite,
  shorten,
  show,
} from '@vqkit/core-tensor';
import { count, problemOf } from '@vqkit/schema';
import { packTokenizer, type Tokenizer, type TokenizerConfig } from '@vqkit/tokenizer';
import { asInUse, DivergenceError, type TrainingState } from '@vqkit/training';
import { z } from 'zod';
import { completeDescription, FIRST_FORMAT } from './first-checkpoints.ts';

const FORMAT = 'vqkit-train-2';
const MODEL = 'model.';
const OPTIMIZER = 'optimizer.';
const DISCRIMINATOR = 'discriminator.';
const DISCRIMINATOR_OPTIMIZER = 'discriminatorOptimizer.';
const GATHERED = 'gathered.';
/** The trained weights, where `model.` has their moving averages. */
const TRAINED = 'trained.';

/** What a checkpoint holds, beside the number of steps done. */
export type RunState = TrainingState<Tokenizer>;

/** Whether a file is a checkpoint of a run, by its metadata. */
export function isCheckpoint({ metadata }: SafeFile): boolean {
  return metadata.format === FORMAT || metadata.format === FIRST_FORMAT;
}

/**
 * The bytes of the tokenizer file of a checkpoint: its weights and the description of the model, without what only training needs.
 *
 * @param path names the file in errors.
 * @throws CheckpointError when it has no description of the model; DataError when a weight is not finite.
 */
export function tokenizerOf(path: string, { tensors, metadata }: SafeFile): Uint8Array {
  const described = noteOf('tokenizerOf', path, metadata, 'model');
  const isFirst = metadata.format === FIRST_FORMAT;
  const config = isFirst ? completeDescription(path, described) : (described as TokenizerConfig);
  const weights = Object.entries(tensors).filter(([name]) => name.startsWith(MODEL));
  return packTokenizer(config, Object.fromEntries(weights.map(([name, value]) => [name.slice(MODEL.length), value])));
}

/**
 * Writes a checkpoint: the weights under `model.` in PyTorch's layouts, the optimizer's moments under `optimizer.` in the layout
 * they have in memory, what the quantizer's training has gathered under `gathered.`; with moving averages of the weights these under `model.`, for
 * they are what a user gets, and the weights themselves under `trained.`, in the layout that they have in memory; a discriminator and its optimizer's moments
 * under prefixes of their own; in the metadata a checksum of it all, the steps done (which say the place
 * in the data: see createBatchOrder), the optimizer's t of each parameter, and the state of the quantizer's random generator. Equal states give equal bytes.
 *
 * @param notes further metadata: see runNotes.
 * @throws DivergenceError when a tensor is not finite; nothing is written then.
 */
export async function writeCheckpoint(
  path: string,
  state: RunState,
  step: number,
  notes: Readonly<Record<string, string>>,
): Promise<void> {
  const { model, optimizer, ema, adversary } = state;
  const tensors: Record<string, SafeTensor> = {};
  const put = async (prefix: string, kind: string, values: Readonly<Record<string, Tensor>>): Promise<void> => {
    for (const [name, value] of Object.entries(values)) {
      tensors[prefix + name] = await finiteTensor(`${kind} ${name}`, value, step);
    }
  };
  const weights = await asInUse(state, async () => model.stateDict());
  const gathered = model.quantizer.trainingState();
  const judge = adversary?.discriminator.stateDict() ?? {};
  try {
    await put(MODEL, 'weight', weights);
    await put(TRAINED, 'weight', ema === undefined ? {} : model.variables());
    await put(OPTIMIZER, 'optimizer moment', optimizer.state());
    await put(DISCRIMINATOR, 'discriminator weight', judge);
    await put(DISCRIMINATOR_OPTIMIZER, 'discriminator moment', adversary?.optimizer.state() ?? {});
    await put(GATHERED, 'gathered', gathered);
  } finally {
    dispose([weights, gathered, judge]);
  }
  await writeSafetensors(path, tensors, {
    ...notes,
    format: FORMAT,
    step: String(step),
    optimizerSteps: JSON.stringify(optimizer.steps()),
    quantizerRng: JSON.stringify(model.quantizer.rng.state()),
    ...(adversary === undefined ? {} : { discriminatorSteps: JSON.stringify(adversary.optimizer.steps()) }),
    ...(ema === undefined ? {} : { emaUpdates: String(ema.updates()) }),
    [CHECKSUM]: '',
  });
}

/**
 * Reads a checkpoint into a model and an optimizer of the same configuration and returns the steps done.
 *
 * @param check is given the metadata before anything is changed, and throws where they are another run's.
 * @throws CheckpointError when the file is missing, damaged, or not the state of such a model and optimizer; OptionError when it is of a
 * version whose optimizer cannot be gone on with.
 */
export async function readCheckpoint(
  path: string,
  state: RunState,
  check?: (metadata: SafeFile['metadata']) => void,
): Promise<number> {
  const { tensors, metadata } = await readSafetensors(path);
  requireResumable(path, metadata);
  const step = /^\d+$/.test(metadata.step ?? '') ? Number(metadata.step) : Number.NaN;
  if (metadata.format !== FORMAT || !Number.isSafeInteger(step) || !Object.hasOwn(metadata, CHECKSUM)) {
    throw new CheckpointError(
      'readCheckpoint',
      path,
      `be a checkpoint of vqkit train (format '${FORMAT}', a step and a checksum)`,
      phrase(`format ${show(metadata.format)}, step ${show(metadata.step)}`),
      "Pass a file of a run's checkpoints folder.",
    );
  }
  check?.(metadata);
  const note = (name: string): unknown => noteOf('readCheckpoint', path, metadata, name);
  const part = (prefix: string): Record<string, Tensor> => {
    const chosen = Object.entries(tensors).filter(([name]) => name.startsWith(prefix));
    return Object.fromEntries(
      chosen.map(([name, value]) => {
        const tensor = fromSafeTensor(name, value);
        loaded.push(tensor);
        return [name.slice(prefix.length), tensor];
      }),
    );
  };
  const { model, optimizer, ema, adversary } = state;
  const loaded: Tensor[] = [];
  try {
    const prefixes = [MODEL, OPTIMIZER, GATHERED];
    if (ema !== undefined) prefixes.push(TRAINED);
    if (adversary !== undefined) prefixes.push(DISCRIMINATOR, DISCRIMINATOR_OPTIMIZER);
    for (const [name, value] of Object.entries(tensors)) requireStored(name, value, prefixes);
    const steps = stepsOf(note, 'optimizerSteps', step);
    const judgeSteps = adversary === undefined ? {} : stepsOf(note, 'discriminatorSteps', step);
    const [weights, gathered, moments] = [part(MODEL), part(GATHERED), part(OPTIMIZER)];
    model.loadStateDict(weights);
    if (ema !== undefined) restoreAverages(state, part(TRAINED), note('emaUpdates'));
    model.quantizer.loadTrainingState(gathered);
    optimizer.restore(moments, steps);
    adversary?.discriminator.loadStateDict(part(DISCRIMINATOR));
    adversary?.optimizer.restore(part(DISCRIMINATOR_OPTIMIZER), judgeSteps);
    model.quantizer.rng.restore(note('quantizerRng') as RngState);
  } catch (error) {
    if (!(error instanceof QuantizerError)) throw error;
    const rule = "hold the state of this run's model";
    throw new CheckpointError('readCheckpoint', path, rule, reason(error), 'Use another checkpoint.', { cause: error });
  } finally {
    dispose(loaded);
  }
  return step;
}

/** How many updates each parameter of an optimizer has had, as the note says. */
function stepsOf(note: (name: string) => unknown, name: string, step: number): Record<string, number> {
  const steps = z.record(z.string(), count(0).max(step)).safeParse(note(name));
  if (steps.success) return steps.data;
  const { path: at, rule, value } = problemOf(steps.error, note(name));
  throw new CheckpointError('readCheckpoint', `${name} ${at}`.trim(), rule, value, DAMAGED);
}

/** The weights that were just loaded are the averages; the trained ones take their place. */
function restoreAverages({ model, ema }: RunState, trained: Readonly<Record<string, Tensor>>, updates: unknown): void {
  const variables = model.variables();
  const count = typeof updates === 'number' ? updates : Number.NaN;
  ema?.restore(variables, count);
  for (const [name, variable] of Object.entries(variables)) {
    const value = trained[name];
    if (value === undefined) {
      throw new CheckpointError('readCheckpoint', `'${TRAINED}${name}'`, 'be there', undefined, 'The file is damaged.');
    }
    variable.assign(value.clone() as never);
  }
}

/**
 * Throws where the newest of a run's checkpoints is of a version whose optimizer cannot be gone on with. For before the model is made, which
 * such a run does not describe whole. A damaged one is not judged.
 *
 * @throws OptionError
 */
export async function requireResumableRun(checkpoints: readonly { readonly path: string }[]): Promise<void> {
  const { path } = checkpoints.at(-1) ?? {};
  if (path === undefined) return;
  const bytes = await readBytes(path);
  let metadata: SafeFile['metadata'];
  try {
    ({ metadata } = decodeSafetensorsHeader(bytes, bytes.length, path));
  } catch (error) {
    if (error instanceof CheckpointError) return;
    throw error;
  }
  requireResumable(path, metadata);
}

function requireResumable(path: string, { format }: SafeFile['metadata']): void {
  if (format !== FIRST_FORMAT) return;
  throw new OptionError(
    'resumeTraining',
    path,
    `have the format '${FORMAT}' to go on from`,
    phrase(`'${FIRST_FORMAT}', whose optimizer did not count the steps of each parameter`),
    'Start the run anew; encode, decode and export take its tokenizer as it is.',
  );
}

/** The value of a note that is JSON. */
function noteOf(where: string, path: string, metadata: SafeFile['metadata'], name: string): unknown {
  return parseJson(metadata[name] ?? '', (rule, found) => {
    return new CheckpointError(
      where,
      path,
      `have the note '${name}' as ${rule}`,
      phrase(`${show(metadata[name])} (${found})`, metadata[name]),
      'Pass a checkpoint of vqkit train.',
    );
  });
}

const DAMAGED = 'The file is damaged.';

/** Throws unless {@link writeCheckpoint} would have written the tensor. */
function requireStored(name: string, value: SafeTensor, prefixes: readonly string[]): void {
  if (!prefixes.some((prefix) => name.startsWith(prefix))) {
    const rule = `begin with ${prefixes.join(', ')}`;
    throw new CheckpointError('readCheckpoint', `'${shorten(name)}'`, rule, name, DAMAGED);
  }
  requireFinite('readCheckpoint', `'${name}'`, value, DAMAGED);
  const optimizer = [OPTIMIZER, DISCRIMINATOR_OPTIMIZER].find((prefix) => name.startsWith(prefix));
  if (optimizer === undefined) return;
  const isSquare = name.startsWith(`${optimizer}v.`);
  if (value.dtype !== 'F32' || (isSquare && value.data.some((square) => square < 0))) {
    const rule = isSquare ? 'F32 and >= 0' : 'F32';
    const found = phrase(value.dtype === 'F32' ? 'a number below 0' : value.dtype);
    throw new CheckpointError('readCheckpoint', `'${shorten(name)}'`, `be ${rule}`, found, DAMAGED);
  }
}

async function finiteTensor(name: string, value: Tensor, step: number): Promise<SafeTensor> {
  const stored = await toSafeTensor(value);
  if (stored.dtype === 'F32') {
    const bad = stored.data.find((element) => !Number.isFinite(element));
    if (bad !== undefined) {
      throw new DivergenceError('writeCheckpoint', name, bad, 'Go on from an earlier checkpoint.', step);
    }
  }
  return stored;
}
