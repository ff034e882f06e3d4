import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../scripts/setup.mjs';
import { compile, type Program, readmePrograms, runProgram } from './readme-programs.ts';

const packages = ['packages', 'apps'].flatMap((group) =>
  readdirSync(join(root, group)).map((name) => `${group}/${name}`),
);
const readmes = ['README.md', ...packages.map((path) => `${path}/README.md`)].filter((path) =>
  existsSync(join(root, path)),
);
const programs = readmes.flatMap((readme) => readmePrograms(readme).map((program) => ({ readme, ...program })));

/** A user's project in which every package is installed. */
let folder = '';

beforeAll(async () => {
  mkdirSync(join(root, 'test-results'), { recursive: true });
  folder = mkdtempSync(join(root, 'test-results/readme-'));
  mkdirSync(join(folder, 'node_modules/@vqkit'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  for (const path of packages) {
    const name = path.split('/').at(-1) ?? '';
    symlinkSync(join(root, path), join(folder, 'node_modules', name === 'vqkit' ? name : `@vqkit/${name}`));
  }
  symlinkSync(join(root, 'packages/testing/node_modules/@tensorflow'), join(folder, 'node_modules/@tensorflow'));
  await compile(folder, programs);
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('the examples of the READMEs compile and run on the built packages', () => {
  it.each(programs)('$readme: $name', async (program: Program) => {
    const printed = await runProgram(folder, program);
    expect(printed).toEqual(expect.arrayContaining([...program.promised]));
  });
});
