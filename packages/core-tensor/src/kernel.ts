import {
  engine,
  type GradConfig,
  getBackend,
  getGradient,
  getKernel,
  type KernelBackend,
  type KernelFunc,
  type NamedAttrMap,
  type NamedTensorMap,
  registerGradient,
  registerKernel,
  type Tensor,
  type TensorInfo,
  tidy,
  unregisterKernel,
} from '@tensorflow/tfjs-core';
import '#tfjs-gradients';
import { detach } from './autodiff.ts';
import { namingSizes } from './room.ts';

/**
 * One operation that an engine may speed up: its reference, made of tfjs-core operations only and therefore right on every
 * engine, and its gradient. The whole backend-agnostic interface of vqkit is a handful of these.
 */
export interface KernelDefinition<
  Inputs extends NamedTensorMap,
  Attrs extends object,
  Outputs extends readonly Tensor[],
> {
  /** Name in tfjs's kernel registry, such as `FsqQuantize`. */
  readonly name: string;
  /** Computes the outputs with tfjs-core operations. Intermediates are disposed by the caller. */
  readonly reference: (inputs: Inputs, attrs: Attrs) => Outputs;
  /** Names of the inputs that `gradient` needs. Default none. */
  readonly inputsToSave?: readonly (keyof Inputs & string)[];
  /** Which outputs `gradient` needs, by position. Default none. */
  readonly outputsToSave?: readonly boolean[];
  /**
   * Whether only the first output has a gradient, the others (indices) being constants; no output is saved then. tfjs gives a gradient
   * of zeros to each output that the result does not depend on, which it makes in JavaScript at every step. Default false.
   */
  readonly onlyFirstHasGradient?: boolean;
  /**
   * Gradients of the inputs from the gradients of the outputs (`dys`, one per output that has one) and the saved tensors: the inputs of
   * `inputsToSave` in that order, then the outputs of `outputsToSave`. Each entry is computed only when it is asked for.
   */
  readonly gradient?: (
    dys: readonly Tensor[],
    saved: readonly Tensor[],
    attrs: Attrs,
  ) => { [name in keyof Inputs]?: () => Tensor };
}

/** A defined kernel: call it to run whatever the active engine has under its name, else the reference. */
export interface Kernel<Inputs extends NamedTensorMap, Attrs extends object, Outputs extends readonly Tensor[]> {
  (inputs: Inputs, attrs: Attrs): Outputs;
  readonly kernelName: string;
  readonly reference: (inputs: Inputs, attrs: Attrs) => Outputs;
}

const definitions = new Map<string, KernelDefinition<NamedTensorMap, object, readonly Tensor[]>>();
const composed = new Set<string>();
/** Of tfjs's kernels, those that engines of vqkit have replaced: `backend/kernel`. */
const replaced = new Set<string>();
const provided = new Set<string>();
const replacedGradients = new Set<string>();

/**
 * Defines a kernel and registers its gradient; call it once per name, at the top level of a module.
 *
 * On the first call on an engine that has no kernel of that name, the reference is registered there, so that fused and composed
 * kernels are taped, saved and disposed by tfjs in exactly the same way. The kernel throws what tfjs throws.
 *
 * @example
 * const Double = defineKernel<{ x: Tensor }, Record<string, never>, [Tensor]>({
 *   name: 'Double',
 *   reference: ({ x }) => [tf.add(x, x)],
 *   gradient: ([dy]) => ({ x: () => tf.mul(dy, 2) }),
 * });
 * const [y] = Double({ x }, {});
 */
export function defineKernel<Inputs extends NamedTensorMap, Attrs extends object, Outputs extends readonly Tensor[]>(
  definition: KernelDefinition<Inputs, Attrs, Outputs>,
): Kernel<Inputs, Attrs, Outputs> {
  const { name, reference, gradient, inputsToSave = [], outputsToSave = [], onlyFirstHasGradient = false } = definition;
  definitions.set(name, definition as unknown as KernelDefinition<NamedTensorMap, object, readonly Tensor[]>);
  const taped = onlyFirstHasGradient ? `${name}First` : name;
  if (gradient !== undefined && getGradient(taped) === undefined) {
    registerGradient({
      kernelName: taped,
      inputsToSave: [...inputsToSave],
      outputsToSave: [...outputsToSave],
      gradFunc: (dy, saved, attrs) => {
        const grads = gradient(Array.isArray(dy) ? dy : [dy], saved, attrs as unknown as Attrs);
        return grads as { [name: string]: () => Tensor };
      },
    });
  }
  const kernelFunc: KernelFunc = ({ inputs, attrs }) =>
    tidy(() => reference(inputs as unknown as Inputs, attrs as unknown as Attrs) as unknown as Tensor[]);

  const run = (inputs: Inputs, attrs: Attrs): Outputs => {
    const backendName = getBackend();
    if (getKernel(name, backendName) == null) {
      registerKernel({ kernelName: name, backendName, kernelFunc });
      composed.add(`${backendName}/${name}`);
    }
    const given = (): string =>
      Object.entries(inputs)
        .map(([key, { shape }]) => `${key} of shape [${shape}]`)
        .join(', ');
    const result = namingSizes(name, given, () => engine().runKernel(name, inputs, attrs as NamedAttrMap)) as
      | Tensor
      | Tensor[];
    const outputs = Array.isArray(result) ? result : [result];
    if (!onlyFirstHasGradient) return outputs as unknown as Outputs;
    return firstOnTape(taped, outputs, inputs, attrs) as unknown as Outputs;
  };
  return Object.assign(run, { kernelName: name, reference });
}

