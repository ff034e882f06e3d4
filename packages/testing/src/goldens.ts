import { readFileSync } from 'node:fs';
import { type Tensor, tensor } from '@tensorflow/tfjs-core';

/** A tensor as the goldens store it. */
export interface GoldenTensor {
  readonly shape: number[];
  readonly dtype: string;
  readonly data: number[];
}

/** One run of vector-quantize-pytorch 1.31.0: configuration, input, and everything it returned. */
export interface Golden {
  readonly kind: string;
  readonly config: Record<string, unknown>;
  readonly forward?: { inv_temperature?: number };
  readonly x: GoldenTensor;
  /** Boolean, one per token; the extra goldens only. */
  readonly mask?: GoldenTensor;
  readonly quantized: GoldenTensor;
  readonly indices: GoldenTensor;
  /** For the upstream gradient linspace(-1, 1, numel) in the shape of quantized. */
  readonly grad_x_of_quantized: GoldenTensor;
  readonly state: Record<string, GoldenTensor>;
  readonly loss?: GoldenTensor;
  readonly grad_x_of_loss_sum?: GoldenTensor;
  readonly grad_parameters_of_loss_sum?: Record<string, GoldenTensor>;
  readonly breakdown?: { per_sample_entropy: number; batch_entropy: number; commitment: number };
  readonly eval_quantized?: GoldenTensor;
  /** The state after the training step, of the residual goldens with moving averages. */
  readonly state_after?: Record<string, GoldenTensor>;
}

interface GoldenFile {
  readonly made_by: string;
  readonly seed: number;
  readonly cases: Golden[];
  readonly rotate_to: Record<string, GoldenTensor>[];
}

const FILES = ['upstream-1.31.0', 'upstream-1.31.0-extra', 'upstream-1.31.0-residual'] as const;

/** The given goldens, and what they leave out: single quantizers (`extra`) and stacks (`residual`), by the scripts in fixtures/. */
function read(file: (typeof FILES)[number]): GoldenFile {
  return JSON.parse(readFileSync(new URL(`../fixtures/${file}.json`, import.meta.url), 'utf8')) as GoldenFile;
}

/** The goldens of one class of the reference library, such as `FSQ`. */
export function goldenCases(kind: string): Golden[] {
  return FILES.flatMap((file) => read(file).cases).filter((golden) => golden.kind === kind);
}

export function goldenRotations(): Record<string, GoldenTensor>[] {
  return read('upstream-1.31.0').rotate_to;
}

/** One training step of VectorQuantize: the losses by part, and the state before and after. */
export interface VqGolden
  extends Omit<Golden, 'config' | 'loss' | 'grad_x_of_loss_sum' | 'grad_parameters_of_loss_sum' | 'eval_quantized'> {
  readonly config: Record<string, number | boolean> & { learnable_codebook?: boolean; commitment_weight?: number };
  readonly loss: GoldenTensor;
  readonly parts: { commitment: GoldenTensor; orthogonality: GoldenTensor };
  readonly grad_x_of_loss_sum: GoldenTensor;
  readonly grad_parameters_of_loss_sum: Record<string, GoldenTensor>;
  readonly eval_quantized: GoldenTensor;
  readonly state_after: Record<string, GoldenTensor>;
}

/** Many training steps: x and indices with the steps as first axis. */
export type VqSequence = Pick<VqGolden, 'config' | 'state' | 'state_after' | 'x' | 'indices'>;

/** VectorQuantize, by fixtures/make_vq_goldens.py. */
export function goldenVq(): { readonly cases: VqGolden[]; readonly sequences: VqSequence[] } {
  const file = new URL('../fixtures/upstream-1.31.0-vq.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as ReturnType<typeof goldenVq>;
}

/** The formula of published code other than upstream's: our options for it, input, and what it gives. */
export interface PublishedGolden extends Pick<Golden, 'kind' | 'x' | 'quantized' | 'indices' | 'grad_x_of_quantized'> {
  readonly options: Record<string, unknown>;
  /** LFQ only: the entropies, and the gradient of their loss. */
  readonly losses?: Record<string, number>;
  readonly grad_x_of_loss?: GoldenTensor;
}

/** By fixtures/make_published_goldens.py, which names the code. */
export function publishedGoldens(kind: string): PublishedGolden[] {
  const file = new URL('../fixtures/published.json', import.meta.url);
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: PublishedGolden[] };
  return cases.filter((golden) => golden.kind === kind);
}

