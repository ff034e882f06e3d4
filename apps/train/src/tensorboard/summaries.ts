import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CodeHistogram, LatentHistograms } from '@vqkit/training';
import type { SummarySchema } from './event_pb.ts';

/** One named value of a step. */
export type Summary = NonNullable<MessageInitShape<typeof SummarySchema>['value']>[number];

/** A picture or a sound, encoded. */
export type Media =
  | { readonly kind: 'image'; readonly png: Uint8Array; readonly height: number; readonly width: number }
  | {
      readonly kind: 'audio';
      readonly wav: Uint8Array;
      readonly sampleRate: number;
      readonly channels: number;
      readonly frames: number;
    };

const DT_STRING = 7;
const RGBA = 4;
const MOST_BUCKETS = 256;

/** The numbers of a record by their path in it, `validation/quality/l1`; what is no number, or not finite, is left out. */
export function scalars(tag: string, value: unknown): Summary[] {
  if (typeof value === 'number') {
    return Number.isFinite(value) ? [{ tag, value: { case: 'simpleValue', value } }] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => scalars(`${tag}/${name}`, inner));
}

/** Text in Markdown. */
export function text(tag: string, markdown: string): Summary {
  const tensor = { dtype: DT_STRING, tensorShape: {}, stringVal: [new TextEncoder().encode(markdown)] };
  return { tag, metadata: { pluginData: { pluginName: 'text' } }, value: { case: 'tensor', value: tensor } };
}

export function media(tag: string, shown: Media): Summary {
  if (shown.kind === 'image') {
    const { height, width, png: encodedImageString } = shown;
    return { tag, value: { case: 'image', value: { height, width, colorspace: RGBA, encodedImageString } } };
  }
  const { sampleRate, channels, frames, wav: encodedAudioString } = shown;
  const lengths = { numChannels: BigInt(channels), lengthFrames: BigInt(frames) };
  return {
    tag,
    value: { case: 'audio', value: { sampleRate, ...lengths, encodedAudioString, contentType: 'audio/wav' } },
  };
}

/** The angles between latents and codes in degrees, and each feature's share of its limit, as far as a quantizer has them. */
export function latentUse({ angles, limits }: LatentHistograms): Summary[] {
  return [
    ...(angles === null ? [] : [binned('angles', [0, 180], angles)]),
    ...(limits ?? []).map((counts, i) => binned(`limits/${i}`, [-1, 1], counts)),
  ];
}

/** Equal bins over a range; the sums take what lies in a bin for its middle. */
function binned(tag: string, [from, to]: readonly [from: number, to: number], counts: readonly number[]): Summary {
  const width = (to - from) / counts.length;
  const limit = (i: number): number => from + ((to - from) * i) / counts.length;
  let [num, sum, sumSquares] = [0, 0, 0];
  counts.forEach((count, i) => {
    const middle = limit(i) + width / 2;
    num += count;
    sum += count * middle;
    sumSquares += count * middle * middle;
  });
  const [first, last] = [counts.findIndex((count) => count > 0), counts.findLastIndex((count) => count > 0)];
  const histo = { min: limit(Math.max(0, first)), max: limit(last + 1), num, sum, sumSquares, bucket: [...counts] };
  return { tag, value: { case: 'histo', value: { ...histo, bucketLimit: counts.map((_, i) => limit(i + 1)) } } };
}

/** How often codes occur, over their indices: a bucket for each code, or for some beside each other where there are more than 256. */
export function codeUse(tag: string, { codebookSize, codes, counts }: CodeHistogram): Summary {
  const perBucket = Math.ceil(codebookSize / MOST_BUCKETS);
  const bucket = new Array<number>(Math.ceil(codebookSize / perBucket)).fill(0);
  let [num, sum, sumSquares] = [0, 0, 0];
  codes.forEach((code, i) => {
    const count = counts[i] ?? 0;
    const at = Math.floor(code / perBucket);
    bucket[at] = (bucket[at] ?? 0) + count;
    num += count;
    sum += count * code;
    sumSquares += count * code * code;
  });
  const bucketLimit = bucket.map((_, i) => (i + 1) * perBucket);
  const [min, max] = [codes[0] ?? 0, codes.at(-1) ?? 0];
  return { tag, value: { case: 'histo', value: { min, max, num, sum, sumSquares, bucketLimit, bucket } } };
}
