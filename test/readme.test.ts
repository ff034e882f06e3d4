import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fullRun, titleIf } from '@vqkit/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../scripts/setup.mjs';
import { compile, type Program, readmePrograms, runProgram } from './readme-programs.ts';
import { makeUserProject, packages } from './user-project.ts';

const programsOf = (files: readonly string[]): ({ readme: string } & Program)[] =>
  files.flatMap((readme) => readmePrograms(readme).map((program) => ({ readme, ...program })));

const readmes = ['README.md', ...packages.map((path) => `${path}/README.md`)].filter((path) =>
  existsSync(join(root, path)),
);
const guides = ['start', 'guides'].flatMap((folder) =>
  readdirSync(join(root, 'docs/site', folder)).map((name) => `docs/site/${folder}/${name}`),
);
const programs = programsOf(readmes);
const shown = programsOf(guides);

let folder = '';

beforeAll(async () => {
  folder = makeUserProject('readme');
  await compile(folder, fullRun ? [...programs, ...shown] : programs);
});

afterAll(() => rmSync(folder, { recursive: true }));

const run = async (program: Program): Promise<void> => {
  const printed = await runProgram(folder, program);
  expect(printed).toEqual(expect.arrayContaining([...program.promised]));
};

/** Those that train or start processes for seconds, whose parts the packages test. */
const SLOW = ['apps/train/README.md', 'packages/queue/README.md'];

describe('the examples of the READMEs compile and run on the built packages', () => {
  for (const program of programs) {
    const chosen = fullRun || !SLOW.includes(program.readme);
    it.skipIf(!chosen)(titleIf(chosen, `${program.readme}: ${program.name}`), () => run(program));
  }
});

describe.skipIf(!fullRun)(titleIf(fullRun, 'those of the site compile and run, too'), () => {
  it.each(shown)('$readme: $name', run);
});
