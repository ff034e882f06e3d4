export { DivergenceError } from './errors.ts';
export type { EvaluatedTokens, EvaluateOptions, Evaluation, ExamplePairs } from './evaluate.ts';
export { evaluate } from './evaluate.ts';
export type { CheckpointEvent, DiagnosisEvent, ExamplesEvent, StepEvent, TrainingEvent } from './events.ts';
export type { FitOptions, Vectors } from './fit-quantizer.ts';
export { fitQuantizer, requireRowsForCodes } from './fit-quantizer.ts';
export type { LossAndGradients } from './gradients.ts';
export { lossAndGradients, minimise } from './gradients.ts';
export type { LoopEnd, LoopOptions, LoopSession } from './loop.ts';
export { trainLoop } from './loop.ts';
export type { ModalityName } from './modalities.ts';
export { MODALITIES } from './modalities.ts';
export type { Examples, LossOptions, Modality, QualityMeter } from './modality.ts';
export type {
  CodeHistogram,
  CodeUse,
  ImageQuality,
  LayerUse,
  MetricsRecord,
  TrainRecord,
  ValidationRecord,
} from './records.ts';
export type { StepOptions, StepResult, Trainable, TrainingState } from './step.ts';
export { trainStep } from './step.ts';
export type { Steps, StepTaken } from './take-steps.ts';
export { takeAllSteps, takeSteps } from './take-steps.ts';
export type { LevelUse, VectorMeter, VectorReport } from './vector-meter.ts';
export { createVectorMeter } from './vector-meter.ts';
