import { readFileSync } from 'node:fs';
import { fromBinary } from '@bufbuild/protobuf';
import { createRng, UnsupportedError } from '@vqkit/core-tensor';
import * as nn from '@vqkit/nn';
import { exportNetwork } from '@vqkit/onnx';
import { startEngine } from '@vqkit/testing';
import { beforeAll, describe, expect, it } from 'vitest';
import { ModelProtoSchema } from '../src/onnx_pb.ts';
import { OPERATIONS } from '../src/operations.ts';
import { MODULES, makeModule } from './modules.ts';

beforeAll(() => startEngine('cpu'));

/** What @vqkit/nn makes that is no module. */
const OTHERS = ['createScope', 'createModule', 'createAdamW', 'createAccumulator', 'createEma', 'createLinear'];

describe('exportNetwork', () => {
  it('has every module of @vqkit/nn among its examples', () => {
    const source = readFileSync(new URL('./modules.ts', import.meta.url), 'utf8');
    const composed = ['createSequential', 'createResidualBlock', 'createUnitActivation'];
    const made = Object.keys(nn).filter(
      (name) => name.startsWith('create') && ![...OTHERS, ...composed].includes(name),
    );
    expect(made.filter((name) => !source.includes(`${name}(`))).toEqual([]);
  });

  it('has no translation that no module asks for', () => {
    const asked = Object.keys(MODULES).flatMap((name) =>
      makeModule(name)
        .describe(MODULES[name]?.shape ?? [])
        .layers.map(({ operation }) => operation),
    );
    expect([...new Set(asked)].sort()).toEqual(Object.keys(OPERATIONS).sort());
  });

  it('leaves batch and sizes open, and states the opset', async () => {
    const model = fromBinary(ModelProtoSchema, await exportNetwork([makeModule('conv2d')], [2, 6, 8, 4]));
    expect(model.opsetImport.map(({ domain, version }) => [domain, version])).toEqual([['', 17n]]);
    const axes = (of: 'input' | 'output'): unknown =>
      model.graph?.[of].map(({ name, type }) => [
        name,
        type?.tensorType?.shape?.dim.map(({ dimParam, dimValue }) => dimParam || Number(dimValue)),
      ]);
    expect(axes('input')).toEqual([['x', ['batch', 4, 'height', 'width']]]);
    expect(axes('output')).toEqual([['y', ['batch', 6, 'out_height', 'out_width']]]);
  });

  it('refuses an operation that it does not know, by name', async () => {
    const scope = nn.createScope(createRng(0)).at('scale');
    const scale = nn.createModule('createScale', scope, {
      apply: (x) => x,
      trace: (outline, x) => outline.layer({ name: scope.path, operation: 'toString', inputs: [x], shape: x.shape }),
    });
    const exported = exportNetwork([scale], [1, 4]);
    await expect(exported).rejects.toThrow(UnsupportedError);
    await expect(exported).rejects.toThrow(
      `exportNetwork: the operation of 'scale' must be one that has a translation to ONNX, got "toString". Compose it`,
    );
  });

  it('refuses no modules at all', async () => {
    await expect(exportNetwork([], [1, 4])).rejects.toThrow(
      'exportNetwork: modules must be a list of modules, got [].',
    );
  });
});
