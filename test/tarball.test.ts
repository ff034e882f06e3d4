import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack } from '../scripts/pack.mjs';
import { compile, readmePrograms, runProgram } from './readme-programs.ts';

/** Whether npm reaches a registry; on a CI machine it must. */
function registryAnswers(): boolean {
  if (process.env.CI === 'true') return true;
  try {
    execFileSync('npm', ['view', '@tensorflow/tfjs-core', 'name', '--fetch-retries=0', '--fetch-timeout=10000']);
    return true;
  } catch {
    return false;
  }
}

const answers = registryAnswers();

describe.skipIf(!answers)(`an empty project${answers ? '' : ' [npm reaches no registry]'}`, () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'vqkit-user-')));
  const project = join(folder, 'project');

  beforeAll(() => {
    const tarballs = pack(['@vqkit/fsq...', '@vqkit/backend-wasm...'], folder);
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
    const quiet = ['--no-audit', '--no-fund', '--no-package-lock'];
    execFileSync('npm', ['install', ...quiet, ...tarballs, '@types/node@20'], { cwd: project, stdio: 'pipe' });
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it('gets what it asked for and nothing else of vqkit', () => {
    const installed = readdirSync(join(project, 'node_modules/@vqkit')).sort();
    expect(installed).toEqual(['backend-wasm', 'core-tensor', 'fsq', 'nn']);
  });

  it("compiles and runs the example of fsq's README from the packed tarballs", async () => {
    const programs = readmePrograms('packages/fsq/README.md');
    expect(programs.length).toBeGreaterThan(0);
    await compile(project, programs);
    for (const program of programs) {
      expect(await runProgram(project, program)).toEqual(expect.arrayContaining([...program.promised]));
    }
  });
});
