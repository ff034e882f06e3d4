export type { AdversarialOptions, Adversary } from './adversarial.ts';
export type { Discriminator, DiscriminatorOptions, Judgement } from './discriminators/discriminator.ts';
export type { PatchDiscriminatorOptions } from './discriminators/patch.ts';
export { createPatchDiscriminator } from './discriminators/patch.ts';
export type { StftDiscriminatorOptions } from './discriminators/stft.ts';
export { createStftDiscriminator } from './discriminators/stft.ts';
export { DivergenceError } from './errors.ts';
export { estimateJudgement, estimateStep } from './estimate.ts';
export type { EvaluatedTokens, EvaluateOptions, Evaluation, ExamplePairs } from './evaluate.ts';
export { evaluate } from './evaluate.ts';
export type {
  CheckpointEvent,
  CodesEvent,
  DiagnosisEvent,
  ExamplesEvent,
  StepEvent,
  TestEvent,
  TrainingEvent,
} from './events.ts';
export type { FitOptions, FitOrder } from './fit-quantizer.ts';
export { createFitOrder, fitQuantizer, requireFitting, requireRowsForCodes } from './fit-quantizer.ts';
export type { LossAndGradients } from './gradients.ts';
export { lossAndGradients, minimise } from './gradients.ts';
export type { LatentHistograms } from './latent-histograms.ts';
export type { LoopEnd, LoopOptions, LoopSession } from './loop.ts';
export { trainLoop } from './loop.ts';
export type { AudioModality, AudioScoring } from './modalities/audio.ts';
export { createAudioModality, LEAST_SAMPLES } from './modalities/audio.ts';
export { imageModality } from './modalities/images.ts';
export { scalesOf } from './modalities/ms-ssim.ts';
export { vectorModality } from './modalities/vectors.ts';
export type { Examples, LossOptions, Modality, QualityMeter } from './modality.ts';
export type {
  AdversarialRecord,
  AudioQuality,
  CodeHistogram,
  CodeUse,
  ImageQuality,
  LayerUse,
  MetricsRecord,
  Quality,
  TrainRecord,
  ValidationRecord,
  VectorQuality,
} from './records.ts';
export type { StepOptions, StepResult, Trainable, TrainingState } from './step.ts';
export { asInUse, trainStep } from './step.ts';
export type { Steps, StepTaken } from './take-steps.ts';
export { takeAllSteps, takeSteps } from './take-steps.ts';
