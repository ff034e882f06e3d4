import { OptionError } from '@vqkit/core-tensor';
import { type QuantizerName, quantizerNames } from '@vqkit/quantizers';
import { isRowFile } from '@vqkit/rows';
import { checkOptions, count, field, inGroup } from '@vqkit/schema';
import { z } from 'zod';
import { ENGINE_HELP, ENGINE_NAMES, type EngineName } from '../train-options.ts';

const ARCHES = ['none', 'mlp'] as const;

/** Options of {@link trainVectors}, described in {@link vectorJsonSchema}. */
export interface VectorTrainOptions {
  readonly data?: 'vectors' | undefined;
  readonly dataPath?: string | undefined;
  readonly column?: string | undefined;
  readonly keyColumn?: string | undefined;
  readonly arch?: (typeof ARCHES)[number] | undefined;
  readonly hidden?: readonly number[] | undefined;
  readonly quantizer?: QuantizerName | undefined;
  readonly quantizerOptions?: Readonly<Record<string, unknown>> | undefined;
  readonly sample?: number | undefined;
  readonly passes?: number | undefined;
  readonly batchSize?: number | undefined;
  readonly steps?: number | undefined;
  readonly learningRate?: number | undefined;
  readonly unique?: boolean | undefined;
  readonly seed?: number | undefined;
  readonly outDir?: string | undefined;
  readonly engine?: EngineName | undefined;
  readonly threads?: number | undefined;
}

/** The same with every default. */
export interface VectorTrainConfig extends VectorTrainOptions {
  readonly dataPath: string;
  readonly arch: (typeof ARCHES)[number];
  readonly hidden: readonly number[];
  readonly quantizer: QuantizerName;
  readonly quantizerOptions: Readonly<Record<string, unknown>>;
  readonly passes: number;
  readonly batchSize: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly unique: boolean;
  readonly seed: number;
  readonly outDir: string;
  readonly engine: EngineName;
}

const DEFAULTS = {
  arch: 'none',
  hidden: [512, 256, 128],
  quantizer: 'residual-vq',
  quantizerOptions: {},
  passes: 4,
  batchSize: 1024,
  steps: 2000,
  learningRate: 1e-3,
  unique: false,
  seed: 1234,
  engine: 'auto',
} as const satisfies VectorTrainOptions;

/** Which rows and where their keys are, wherever vectors are read. */
export const rowFields: { column: z.ZodOptional<z.ZodString>; keyColumn: z.ZodOptional<z.ZodString> } = {
  column: field(z.string().min(1), 'Of vectors: the tensor or the column that holds them. Default the only one.'),
  keyColumn: field(
    z.string().min(1),
    "Of vectors: the tensor or the column of the rows' keys, integers or texts. Default 'key', without one row numbers.",
  ),
};

/** Whether ids get one more that tells equal rows apart. */
export const uniqueField: z.ZodOptional<z.ZodBoolean> = field(
  z.boolean(),
  'Of vectors: adds a last id that tells rows with equal ids apart.',
  DEFAULTS.unique,
);

const schema = z.strictObject({
  data: field(z.literal('vectors'), 'Vectors.'),
  dataPath: field(z.string().min(1), 'A file of vectors.'),
  ...inGroup('Vectors', {
    ...rowFields,
    arch: field(
      z.enum(ARCHES),
      "'none' fits the quantizer to the vectors, by k-means and moving averages; 'mlp' puts linear layers around it (RQ-VAE).",
      DEFAULTS.arch,
    ),
    hidden: field(
      z.array(count(1)).max(64),
      "Of 'mlp': widths of the encoder's hidden layers, which the decoder mirrors.",
      DEFAULTS.hidden,
    ),
    sample: field(count(1), "Of 'none': rows that k-means places the codes on. Default 64 per code."),
    passes: field(count(0), "Of 'none': passes over all rows after that.", DEFAULTS.passes),
    unique: uniqueField,
  }),
  quantizer: field(z.enum(quantizerNames()), 'The quantizer.', DEFAULTS.quantizer),
  quantizerOptions: field(z.record(z.string(), z.unknown()), "The quantizer's options.", DEFAULTS.quantizerOptions),
  batchSize: field(count(1), 'Rows per step.', DEFAULTS.batchSize),
  steps: field(count(1), "Of 'mlp': training steps.", DEFAULTS.steps),
  learningRate: field(z.number().positive(), "Of 'mlp': learning rate of AdamW.", DEFAULTS.learningRate),
  seed: field(count(0).max(2 ** 32 - 1), 'Seed of weights, codes and order.', DEFAULTS.seed),
  outDir: field(z.string().min(1), 'Run folder. Default runs/vectors-<quantizer>-<seed>.'),
  engine: field(z.enum(ENGINE_NAMES), ENGINE_HELP, DEFAULTS.engine),
  threads: field(count(1), 'Threads of the wasm engine. Default all cores.'),
});

/** The options of {@link trainVectors} as JSON Schema, to make flags from. */
export function vectorJsonSchema(): z.core.JSONSchema.JSONSchema {
  return z.toJSONSchema(schema);
}

/** Whether options of a training are about vectors: they say so, or their path has the ending of a file of rows. */
export function isOfVectors({ data, dataPath }: { readonly data?: unknown; readonly dataPath?: unknown }): boolean {
  return data === 'vectors' || (data === undefined && isRowFile(`${dataPath}`));
}

/** @throws OptionError naming the option, the rule, the value and the fix. */
export function vectorConfig(where: string, options: VectorTrainOptions): VectorTrainConfig {
  const checked: VectorTrainOptions = checkOptions(schema, options, where);
  const given = Object.fromEntries(Object.entries(checked).filter(([, value]) => value !== undefined));
  const merged = { ...DEFAULTS, ...(given as VectorTrainOptions) };
  const { dataPath, quantizer, seed, arch } = merged as VectorTrainOptions & typeof merged;
  if (dataPath === undefined) {
    throw new OptionError(
      where,
      'dataPath',
      "be given for data 'vectors'",
      undefined,
      'Pass a .npy, .parquet or .safetensors file.',
    );
  }
  const strange = (arch === 'none' ? ['hidden', 'steps', 'learningRate'] : ['sample', 'passes']).find(
    (name) => name in given,
  );
  if (strange !== undefined) {
    throw new OptionError(
      where,
      strange,
      `not be given with arch '${arch}'`,
      (given as Record<string, unknown>)[strange],
      `Leave it out, or pass arch '${arch === 'none' ? 'mlp' : 'none'}'.`,
    );
  }
  return { outDir: `runs/vectors-${quantizer}-${seed}`, ...merged, dataPath } as VectorTrainConfig;
}