/** The same outputs: the first is on the tape as what the kernel `taped`, which does nothing, made of `inputs`; the others are constants. */
function firstOnTape(taped: string, outputs: Tensor[], inputs: NamedTensorMap, attrs: object): Tensor[] {
  const backendName = getBackend();
  if (getKernel(taped, backendName) == null) {
    const share: KernelFunc = (call) => {
      const { dataId, shape, dtype } = (call.inputs as { values: TensorInfo }).values;
      (call.backend as KernelBackend).incRef(dataId);
      return { dataId, shape, dtype };
    };
    registerKernel({ kernelName: taped, backendName, kernelFunc: share });
  }
  return tidy(() => {
    const [values, ...others] = outputs.map((output) => {
      const constant = detach(output);
      output.dispose();
      return constant;
    }) as [Tensor, ...Tensor[]];
    return [engine().runKernel(taped, { ...inputs, values }, attrs as NamedAttrMap) as Tensor, ...others];
  });
}

/**
 * For backend packages: gives an engine its own version of a kernel (or of one of tfjs's kernels), replacing any earlier one.
 *
 * @param backendName as in `tf.setBackend`, and `kernelName` as in the kernel's definition.
 * @param kernelFunc gets { inputs, attrs, backend } as tfjs passes them and returns the outputs in the definition's order.
 * @example
 * provideKernel('wasm', 'FsqQuantize', ({ inputs, attrs, backend }) => runFsq(inputs, attrs, backend));
 */
export function provideKernel(backendName: string, kernelName: string, kernelFunc: KernelFunc): void {
  const key = `${backendName}/${kernelName}`;
  if (getKernel(kernelName, backendName) != null) {
    if (!provided.has(key) && !composed.has(key)) replaced.add(key);
    unregisterKernel(kernelName, backendName);
  }
  registerKernel({ kernelName, backendName, kernelFunc });
  provided.add(key);
  composed.delete(key);
}

/** What the engines of vqkit have changed in TensorFlow.js for everybody in the process; importing a quantizer changes nothing. */
export interface Replacements {
  /** Kernels of tfjs that one engine runs by a version of vqkit's. */
  readonly kernels: readonly string[];
  /** Kernels whose gradient is vqkit's, on every engine. */
  readonly gradients: readonly string[];
}

/**
 * For the report of an engine: what its `init` has replaced.
 *
 * @param backendName default the active engine.
 * @example
 * replacementReport('wasm'); // { kernels: ['Cast', …], gradients: ['Mean', 'Sum'] }
 */
export function replacementReport(backendName: string = getBackend()): Replacements {
  const own = [...replaced].filter((key) => key.startsWith(`${backendName}/`));
  return {
    kernels: own.map((key) => key.slice(backendName.length + 1)).sort(),
    gradients: [...replacedGradients].sort(),
  };
}

/**
 * Every kernel of vqkit, sorted by name, and how an engine runs it: `fused` if it has its own version, else `composed`.
 *
 * @param backendName default the active engine.
 * @example
 * await tf.ready();
 * kernelReport(); // [{ name: 'BitEntropy', runs: 'composed' }, …]
 */
export function kernelReport(backendName: string = getBackend()): { name: string; runs: 'fused' | 'composed' }[] {
  return [...definitions.keys()].sort().map((name) => {
    const fused = getKernel(name, backendName) != null && !composed.has(`${backendName}/${name}`);
    return { name, runs: fused ? 'fused' : 'composed' };
  });
}

/** For {@link provideReductionGradients}: gives a kernel of tfjs another gradient, on every engine. */
export function replaceGradient(config: GradConfig): void {
  replacedGradients.add(config.kernelName);
  registerGradient(config);
}
