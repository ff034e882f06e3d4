import type { ModalityShown } from '../../modality.ts';
import { fixed, significant } from '../../report/format.ts';
import { type Html, html } from '../../report/html.ts';
import type { Run } from '../../report/read-run.ts';
import { runDot } from '../../report/runs.ts';
import type { AudioShown, HeardClip } from '../../report-data.ts';
import type { Media } from '../../tensorboard/summaries.ts';
import type { AudioConfig } from '../../train-options.ts';
import { hopOf } from './data.ts';
import { wavOf } from './listen.ts';

/** Examples of a validation that a log has: each is as large as its sound. */
export const LOGGED = 4;

/** Players and spectrograms beside each other: SI-SDR, mel distance and multi-resolution STFT distance. */
export const audioShown: ModalityShown = {
  noun: 'segment',
  text: ({ test: { quality } }) =>
    `test SI-SDR ${decibels(quality.siSdrDb)}, mel distance ${fixed(quality.melDistance, 3)}, STFT distance ${fixed(quality.stftDistance, 3)}`,
  progress: ({ siSdrDb, melDistance }) => `${decibels(siSdrDb)}, mel ${fixed(melDistance, 3)}`,
  headline: ({ siSdrDb, melDistance }) =>
    `an SI-SDR of ${decibels(siSdrDb)} and a mel distance of ${fixed(melDistance, 3)}`,
  rows: [
    {
      title: 'SI-SDR',
      hint: 'scale-invariant signal-to-distortion ratio, the mean over segments that are not silent; higher is better',
      cell: ({ data }) => html`${decibels(data.summary.test.quality.siSdrDb)}`,
      better: 'higher',
      value: ({ data }) => data.summary.test.quality.siSdrDb ?? null,
    },
    {
      title: 'Mel distance',
      hint: 'of mel spectrograms and of their logarithms; lower is better',
      cell: ({ data }) => html`${fixed(data.summary.test.quality.melDistance, 3)}`,
      better: 'lower',
      value: ({ data }) => data.summary.test.quality.melDistance ?? null,
    },
    {
      title: 'STFT distance',
      hint: 'multi-resolution: spectral convergence and log magnitudes; lower is better',
      cell: ({ data }) => html`${fixed(data.summary.test.quality.stftDistance, 3)}`,
      better: 'lower',
      value: ({ data }) => data.summary.test.quality.stftDistance ?? null,
    },
    {
      title: 'Bits per second',
      hint: 'log₂ K of every id',
      cell: (run) => html`${significant(bitsPerSecond(run), 5)}`,
      better: 'lower',
      value: bitsPerSecond,
    },
    {
      title: 'Codes in silence and in sound',
      hint: 'used in test tokens below -60 dB of full scale, and in the others',
      cell: ({ data: { audio } }) => html`${useText(audio?.silence)} <small>/</small> ${useText(audio?.sound)}`,
    },
  ],
  curve: {
    title: 'Validation SI-SDR',
    caption: 'Held-out recordings; higher is better.',
    unit: 'dB',
    value: ({ siSdrDb }) => siSdrDb ?? null,
  },
  async examples(runs) {
    const shown = runs.flatMap((run, i) => (run.data.audio === undefined ? [] : [{ run, i, audio: run.data.audio }]));
    return html`<section><h2>To hear</h2>
<p class="hint">Recordings of the test, and what each run makes of them from its tokens alone. Spectrograms: time to the right, frequency upwards, white is full scale, black 70 dB less.</p>
${shown.map(({ run, i, audio }) => html`<h3>${runDot(i)}${run.name}</h3>${audio.clips.map(player)}`)}</section>`;
  },
  findings: () => [],
  async media({ count, shape: [samples = 0, channels = 1], ...pairs }, config) {
    const { sampleRate } = config as AudioConfig;
    const length = samples * channels;
    const sound = (values: readonly number[], i: number): Media => ({
      kind: 'audio',
      wav: wavOf(Float32Array.from(values.slice(i * length, (i + 1) * length)), { sampleRate, channels }),
      sampleRate,
      channels,
      frames: samples,
    });
    const heard = Array.from({ length: Math.min(count, LOGGED) }, (_, i): [string, Media][] => [
      [`${i}/original`, sound(pairs.originals, i)],
      [`${i}/reconstruction`, sound(pairs.reconstructions, i)],
    ]);
    return Object.fromEntries(heard.flat());
  },
  excerpt({ pairs, ids = [], ...event }, config, most) {
    const { count, originals, reconstructions } = pairs;
    const [samples = 0, channels = 1] = pairs.shape;
    const hop = hopOf((config as AudioConfig).strides);
    // Whole tokens.
    const kept = Math.max(1, Math.floor(most / channels / hop)) * hop;
    if (samples <= kept) return { ...event, pairs, ids };
    const first = <T>(values: readonly T[], share: number): T[] => {
      const length = values.length / count;
      return Array.from({ length: count }, (_, i) =>
        values.slice(i * length, i * length + Math.round(length * share)),
      ).flat();
    };
    const [cut, recut] = [first(originals, kept / samples), first(reconstructions, kept / samples)];
    const shape = [kept, channels];
    return {
      ...event,
      pairs: { count, shape, originals: cut, reconstructions: recut },
      ids: first(ids, kept / samples),
    };
  },
  async write() {
    // The report holds the sounds.
  },
};

function player({ name, siSdrDb, ...clip }: HeardClip): Html {
  const side = (title: string, sound: string, picture: string): Html =>
    html`<figure><figcaption>${title}</figcaption><audio controls preload="none" src="data:audio/wav;base64,${sound}"></audio><img class="spectrogram" alt="spectrogram of the ${title}" src="data:image/png;base64,${picture}"></figure>`;
  return html`<p>${name} <small>SI-SDR ${decibels(siSdrDb)}</small></p><div class="charts">${side('original', clip.original, clip.originalPicture)}${side('reconstruction', clip.reconstruction, clip.reconstructionPicture)}</div>`;
}

function bitsPerSecond({ data: { config, summary } }: Run): number {
  const { codebookSize, numCodebooks } = summary.test.codes;
  const { sampleRate, strides } = config as AudioConfig;
  return (numCodebooks * Math.log2(codebookSize) * sampleRate) / hopOf(strides);
}

function useText(use: AudioShown['silence'] | undefined): string {
  return use === undefined ? '–' : `${use.used} of perplexity ${significant(use.perplexity, 3)}`;
}

function decibels(value: number | null | undefined): string {
  return value === null || value === undefined ? '–' : `${fixed(value, 2)} dB`;
}
