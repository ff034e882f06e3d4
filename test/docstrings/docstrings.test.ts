import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { engineMissing } from '@vqkit/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../readme-programs.ts';
import { makeUserProject } from '../user-project.ts';
import { docstringExamples, programOf } from './examples.ts';

const execute = promisify(execFile);

const examples = docstringExamples().map((example, i) => ({ ...example, name: `example-${i}` }));

/**
 * Compiled only: running them would download TensorFlow and build it, which packages/backend-node/test/install.test.ts does with a fake, and
 * ask a server, which packages/codecs/test/read.test.ts and packages/tokens/test/shards/web.test.ts start.
 */
const NOT_RUN = ['installNative', 'urlSource', 'urlReader'];
const webgpuMissing = engineMissing('webgpu');
const needsWebgpu = ['init', 'findAdapter'];

const processOf = (from: string): string => (from.includes('/backend-') ? from : '');

const sourceOf = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');

let folder = '';
/** Why each example failed; '' where it did not. */
const failures = new Map<string, string>();
/** What tsc says of it. */
const uncompiled = new Map<string, string>();

beforeAll(async () => {
  folder = makeUserProject('docstrings');
  writeFileSync(join(folder, 'ids.npy'), '');
  await compile(folder, [
    ...['harness', 'runner'].map((name) => ({ name, code: sourceOf(`${name}.ts`), promised: [] })),
    ...examples.map((example) => ({ name: example.name, code: programOf(example), promised: [] })),
  ]).catch((error: Error) => {
    // Each example answers for its own errors; the JavaScript is there all the same.
    for (const [line, name = ''] of error.message.matchAll(/(example-\d+)\.ts\(.*$/gm)) uncompiled.set(name, line);
    if (uncompiled.size === 0) throw error;
  });
  // One process for most of them; those that start an engine of their own may not share one.
  const run = examples.filter(({ documented }) => !NOT_RUN.includes(documented));
  const processes = new Set(run.map(({ from }) => processOf(from)));
  for (const each of processes) {
    const own = run.filter(({ from }) => processOf(from) === each).map(({ from, name }) => `${from}:${name}`);
    const { stdout } = await execute(process.execPath, ['runner.js', ...own], { cwd: folder }).catch(
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
      expect(uncompiled.get(name)).toBeUndefined();
      if (!NOT_RUN.includes(documented)) expect(failures.get(name)).toBe('');
    });
  }

  it('finds them all', () => {
    expect(examples.length).toBeGreaterThan(100);
  });
});