/** A residual SimVQ of upstream, 4 layers, 16 codes, trained on its own loss by torch.optim.AdamW under quantize dropout. */
export interface AdamWGolden extends Pick<Golden, 'state'> {
  readonly options: { lr: number; betas: [number, number]; eps: number; weight_decay: number };
  /** How many of the first layers run at each step. */
  readonly kept: number[];
  /** The input of each step. */
  readonly x: GoldenTensor[];
  readonly state_after: Record<string, GoldenTensor>;
  /** t of each parameter after the last step. */
  readonly steps: Record<string, number>;
}

/** By fixtures/make_adamw_goldens.py. */
export function goldenAdamW(): AdamWGolden {
  const file = new URL('../fixtures/torch-adamw.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as AdamWGolden;
}

/** A module of torch.nn: options of ours for it, input, parameters under torch's names, value, and gradients for the upstream (7 i mod 11 - 5) / 8. */
export interface ModuleGolden extends Pick<Golden, 'x' | 'state'> {
  readonly module: string;
  readonly options: Record<string, unknown>;
  readonly y: GoldenTensor;
  readonly grad_x: GoldenTensor;
  readonly grad_parameters: Record<string, GoldenTensor>;
}

/** By fixtures/make_nn_goldens.py. */
export function goldenModules(): ModuleGolden[] {
  const file = new URL('../fixtures/torch-nn.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { cases: ModuleGolden[] }).cases;
}

/** A residual autoencoder in PyTorch; how its weights, images and ids come about says fixtures/make_resnet_goldens.py. */
export interface ResnetGolden {
  readonly options: Record<string, unknown>;
  readonly imageShape: readonly [number, number, number, number];
  /** Shapes of the weights, by name. */
  readonly state: Record<string, number[]>;
  readonly latentShape: readonly [number, number, number, number];
  readonly latents: number[];
  readonly output: number[];
}

export function goldenResnets(): ResnetGolden[] {
  const file = new URL('../fixtures/torch-resnet.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { cases: ResnetGolden[] }).cases;
}

/** An autoencoder for sound in PyTorch; how its weights, sound and ids come about says fixtures/make_seanet_goldens.py. */
export interface SeanetGolden {
  readonly options: Record<string, unknown>;
  readonly soundShape: readonly [number, number, number];
  /** Shapes of the weights, by name. */
  readonly state: Record<string, number[]>;
  readonly latentShape: readonly [number, number, number];
  readonly latents: number[];
  /** The latents' signs as bits, LFQ's ids. */
  readonly ids: number[];
  readonly output: number[];
}

export function goldenSeanets(): SeanetGolden[] {
  const file = new URL('../fixtures/torch-seanet.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { cases: SeanetGolden[] }).cases;
}

/** A file that PyTorch or NumPy wrote, by fixtures/make_python_files.py, such as `lfq-f16.safetensors`. */
export function pythonFile(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../fixtures/python/${name}`, import.meta.url)));
}

/** int64 becomes int32, bool becomes int32. */
export function goldenTensor(golden: GoldenTensor): Tensor {
  return tensor(golden.data, golden.shape, golden.dtype === 'float32' ? 'float32' : 'int32');
}

/**
 * `num_codebooks` → `numCodebooks`. `channel_first` becomes `dataFormat`.
 *
 * @param guessed whether the reference guesses the layout of rank >= 4, as LFQ and FSQ do and SimVQ does not.
 */
export function camelCaseOptions(golden: Golden, guessed = true): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(golden.config)) {
    if (key !== 'channel_first') options[key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())] = value;
  }
  const first = golden.config.channel_first === true || (guessed && golden.x.shape.length >= 4);
  if (first) options.dataFormat = 'channelsFirst';
  return options;
}
