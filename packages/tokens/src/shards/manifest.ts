import { CheckpointError } from '@vqkit/checkpoint';
import { OptionError, phrase, requireInteger, requireOption, show } from '@vqkit/core-tensor';
import { count } from '@vqkit/schema';
import { z } from 'zod';
import { packedBytes } from './pack.ts';
import { digest, seal, unseal } from './sealed.ts';

export const MANIFEST = 'manifest.json';
/** The names of all examples of a source that has names, beside the manifest, which so stays small. */
export const NAMES = 'names.jsonl';
/** The tokenizer beside its shards, so that whoever sees the folder can go on with it. */
export const TOKENIZER = 'tokenizer.safetensors';
const FORMAT = 'vqkit-shards-1';
const DIGITS = 5;

/** Formats of shards, by the endings of their files. */
export const SHARD_FORMATS = ['safetensors', 'npy', 'parquet', 'tar'] as const;
export type ShardFormat = (typeof SHARD_FORMATS)[number];
/** Formats that hold packed ids; the others have a compression of their own, or one file per example. */
const PACKABLE: readonly ShardFormat[] = ['npy', 'safetensors'];
/** Ids of one example, or of all recordings of a shard: an array of them can be had. */
export const MOST_IDS: number = 2 ** 30;

/** What is encoded, into what, and how it is divided: all that a worker must agree on. */
export interface ShardPlan {
  /** The version of vqkit that encodes. */
  readonly vqkit: string;
  readonly tokenizer: {
    /** SHA-256 of its file, in hexadecimal. */
    readonly sha256: string;
    readonly config: Readonly<Record<string, unknown>>;
  };
  readonly codebookSize: number;
  readonly numCodebooks: number;
  /**
   * Shape of an example's ids: [rows, columns] of an image, and the codebooks of a token where it has several; [] or [codebooks] of a vector; [codebooks] of a frame of sound, of
   * which each recording has its own number.
   */
  readonly tokenShape: readonly number[];
  /** Shape of an example's data: [height, width, channels], [numbers] of a vector, or [channels] of a sample of sound. */
  readonly exampleShape: readonly number[];
  /** Only of sound. */
  readonly sound?: SoundPlan | undefined;
  readonly source: {
    /** The kind of data and the options that decide what an example is. */
    readonly options: Readonly<Record<string, unknown>>;
    /** What the order of the examples goes by. */
    readonly order: string;
    /** SHA-256 of what stands for the data: lists of names, the pixels, or size, beginning and end of a file. */
    readonly sha256: string;
    /** Where the data were found. They may lie elsewhere for another worker. */
    readonly paths: readonly string[];
  };
  /** What tells examples apart. */
  readonly keys: 'row numbers' | 'integers' | 'texts';
  readonly examples: number;
  /** Examples that go through the network at a time, from the start of a shard on. */
  readonly batchSize: number;
  readonly format: ShardFormat;
  /** Whether ids are packed to the fewest bits. */
  readonly packed: boolean;
}

/** What makes frames of recordings. */
export interface SoundPlan {
  /** Samples per second. */
  readonly sampleRate: number;
  /** Samples of a frame. */
  readonly hop: number;
}

/** A part of the file of names, in bytes. */
export interface NameRange {
  readonly begin: number;
  readonly end: number;
  /** SHA-256 of these bytes. */
  readonly sha256: string;
}

/** One part of the examples. */
export interface ShardRange {
  readonly from: number;
  readonly to: number;
  /** Where {@link NAMES} has the names of the examples, one JSON text per line. */
  readonly names?: NameRange | undefined;
}

/** What stands in `manifest.json`. */
export interface ShardManifest extends ShardPlan {
  readonly shards: readonly ShardRange[];
  /** SHA-256 of all the rest. */
  readonly sha256: string;
}

const sizes = z.array(count(1)).max(8);

const schema = z.strictObject({
  type: z.literal(FORMAT),
  vqkit: z.string(),
  tokenizer: z.strictObject({ sha256: digest, config: z.record(z.string(), z.unknown()) }),
  codebookSize: count(1).max(2 ** 31 - 1),
  numCodebooks: count(1).max(1024),
  tokenShape: sizes,
  exampleShape: sizes,
  sound: z.strictObject({ sampleRate: count(1), hop: count(1) }).optional(),
  source: z.strictObject({
    options: z.record(z.string(), z.unknown()),
    order: z.string(),
    sha256: digest,
    paths: z.array(z.string()),
  }),
  keys: z.enum(['row numbers', 'integers', 'texts']),
  examples: count(1),
  batchSize: count(1),
  format: z.enum(SHARD_FORMATS),
  packed: z.boolean(),
  shards: z
    .array(
      z.strictObject({
        from: count(0),
        to: count(1),
        names: z.strictObject({ begin: count(0), end: count(0), sha256: digest }).optional(),
      }),
    )
    .min(1),
});

