import { engine, getBackend, getKernel, profile, type Tensor, type TensorContainer } from '@tensorflow/tfjs-core';
import { expect } from 'vitest';

/** What tfjs's profile calls a function with a gradient of its own, which is no kernel. */
const SCOPE = 'unnamed scope';

/**
 * Runs `step` and expects that the active engine did all of it: it has every kernel that ran, no other engine was even started, and
 * the tensors that `step` returned and all variables live on it. Disposes what `step` returned.
 *
 * @returns names of the kernels that ran, sorted, each once.
 */
export async function expectNoFallback(step: () => Tensor[] | Promise<Tensor[]>): Promise<string[]> {
  const name = getBackend();
  const { kernels, result } = await profile(step as () => TensorContainer);
  const ran = [...new Set(kernels.map((kernel) => kernel.name))].filter((kernel) => kernel !== SCOPE).sort();
  expect(ran.length).toBeGreaterThan(0);
  expect(ran.filter((kernel) => getKernel(kernel, name) == null)).toEqual([]);
  expect(Object.keys(engine().registry)).toEqual([name]);
  const tensors = result as Tensor[];
  const elsewhere = [...tensors, ...Object.values(engine().registeredVariables)].filter(
    ({ dataId }) => engine().state.tensorInfo.get(dataId)?.backend !== engine().backend,
  );
  expect(elsewhere.map(({ shape }) => shape)).toEqual([]);
  for (const tensor of tensors) tensor.dispose();
  return ran;
}
