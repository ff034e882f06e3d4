import { createHash } from 'node:crypto';
import { fromBinary } from '@bufbuild/protobuf';
import { exportOnnx } from '@vqkit/onnx';
import { startEngine } from '@vqkit/testing';
import { architectureNames } from '@vqkit/tokenizer';
import { beforeAll, describe, expect, it } from 'vitest';
import { ModelProtoSchema } from '../src/onnx_pb.ts';
import { ARCHITECTURES } from './tokenizers.ts';

beforeAll(() => startEngine('cpu'));

function portsOf(bytes: Uint8Array): unknown {
  const { graph } = fromBinary(ModelProtoSchema, bytes);
  const axes = (of: 'input' | 'output'): unknown =>
    graph?.[of].map(({ name, type }) => [
      name,
      ...(type?.tensorType?.shape?.dim.map(({ dimParam, dimValue }) => dimParam || Number(dimValue)) ?? []),
    ]);
  return [axes('input'), axes('output')];
}

describe('exportOnnx', () => {
  it('is tried on every architecture', () => {
    expect(Object.keys(ARCHITECTURES).sort()).toEqual([...architectureNames()].sort());
  });

  it('has images channels first and ids by place', async () => {
    const tokenizer = ARCHITECTURES.conv?.('residual-fsq');
    if (tokenizer === undefined) throw new Error('no conv');
    const { encoder, decoder, quantize, dequantize } = await exportOnnx(tokenizer);
    const images = ['images', 'batch', 3, 'height', 'width'];
    const ids = ['ids', 'batch', 'rows', 'columns', 4];
    expect(portsOf(encoder)).toEqual([[images], [ids]]);
    expect(portsOf(decoder)).toEqual([[ids], [images]]);
    expect(portsOf(quantize)).toEqual([[['latents', 'batch', 3, 'rows', 'columns']], [ids]]);
    expect(portsOf(dequantize)).toEqual([[ids], [['codes', 'batch', 3, 'rows', 'columns']]]);
    const { metadataProps } = fromBinary(ModelProtoSchema, decoder);
    expect(metadataProps.map(({ key, value }) => [key, JSON.parse(value)])).toEqual([['tokenizer', tokenizer.config]]);
    tokenizer.dispose();
  });

  it('has vectors as rows, and writes the same bytes again', async () => {
    const hashOf = async (): Promise<string[]> => {
      const tokenizer = ARCHITECTURES.mlp?.('fsq');
      if (tokenizer === undefined) throw new Error('no mlp');
      const files = await exportOnnx(tokenizer);
      expect(portsOf(files.encoder)).toEqual([[['vectors', 'batch', 12]], [['ids', 'batch']]]);
      tokenizer.dispose();
      return Object.values(files).map((bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex'));
    };
    expect(await hashOf()).toEqual(await hashOf());
  });
});