/**
 * Divides the examples into shards of one size, or of two that differ by one, in their order. Equal plans give equal bytes of `manifest.json`, so that it does not matter which of
 * several workers writes it.
 *
 * @param shards how many, at most one per example.
 * @param names where the names of each are, if the source has names.
 * @throws OptionError when there are too many, or the format cannot hold what is planned.
 * @example
 * const plan = {
 *   vqkit: '1.0.0', tokenizer: { sha256: 'ab'.repeat(32), config: {} }, codebookSize: 4, numCodebooks: 1, tokenShape: [2], exampleShape: [8],
 *   source: { options: {}, order: 'rows', sha256: 'cd'.repeat(32), paths: [] }, keys: 'row numbers', examples: 10, batchSize: 4,
 *   format: 'npy', packed: false,
 * } as const;
 * const manifest = planShards(plan, 3);
 * manifest.shards.map(({ to }) => to); // [ 3, 6, 10 ]
 */
export function planShards(plan: ShardPlan, shards: number, names: readonly NameRange[] = []): ShardManifest {
  const where = 'planShards';
  const { examples, format, packed } = plan;
  requireInteger(where, 'examples', examples, 1);
  requireInteger(where, 'shards', shards, 1);
  const fits = shards <= examples;
  requireOption(fits, where, 'shards', `at most one per example (${examples})`, shards, 'Pass a smaller number.');
  if (packed && !PACKABLE.includes(format)) {
    throw new OptionError(
      where,
      'pack',
      'go with format safetensors or npy',
      phrase(`format ${format}, which has a compression of its own or one file per example`),
      'Leave it out.',
    );
  }
  if (plan.sound !== undefined) {
    const rule = "[numCodebooks], of a frame, and keys 'texts', for sound";
    const own = soundProblem(plan) === undefined;
    requireOption(own, where, 'tokenShape', rule, [plan.tokenShape, plan.keys], 'Plan recordings by their names.');
  }
  const ranges = shardRanges(examples, shards).map((range, n) => {
    const own = names[n];
    return own === undefined ? range : { ...range, names: own };
  });
  const whole = { ...plan, shards: ranges };
  return { ...whole, sha256: seal(fileOf(whole)).sha256 };
}

/** Where each shard begins and ends: of one size, or of two that differ by one. */
export function shardRanges(examples: number, shards: number): ShardRange[] {
  const at = (n: number): number => Number((BigInt(examples) * BigInt(n)) / BigInt(shards));
  return Array.from({ length: shards }, (_, n) => ({ from: at(n), to: at(n + 1) }));
}

/** The text of `manifest.json`. */
export function manifestText({ sha256: _, ...manifest }: ShardManifest): string {
  return seal(fileOf(manifest)).text;
}

/** Of manifests, which do not change: a look at every shard of a large one would spend most of its time on them. */
const planIds = new WeakMap<ShardManifest, string>();

/** What shards name their manifest by: the SHA-256 of all but where the data lie, which may differ between workers. */
export function planId(manifest: ShardManifest): string {
  const known = planIds.get(manifest);
  if (known !== undefined) return known;
  const { sha256: _, source, ...others } = manifest;
  const id = seal(fileOf({ ...others, source: { ...source, paths: [] } })).sha256;
  planIds.set(manifest, id);
  return id;
}

/** In one order, whatever that of the given object. */
function fileOf(manifest: Omit<ShardManifest, 'sha256'>): object {
  const { vqkit, tokenizer, codebookSize, numCodebooks, tokenShape, exampleShape, sound, source, ...rest } = manifest;
  const { keys, examples, batchSize, format, packed, shards } = rest;
  const { options, order, sha256, paths } = source;
  const described = { vqkit, tokenizer, codebookSize, numCodebooks, tokenShape, exampleShape };
  const divided = { keys, examples, batchSize, format, packed, shards };
  const ofSound = sound === undefined ? {} : { sound: { sampleRate: sound.sampleRate, hop: sound.hop } };
  return { type: FORMAT, ...described, ...ofSound, source: { options, order, sha256, paths }, ...divided };
}

/**
 * Reads the bytes of a `manifest.json`.
 * @throws CheckpointError when it is damaged, edited, or none.
 */
export function parseManifest(where: string, bytes: Uint8Array): ShardManifest {
  const fix = 'Take a whole copy, or encode into a new folder.';
  const { type: _, ...manifest } = unseal(`${where}/${MANIFEST}`, fix, bytes, schema);
  const problem = disagreement(manifest);
  if (problem === undefined) return manifest;
  throw new CheckpointError(`${where}/${MANIFEST}`, ...problem, fix);
}

