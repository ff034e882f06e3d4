import { add, mul, reshape, type Scalar, type Tensor1D, type Tensor2D, type Variable } from '@tensorflow/tfjs-core';
import {
  codeSearch,
  createParameterSet,
  createQuantizer,
  createRng,
  derived,
  detach,
  gatherCodes,
  ownedVariable,
  type Parameter,
  type Quantizer,
  type Rng,
  sameSpace,
  straightThrough,
} from '@vqkit/core-tensor';
import { codebookLoss, commitmentLoss, rotateTo } from '@vqkit/losses';
import { resolve, type SimVqConfig, type SimVqOptions, WHERE } from './options.ts';
import { frozenSpaceSearch } from './search.ts';
import { buildTransform } from './transform.ts';

/** The parts of the loss: `commitment` moves the input to its code, `codebook` the code to its inputs. */
export type SimVqLoss = 'commitment' | 'codebook';

export type SimVq = Quantizer<SimVqConfig, SimVqLoss>;

/**
 * SimVQ: vector quantization with a codebook that never collapses onto a few codes, because what trains is not the codes but one
 * transform of all of them: `C = T(F)` with F frozen Gaussian vectors and T linear (or an MLP).
 *
 * `index = argmin_k |x - c_k|`, `q = c_index`,
 * `loss = commitmentWeight · (mse(sg x, q) + β · mse(x, sg q))` with β = `inputToQuantizeCommitLossWeight`, sg = stop gradient and
 * mse the mean over all elements of the tokens that are not masked. `losses.codebook = mse(sg x, q)` trains T,
 * `losses.commitment = mse(x, sg q)` the encoder.
 *
 * - Shapes: x is [batch, …, dim] (any rank >= 2, `dataFormat` places the feature axis); indices are int32 [batch, …].
 * - Gradient of `quantized`: to x by the rotation trick (`rotateTo` of @vqkit/losses) or straight-through; none to the
 *   codebook, which only the loss trains, in both modes.
 * - `quantized` is exactly the code, in training and inference. Codes are always rows of one codebook, computed once per change of
 *   the weights, because the same product in batches of another size may round differently.
 * - The nearest code is the one that float64 finds among the codes that `decode` gives, on every engine and whatever the codes. Ties: the
 *   lowest index. A code with a NaN or an infinity is never chosen while there is another; a token with one gets the first code that has none.
 * - Out-of-range indices in `decode` give NaN, -1 gives zeros.
 * - A codebook of your own: `simvq.loadStateDict({ ...simvq.stateDict(), frozen_codebook })`.
 *
 * Differs from vector-quantize-pytorch: the value is the code itself, which its rotation trick misses by up to 4e-4 (see `rotateTo`); the loss is computed only when training and
 * skips masked tokens; the rotation's scale is bounded; distances are centred, so that a large common offset does not change the
 * result; `decode` of one index does not transform the codebook again and again.
 *
 * Source: Zhu et al., "Addressing Representation Collapse in Vector Quantized Models with One Linear Layer", arXiv:2411.02038.
 *
 * @throws OptionError when an option breaks its rule; ShapeError when a transform of your own has the wrong width.
 * @example
 * const simvq = createSimVq({ dim: 32, codebookSize: 1024 });
 * const x = tf.randomNormal([2, 49, 32]);
 * const { quantized, indices, loss } = simvq.quantize(x, { training: true }); // [2, 49, 32], int32 [2, 49]
 * const codes = simvq.decode(indices); // equals quantized bit for bit
 */
export function createSimVq(options: SimVqOptions): SimVq {
  const config = resolve(options);
  const { dim, codebookSize, frozenCodebookDim, trainCodebook, commitmentWeight } = config;
  const rng = createRng(config.seed);

  const frozen = ownedVariable(initialCodebook(config, rng), [codebookSize, frozenCodebookDim], trainCodebook);
  const transform = buildTransform(options.codebookTransform ?? 'linear', config.codebookTransform, {
    inputDim: frozenCodebookDim,
    outputDim: dim,
    bias: config.transformBias,
    rng,
  });
  const parameters: Parameter[] = [
    { name: 'frozen_codebook', variable: frozen, trainable: trainCodebook },
    ...transform.parameters,
  ];
  const variables: Variable[] = parameters.map(({ variable }) => variable);
  const codebook = derived(variables, () => transform.apply(frozen as unknown as Tensor2D));
  const search =
    transform.linear !== undefined && frozenCodebookDim < dim
      ? frozenSpaceSearch(codebook, frozen, transform.linear)
      : codeSearch(codebook);

  /**
   * The codes at these indices, with a gradient to the parameters: through T of the rows in use, or of all rows where these are
   * fewer. Values always come from the one codebook.
   */
  const trainableCodes = (indices: Tensor1D): Tensor2D => {
    const vectors = frozen as unknown as Tensor2D;
    if (indices.size <= codebookSize) {
      const codes = gatherCodes(codebook.get(), indices);
      return straightThrough(transform.apply(gatherCodes(vectors, indices)), codes);
    }
    return gatherCodes(straightThrough(transform.apply(vectors), codebook.get()), indices);
  };

  return createQuantizer<SimVqConfig, SimVqLoss>({
    kind: 'SimVQ',
    where: WHERE,
    config,
    dim,
    codebookSize,
    numCodebooks: 1,
    keepNumCodebooksDim: false,
    dataFormat: config.dataFormat,
    rng,
    lossNames: ['commitment', 'codebook'],
    parameters: createParameterSet(WHERE, parameters),
    toCodeSpace: sameSpace,

    quantizeTokens(x, { training, output, weights }) {
      const indices = search.nearest(x);
      const trained = training ? trainableCodes(indices) : gatherCodes(codebook.get(), indices);
      const codes = detach(trained);
      const quantized = config.rotationTrick
        ? rotateTo(output, codes, { maxScale: config.rotationMaxScale })
        : straightThrough(output, codes);
      const result = { quantized, indices };
      if (!training) return result;
      const losses = {
        commitment: commitmentLoss(x, codes, { weights }),
        codebook: codebookLoss(x, trained, { weights }),
      };
      const pull: Scalar = mul(losses.commitment, config.inputToQuantizeCommitLossWeight);
      return { ...result, losses, loss: mul(add(losses.codebook, pull), commitmentWeight) as Scalar };
    },
    encodeTokens: (tokens) => search.nearest(tokens),
    decodeTokens: (indices) => gatherCodes(codebook.get(), reshape(indices, [-1]) as Tensor1D),
    codebook: () => codebook.get(),
    disposeExtra() {
      search.dispose();
      codebook.dispose();
    },
  });
}

/** Both kinds have variance 1 / frozenCodebookDim, so that a code has length 1 on average. */
function initialCodebook({ codebookInit, codebookSize, frozenCodebookDim }: SimVqConfig, rng: Rng): Float32Array {
  const count = codebookSize * frozenCodebookDim;
  if (codebookInit === 'normal') return rng.normalArray(count, frozenCodebookDim ** -0.5);
  const bound = Math.sqrt(3 / frozenCodebookDim);
  return rng.uniformArray(count, -bound, bound);
}
