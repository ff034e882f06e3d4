import {
  add,
  getKernelsForBackend,
  type KernelConfig,
  mul,
  registerKernel,
  type Tensor,
  type Tensor2D,
  tensor,
  tidy,
  unregisterKernel,
  variable,
  variableGrads,
} from '@tensorflow/tfjs-core';
import { init } from '@vqkit/backend-wasm';
import { kernelReport, type Quantizer, sum } from '@vqkit/core-tensor';
import { quantizerEntry } from '@vqkit/quantizers';
import { loopOf, type Prepared, readFloats } from './protocol.ts';
import { factsOf, type Work } from './work.ts';

/** The engines that a quantizer of vqkit is measured on; `composed` is wasm with every kernel as its reference. */
export type TfjsEngine = 'wasm' | 'composed' | 'native' | 'webgpu';

const UNTIMED = 'not claimed: software GPU';

/**
 * A quantizer of vqkit on an engine. `composed`: every kernel is made of tfjs's operations, and tfjs's own kernels are taken
 * where it has them; what tfjs's wasm engine lacks for training stays vqkit's.
 */
export async function prepareTfjs(
  work: Work,
  { engine, threads }: { engine: TfjsEngine; threads: number },
): Promise<Prepared> {
  const untimed = await start(engine, threads);
  const quantizer = build(work);
  const x = tensor(readFloats(work.inputPath), [work.n, work.dim]) as Tensor2D;
  const note = factsOf(work)
    .kernels[work.op].map(
      (kernel) => `${kernel} ${kernelReport().find(({ name }) => name === kernel)?.runs ?? 'composed'}`,
    )
    .join(', ');
  if (work.op === 'encode') {
    const encode = (): Tensor => quantizer.encode(x);
    return {
      measure: loopOf(engine === 'webgpu' ? readBack(encode) : () => encode().dispose()),
      ...('depth' in work
        ? {}
        : {
            indices: async () => {
              const ids = encode();
              const values = Int32Array.from(await ids.data());
              ids.dispose();
              return values;
            },
          }),
      note,
      ...untimed,
    };
  }
  const input = variable(x);
  const upstream = tensor(readFloats(work.gradientPath), [work.n, work.dim]) as Tensor2D;
  const variables = [input, ...Object.values(quantizer.variables())];
  const train = (): Tensor =>
    tidy(() => {
      const { value } = variableGrads(() => {
        const { quantized, loss } = quantizer.quantize(input as unknown as Tensor2D, { training: true });
        return add(sum(mul(quantized, upstream)), loss);
      }, variables);
      return value;
    });
  return { measure: loopOf(engine === 'webgpu' ? readBack(train) : () => train().dispose()), note, ...untimed };
}

/** Starts an engine; says why its times are not claimed, if so. @throws Error with the reason where it does not run. */
async function start(engine: TfjsEngine, threads: number): Promise<{ readonly untimed?: string }> {
  // Loaded where they are wanted, so that they are in no other contender's memory.
  if (engine === 'native') {
    const { startNative } = await import('@vqkit/backend-node');
    const started = await startNative(threads);
    if ('reason' in started) throw new Error(`${started.reason}. ${started.fix}`);
    return {};
  }
  if (engine === 'webgpu') {
    const { software } = await (await import('@vqkit/backend-webgpu')).init();
    return software ? { untimed: UNTIMED } : {};
  }
  // Importing the engine has registered tfjs's own kernels; starting it adds vqkit's.
  const own = new Map((getKernelsForBackend('wasm') ?? []).map((kernel) => [kernel.kernelName, kernel]));
  await init({ threads });
  if (engine === 'composed') restore(own);
  return {};
}

/** A GPU has finished when a result is read, ids or a loss; the other engines have when a call returns. */
function readBack(call: () => Tensor): () => Promise<void> {
  return async () => {
    const result = call();
    await result.data();
    result.dispose();
  };
}

function restore(own: ReadonlyMap<string, KernelConfig>): void {
  const ofVqkit = new Set(kernelReport().map(({ name }) => name));
  for (const kernel of getKernelsForBackend('wasm') ?? []) {
    const original = own.get(kernel.kernelName);
    if (original === kernel || (original === undefined && !ofVqkit.has(kernel.kernelName))) continue;
    unregisterKernel(kernel.kernelName, 'wasm');
    if (original !== undefined) registerKernel(original);
  }
}

function build(work: Work): Quantizer {
  const quantizer = quantizerEntry(work.quantizer).create(factsOf(work).options(work));
  if (!('frozenDim' in work)) return quantizer;
  const { dim, codes, frozenDim } = work;
  const frozen = tensor(readFloats(work.codebookPath), [codes, frozenDim]);
  const weight = tensor(readFloats(work.weightPath), [dim, frozenDim]);
  quantizer.loadStateDict({ ...quantizer.stateDict(), frozen_codebook: frozen, 'code_transform.weight': weight });
  return quantizer;
}
