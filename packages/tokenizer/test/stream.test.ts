import { type Tensor3D, tensor } from '@tensorflow/tfjs-core';
import { createRng, OptionError } from '@vqkit/core-tensor';
import { eachEngine, expectClose } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { createAudioTokenizer } from '../src/audio-tokenizer.ts';
import { createDecodeStream, createEncodeStream } from '../src/stream.ts';

const options = { filters: 2, strides: [2, 5], dilations: [1, 3], causal: true, seed: 3 } as const;
/** Pieces of these lengths, again and again, until all is taken. */
function* piecesOf<T extends Float32Array | Int32Array>(all: T, lengths: readonly number[]): Generator<T> {
  for (let at = 0, i = 0; at < all.length; i++) {
    const length = lengths[i % lengths.length] as number;
    yield all.slice(at, at + length) as T;
    at += length;
  }
}

eachEngine(() => {
  describe('a stream of a causal tokenizer', () => {
    it.each([
      ['fsq', 1, [1]],
      ['residual-fsq', 1, [7, 100, 3]],
      ['fsq', 2, [64, 2]],
      ['fsq', 1, [1000]],
    ] as const)(
      'of %s and %i channels in pieces of %j gives the ids and the sound of the whole',
      async (quantizer, channels, lengths) => {
        const tokenizer = createAudioTokenizer({ ...options, quantizer, channels });
        const frames = lengths[0] === 1 ? 12 : 60;
        const samples = createRng(2).normalArray(frames * 10 * channels, 0.3);
        const whole = tokenizer.encode(tensor(samples, [1, frames * 10, channels]) as Tensor3D);
        const wanted = (await whole.data()) as Int32Array;

        const encoding = createEncodeStream(tokenizer);
        const ids: number[] = [];
        for (const piece of piecesOf(samples.subarray(0, samples.length - 4), lengths))
          ids.push(...(await encoding.push(piece)));
        expect(ids).toEqual([...wanted.subarray(0, wanted.length - tokenizer.numCodebooks)]);
        const last = await encoding.flush();
        expect(last).toHaveLength(tokenizer.numCodebooks);
        expect(await encoding.push(samples.subarray(0, 10 * channels))).toEqual(
          wanted.slice(0, tokenizer.numCodebooks),
        );

        const decoding = createDecodeStream(tokenizer);
        const sound: number[] = [];
        const perPiece = lengths.map((length) => length * tokenizer.numCodebooks);
        for (const piece of piecesOf(wanted, perPiece)) sound.push(...(await decoding.push(piece)));
        await expectClose(tensor(sound), await tokenizer.decode(whole).data(), 1e-6);
        tokenizer.dispose();
      },
    );
  });
});

describe('a stream', () => {
  it('needs a causal tokenizer, whole samples and whole frames', () => {
    const plain = createAudioTokenizer({ ...options, quantizer: 'fsq', causal: false });
    expect(() => createEncodeStream(plain)).toThrow(OptionError);
    expect(() => createDecodeStream(plain)).toThrow(/tokenizer must be causal, got false\. Train one with --causal/);
    plain.dispose();
    const stereo = createAudioTokenizer({ ...options, quantizer: 'residual-fsq', channels: 2 });
    expect(() => createEncodeStream(stereo).push(new Float32Array(3))).toThrow(
      /samples must be a whole number of samples of 2 channels, got 3/,
    );
    stereo.dispose();
  });
});
