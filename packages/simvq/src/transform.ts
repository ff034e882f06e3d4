import { mul, relu, sigmoid, type Tensor2D, tanh, tidy, zeros } from '@tensorflow/tfjs-core';
import {
  OptionError,
  type Parameter,
  phrase,
  type Rng,
  requireBoolean,
  requireInteger,
  requireKnownOptions,
  requireOneOf,
  requireOption,
  ShapeError,
  show,
} from '@vqkit/core-tensor';
import { createLinear, gelu, type Linear } from '@vqkit/nn';

/** The functions that may stand between the layers of an MLP transform. */
export type Activation = 'relu' | 'gelu' | 'silu' | 'tanh';

const activations: Record<Activation, (x: Tensor2D) => Tensor2D> = {
  relu,
  gelu,
  silu: (x) => mul(x, sigmoid(x)),
  tanh,
};

/** A multilayer perceptron as the codebook transform: linear layers with an activation between them. */
export interface MlpTransform {
  /** Widths of the hidden layers; none makes one linear layer under the names of nn.Sequential. */
  readonly hidden: readonly number[];
  /** Default `relu`. */
  readonly activation?: Activation;
  /** Default true. */
  readonly bias?: boolean;
}

/** A transform of your own. It belongs to the quantizer it is given to: `dispose()` there frees its variables. */
export interface CodebookTransform {
  /**
   * [M, frozenCodebookDim] → [M, dim], differentiable. Each row must depend on its own row and on `parameters` only: codes are
   * kept until a parameter changes, and are computed in batches of different sizes.
   */
  apply(codes: Tensor2D): Tensor2D;
  /** Every variable that `apply` reads; in the state dict each name follows `code_transform.`. */
  readonly parameters: readonly Parameter[];
}

/** What `codebookTransform` may be. */
export type CodebookTransformOption = 'linear' | MlpTransform | CodebookTransform;

/** The option as plain data: a transform of one's own is `custom`. */
export type CodebookTransformConfig = 'linear' | Required<MlpTransform> | 'custom';

/** A transform inside the quantizer; `linear` tells that it is one matrix. */
export interface BuiltTransform extends CodebookTransform {
  readonly linear: Linear | undefined;
}

/** Checks the option and fills in its defaults. */
export function transformConfig(
  where: string,
  option: CodebookTransformOption,
  width: { inputDim: number; outputDim: number },
): CodebookTransformConfig {
  if (option === 'linear') return option;
  requireOption(
    typeof option === 'object' && option !== null,
    where,
    'codebookTransform',
    "'linear', { hidden, activation, bias } or an object with apply and parameters",
    option,
    "Pass for example 'linear'; a configuration with 'custom' needs the transform itself again.",
  );
  if ('apply' in option) {
    requireOption(
      typeof option.apply === 'function' && Array.isArray(option.parameters),
      where,
      'codebookTransform',
      'an object with the function apply and the list parameters',
      option,
      'List every variable that apply reads in parameters.',
    );
    requireCustom(where, option, width);
    return 'custom';
  }
  requireKnownOptions(`${where}: codebookTransform`, option, ['hidden', 'activation', 'bias']);
  const { hidden, activation = 'relu', bias = true } = option;
  requireOption(
    Array.isArray(hidden),
    where,
    'codebookTransform.hidden',
    'a list of widths',
    hidden,
    "Pass for example [128], or codebookTransform: 'linear'.",
  );
  hidden.forEach((width, i) => {
    requireInteger(where, `codebookTransform.hidden[${i}]`, width, 1);
  });
  requireOneOf(where, 'codebookTransform.activation', activation, Object.keys(activations));
  requireBoolean(where, 'codebookTransform.bias', bias);
  return { hidden: [...hidden], activation, bias };
}

/** Makes the transform, its layers initialised as PyTorch's nn.Linear and named as in its nn.Sequential. */
export function buildTransform(
  option: CodebookTransformOption,
  config: CodebookTransformConfig,
  shape: { inputDim: number; outputDim: number; bias: boolean; rng: Rng },
): BuiltTransform {
  const { inputDim, outputDim, rng } = shape;
  if (config === 'linear') {
    const linear = createLinear({ name: 'code_transform', ...shape });
    return { apply: linear.apply, parameters: linear.parameters, linear };
  }
  if (config === 'custom') {
    const own = option as CodebookTransform;
    return {
      apply: (codes) => own.apply(codes),
      parameters: own.parameters.map((p) => ({ ...p, name: `code_transform.${p.name}` })),
      linear: undefined,
    };
  }
  const widths = [inputDim, ...config.hidden, outputDim];
  const layers = widths.slice(1).map((width, i) =>
    createLinear({
      // The activations take the odd places of nn.Sequential.
      name: `code_transform.${2 * i}`,
      inputDim: widths[i] as number,
      outputDim: width,
      bias: config.bias,
      rng,
    }),
  );
  const activate = activations[config.activation];
  return {
    apply: (codes) => layers.reduce((h, layer, i) => layer.apply(i === 0 ? h : activate(h)), codes),
    parameters: layers.flatMap((layer) => layer.parameters),
    linear: undefined,
  };
}

function requireCustom(
  where: string,
  transform: CodebookTransform,
  { inputDim, outputDim }: { inputDim: number; outputDim: number },
): void {
  const names = transform.parameters.map(({ name }) => name);
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) {
    throw new OptionError(
      where,
      'codebookTransform.parameters',
      'have different names',
      phrase(`${show(repeated)} twice`, repeated),
      'Rename one.',
    );
  }
  const shape = tidy(() => transform.apply(zeros([2, inputDim])).shape);
  if (shape.length !== 2 || shape[0] !== 2 || shape[1] !== outputDim) {
    throw new ShapeError(
      where,
      'codebookTransform.apply',
      `map [M, ${inputDim}] to [M, ${outputDim}]`,
      phrase(`${show(shape)} for M = 2`, shape),
      'Its input width is frozenCodebookDim, its output width dim.',
    );
  }
}
