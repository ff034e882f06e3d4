import {
  add,
  concat,
  expandDims,
  mul,
  ones,
  pad,
  reshape,
  type Scalar,
  slice,
  sub,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  type Tensor4D,
  tensor2d,
  transpose,
  type Variable,
} from '@tensorflow/tfjs-core';
import { detach, matMul, mean, type Parameter, type Quantizer, requireOption, TRANSPOSED } from '@vqkit/core-tensor';
import type { Projection } from '@vqkit/core-tensor/codec';
import { passGradient } from './gradient.ts';
import { area, cubic, linear, type Resampling } from './grid.ts';
import type { Phi, StackCodec, StackStructure } from './stack-codec.ts';

/** What a layer of a codec is on tensors. */
export interface TrainableLayer {
  readonly quantizer: Quantizer;
  /** What is done to latents before it, if anything. */
  readonly before?: (x: Tensor2D) => Tensor2D;
}

interface Run {
  readonly quantized: Tensor2D;
  readonly indices: Tensor1D[];
  readonly losses: Scalar[];
}

/** A part of the stack on rows [frames, dim]. */
export interface Part {
  readonly layers: number;
  /** `output` is x, or a constant of its value: what `quantized` has its gradient to. */
  run(x: Tensor2D, output: Tensor2D, layers: number, training: boolean): Run;
  decode(indices: readonly Tensor1D[]): Tensor2D;
}

export interface Maker {
  createLayer(parts: unknown): TrainableLayer;
  /** A variable of these values, by its name in the state dict. */
  own(name: string, values: Float32Array, shape: number[], layout?: Parameter['layout']): Variable;
}

type Structure<Kind> = Extract<StackStructure, { kind: Kind }>;
type MakePart<Kind> = (structure: Structure<Kind>, dim: number, path: string, make: Maker) => Part;

/** A part on tensors, by its kind. */
const OF_KIND: { readonly [Kind in StackStructure['kind']]: MakePart<Kind> } = {
  quantizer: ({ quantizer }, _dim, _path, make) => layerPart(make.createLayer(quantizer)),
  residual: ({ layers, strides }, _dim, path, make) =>
    residualPart(
      layers.map((layer, i) => partOf(layer, `${path}layers.${i}.`, make)),
      strides,
    ),
  parallel: ({ branches }, _dim, path, make) =>
    parallelPart(branches.map((branch, i) => partOf(branch, `${path}branches.${i}.`, make))),
  projected({ inner, into, out }, dim, path, make) {
    const apply = (name: string, projection: Projection, columns: number): ((x: Tensor2D) => Tensor2D) =>
      projectionOf(`${path}${name}`, projection, columns, make);
    const [project, back] = [apply('project_in', into, dim), apply('project_out', out, inner.dim)];
    const part = partOf(inner, path, make);
    return {
      layers: part.layers,
      run(x, output, layers, training) {
        const y = project(x);
        const found = part.run(y, output === x ? y : project(output), layers, training);
        return { ...found, quantized: back(found.quantized) };
      },
      decode: (indices) => back(part.decode(indices)),
    };
  },
  multiScale({ inner, scales, up, phi }, dim, path, make) {
    const [height, width] = scales.at(-1) as readonly [number, number];
    const resample = up === 'bicubic' ? cubic : linear;
    const convolutions = new Map<Phi, (x: Tensor4D) => Tensor4D>();
    for (const own of phi ?? [])
      if (!convolutions.has(own)) convolutions.set(own, phiOf(`${path}phi.${convolutions.size}`, own, dim, make));
    return multiScalePart(
      partOf(inner, path, make),
      dim,
      scales.map(([h, w], s) => ({
        places: h * w,
        down: (x) => resampled(x, [area(height, h), area(width, w)]),
        up: (x) => {
          const full = resampled(reshape(x, [-1, h, w, dim]) as Tensor4D, [resample(h, height), resample(w, width)]);
          return convolutions.get(phi?.[s] as Phi)?.(full) ?? full;
        },
      })),
      [height, width],
    );
  },
};

/** A stack's structure on tensors. */
export function partOf({ structure, dim }: StackCodec, path: string, make: Maker): Part {
  return (OF_KIND[structure.kind] as MakePart<StackStructure['kind']>)(structure, dim, path, make);
}

