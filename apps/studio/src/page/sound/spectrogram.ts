import { fft } from '@vqkit/audio';
import { contextOf } from '../dom.ts';

/** Columns of a drawing at most: a longer sound is looked at in larger steps. */
const MOST_FRAMES = 400;
/** Decibels below full scale that are drawn black. */
const RANGE_DB = 70;

/** Draws logarithmic magnitudes of one channel: time to the right, frequency upwards, white is full scale; pictures of equal lengths compare. */
export function drawSpectrogram(canvas: HTMLCanvasElement, samples: Float32Array, sampleRate: number): void {
  const size = Math.max(16, Math.min(2048, 2 ** Math.round(Math.log2(sampleRate / 32))));
  const step = Math.max(size / 4, Math.ceil(samples.length / MOST_FRAMES));
  const frames = Math.max(1, Math.ceil(samples.length / step));
  const bins = size / 2;
  const window = Float32Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size));
  const [re, im] = [new Float64Array(size), new Float64Array(size)];
  const image = new ImageData(frames, bins);
  const pixels = new Uint32Array(image.data.buffer);
  for (let t = 0; t < frames; t++) {
    const from = t * step - size / 2;
    for (let i = 0; i < size; i++) re[i] = (samples[from + i] ?? 0) * (window[i] as number);
    im.fill(0);
    fft(re, im);
    for (let k = 0; k < bins; k++) {
      // The window has a sum of size / 2, of which a tone has one half in each direction.
      const magnitude = Math.hypot(re[k] as number, im[k] as number) / (size / 4);
      const level = 1 + (20 * Math.log10(Math.max(1e-9, magnitude))) / RANGE_DB;
      const grey = Math.round(255 * Math.max(0, Math.min(1, level)));
      pixels[(bins - 1 - k) * frames + t] = (255 << 24) | (grey << 16) | (grey << 8) | grey;
    }
  }
  Object.assign(canvas, { width: frames, height: bins });
  contextOf(canvas).putImageData(image, 0, 0);
}

/** One channel of samples that stand one after the other. */
export function channelOf(samples: Float32Array, channels: number, channel = 0): Float32Array {
  return channels === 1 ? samples : samples.filter((_, i) => i % channels === channel);
}
