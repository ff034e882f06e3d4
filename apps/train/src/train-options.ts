import type { DataName } from '@vqkit/data/node';
import type { QuantizerName } from '@vqkit/quantizers';

export const PRESET_NAMES = ['recipe', 'start'] as const;
export const LOSS_NAMES = ['l1', 'mse'] as const;
export const ENGINE_NAMES = ['auto', 'native', 'wasm', 'cpu', 'webgpu'] as const;
export const ENGINE_HELP =
  "'native' (TensorFlow), 'wasm', 'cpu', 'webgpu' (a graphics processor), or 'auto' for the first that loads of native, wasm and cpu.";
export type PresetName = (typeof PRESET_NAMES)[number];
export type LossName = (typeof LOSS_NAMES)[number];
export type EngineName = (typeof ENGINE_NAMES)[number];

/** The whole configuration of a run, plain data; each option is described in `configSchema`. */
export interface TrainConfig {
  readonly preset?: PresetName | undefined;
  readonly data: DataName;
  readonly dataPath?: string | undefined;
  readonly imageSize?: number | undefined;
  readonly channels?: number | undefined;
  readonly validationSize?: number | undefined;
  readonly testSize?: number | undefined;
  readonly quantizer: QuantizerName;
  readonly quantizerOptions: Readonly<Record<string, unknown>>;
  readonly widths: readonly number[];
  readonly normGroups?: number | undefined;
  readonly loss: LossName;
  readonly clampOutput: boolean;
  readonly batchSize: number;
  readonly steps: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly warmupSteps: number;
  readonly clipGradNorm: number;
  readonly seed: number;
  readonly logEvery: number;
  readonly validateEvery: number;
  readonly checkpointEvery: number;
  readonly keepCheckpoints: number;
  readonly outDir: string;
  readonly engine: EngineName;
  readonly threads?: number | undefined;
}

/** What a user may give: any part of {@link TrainConfig}. */
export type TrainOptions = { readonly [name in keyof TrainConfig]?: TrainConfig[name] | undefined };
