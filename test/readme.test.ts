import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../scripts/setup.mjs';
import { compile, type Program, readmePrograms, runProgram } from './readme-programs.ts';
import { makeUserProject, packages } from './user-project.ts';

const readmes = ['README.md', ...packages.map((path) => `${path}/README.md`)].filter((path) =>
  existsSync(join(root, path)),
);
const programs = readmes.flatMap((readme) => readmePrograms(readme).map((program) => ({ readme, ...program })));

let folder = '';

beforeAll(async () => {
  folder = makeUserProject('readme');
  await compile(folder, programs);
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('the examples of the READMEs compile and run on the built packages', () => {
  it.each(programs)('$readme: $name', async (program: Program) => {
    const printed = await runProgram(folder, program);
    expect(printed).toEqual(expect.arrayContaining([...program.promised]));
  });
});
