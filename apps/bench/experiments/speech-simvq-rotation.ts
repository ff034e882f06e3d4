import { requireSpeech } from '../src/data/speech.ts';
import type { Experiment } from '../src/experiment.ts';
import { rotationExperiment } from '../src/studies/rotation.ts';

/** The second question on speech, the case in which it was asked. The grid and its answer are in src/studies/rotation.ts. */
export const speechSimVqRotation: Experiment = rotationExperiment({
  name: 'speech-simvq-rotation',
  where: 'on speech',
  data: "Log-mel frames of speech (40 bands, 32 ms, every 10 ms): Debian's asterisk-core-sounds-en-wav, or the WAV files below --data.",
  codebookSize: 256,
  steps: 800,
  source: async (context) => (await requireSpeech(context)).data,
});
