import { channelOf } from './spectrogram.ts';

/** Samples, those of the channels one after the other. */
export interface Sound {
  readonly samples: Float32Array;
  readonly channels: number;
  /** Samples per second. */
  readonly sampleRate: number;
}

/** Rates that every browser plays; others are played at twice or half the speed of one of these, which is the same. */
const RATES = { least: 8000, most: 96_000 };

let context: AudioContext | undefined;
let playing: { readonly node: AudioBufferSourceNode; readonly ended: () => void } | undefined;

/** Plays a sound in place of the one that plays, and tells when it has ended or is stopped. */
export async function play(
  { samples, channels, sampleRate }: Sound,
  ended: () => void = () => undefined,
): Promise<void> {
  stop();
  if (!(sampleRate > 0)) throw new Error('The run does not say how many samples a second has.');
  context ??= new AudioContext();
  // Until something is clicked or pressed, a browser keeps it still.
  await context.resume();
  let speed = 1;
  while (sampleRate / speed < RATES.least) speed /= 2;
  while (sampleRate / speed > RATES.most) speed *= 2;
  const buffer = context.createBuffer(channels, Math.max(1, samples.length / channels), Math.round(sampleRate / speed));
  for (let c = 0; c < channels; c++) {
    // What is not finite would silence all that follows.
    buffer.copyToChannel(
      channelOf(samples, channels, c).map((value) => (Number.isFinite(value) ? value : 0)),
      c,
    );
  }
  stop();
  const node = new AudioBufferSourceNode(context, { buffer, playbackRate: speed });
  const mine = { node, ended };
  playing = mine;
  node.connect(context.destination);
  node.addEventListener('ended', () => {
    if (playing === mine) stop();
  });
  node.start();
}

/** Stops what plays. */
export function stop(): void {
  if (playing === undefined) return;
  const { node, ended } = playing;
  playing = undefined;
  node.stop();
  node.disconnect();
  ended();
}