function layerPart({ quantizer, before = (x) => x }: TrainableLayer): Part {
  const { numCodebooks } = quantizer;
  const columns = (indices: Tensor): Tensor1D[] =>
    Array.from({ length: numCodebooks }, (_, c) =>
      numCodebooks === 1
        ? reshape(indices, [-1])
        : reshape(slice(reshape(indices, [-1, numCodebooks]), [0, c], [-1, 1]), [-1]),
    );
  return {
    layers: numCodebooks,
    run(x, output, layers, training) {
      const found = quantizer.quantize(before(x), { training, outputGradient: 'variables' });
      const quantized = passGradient(output, found.quantized as Tensor2D);
      return { quantized, indices: columns(found.indices).slice(0, layers), losses: [found.loss] };
    },
    decode(indices) {
      requireOption(
        indices.length === numCodebooks,
        'createStackQuantizer().decode',
        'indices',
        `of ${numCodebooks} layers`,
        indices.length,
        'Pass all.',
      );
      return quantizer.decode(
        numCodebooks === 1
          ? (indices[0] as Tensor1D)
          : concat(
              indices.map((own) => expandDims(own, 1)),
              1,
            ),
      ) as Tensor2D;
    },
  };
}

function residualPart(parts: readonly Part[], strides: readonly number[]): Part {
  const averaged = (x: Tensor2D, stride: number): Tensor2D =>
    stride === 1 ? x : mean(reshape(x, [-1, stride, x.shape[1]]), 1);
  const repeated = (x: Tensor2D, stride: number): Tensor2D =>
    stride === 1 ? x : reshape(mul(expandDims(x, 1), ones([1, stride, 1])), [-1, x.shape[1]]);
  return {
    layers: parts.reduce((sum, { layers }) => sum + layers, 0),
    run(x, output, most, training) {
      const found = emptyRun();
      let residual = x;
      for (const [j, part] of parts.entries()) {
        const layers = Math.min(part.layers, most - found.indices.length);
        if (layers === 0) break;
        const stride = strides[j] as number;
        const seen = averaged(residual, stride);
        const own = part.run(seen, detach(seen), layers, training);
        const codes = repeated(own.quantized, stride);
        take(found, own, codes);
        residual = sub(residual, detach(codes));
      }
      return { ...found, quantized: passGradient(output, sumOf(found.codes)) };
    },
    decode: (indices) =>
      sumOf(ofParts(parts, indices).map(({ part, own, j }) => repeated(part.decode(own), strides[j] as number))),
  };
}

function parallelPart(branches: readonly Part[]): Part {
  return {
    layers: branches.reduce((sum, { layers }) => sum + layers, 0),
    run(x, output, most, training) {
      const found = emptyRun();
      for (const branch of branches) {
        const layers = Math.min(branch.layers, most - found.indices.length);
        if (layers === 0) break;
        const own = branch.run(x, detach(x), layers, training);
        take(found, own, own.quantized);
      }
      return { ...found, quantized: passGradient(output, sumOf(found.codes)) };
    },
    decode: (indices) => sumOf(ofParts(branches, indices).map(({ part, own }) => part.decode(own))),
  };
}

interface Scale {
  readonly places: number;
  down(image: Tensor4D): Tensor4D;
  /** Codes [images · places, dim] → [images, height, width, dim]. */
  up(codes: Tensor2D): Tensor4D;
}

function multiScalePart(inner: Part, dim: number, scales: readonly Scale[], [height, width]: [number, number]): Part {
  return {
    layers: inner.layers * scales.length,
    run(x, output, most, training) {
      const found = emptyRun();
      let residual = reshape(x, [-1, height, width, dim]) as Tensor4D;
      for (const scale of scales) {
        const layers = Math.min(inner.layers, most - found.indices.length);
        if (layers === 0) break;
        const seen = reshape(scale.down(residual), [-1, dim]) as Tensor2D;
        const own = inner.run(seen, detach(seen), layers, training);
        const codes = scale.up(own.quantized);
        take(found, own, reshape(codes, [-1, dim]));
        residual = sub(residual, detach(codes));
      }
      return { ...found, quantized: passGradient(output, sumOf(found.codes)) };
    },
    decode: (indices) =>
      sumOf(
        ofParts(
          scales.map(() => inner),
          indices,
        ).map(({ own, j }) => reshape((scales[j] as Scale).up(inner.decode(own)), [-1, dim]) as Tensor2D),
      ),
  };
}

