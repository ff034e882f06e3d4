import { execFile } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkExamples } from '../scripts/layout/examples.mjs';
import { root } from '../scripts/setup.mjs';
import { dependenciesOf, examples } from './engines/bundlers/apps.ts';
import { makeUserProject } from './user-project.ts';

const execute = promisify(execFile);

/** What the files of an example import by name. */
function importsOf(example: string): Set<string> {
  const folder = join(root, 'examples', example);
  const files = (readdirSync(folder, { recursive: true }) as string[]).filter((name) => name.endsWith('.js'));
  const specifiers = files.flatMap((name) =>
    [...readFileSync(join(folder, name), 'utf8').matchAll(/\bfrom '([^.'][^']*)'/g)].map(
      ([, specifier = '']) => specifier,
    ),
  );
  return new Set(
    specifiers
      .filter((specifier) => !specifier.startsWith('node:'))
      .map((specifier) => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier),
  );
}

describe('the projects of examples/', () => {
  let folder = '';
  beforeAll(() => {
    folder = makeUserProject('examples');
    cpSync(join(root, 'examples'), folder, { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(examples)('%s: declares what it imports', (example) => {
    const imported = importsOf(example);
    expect(imported.size).toBeGreaterThan(0);
    expect(Object.keys(dependenciesOf(example))).toEqual(expect.arrayContaining([...imported]));
  });

  it('node: prints the same ids twice', async () => {
    const { stdout } = await execute(process.execPath, ['index.js'], { cwd: join(folder, 'node') });
    const { ids, codec } = JSON.parse(stdout) as { ids: number[]; codec: number[] };
    expect(ids.length).toBe(64);
    expect(codec).toEqual(ids);
  });

  it('layers: trains, saves and loads', async () => {
    const { stdout } = await execute(process.execPath, ['index.js'], { cwd: join(folder, 'layers') });
    const [, first, last] = /loss (\S+) at first, (\S+) at last/.exec(stdout) ?? [];
    expect(Number(last)).toBeLessThan(0.9 * Number(first));
    expect(stdout).toContain('the same ids from the files: true');
  });
});

describe('the layout of an example', () => {
  const failures = (changes: Readonly<Record<string, string | undefined>>, more: object = {}): string[] => {
    const files: Record<string, string | undefined> = {
      'pnpm-workspace.yaml': 'catalog:\n  "@tensorflow/tfjs-core": 4.22.0\n',
      'examples/README.md': '[node](node)',
      'examples/node/README.md': '# Node',
      'examples/node/package.json': JSON.stringify({ name: 'vqkit-example-node', private: true, ...more }),
      ...changes,
    };
    const given = Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return checkExamples(new Map(given)).map(({ file, rule }) => `${file}: ${rule}`);
  };

  it('is private, named, listed, explained, and has the TensorFlow.js of the catalog', () => {
    expect(failures({}, { dependencies: { '@tensorflow/tfjs-core': '4.22.0' } })).toEqual([]);
    expect(failures({ 'examples/node/README.md': undefined })).toEqual([
      'examples/node/README.md: every example has this file',
    ]);
    expect(failures({ 'examples/README.md': '' })).toEqual(['examples/README.md: the table of examples has node']);
    expect(failures({}, { private: false })).toEqual([
      'examples/node/package.json: an example is private and called vqkit-example-node',
    ]);
    expect(failures({}, { dependencies: { '@tensorflow/tfjs-core': '^4.0.0' } })).toEqual([
      'examples/node/package.json: dependencies["@tensorflow/tfjs-core"] is the one exact version of the catalog',
    ]);
  });
});
