import { expect, it } from 'vitest';
import { experiments, findExperiments } from '../src/registry.ts';

it('has experiments of different names, each under its own, with what its page needs', async () => {
  const words = experiments.flatMap(({ name, aliases = [] }) => [name, ...aliases]);
  expect(new Set(words).size).toBe(words.length);
  for (const { name, load } of experiments) {
    const experiment = await load();
    expect(experiment.name).toBe(name);
    expect(name).toMatch(/^[a-z0-9-]+$/);
    for (const text of [experiment.question, experiment.method, experiment.expected]) expect(text).not.toBe('');
    expect(experiment.question).toContain('?');
  }
});

it('finds by name and alias, each once, and all', () => {
  expect(findExperiments(['speed', 'kernels']).map(({ name }) => name)).toEqual(['kernels']);
  expect(findExperiments(['all'])).toBe(experiments);
});
