import { readFileSync } from 'node:fs';
import {
  grad,
  mean,
  memory,
  mul,
  type Scalar,
  square,
  sum,
  type Tensor,
  type Tensor2D,
  tensor,
  tensor2d,
  zeros,
} from '@tensorflow/tfjs-core';
import { createRng, DisposedError, OptionError, ShapeError } from '@vqkit/core-tensor';
import { eachEngine, expectClose, fullRun, gradientError, memoize, tolerances } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';
import {
  createMelLoss,
  createMelSpectrogram,
  createMultiResolutionStftLoss,
  createStft,
  fft,
  melFilters,
  resample,
  siSdr,
} from '../src/index.ts';

/** By files/make.py. */
interface Goldens {
  readonly stfts: {
    fftSize: number;
    hop: number;
    center: boolean;
    samples: number;
    shape: number[];
    real: number[];
    imaginary: number[];
  }[];
  readonly mels: {
    sampleRate: number;
    fftSize: number;
    hop: number;
    mels: number;
    lowest: number;
    highest: number;
    values: number[];
  }[];
  readonly losses: Record<'multiResolution' | 'mel', { value: number; gradient: number[] }>;
  readonly resampled: { from: number; to: number; samples: number; values: number[] }[];
}
const goldens = JSON.parse(readFileSync(new URL('files/goldens.json', import.meta.url), 'utf8')) as Goldens;

/** As make.py has it. */
const sound = (seed: number, samples: number): Float32Array =>
  Float32Array.from({ length: samples }, (_, i) => {
    return (Math.sin(0.05 * (1 + seed / 9) * i) + 0.3 * Math.cos(0.3 * i + seed) * (1 + (i % 7))) / 4;
  });
const noise = (samples: number, seed = 1): Tensor2D => tensor2d(createRng(seed).normalArray(samples, 1), [1, samples]);

interface StftCase {
  readonly fftSize: number;
  readonly hop: number;
  readonly center: boolean;
  readonly samples: number;
}

/** The transforms of two rows in float64, and the slope of their sum times weights. */
function bruteForce(
  x: ArrayLike<number>,
  { fftSize, hop, center, samples }: StftCase,
): {
  real: number[];
  imaginary: number[];
  slope: (weights: ArrayLike<number>, of: 'real' | 'magnitude') => Float64Array;
} {
  const before = center ? fftSize / 2 : 0;
  const [count, bins] = [Math.floor((samples + 2 * before - fftSize) / hop) + 1, fftSize / 2 + 1];
  const placeOf = (i: number): number => {
    const inside = Math.abs(i);
    return inside < samples ? inside : 2 * (samples - 1) - inside;
  };
  const [cosines, sines] = [Math.cos, Math.sin].map((f) =>
    Float64Array.from({ length: fftSize }, (_, i) => f((2 * Math.PI * i) / fftSize)),
  ) as [Float64Array, Float64Array];
  const [real, imaginary]: [number[], number[]] = [[], []];
  const each = (visit: (at: number, place: number, re: number, im: number) => void, next: () => void): void => {
    for (let at = 0; at < 2 * count * bins; at++) {
      const [row, t, k] = [Math.floor(at / (count * bins)), Math.floor(at / bins) % count, at % bins];
      for (let n = 0; n < fftSize; n++) {
        const weight = 0.5 - 0.5 * (cosines[n] as number);
        const turn = (k * n) % fftSize;
        const place = row * samples + placeOf(t * hop - before + n);
        visit(at, place, weight * (cosines[turn] as number), -weight * (sines[turn] as number));
      }
      next();
    }
  };
  let [re, im] = [0, 0];
  each(
    (_, place, c, s) => {
      re += c * (x[place] as number);
      im += s * (x[place] as number);
    },
    () => {
      real.push(re);
      imaginary.push(im);
      [re, im] = [0, 0];
    },
  );
  const slope = (weights: ArrayLike<number>, of: 'real' | 'magnitude'): Float64Array => {
    const dx = new Float64Array(2 * samples);
    // What a change of the real and of the imaginary part does to the value.
    const [ofReal, ofImaginary] = [real, imaginary].map((part, i) =>
      Float64Array.from(part, (value, at) => {
        const slope = of === 'magnitude' ? value / Math.hypot(real[at] as number, imaginary[at] as number) : 1 - i;
        return slope * (weights[at] as number);
      }),
    ) as [Float64Array, Float64Array];
    each(
      (at, place, c, s) => {
        dx[place] = (dx[place] as number) + c * (ofReal[at] as number) + s * (ofImaginary[at] as number);
      },
      () => {},
    );
    return dx;
  };
  return { real, imaginary, slope };
}

