import { describe, expect, it } from 'vitest';
import { type Codec, createCodec, requireChannelsLast, requireInCodec } from '../src/codec.ts';
import { OptionError, ShapeError, UnsupportedError } from '../src/index.ts';

/** Two codebooks of one bit, each of one feature. */
function twoBits(): Codec {
  return createCodec({
    where: 'createTwoBits',
    dim: 2,
    codebookSize: 2,
    numCodebooks: 2,
    encodeTokens(input, indices, tokens) {
      for (let i = 0; i < 2 * tokens; i++) indices[i] = Number((input[i] as number) > 0);
    },
    decodeTokens(indices, output, tokens) {
      for (let i = 0; i < 2 * tokens; i++) output[i] = 2 * (indices[i] as number) - 1;
    },
  });
}

describe('createCodec', () => {
  it('encodes and decodes whole tokens, none too', () => {
    const codec = twoBits();
    expect(codec).toMatchObject({ dim: 2, codebookSize: 2, numCodebooks: 2 });
    expect(codec.encode(Float32Array.of(0.5, -2, 0, 3))).toEqual(Int32Array.of(1, 0, 0, 1));
    expect(codec.decode(Int32Array.of(1, 0, 0, 1))).toEqual(Float32Array.of(1, -1, -1, 1));
    expect(codec.encode(new Float32Array(0))).toEqual(new Int32Array(0));
    expect(codec.decode(new Int32Array(0))).toEqual(new Float32Array(0));
  });

  it('gives zeros for a token of -1, NaN for any other index out of range, and spares the neighbours', () => {
    const nan = Number.NaN;
    const indices = Int32Array.of(1, 1, -1, -1, -1, 0, 0, 2, -2, -2, 0, 0);
    const expected = Float32Array.of(1, 1, 0, 0, nan, nan, nan, nan, nan, nan, -1, -1);
    expect(twoBits().decode(indices)).toEqual(expected);
    const output = new Float32Array(14).fill(9);
    twoBits().decodeInto(indices, output);
    expect(output).toEqual(Float32Array.of(...expected, 9, 9));
  });

  it('throws for wrong arrays and lengths, and writes nothing then', () => {
    const codec = twoBits();
    const output = new Float32Array(3).fill(9);
    const cases: [() => unknown, typeof OptionError | typeof ShapeError, string][] = [
      [
        () => codec.encodeInto(null as unknown as Float32Array, new Int32Array(2)),
        OptionError,
        'encodeInto: input must be of type Float32Array, got null. Make one with Float32Array.from(…).',
      ],
      [
        () => codec.decode([1, 0] as unknown as Int32Array),
        OptionError,
        'decode: indices must be of type Int32Array, got [1,0]. Make one with Int32Array.from(…).',
      ],
      [
        () => codec.encode(new Float32Array(3)),
        ShapeError,
        'encode: input.length must be a multiple of 2 (one token), got 3. Pass whole tokens.',
      ],
      [
        () => codec.decodeInto(Int32Array.of(1, 1, 1, 1), output),
        ShapeError,
        'decodeInto: output.length must be >= 4, got 3. Make it with new Float32Array(4).',
      ],
    ];
    for (const [call, type, message] of cases) {
      expect(call).toThrow(type);
      expect(call).toThrow(`createTwoBits().${message}`);
    }
    expect(output).toEqual(Float32Array.of(9, 9, 9));
  });
});

describe('what a codec refuses', () => {
  it('a result that no array can hold', () => {
    const wide = createCodec({
      where: 'createWideCodec',
      dim: 2 ** 40,
      codebookSize: 2,
      numCodebooks: 1,
      encodeTokens: () => undefined,
      decodeTokens: () => undefined,
    });
    expect(() => wide.decode(new Int32Array(3))).toThrow(
      'createWideCodec().decode: the length of the result must fit into one array, got 3298534883328. Pass fewer tokens.',
    );
  });

  it('is an UnsupportedError that names function, option, rule, value and fix', () => {
    expect(() => requireInCodec(false, 'createX', 'dim', '4', 3, 'Project outside.')).toThrow(UnsupportedError);
    expect(() => requireInCodec(false, 'createX', 'dim', '4', 3, 'Project outside.')).toThrow(
      'createX: dim must be 4, got 3. Project outside.',
    );
    expect(() => requireChannelsLast('createX', 'channelsFirst')).toThrow(
      'createX: dataFormat must be \'channelsLast\', got "channelsFirst". Transpose to [N, dim] outside.',
    );
    requireInCodec(true, 'createX', 'dim', '4', 4, '');
    requireChannelsLast('createX', 'channelsLast');
  });
});
