import { CheckpointError } from '@vqkit/checkpoint';
import { describeOnnx } from '@vqkit/onnx';
import { sourceFrom } from './published.ts';

const LARGEST = 2 ** 31;

/**
 * What an ONNX file says of itself: its initialisers, how often it has which operation, the operator sets, inputs and outputs.
 * @throws CheckpointError when it cannot be read or is not an ONNX file.
 */
export async function onnxTable(path: string): Promise<string> {
  const source = await sourceFrom(path);
  if (source.size >= LARGEST) {
    const fix = 'Inspect the graph of a model whose tensors stand in files of their own.';
    throw new CheckpointError(
      'inspect',
      path,
      `have fewer than ${LARGEST} bytes, as a protobuf message has`,
      source.size,
      fix,
    );
  }
  const file = await source.read(0, source.size);
  const { producer, opsets, inputs, outputs, operations, initialisers } = describeOnnx(file, path);
  const bytes = initialisers.reduce((sum, tensor) => sum + tensor.bytes, 0);
  const sets = [...opsets].map(([domain, version]) => `${domain === '' ? 'opset' : domain} ${version}`);
  return [
    ...initialisers.map(({ name, dtype, shape, bytes }) => `${name}\t${dtype}\t[${shape.join(', ')}]\t${bytes}`),
    ...[...operations].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, count]) => `${count} × ${name}`),
    `inputs ${inputs.join(', ')}; outputs ${outputs.join(', ')}`,
    `onnx: ${sets.join(', ')}, by ${producer === '' ? 'an unknown producer' : producer}, ${initialisers.length} initialisers, ${(bytes / 1e6).toFixed(1)} MB`,
  ].join('\n');
}
