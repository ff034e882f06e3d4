import { type Tensor4D, tensor4d, zeros } from '@tensorflow/tfjs-core';
import { DtypeError, OptionError, ShapeError } from '@vqkit/core-tensor';
import { eachEngine } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import { imagesFromPixels, type PixelChannels, pixelsFromImages, scalePixels, unscalePixels } from '../src/pixels.ts';

const every = Uint8Array.from({ length: 256 }, (_, p) => p);

describe('scalePixels and unscalePixels', () => {
  it('scale as torchvision does in float32, and back', () => {
    // torch: ((torch.arange(256) / 255).float() - 0.5) / 0.5
    const values = scalePixels(every);
    expect([values[0], values[255]]).toEqual([-1, 1]);
    expect([...values.subarray(1, 4)]).toEqual([-0.9921568632125854, -0.9843137264251709, -0.9764705896377563]);
    expect(values[128]).toBe(0.003921627998352051);
    expect([...unscalePixels(values)]).toEqual([...every]);
  });

  it('write where they are told', () => {
    const into = new Float32Array(4).fill(9);
    expect(scalePixels(new Uint8Array([255, 0]), into.subarray(1))).toEqual(new Float32Array([1, -1, 9]));
    expect([...into]).toEqual([9, 1, -1, 9]);
  });

  it('clamp, round halves up, and take NaN for black', () => {
    expect([...unscalePixels([-2, -1, 0, 1, 7, Number.NaN, Number.POSITIVE_INFINITY])]).toEqual([
      0, 0, 128, 255, 255, 0, 255,
    ]);
    // Of these float64 gives the half itself.
    const halves = [40.5, 100.5, 254.5].map((byte) => (byte / 255) * 2 - 1);
    expect([...unscalePixels(halves)]).toEqual([41, 101, 255]);
  });
});

eachEngine(() => {
  describe('imagesFromPixels and pixelsFromImages', () => {
    it.each<[PixelChannels, 1 | 3]>([
      [1, 1],
      [1, 3],
      [3, 3],
    ])('keep %i channels as %i, and bring them back', async (channels, to) => {
      const images = imagesFromPixels(every.subarray(0, 4 * channels * 2 * 3), { height: 2, width: 3, channels, to });
      expect([images.dtype, images.shape]).toEqual(['float32', [4, 2, 3, to]]);
      const back = await pixelsFromImages(images, 3);
      const expected = every.subarray(0, 4 * channels * 6);
      expect([...back].filter((_, i) => channels === 3 || i % 3 === 0)).toEqual([...expected]);
    });

    it('take what a canvas holds: transparent onto black, colour to grey by its luminance', async () => {
      const rgba = new Uint8ClampedArray([255, 255, 255, 255, 9, 9, 9, 0, 200, 100, 50, 128, 195, 168, 243, 255]);
      const layout = { height: 1, width: 4, channels: 4 } as const;
      const colour = imagesFromPixels(rgba, layout);
      expect(colour.shape).toEqual([1, 1, 4, 3]);
      expect([...(await pixelsFromImages(colour, 3))]).toEqual([255, 255, 255, 0, 0, 0, 100, 50, 25, 195, 168, 243]);
      const grey = imagesFromPixels(rgba, { ...layout, to: 1 });
      expect([...(await pixelsFromImages(grey, 1))]).toEqual([255, 0, 64, 181]);
      const canvas = await pixelsFromImages(grey);
      expect(canvas).toBeInstanceOf(Uint8ClampedArray);
      expect([...canvas.subarray(8)]).toEqual([64, 64, 64, 255, 181, 181, 181, 255]);
    });

    it('leave grey as it is, coming as RGB too', async () => {
      const rgb = every.reduce<number[]>((all, p) => all.concat([p, p, p]), []);
      const grey = imagesFromPixels(new Uint8Array(rgb), { height: 16, width: 16, channels: 3, to: 1 });
      expect([...(await pixelsFromImages(grey, 1))]).toEqual([...every]);
    });

    it('refuse what does not fit', async () => {
      const layout = { height: 2, width: 2, channels: 1 } as const;
      expect(() => imagesFromPixels(new Uint8Array(5), layout)).toThrow(ShapeError);
      expect(() => imagesFromPixels(new Uint8Array(5), layout)).toThrow(
        'pixels must be whole images of 2 × 2 × 1 bytes, got 5 bytes.',
      );
      expect(() => imagesFromPixels(new Uint8Array(0), { ...layout, height: 0 })).toThrow(ShapeError);
      expect(() => imagesFromPixels([1, 2] as unknown as Uint8Array, layout)).toThrow(OptionError);
      const two = { ...layout, channels: 2 as unknown as PixelChannels };
      expect(() => imagesFromPixels(new Uint8Array(8), two)).toThrow('channels must be one of 1, 3, 4, got 2.');
      const four = { ...layout, to: 4 as unknown as 1 };
      expect(() => imagesFromPixels(new Uint8Array(4), four)).toThrow('to must be one of 1, 3, got 4.');
      await expect(pixelsFromImages(zeros([1, 2, 2, 2]))).rejects.toThrow(ShapeError);
      await expect(pixelsFromImages(zeros([2, 2, 1]) as unknown as Tensor4D)).rejects.toThrow(ShapeError);
      await expect(pixelsFromImages(tensor4d([1], [1, 1, 1, 1], 'int32'))).rejects.toThrow(DtypeError);
      await expect(pixelsFromImages(zeros([1, 2, 2, 1]), 2 as unknown as 1)).rejects.toThrow(OptionError);
    });
  });
});