/** What in a manifest cannot be of one plan: the argument, its rule and the value. */
function disagreement(manifest: ShardManifest): [argument: string, rule: string, found: unknown] | undefined {
  const { examples, shards, numCodebooks, tokenShape, packed, format } = manifest;
  if (shards.length > examples) return ['shards', `be at most one per example (${examples})`, shards.length];
  const wanted = shardRanges(examples, shards.length);
  const other = shards.findIndex(({ from, to }, n) => from !== wanted[n]?.from || to !== wanted[n]?.to);
  if (other >= 0) {
    const { from = 0, to = 0 } = wanted[other] ?? {};
    return [`shards[${other}]`, `be examples ${from} to ${to} of ${examples}`, shards[other]];
  }
  const end = shards[0]?.names === undefined ? undefined : 0;
  const unnamed = shards.findIndex(({ names }, n) => names?.begin !== (shards[n - 1]?.names?.end ?? end));
  if (unnamed >= 0) return [`shards[${unnamed}].names`, 'begin where those before end', shards[unnamed]?.names];
  if (numCodebooks > 1 && tokenShape.at(-1) !== numCodebooks) {
    return ['tokenShape', `end with the ${numCodebooks} codebooks`, tokenShape];
  }
  if (packed && !PACKABLE.includes(format)) return ['format', `be ${PACKABLE.join(' or ')} for packed ids`, format];
  const wrong = soundProblem(manifest);
  if (wrong !== undefined) return wrong;
  const most = idsPerExample(manifest);
  return most > MOST_IDS ? ['tokenShape', `have at most ${MOST_IDS} ids`, most] : undefined;
}

/** What cannot be of sound. */
function soundProblem({
  sound,
  tokenShape,
  exampleShape,
  numCodebooks,
  keys,
}: ShardPlan): [argument: string, rule: string, found: unknown] | undefined {
  if (sound === undefined) return undefined;
  if (tokenShape.length !== 1 || tokenShape[0] !== numCodebooks) {
    return ['tokenShape', `be [${numCodebooks}] for sound, the ids of a frame`, tokenShape];
  }
  if (exampleShape.length !== 1) return ['exampleShape', 'be [channels] for sound', exampleShape];
  return keys === 'texts' ? undefined : ['keys', "be 'texts' for sound", keys];
}

/**
 * Throws unless two plans are of one and the same work; where the data lie may differ.
 * @param where the caller and the folder of `there`.
 * @throws OptionError naming what differs.
 */
export function requireSamePlan(where: string, there: ShardManifest, wanted: ShardManifest): void {
  const facts = ({ tokenizer, source, shards, ...plan }: ShardManifest): Record<string, unknown> => ({
    'tokenizer (SHA-256)': tokenizer.sha256,
    'version of vqkit': plan.vqkit,
    'order of the source': source.order,
    'options of the source': source.options,
    examples: plan.examples,
    'source (SHA-256 of its names or data)': source.sha256,
    'number of shards': shards.length,
    format: plan.format,
    pack: plan.packed,
    batchSize: plan.batchSize,
    'shape of an example': plan.exampleShape,
    'shape of the ids': plan.tokenShape,
    'rate and hop of sound': plan.sound,
    'kind of keys': plan.keys,
  });
  const [own, other] = [facts(there), facts(wanted)];
  const differing = Object.keys(own).find((name) => JSON.stringify(own[name]) !== JSON.stringify(other[name]));
  if (differing === undefined) return;
  throw new OptionError(
    `${where} holds shards of another ${differing}`,
    'it',
    `be ${show(own[differing])}`,
    other[differing],
    'Pass what it was begun with, or encode into a new folder.',
  );
}

/**
 * The name of a shard's file: `ids-00042-of-00100.npy`, of parquet `train-00042-of-00100.parquet`, as datasets on the Hugging Face Hub are named.
 */
export function shardFile({ format, shards }: Pick<ShardManifest, 'format' | 'shards'>, shard: number): string {
  return `${format === 'parquet' ? 'train' : 'ids'}-${shardNumbers(shards.length, shard)}.${format}`;
}

/** The name of what is known of a shard: `ids-00042-of-00100.json`. It is written last: with it the shard is complete. */
export function recordFile({ shards }: Pick<ShardManifest, 'shards'>, shard: number): string {
  return `ids-${shardNumbers(shards.length, shard)}.json`;
}

export function shardNumbers(shards: number, shard: number): string {
  return `${String(shard).padStart(DIGITS, '0')}-of-${String(shards).padStart(DIGITS, '0')}`;
}

/** Ids of an example; of sound, of a frame. */
export function idsPerExample({ tokenShape }: Pick<ShardManifest, 'tokenShape'>): number {
  return tokenShape.reduce((product, length) => product * length, 1);
}

/** What an example takes in a shard's file; of sound, what each row does that it has. */
export function storedShape(
  manifest: Pick<ShardManifest, 'tokenShape' | 'codebookSize' | 'packed' | 'sound'>,
): number[] {
  const { tokenShape, codebookSize, packed, sound } = manifest;
  if (packed && sound !== undefined) return [];
  return packed ? [packedBytes(idsPerExample(manifest), codebookSize)] : [...tokenShape];
}

/** @throws OptionError unless there is a shard of that number. */
export function requireShard(where: string, { shards }: Pick<ShardManifest, 'shards'>, shard: number): ShardRange {
  requireInteger(where, 'shard', shard, 0, shards.length - 1);
  return shards[shard] as ShardRange;
}
