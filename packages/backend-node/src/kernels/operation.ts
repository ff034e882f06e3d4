import { backend, type Tensor } from '@tensorflow/tfjs-core';

/** Numbers of the types of TensorFlow's C interface, as its binding names them. */
interface Binding {
  readonly TF_ATTR_TYPE: number;
  readonly TF_FLOAT: number;
  readonly TF_INT32: number;
  readonly TF_COMPLEX64: number;
}

/** The part of tfjs-node's backend that runs operations of TensorFlow which TensorFlow.js has no name for. */
interface NodeBackend {
  readonly binding: Binding;
  executeSingleOutput(name: string, attrs: readonly object[], inputs: readonly Tensor[]): Tensor;
}

/** Runs an operation of TensorFlow with one output; `types` are its attributes. */
export function operation(
  name: string,
  types: Readonly<Record<string, Exclude<keyof Binding, 'TF_ATTR_TYPE'>>>,
  inputs: readonly Tensor[],
): Tensor {
  const { binding, executeSingleOutput } = backend() as unknown as NodeBackend;
  const attrs = Object.entries(types).map(([key, type]) => ({
    name: key,
    type: binding.TF_ATTR_TYPE,
    value: binding[type],
  }));
  return executeSingleOutput.call(backend(), name, attrs, inputs);
}
