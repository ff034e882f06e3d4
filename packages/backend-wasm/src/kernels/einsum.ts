import {
  backend_util,
  einsum as einsumOp,
  getGradient,
  type KernelFunc,
  mul,
  ones,
  registerGradient,
  reshape,
  type Tensor,
  tidy,
  transpose,
} from '@tensorflow/tfjs-core';
import { matMul, sum } from '@vqkit/core-tensor';

/**
 * The Einstein sum of one or two tensors: labels that only one tensor has are summed away first, what is left is one batched matrix
 * product between transpositions.
 */
export const einsum: KernelFunc = ({ inputs, attrs }) =>
  tidy(() => {
    const { equation } = attrs as unknown as { equation: string };
    const operands = Object.values(inputs) as Tensor[];
    const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(equation, operands.length);
    backend_util.checkEinsumDimSizes(allDims.length, idDims, operands);
    const kept = Array.from({ length: allDims.length - summedDims.length }, (_, label) => label);
    const reduced = operands.map((tensor, i) => {
      const others = [...kept, ...idDims.flatMap((labels, j) => (j === i ? [] : labels))];
      return sumExcept(tensor, idDims[i] as number[], others);
    });
    const [a, b] = reduced as [Labelled, Labelled | undefined];
    const product = b === undefined ? a : multiply(a, b, kept);
    return arrange(product, kept);
  });

/** A tensor whose axes carry labels. */
interface Labelled {
  readonly tensor: Tensor;
  readonly labels: readonly number[];
}

function sumExcept(tensor: Tensor, labels: readonly number[], keep: readonly number[]): Labelled {
  const axes = labels.flatMap((label, axis) => (keep.includes(label) ? [] : [axis]));
  if (axes.length === 0) return { tensor, labels };
  return { tensor: sum(tensor, axes), labels: labels.filter((label) => keep.includes(label)) };
}

/** Both with [batch, own, contracted] axes, the batch being the labels of both that are kept; then one matrix product. */
function multiply(a: Labelled, b: Labelled, kept: readonly number[]): Labelled {
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const batch = shared.filter((label) => kept.includes(label));
  const contracted = shared.filter((label) => !kept.includes(label));
  const own = ({ labels }: Labelled): number[] => labels.filter((label) => !shared.includes(label));
  const sizes = (t: Labelled, labels: readonly number[]): number[] =>
    labels.map((label) => t.tensor.shape[t.labels.indexOf(label)] as number);
  const product = (list: readonly number[]): number => list.reduce((total, size) => total * size, 1);
  const side = (t: Labelled, order: number[][]): Tensor =>
    reshape(
      arrange(t, order.flat()),
      order.map((labels) => product(sizes(t, labels))),
    );

  const [aOwn, bOwn] = [own(a), own(b)];
  const out = matMul(side(a, [batch, aOwn, contracted]), side(b, [batch, contracted, bOwn]));
  const shape = [...sizes(a, batch), ...sizes(a, aOwn), ...sizes(b, bOwn)];
  return { tensor: reshape(out, shape), labels: [...batch, ...aOwn, ...bOwn] };
}

function arrange({ tensor, labels }: Labelled, order: readonly number[]): Tensor {
  const axes = order.map((label) => labels.indexOf(label));
  return axes.every((axis, i) => axis === i) ? tensor.clone() : transpose(tensor, axes);
}

/**
 * tfjs-core has no gradient for Einsum on any engine: for `a, b → c` it is `c, b → a` and `a, c → b`; labels that only the tensor
 * itself has were summed, so that the gradient is the same along them.
 */
export function registerEinsumGradient(): void {
  if (getGradient('Einsum') !== undefined) return;
  registerGradient({
    kernelName: 'Einsum',
    saveAllInputs: true,
    gradFunc: (dy, saved, attrs) => {
      const [left = '', out = ''] = (attrs as unknown as { equation: string }).equation.replace(/\s/g, '').split('->');
      const terms = left.split(',');
      const gradient = (i: number) => (): Tensor => {
        const own = [...(terms[i] as string)];
        const others = saved.filter((_, j) => j !== i);
        const otherTerms = terms.filter((_, j) => j !== i);
        const known = own.filter((label) => [out, ...otherTerms].some((term) => term.includes(label)));
        const partial = einsumOp(`${[out, ...otherTerms].join(',')}->${known.join('')}`, dy as Tensor, ...others);
        if (known.length === own.length) return partial;
        const { shape } = saved[i] as Tensor;
        const broadcast = own.map((label, axis) => (known.includes(label) ? (shape[axis] as number) : 1));
        return mul(reshape(partial, broadcast), ones(shape));
      };
      return Object.fromEntries(saved.map((_, i) => [i, gradient(i)]));
    },
  });
}