/** Two sounds of a size with weights for the bins of their frames, and what a sum in float64 gives: the same for every engine, so computed once. */
const summedCases = memoize((fftSize: number) =>
  [
    { fftSize, hop: fftSize / 4, center: true, samples: fftSize + 3 },
    { fftSize, hop: fftSize / 2, center: false, samples: 2 * fftSize + 1 },
  ].map((of) => {
    const x = createRng(fftSize).normalArray(2 * of.samples, 1);
    const { real, imaginary, slope } = bruteForce(x, of);
    const weights = createRng(2).normalArray(real.length, 1);
    const slopes = { slopeOfReal: slope(weights, 'real'), slopeOfMagnitude: slope(weights, 'magnitude') };
    return { ...of, x, weights, wanted: { real, imaginary, ...slopes } };
  }),
);

eachEngine(() => {
  describe('createStft', () => {
    it.each([...goldens.stfts.entries()])("is torch.stft's, case %i", async (_, golden) => {
      const { fftSize, hop, center, samples } = golden;
      const stft = createStft({ fftSize, hop, center });
      const x = tensor2d([...sound(0, samples), ...sound(1, samples)], [2, samples]);
      const { real, imaginary } = stft.transform(x);
      expect(real.shape).toEqual(golden.shape);
      expect([stft.frames(samples), stft.bins]).toEqual(golden.shape.slice(1));
      await expectClose(real, golden.real, 1e-5);
      await expectClose(imaginary, golden.imaginary, 1e-5);
      const lengths = golden.real.map((re, i) => Math.hypot(re, golden.imaginary[i] as number));
      await expectClose(stft.magnitude(x), lengths, 1e-5, 2e-5);
      stft.dispose();
    });

    it.each(fullRun ? [8, 16, 32, 64, 128, 256, 512, 1024, 2048] : [8, 16, 32, 64])(
      'of %i samples: values and gradients of a sum in float64',
      async (fftSize) => {
        for (const { x, weights, wanted, ...of } of summedCases(fftSize)) {
          const stft = createStft({ fftSize, hop: of.hop, center: of.center });
          const [y, w] = [tensor2d(x, [2, of.samples]), tensor(weights, [2, stft.frames(of.samples), stft.bins])];
          const { real, imaginary } = stft.transform(y);
          const scale = Math.sqrt(fftSize);
          await expectClose(real, wanted.real, 1e-5, 1e-5 * scale);
          await expectClose(imaginary, wanted.imaginary, 1e-5, 1e-5 * scale);
          const ofReal = grad((z: Tensor) => sum(mul(stft.transform(z).real, w)))(y);
          await expectClose(ofReal, wanted.slopeOfReal, 1e-5, 1e-5 * scale);
          const ofMagnitude = grad((z: Tensor) => sum(mul(stft.magnitude(z), w)))(y);
          await expectClose(ofMagnitude, wanted.slopeOfMagnitude, 1e-4, 1e-4 * scale);
          stft.dispose();
        }
      },
    );

    it('has the gradient of its value, 0 in silence', async () => {
      const stft = createStft({ fftSize: 8 });
      const f = (x: Tensor) => mean(square(stft.magnitude(x))) as Scalar;
      expect(await gradientError(f, noise(12))).toBeLessThan(tolerances.finiteDifference);
      await expectClose(grad(f)(zeros([1, 12])), new Float32Array(12), 0);
      stft.dispose();
    });

    it('leaves nothing behind, and refuses to go on after dispose', () => {
      const before = memory().numTensors;
      const stft = createStft({ fftSize: 8 });
      const x = noise(20);
      stft.magnitude(x).dispose();
      const { real, imaginary } = stft.transform(x);
      for (const part of [real, imaginary, x]) part.dispose();
      stft.dispose();
      expect(memory().numTensors).toBe(before);
      expect(() => stft.magnitude(noise(20))).toThrow(DisposedError);
    });
  });

  describe('createMelSpectrogram', () => {
    it.each([...goldens.mels.entries()])("is librosa's, case %i", async (_, { values, ...options }) => {
      const mel = createMelSpectrogram(options);
      await expectClose(mel.apply(tensor2d(sound(2, 900), [1, 900])), values, 1e-5);
      mel.dispose();
    });
  });

  describe('losses', () => {
    it.each([
      ['multiResolution', () => createMultiResolutionStftLoss({ fftSizes: [16, 8] })],
      ['mel', () => createMelLoss({ sampleRate: 16000, fftSize: 32, mels: 6 })],
    ] as const)(
      "%s: value and gradient of PyTorch's, 0 and a gradient of 0 to rounding for equal sounds",
      async (name, create) => {
        const before = memory().numTensors;
        const loss = create();
        const [x, target] = [4, 5].map((seed) => tensor2d(sound(seed, 40), [1, 40])) as [Tensor2D, Tensor2D];
        const gradient = (y: Tensor2D): Tensor => grad((z) => loss.apply(z, target))(y);
        const value = loss.apply(x, target);
        await expectClose(value, [goldens.losses[name].value], 1e-5);
        const slope = gradient(x);
        await expectClose(slope, goldens.losses[name].gradient, 1e-4);
        const [none, flat] = [loss.apply(target, target), gradient(target)];
        await expectClose(none, [0], 0, 1e-9);
        await expectClose(flat, new Float32Array(40), 0, 1e-6);
        const longer = noise(41);
        expect(() => loss.apply(x, longer)).toThrow(ShapeError);
        for (const used of [x, target, value, slope, none, flat, longer]) used.dispose();
        loss.dispose();
        expect(memory().numTensors).toBe(before);
      },
    );

    it('the loudness of both changes the STFT loss little', async () => {
      const loss = createMultiResolutionStftLoss({ fftSizes: [16] });
      const [x, y] = [noise(64), noise(64, 2)];
      const once = await loss.apply(x, y).data();
      await expectClose(loss.apply(mul(x, 8), mul(y, 8)), once, 1e-4);
      loss.dispose();
    });
  });
});

