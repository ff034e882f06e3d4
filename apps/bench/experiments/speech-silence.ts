import { requireSpeech } from '../src/data/speech.ts';
import type { Experiment } from '../src/experiment.ts';
import { stillExperiment } from '../src/studies/still.ts';

/** Where SimVQ fails, on speech with more and more silence. The sweep and its answer are in src/studies/still.ts. */
export const speechSilence: Experiment = stillExperiment({
  name: 'speech-silence',
  where: 'silence',
  data: "Log-mel frames of speech (40 bands): Debian's asterisk-core-sounds-en-wav, or the WAV files below --data. A frame is silent when its loudest band is 40 dB below the loudest of all. Silent or loud frames are left out at random until the share is reached; one column has them as they are.",
  shares: [0, undefined, 0.9],
  source: async (context, wanted) => {
    const { data, silence } = await requireSpeech(context, wanted);
    return { source: data, share: Math.round(100 * silence) / 100 };
  },
});