interface Found {
  readonly indices: Tensor1D[];
  readonly losses: Scalar[];
  readonly codes: Tensor2D[];
}

const emptyRun = (): Found => ({ indices: [], losses: [], codes: [] });

function take(found: Found, { indices, losses }: Run, codes: Tensor2D): void {
  found.indices.push(...indices);
  found.losses.push(...losses);
  found.codes.push(codes);
}

/** The indices of each part, as far as there are any. */
function ofParts(parts: readonly Part[], indices: readonly Tensor1D[]): { part: Part; own: Tensor1D[]; j: number }[] {
  let first = 0;
  const all = parts.map((part, j) => {
    const own = indices.slice(first, first + part.layers);
    first += part.layers;
    return { part, own, j };
  });
  return all.filter(({ own }) => own.length > 0);
}

function sumOf(codes: readonly Tensor2D[]): Tensor2D {
  return codes.reduce((sum, own) => add(sum, own));
}

function projectionOf(
  name: string,
  { weight, bias }: Projection,
  columns: number,
  make: Maker,
): (x: Tensor2D) => Tensor2D {
  const rows = weight.length / columns;
  const held = Float32Array.from(weight, (_, i) => weight[(i % rows) * columns + Math.floor(i / rows)] as number);
  const matrix = make.own(`${name}.weight`, held, [columns, rows], TRANSPOSED) as unknown as Tensor2D;
  const added = bias === undefined ? undefined : make.own(`${name}.bias`, bias, [rows]);
  return (x) => (added === undefined ? matMul(x, matrix) : add(matMul(x, matrix), added));
}

/** A convolution of 3 × 3 as one product, of which every engine has the gradient. */
function phiOf(name: string, { weight, bias, ratio }: Phi, dim: number, make: Maker): (image: Tensor4D) => Tensor4D {
  const kernel = make.own(`${name}.weight`, weight, [dim, dim, 3, 3]);
  const added = bias === undefined ? undefined : make.own(`${name}.bias`, bias, [dim]);
  return (image) => {
    const [images, height, width] = image.shape;
    const around = pad(image, [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ]);
    const taps = [0, 1, 2].flatMap((v) =>
      [0, 1, 2].map((u) => slice(around, [0, v, u, 0], [images, height, width, dim])),
    );
    const columns = reshape(concat(taps, 3), [-1, 9 * dim]) as Tensor2D;
    const product = matMul(columns, reshape(transpose(kernel, [2, 3, 1, 0]), [9 * dim, dim]) as Tensor2D);
    const convolved = added === undefined ? product : add(product, added);
    return add(mul(image, 1 - ratio), mul(reshape(convolved, image.shape), ratio));
  };
}

/** [images, height, width, dim] → another size, one axis after the other. */
function resampled(image: Tensor4D, [down, across]: readonly [Resampling, Resampling]): Tensor4D {
  if (down.from === down.at.length && across.from === across.at.length) return image;
  const [images = 0, , , dim = 0] = image.shape;
  const rows = matMul(matrixOf(down), reshape(transpose(image, [1, 0, 2, 3]), [down.from, -1]) as Tensor2D);
  const turned = transpose(reshape(rows, [down.at.length, images, across.from, dim]), [2, 1, 0, 3]);
  const both = matMul(matrixOf(across), reshape(turned, [across.from, -1]) as Tensor2D);
  return transpose(reshape(both, [across.at.length, images, down.at.length, dim]), [1, 2, 0, 3]) as Tensor4D;
}

function matrixOf({ from, at, weights }: Resampling): Tensor2D {
  const values = new Float32Array(at.length * from);
  for (const [o, own] of at.entries())
    for (const [k, i] of own.entries())
      values[o * from + i] = (values[o * from + i] as number) + (weights[o]?.[k] as number);
  return tensor2d(values, [at.length, from]);
}