describe('fft', () => {
  it('transforms as the definition does', () => {
    const n = 16;
    const rng = createRng(3);
    const [re, im] = [0, 1].map(() => Float64Array.from({ length: n }, () => rng.normal())) as [
      Float64Array,
      Float64Array,
    ];
    const expected = Array.from({ length: n }, (_, k) => {
      let [a, b] = [0, 0];
      for (let t = 0; t < n; t++) {
        const [cos, sin] = [Math.cos((-2 * Math.PI * k * t) / n), Math.sin((-2 * Math.PI * k * t) / n)];
        a += (re[t] as number) * cos - (im[t] as number) * sin;
        b += (re[t] as number) * sin + (im[t] as number) * cos;
      }
      return [a, b];
    });
    fft(re, im);
    for (const [k, [a, b]] of (expected as [number, number][]).entries()) {
      expect(Math.abs((re[k] as number) - a)).toBeLessThan(1e-12 * n);
      expect(Math.abs((im[k] as number) - b)).toBeLessThan(1e-12 * n);
    }
  });

  it('refuses what is no power of two, or of two lengths', () => {
    expect(() => fft(new Float64Array(6), new Float64Array(6))).toThrow(
      /^fft: re\.length must be a power of two, got 6/,
    );
    expect(() => fft(new Float64Array(4), new Float64Array(2))).toThrow(
      /^fft: im\.length must be that of re, 4, got 2/,
    );
  });
});

describe('resample', () => {
  it.each(goldens.resampled)("is SciPy's, $from to $to", ({ from, to, samples, values }) => {
    const out = resample(sound(3, samples), { from, to });
    expect(out.length).toBe(values.length);
    for (const [i, value] of values.entries()) expect(Math.abs((out[i] as number) - value)).toBeLessThan(3e-7);
  });

  it('keeps a tone below both limits and stops one above', () => {
    const tone = (hertz: number): Float32Array =>
      Float32Array.from({ length: 4800 }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / 48000));
    const power = (x: Float32Array): number => x.slice(200, -200).reduce((sum, v) => sum + v * v, 0) / (x.length - 400);
    expect(power(resample(tone(1000), { from: 48000, to: 16000 }))).toBeCloseTo(0.5, 2);
    expect(power(resample(tone(12000), { from: 48000, to: 16000 }))).toBeLessThan(1e-6);
  });

  it('keeps what has the rate already, and nothing', () => {
    const x = sound(0, 9);
    expect(resample(x, { from: 8000, to: 8000 })).toEqual(x);
    expect(resample(new Float32Array(0), { from: 3, to: 2 })).toHaveLength(0);
    expect(() => resample(x, { from: 0, to: 2 })).toThrow(OptionError);
    expect(() => resample(x, { from: 44100.5, to: 2 })).toThrow(/from must be an integer/);
  });
});

describe('siSdr', () => {
  it('is what the definition says, whatever the loudness', () => {
    const target = sound(0, 200);
    const x = target.map((value, i) => value + 0.01 * Math.sin(i * i));
    const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
      Array.from(a, (value, i) => value * (b[i] as number)).reduce((sum, value) => sum + value);
    const scaled = target.map((value) => (value * dot(x, target)) / dot(target, target));
    const rest = scaled.map((value, i) => value - (x[i] as number));
    const expected = 10 * Math.log10(dot(scaled, scaled) / dot(rest, rest));
    expect(siSdr(x, target)).toBeCloseTo(expected, 3);
    expect(
      siSdr(
        x.map((value) => value * 7),
        target,
      ),
    ).toBeCloseTo(expected, 3);
    expect(siSdr(target, new Float32Array(200))).toBeNaN();
    expect(() => siSdr(x, target.slice(1))).toThrow(ShapeError);
  });
});

describe('bad options', () => {
  it.each([
    [() => createStft({ fftSize: 15 }), /fftSize must be even, got 15/],
    [() => createStft({ fftSize: 16, hop: 3 }), /hop must be a divisor of fftSize, 16, got 3/],
    [() => createStft({ fftSize: 2 ** 16 }), /fftSize must be an integer/],
    [() => melFilters({ sampleRate: 8000, fftSize: 64, mels: 8, lowest: 5000 }), /lowest must be below highest/],
    [() => melFilters({ sampleRate: 8000, fftSize: 64, mels: 33 }), /mels must be an integer/],
    [() => createMultiResolutionStftLoss({ fftSizes: [] }), /fftSizes must be a list/],
  ])('%# is refused', (make, message) => {
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });
});
