import type { KernelFunc, TensorInfo } from '@tensorflow/tfjs-core';
import type { ResidualSignAttrs } from '@vqkit/core-tensor';
import { engineOf } from '../engine.ts';
import { DECODE_BLOCK, GROUP, roomBytes, words } from '../stack-table.ts';

/** A whole stack of LFQ layers in one pass. */
export const residualSign: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { x } = inputs as { x: TensorInfo };
  const [tokens, dim] = x.shape as [number, number];
  const scales = words('f32', (attrs as unknown as ResidualSignAttrs).scales);
  const layers = scales.length / 4;
  const codes = engine.output([tokens, dim], 'float32');
  const indices = engine.output([tokens, layers], 'int32');
  engine.scratch(scales.length + roomBytes(engine.threads, dim, layers), (scratch) => {
    engine.write(scratch, scales);
    const pointers = [x, codes, indices].map((tensor) => engine.address(tensor));
    const room = scratch + scales.length;
    engine.run('residualSign', Math.ceil(tokens / GROUP), ...pointers, scratch, room, tokens, dim, layers);
  });
  return [codes, indices];
};

/** The codes of a stack's indices, bit by bit. */
export const residualSignDecode: KernelFunc = ({ inputs, attrs, backend }) => {
  const engine = engineOf(backend);
  const { indices } = inputs as { indices: TensorInfo };
  const [tokens, layers] = indices.shape as [number, number];
  const { scales, dim, dropout } = attrs as unknown as ResidualSignAttrs & { dim: number; dropout: boolean };
  const codes = engine.output([tokens, dim], 'float32');
  // The place value of each bit, then zeros up to a whole vector.
  const places = Array.from({ length: 4 * Math.ceil(dim / 4) }, (_, i) => (i < dim ? 2 ** (dim - 1 - i) : 0));
  const tables = [
    words('i32', places),
    words('f32', scales),
    words(
      'i32',
      scales.map(() => 2 ** dim),
    ),
  ];
  engine.scratch(
    tables.reduce((sum, { length }) => sum + length, 0),
    (scratch) => {
      let at = scratch;
      const addresses = tables.map((table) => {
        engine.write(at, table);
        at += table.length;
        return at - table.length;
      });
      const pointers = [indices, codes].map((tensor) => engine.address(tensor));
      const shape = [tokens, dim, layers, Number(dropout)];
      engine.run('residualSignDecode', Math.ceil(tokens / DECODE_BLOCK), ...pointers, ...addresses, ...shape);
    },
  );
  return codes;
};
