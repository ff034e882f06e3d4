import {
  requireBoolean,
  requireInteger,
  requireNonNegative,
  requireOneOf,
  requireOption,
  requirePositive,
} from '@vqkit/core-tensor';
import { ROTATION_MAX_SCALE } from '@vqkit/losses';
import { resolveCodes, type SimVqCodeOptions } from './code-options.ts';
import { type CodebookTransformConfig, type CodebookTransformOption, transformConfig } from './transform.ts';

export const WHERE = 'createSimVq';

export interface SimVqOptions extends SimVqCodeOptions {
  /** `'linear'`, an MLP as `{ hidden, activation, bias }`, or a {@link CodebookTransform} of your own. Default `'linear'`. */
  readonly codebookTransform?: CodebookTransformOption;
  /** Distribution of the frozen vectors, of variance 1 / frozenCodebookDim either way. Default `'normal'`. */
  readonly codebookInit?: 'normal' | 'uniform';
  /** Trains the frozen vectors too. Default false. */
  readonly trainCodebook?: boolean;
  /**
   * Has no effect: the code is always the one that float64 finds. Files and configurations of before hold it, so it is taken. Default false.
   * @deprecated Leave it out.
   */
  readonly exact?: boolean;
  /** Gradient by the rotation trick; false: straight-through. Default true. */
  readonly rotationTrick?: boolean;
  /** Bound of the rotation's scale |q| / |x|. Default 100. */
  readonly rotationMaxScale?: number;
  /** β: weight of mse(x, sg q) within the loss. Default 0.25. */
  readonly inputToQuantizeCommitLossWeight?: number;
  /** Weight of the whole loss, 0 to 1000 and more. Default 1. */
  readonly commitmentWeight?: number;
  /** Seed of the frozen vectors and of the transform. Default 0. */
  readonly seed?: number;
}

/** {@link SimVqOptions} with every default filled in: plain data. */
export type SimVqConfig = Required<Omit<SimVqOptions, 'codebookTransform'>> & {
  readonly codebookTransform: CodebookTransformConfig;
};

/** Checks every option and fills in the defaults. */
export function resolve(options: SimVqOptions): SimVqConfig {
  const codes = resolveCodes(WHERE, options);
  const { dim, frozenCodebookDim, transformBias } = codes;
  const { codebookTransform = 'linear', codebookInit = 'normal', trainCodebook = false, exact = false } = options;
  const transform = transformConfig(WHERE, codebookTransform, { inputDim: frozenCodebookDim, outputDim: dim });
  requireOption(
    !transformBias || transform === 'linear',
    WHERE,
    'transformBias',
    "false unless codebookTransform is 'linear'",
    transformBias,
    'Set bias in the transform itself.',
  );
  requireOneOf(WHERE, 'codebookInit', codebookInit, ['normal', 'uniform']);
  requireBoolean(WHERE, 'trainCodebook', trainCodebook);
  requireBoolean(WHERE, 'exact', exact);
  const { rotationTrick = true, rotationMaxScale = ROTATION_MAX_SCALE } = options;
  requireBoolean(WHERE, 'rotationTrick', rotationTrick);
  requirePositive(WHERE, 'rotationMaxScale', rotationMaxScale);
  const { inputToQuantizeCommitLossWeight = 0.25, commitmentWeight = 1, seed = 0 } = options;
  requireNonNegative(WHERE, 'inputToQuantizeCommitLossWeight', inputToQuantizeCommitLossWeight);
  requireNonNegative(WHERE, 'commitmentWeight', commitmentWeight);
  requireInteger(WHERE, 'seed', seed, 0, 2 ** 32 - 1);
  return {
    ...codes,
    codebookTransform: transform,
    codebookInit,
    trainCodebook,
    exact,
    rotationTrick,
    rotationMaxScale,
    inputToQuantizeCommitLossWeight,
    commitmentWeight,
    seed,
  };
}
