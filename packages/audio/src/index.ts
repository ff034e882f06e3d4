export { fft } from './fft.ts';
export type { MelOptions, MelSpectrogram } from './mel.ts';
export { createMelSpectrogram, melFilters } from './mel.ts';
export { resample } from './resample.ts';
export { siSdr } from './si-sdr.ts';
export type { SpectralLoss } from './spectral-losses.ts';
export { createMelLoss, createMultiResolutionStftLoss } from './spectral-losses.ts';
export type { Stft, StftOptions } from './stft.ts';
export { createStft } from './stft.ts';
