import type { Tensor } from '@tensorflow/tfjs-core';
import { requireOption } from './check.ts';

const FIX = 'Pass what trainingState() of a quantizer of the same configuration gave.';

/** What a training gathers beside its parameters: see `trainingState` of the quantizer contract. */
export interface TrainingState {
  /** Copies. */
  get(): Record<string, Tensor>;
  set(tensors: Readonly<Record<string, Tensor>>): void;
}

/** @throws OptionError unless it is an object. */
export function requireRecord(where: string, tensors: unknown): void {
  const isObject = typeof tensors === 'object' && tensors !== null;
  requireOption(isObject, where, 'tensors', 'an object of tensors by name', tensors, FIX);
}

/** Of a method that gathers nothing. */
export function nothingGathered(where: string): TrainingState {
  return {
    get: () => ({}),
    set: (tensors) =>
      requireOption(Object.keys(tensors).length === 0, where, 'tensors', 'empty', Object.keys(tensors), FIX),
  };
}
