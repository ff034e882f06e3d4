import type { MessageInitShape } from '@bufbuild/protobuf';
import type { CodeHistogram } from '@vqkit/training';
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
