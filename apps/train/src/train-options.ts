import type { ImageSize } from '@vqkit/data';
import type { Fit, DataName as ImageDataName } from '@vqkit/data/node';
import type { QuantizerName } from '@vqkit/quantizers';

export const PRESET_NAMES = ['recipe', 'start', 'photos', 'speech'] as const;
export const LOSS_NAMES = ['l1', 'mse', 'l1+mse'] as const;
export const SCHEDULE_NAMES = ['constant', 'cosine'] as const;
export const LOG_NAMES = ['tensorboard'] as const;
export const ENGINE_NAMES = ['auto', 'native', 'wasm', 'cpu', 'webgpu'] as const;
export const ENGINE_HELP =
  "'native' (TensorFlow), 'wasm', 'cpu', 'webgpu' (a GPU), or 'auto' for the first of native, wasm and cpu that loads.";
export type PresetName = (typeof PRESET_NAMES)[number];
export type LossName = (typeof LOSS_NAMES)[number];
export type EngineName = (typeof ENGINE_NAMES)[number];

/** The part of a run's configuration that runs on any data have; each option is described in `configSchema`. */
export interface SharedConfig {
  readonly preset?: PresetName | undefined;
  readonly dataPath?: string | undefined;
  readonly validationSize?: number | undefined;
  readonly quantizer: QuantizerName;
  readonly quantizerOptions: Readonly<Record<string, unknown>>;
  readonly loss: LossName;
  readonly batchSize: number;
  /** 0 where the data decide, until they are read. */
  readonly steps: number;
  readonly accumulate: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly warmupSteps: number;
  readonly schedule: (typeof SCHEDULE_NAMES)[number];
  readonly clipGradNorm: number;
  readonly ema?: number | undefined;
  /** A step; until the steps are known it may be a share of them, below 1. */
  readonly discriminatorFrom?: number | undefined;
  readonly discriminatorWeight?: number | undefined;
  readonly discriminatorFilters?: number | undefined;
  readonly seed: number;
  readonly logEvery: number;
  readonly validateEvery: number;
  readonly checkpointEvery: number;
  readonly keepCheckpoints: number;
  readonly outDir: string;
  readonly log?: (typeof LOG_NAMES)[number] | undefined;
  readonly engine: EngineName;
  readonly threads?: number | undefined;
}

/** The whole configuration of a run on images, plain data. */
export interface ImageConfig extends SharedConfig {
  readonly data: ImageDataName;
  readonly arch: 'conv' | 'resnet';
  readonly imageSize?: ImageSize | undefined;
  readonly fit?: Fit | undefined;
  readonly cropFrom?: ImageSize | undefined;
  readonly flip: boolean;
  readonly cacheMb: number;
  readonly workers?: number | undefined;
  readonly channels?: number | undefined;
  readonly testSize?: number | undefined;
  readonly widths: readonly number[];
  readonly normGroups?: number | undefined;
  readonly blocks?: number | undefined;
  readonly attention?: boolean | undefined;
  readonly groups?: number | undefined;
  readonly clampOutput: boolean;
  readonly ssimWeight: number;
  readonly gradientWeight: number;
}

export const ACTIVATION_NAMES = ['relu', 'gelu', 'silu', 'elu', 'tanh'] as const;

/** The whole configuration of a run on vectors, plain data. */
export interface VectorConfig extends SharedConfig {
  readonly data: 'vectors';
  readonly column?: string | undefined;
  readonly keyColumn?: string | undefined;
  readonly unique: boolean;
  readonly arch: 'none' | 'mlp';
  readonly hidden?: readonly number[] | undefined;
  readonly latentWidth?: number | undefined;
  readonly activation?: (typeof ACTIVATION_NAMES)[number] | undefined;
  readonly sample?: number | undefined;
  readonly passes?: number | undefined;
}

/** The whole configuration of a run on sound, plain data. */
export interface AudioConfig extends SharedConfig {
  readonly data: 'audio';
  readonly arch: 'seanet';
  readonly sampleRate: number;
  readonly stereo: boolean;
  readonly seconds: number;
  readonly filters: number;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly snake: boolean;
  readonly causal: boolean;
  readonly latentWidth?: number | undefined;
  readonly waveWeight: number;
  readonly stftWeight: number;
  readonly melWeight: number;
  readonly featureWeight?: number | undefined;
}

/** The whole configuration of a run, plain data. */
export type TrainConfig = ImageConfig | VectorConfig | AudioConfig;

/** What a user may give: any part of it. */
type Given<Config> = { readonly [name in keyof Config]?: Config[name] | undefined };
export type ImageOptions = Given<ImageConfig>;
export type AudioOptions = Given<AudioConfig>;
/** Options of any kind of data. */
export type TrainOptions = Given<
  Omit<ImageConfig, 'data' | 'arch'> & Omit<VectorConfig, 'data' | 'arch'> & Omit<AudioConfig, 'data' | 'arch'>
> & {
  readonly data?: TrainConfig['data'] | undefined;
  readonly arch?: TrainConfig['arch'] | undefined;
};
