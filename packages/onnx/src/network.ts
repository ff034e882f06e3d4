import { requireOption } from '@vqkit/core-tensor';
import { describeModules, type Module } from '@vqkit/nn';
import { type Port, writeModel } from './graph.ts';
import { addLayers } from './operations.ts';
import { readState, type Weight } from './state.ts';

/** Names of the axes between batch and channels, by their number. */
const BETWEEN: readonly (readonly string[])[] = [[], ['length'], ['height', 'width']];

/**
 * Modules that run one after the other as an ONNX file, from what they say of themselves: input `x` and output `y`, float32, channels FIRST as in PyTorch,
 * [batch, channels], [batch, channels, length] or [batch, channels, height, width]. Batch and sizes may be any that the modules take.
 *
 * @param inputShape of one input as the modules have it, channels last.
 * @returns the bytes of the file, the same for the same modules.
 * @throws ShapeError as `describe`; UnsupportedError for an operation that has no translation.
 * @example
 * const conv = createConv2d(createScope(createRng(0)), { inputs: 3, outputs: 16, kernel: 3 });
 * const bytes = await exportNetwork([conv], [1, 8, 8, 3]);
 */
export async function exportNetwork(modules: readonly Module[], inputShape: readonly number[]): Promise<Uint8Array> {
  const where = 'exportNetwork';
  requireOption(
    Array.isArray(modules) && modules.length > 0,
    where,
    'modules',
    'a list of modules',
    modules,
    'Pass one.',
  );
  const { layers, outputShape } = describeModules(modules, inputShape);
  const weights = new Map<string, Weight>();
  for (const module of modules) {
    const prefix = module.path === '' ? '' : `${module.path}.`;
    for (const [name, weight] of await readState(module.stateDict())) weights.set(prefix + name, weight);
  }
  return writeModel(
    {
      name: 'network',
      inputs: [dataPort('x', inputShape)],
      outputs: [dataPort('y', outputShape, 'out_')],
      metadata: {},
    },
    (graph, [x = '']) => [addLayers(where, graph, layers, weights, x)],
  );
}

/** Data of a shape, channels last, as a file has them: channels first, batch and sizes by name. */
export function dataPort(name: string, shape: readonly number[], prefix = ''): Port {
  const between = (BETWEEN[shape.length - 2] ?? []).map((axis) => prefix + axis);
  return { name, type: 'float32', shape: ['batch', shape.at(-1) as number, ...between] };
}
