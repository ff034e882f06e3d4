import { requireInteger } from '@vqkit/core-tensor';

/** Zero crossings of the sinc on either side, and the shape of its Kaiser window: those of SciPy. */
const CROSSINGS = 10;
const BETA = 5;

/**
 * Sound at another rate: a low-pass at the lower of the two Nyquist frequencies (a sinc under a Kaiser window), of which only the samples that are kept are
 * computed. ⌈samples · to / from⌉ samples come out; before the first and after the last sample is silence.
 *
 * Equal to SciPy's `signal.resample_poly(x, to, from)` to the rounding of float32.
 *
 * @param samples one channel.
 * @param rates samples per second, integers.
 * @throws OptionError when a rate is no integer from 1 to 2^20.
 * @example
 * resample(new Float32Array(44100), { from: 44100, to: 16000 }).length; // 16000
 */
export function resample(samples: Float32Array, rates: { readonly from: number; readonly to: number }): Float32Array {
  requireInteger('resample', 'from', rates.from, 1, 2 ** 20);
  requireInteger('resample', 'to', rates.to, 1, 2 ** 20);
  const common = commonDivisor(rates.from, rates.to);
  const [up, down] = [rates.to / common, rates.from / common];
  if (up === down) return samples.slice();
  const filter = lowPass(up, Math.max(up, down));
  const reach = (filter.length - 1) / 2;
  const out = new Float32Array(Math.ceil((samples.length * up) / down));
  for (let i = 0; i < out.length; i++) {
    // Of the samples with up - 1 zeros behind each, the filter is centred on number i · down.
    const center = i * down;
    const first = Math.max(0, Math.ceil((center - reach) / up));
    const last = Math.min(samples.length - 1, Math.floor((center + reach) / up));
    let sum = 0;
    for (let n = first; n <= last; n++) sum += (samples[n] as number) * (filter[center + reach - n * up] as number);
    out[i] = sum;
  }
  return out;
}

/** Taps of the low-pass at 1 / most of the Nyquist frequency; their sum is `gain`. */
function lowPass(gain: number, most: number): Float64Array {
  const reach = CROSSINGS * most;
  const taps = Float64Array.from({ length: 2 * reach + 1 }, (_, i) => {
    const x = (i - reach) / most;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    return sinc * bessel(BETA * Math.sqrt(Math.max(0, 1 - ((i - reach) / reach) ** 2)));
  });
  const sum = taps.reduce((total, tap) => total + tap, 0);
  return taps.map((tap) => (tap * gain) / sum);
}

/** The modified Bessel function of order 0, by its series. */
function bessel(x: number): number {
  let [sum, term] = [1, 1];
  for (let k = 1; term > 1e-17 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
