import { create, toBinary } from '@bufbuild/protobuf';
import { CheckpointError } from '@vqkit/checkpoint';
import { describeOnnx, exportNetwork } from '@vqkit/onnx';
import { startEngine } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { ModelProtoSchema } from '../src/onnx_pb.ts';
import { makeModule } from './modules.ts';

beforeAll(() => startEngine('cpu'));

/** A model with one initialiser of these fields. */
function modelWith(initializer: object): Uint8Array {
  const model = { opsetImport: [{ domain: '', version: 21n }], graph: { initializer: [initializer] } };
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, model));
}

describe('describeOnnx', () => {
  it('lists what a file holds', async () => {
    const bytes = await exportNetwork([makeModule('conv2d')], [1, 4, 4, 4]);
    const { producer, opsets, inputs, outputs, operations, initialisers } = describeOnnx(bytes);
    expect([producer, [...opsets], inputs, outputs]).toEqual(['vqkit', [['', 17]], ['x'], ['y']]);
    expect([...operations].sort()).toEqual([
      ['Conv', 1],
      ['Identity', 1],
    ]);
    expect(initialisers).toEqual([
      { name: 'part.weight', dtype: 'FLOAT', shape: [6, 4, 3, 3], bytes: 864 },
      { name: 'part.bias', dtype: 'FLOAT', shape: [6], bytes: 24 },
    ]);
  });

  it('counts values that stand in another file as none', () => {
    const { initialisers } = describeOnnx(modelWith({ name: 'w', dims: [1000n], dataType: 1, dataLocation: 1 }));
    expect(initialisers).toEqual([{ name: 'w', dtype: 'FLOAT', shape: [1000], bytes: 0 }]);
  });

  it.each([
    [
      'fewer bytes than its shape says',
      { name: 'w', dims: [3n], dataType: 1, rawData: new Uint8Array(8) },
      'hold 12 bytes',
    ],
    ['a negative length', { name: 'w', dims: [-1n], dataType: 1 }, 'have a shape of lengths >= 0'],
    ['more values than can be counted', { name: 'w', dims: [2n ** 40n, 2n ** 40n], dataType: 1 }, 'have a shape of'],
    [
      'more axes than any tensor',
      { name: 'w', dims: Array.from({ length: 65 }, () => 1n), dataType: 1 },
      'at most 64 axes',
    ],
  ])('refuses an initialiser with %s, by name', (_, initializer, message) => {
    const read = (): unknown => describeOnnx(modelWith(initializer), 'model.onnx');
    expect(read).toThrow(CheckpointError);
    expect(read).toThrow(message);
    expect(read).toThrow('describeOnnx: model.onnx: ');
  });

  it('refuses what is no model, and one that ends early', async () => {
    expect(() => describeOnnx(new Uint8Array())).toThrow('must have a graph and an operator set, got 0 graphs and 0');
    expect(() => describeOnnx(new TextEncoder().encode('hello'))).toThrow(CheckpointError);
    const bytes = await exportNetwork([makeModule('conv2d')], [1, 4, 4, 4]);
    for (let length = 1; length < bytes.length; length += 7) {
      expect(() => describeOnnx(bytes.subarray(0, length))).toThrow(CheckpointError);
    }
  });

  it('shows no control characters of a name', () => {
    const { initialisers } = describeOnnx(modelWith({ name: 'a\u001b[2Jb', dataType: 1 }));
    expect(initialisers[0]?.name).toBe('a\ufffd[2Jb');
  });
});
