import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { engineMissing } from '@vqkit/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docstringExamples, programOf } from './docstring-examples.ts';
import { compile } from './readme-programs.ts';
import { makeUserProject } from './user-project.ts';

const execute = promisify(execFile);

const examples = docstringExamples().map((example, i) => ({ ...example, name: `example-${i}` }));

/** Compiled only: running it would download and build TensorFlow, which packages/backend-node/test/install.test.ts does with a fake. */
const NOT_RUN = ['installNative'];
const webgpuMissing = engineMissing('webgpu');
const needsWebgpu = ['init', 'findAdapter'];

/** What the checks of every example call, and the process of a package runs. */
const HARNESS = `
import { writeFile } from 'node:fs/promises';
import { inspect, isDeepStrictEqual } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { encodeSafetensors } from '@vqkit/checkpoint';
import { toSafeTensor } from '@vqkit/checkpoint/tensors';
import { createLfq } from '@vqkit/lfq';
import { createImageTokenizer, saveImageTokenizer } from '@vqkit/tokenizer';
import { createConfig, encodeImages, train } from '@vqkit/train';
import '@tensorflow/tfjs-backend-cpu';

/** Whether a value is what a comment says first: a number, a list, or a message that is thrown. Prose says nothing. */
export function verify(make: () => unknown, promise: string): void {
  const message = /^throws\\b/.test(promise) ? '' : /^[a-z]\\w*(?:\\(\\)\\.\\w+)?: (?=\\S+ must|options has)/.test(promise) ? promise : undefined;
  if (message !== undefined) {
    try {
      make();
    } catch (error) {
      if ((error as Error).message.startsWith(message)) return;
      throw new Error(\`promised "\${message}", threw "\${(error as Error).message}"\`);
    }
    throw new Error('promised to throw, and did not');
  }
  const value = make();
  const [literal] = /^(?:(?:Int32Array |int32 )?\\[[-\\d., [\\]]*\\]|-?\\d+(?:\\.\\d+)?(?![\\w.]*[^\\s\\w.:,]))/.exec(promise) ?? [];
  if (literal === undefined) return;
  const expected: unknown = JSON.parse(literal.replace(/^\\D*(?=\\[)/, ''));
  const digits = Math.max(0, ...[...literal.matchAll(/\\.(\\d+)/g)].map(([, each = '']) => each.length));
  const found = plain(value);
  if (alike(found, expected, digits) || (value instanceof tf.Tensor && isDeepStrictEqual(value.shape, expected))) return;
  throw new Error(\`promised \${literal}, got \${inspect(found)}\`);
}

function plain(value: unknown): unknown {
  if (value instanceof tf.Tensor) return value.arraySync();
  if (ArrayBuffer.isView(value)) return Array.from(value as Float32Array);
  return Array.isArray(value) ? value.map(plain) : value;
}

function alike(found: unknown, expected: unknown, digits: number): boolean {
  if (Array.isArray(found) && Array.isArray(expected)) {
    return found.length === expected.length && found.every((each, i) => alike(each, expected[i], digits));
  }
  if (typeof found !== 'number' && typeof found !== 'boolean') return false;
  return Math.abs(Number(found) - Number(expected)) <= 0.5001 * 10 ** -digits * (digits === 0 ? 1e-3 : 1);
}

export async function exportedLfq(): Promise<Uint8Array> {
  const state = Object.entries(createLfq({ codebookSize: 16 }).stateDict());
  return encodeSafetensors(Object.fromEntries(await Promise.all(state.map(async ([name, t]) => [name, await toSafeTensor(t)]))));
}

const [, , from, ...names] = process.argv;
if (from !== undefined) {
  await tf.setBackend('cpu');
  await writeFile('digits.safetensors', await saveImageTokenizer(createImageTokenizer({ quantizer: 'fsq' })));
  await writeFile('config.json', '{}');
  if (from === '@vqkit/train') {
    for (const quantizer of ['lfq', 'fsq'] as const) {
      await train(createConfig({ quantizer, steps: 1, batchSize: 16, outDir: \`runs/mnist-\${quantizer}-1234\` }));
    }
    await encodeImages('runs/mnist-fsq-1234', { limit: 100, out: 'test.safetensors' });
  }
  for (const name of names) {
    let failure = '';
    try {
      await import(\`./\${name}.js\`);
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
    process.stdout.write(\`\\n@result \${JSON.stringify({ name, failure })}\\n\`);
  }
  process.exit(0);
}
`;

let folder = '';
/** Why each example failed; '' where it did not. */
const failures = new Map<string, string>();

beforeAll(async () => {
  folder = makeUserProject('docstrings');
  writeFileSync(join(folder, 'ids.npy'), '');
  await compile(folder, [
    { name: 'harness', code: HARNESS, promised: [] },
    ...examples.map((example) => ({ name: example.name, code: programOf(example), promised: [] })),
  ]);
  for (const from of new Set(examples.map((example) => example.from))) {
    const names = examples
      .filter((example) => example.from === from && !NOT_RUN.includes(example.documented))
      .map(({ name }) => name);
    const { stdout } = await execute(process.execPath, ['harness.js', from, ...names], { cwd: folder }).catch(
      (error: { stdout: string }) => error,
    );
    for (const [, line = '{}'] of stdout.matchAll(/^@result (.*)$/gm)) {
      const { name, failure } = JSON.parse(line) as { name: string; failure: string };
      failures.set(name, failure);
    }
  }
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the examples of the docstrings compile and run on the built packages', () => {
  for (const { title, name, from, documented } of examples) {
    const skipped = from === '@vqkit/backend-webgpu' && needsWebgpu.includes(documented) ? webgpuMissing : undefined;
    it.skipIf(skipped !== undefined)(skipped === undefined ? title : `${title}: skipped, ${skipped}`, () => {
      if (!NOT_RUN.includes(documented)) expect(failures.get(name)).toBe('');
    });
  }

  it('finds them all', () => {
    expect(examples.length).toBeGreaterThan(100);
  });
});
