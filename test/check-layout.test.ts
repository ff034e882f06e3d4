import { describe, expect, it } from 'vitest';
import { checkLayout } from '../scripts/check-layout.mjs';

/** A workspace of three packages that breaks no rule, with some files replaced (undefined: removed). */
function workspace(changes: Record<string, string | undefined> = {}): Map<string, string> {
  const files: Record<string, string | undefined> = {
    'pnpm-workspace.yaml': 'packages:\n  - packages/*\ncatalog:\n  "@tensorflow/tfjs-core": 4.22.0\n',
    ...packageFiles('core-tensor', {}),
    ...packageFiles('fsq', { '@vqkit/core-tensor': 'workspace:^' }),
    ...packageFiles('backend-wasm', { '@vqkit/core-tensor': 'workspace:^' }),
    ...changes,
  };
  return new Map(Object.entries(files).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function packageFiles(folder: string, dependencies: Record<string, string>): Record<string, string> {
  const dir = `packages/${folder}`;
  const references = Object.keys(dependencies).map((name) => ({ path: name.replace('@vqkit', '..') }));
  return {
    [`${dir}/package.json`]: JSON.stringify(manifest(folder, dependencies)),
    [`${dir}/README.md`]: `# ${folder}\n`,
    [`${dir}/tsconfig.json`]: JSON.stringify({ references }),
    [`${dir}/tsconfig.test.json`]: '{}',
    [`${dir}/vitest.config.ts`]:
      "import { sharedConfig } from '../../vitest.shared.ts';\n\nexport default sharedConfig();\n",
    [`${dir}/src/index.ts`]: "export type { Thing } from './thing.ts';\nexport { thing } from './thing.ts';\n",
    [`${dir}/src/thing.ts`]: "import { add } from '@tensorflow/tfjs-core';\n\nexport const thing = add;\n",
    [`${dir}/test/thing.test.ts`]: "import { thing } from '../src/index.ts';\n\nthing();\n",
  };
}

function manifest(folder: string, dependencies: Record<string, string>, more: Record<string, unknown> = {}): object {
  return {
    name: `@vqkit/${folder}`,
    version: '0.1.0',
    description: 'Says what it is.',
    license: 'MIT',
    type: 'module',
    sideEffects: false,
    exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } },
    files: ['dist', '!dist/.tsbuildinfo'],
    engines: { node: '>=20.19' },
    scripts: { build: 'tsc -b', typecheck: 'tsc -p tsconfig.test.json', test: 'vitest run' },
    dependencies,
    peerDependencies: { '@tensorflow/tfjs-core': '4.22.0' },
    devDependencies: { '@tensorflow/tfjs-core': 'catalog:' },
    ...more,
  };
}

/** What the check says of that workspace, one line per failure: `file: rule`. */
function failures(changes: Record<string, string | undefined>): string[] {
  return checkLayout(workspace(changes)).map(({ file, rule }) => `${file}: ${rule}`);
}

const core = { '@vqkit/core-tensor': 'workspace:^' };
const fsqManifest = (more: Record<string, unknown>): Record<string, string> => ({
  'packages/fsq/package.json': JSON.stringify(manifest('fsq', core, more)),
});

it('finds nothing wrong with a workspace that keeps the rules', () => {
  expect(failures({})).toEqual([]);
});

describe('the shape of a package', () => {
  it.each(['README.md', 'src/index.ts', 'tsconfig.json', 'tsconfig.test.json', 'vitest.config.ts'])(
    'has %s',
    (name) => {
      expect(failures({ [`packages/fsq/${name}`]: undefined })).toEqual(
        [`packages/fsq/${name}: every package has this file`].flatMap((line) =>
          name === 'src/index.ts'
            ? [line, 'packages/fsq/package.json: exports["."] is built from src/index.ts']
            : [line],
        ),
      );
    },
  );

  it('stands in the table of the README', () => {
    const table = '[core](packages/core-tensor) [fsq](packages/fsq)';
    expect(failures({ 'README.md': table })).toEqual(['README.md: the table of packages has packages/backend-wasm']);
  });

  it('has tests', () => {
    expect(failures({ 'packages/fsq/test/thing.test.ts': undefined })).toEqual([
      'packages/fsq/test: every published package has tests',
    ]);
  });

  it.each([
    [{ name: '@vqkit/FSQ' }, 'name is @vqkit/fsq, after the folder'],
    [{ description: '' }, 'description says in one sentence what the package is'],
    [{ license: 'ISC' }, 'license is the same in every package'],
    [{ type: 'commonjs' }, 'type is the same in every package'],
    [{ files: ['dist'] }, 'files is the same in every package'],
    [{ engines: { node: '>=18' } }, 'engines is the same in every package'],
    [{ sideEffects: undefined }, 'sideEffects is stated, for bundlers'],
    [
      { scripts: { build: 'rollup', typecheck: 'tsc -p tsconfig.test.json', test: 'vitest run' } },
      'scripts.build runs tsc -b',
    ],
    [
      { scripts: { build: 'tsc -b', typecheck: 'tsc -p tsconfig.test.json', test: 'mocha' } },
      'scripts.test is the same in every package',
    ],
    [{ exports: { '.': './dist/index.js' } }, 'exports["."] names the types first, then the module'],
    [{ version: '0.2.0' }, 'all packages share one version'],
  ])('has the common fields: %j', (more, rule) => {
    expect(failures(fsqManifest(more))).toContain(`packages/fsq/package.json: ${rule}`);
  });

  it('builds every entry of exports from a source file', () => {
    const entry = (name: string): object => ({ types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` });
    const more = { exports: { '.': entry('index'), './codec': entry('codec') } };
    const rule = 'packages/fsq/package.json: exports["./codec"] is built from src/codec.ts';
    expect(failures(fsqManifest(more))).toEqual([rule]);
    expect(failures({ ...fsqManifest(more), 'packages/fsq/src/codec.ts': 'export const codec = 1;\n' })).toEqual([]);
  });

  it('refers in tsconfig.json to the packages it depends on', () => {
    expect(failures({ 'packages/fsq/tsconfig.json': '{ "references": [] }' })).toEqual([
      'packages/fsq/tsconfig.json: references name the workspace dependencies of package.json',
    ]);
  });

  it('may lack the fields of publishing when it is private', () => {
    const testing = {
      name: '@vqkit/testing',
      version: '0.1.0',
      private: true,
      description: 'Tests.',
      license: 'MIT',
      type: 'module',
    };
    const changes = {
      'packages/testing/package.json': JSON.stringify({
        ...testing,
        engines: { node: '>=20.19' },
        exports: './src/index.ts',
      }),
      'packages/testing/README.md': '# testing\n',
      'packages/testing/tsconfig.json': '{}',
      'packages/testing/src/index.ts': "export { a } from './a.ts';\n",
    };
    expect(failures(changes)).toEqual([]);
  });
});

describe('versions', () => {
  it('takes TensorFlow.js from the catalog', () => {
    const more = { peerDependencies: { '@tensorflow/tfjs-core': '^4.22.0' } };
    expect(failures(fsqManifest(more))).toEqual([
      'packages/fsq/package.json: peerDependencies["@tensorflow/tfjs-core"] is the one exact version of the catalog',
    ]);
  });

  it('pins the catalog to one exact version', () => {
    const rule = 'pnpm-workspace.yaml: the catalog pins every @tensorflow package to one exact version';
    expect(failures({ 'pnpm-workspace.yaml': 'catalog:\n  "@tensorflow/tfjs-core": ^4.22.0\n' })).toContain(rule);
  });

  it('links packages by workspace:^', () => {
    expect(failures(fsqManifest({ dependencies: { '@vqkit/core-tensor': '^0.1.0' } }))).toEqual([
      'packages/fsq/package.json: dependencies["@vqkit/core-tensor"] is workspace:^',
    ]);
  });
});

describe('imports', () => {
  const source = (code: string): string[] => failures({ 'packages/fsq/src/thing.ts': code });

  it('go down only', () => {
    const rule = 'packages/fsq/src/thing.ts: imports go down only: quantizers may import contract, blocks, networks';
    expect(source("import { init } from '@vqkit/backend-wasm';\n")).toEqual([rule]);
    expect(source("import {\n  type Engine,\n  init,\n} from '@vqkit/backend-wasm';\n")).toEqual([rule]);
    expect(source("const wasm = await import('@vqkit/backend-wasm');\n")).toEqual([rule]);
    expect(source("import '@vqkit/backend-wasm';\n")).toEqual([rule]);
    expect(source("export type { Engine } from '@vqkit/backend-wasm';\n")).toEqual([rule]);
    expect(source("import { errors } from '@vqkit/core-tensor';\n")).toEqual([]);
    expect(source(" * import { init } from '@vqkit/backend-wasm';\n")).toEqual([]);
  });

  it('may go anywhere in a test, to what the package declares', () => {
    const test = { 'packages/fsq/test/thing.test.ts': "import { init } from '@vqkit/backend-wasm';\n" };
    const more = { devDependencies: { '@tensorflow/tfjs-core': 'catalog:', '@vqkit/backend-wasm': 'workspace:^' } };
    expect(failures({ ...test, ...fsqManifest(more) })).toEqual([]);
    expect(failures(test)).toEqual([
      'packages/fsq/test/thing.test.ts: packages/fsq/package.json declares what the package imports',
    ]);
  });

  it('name no engine of TensorFlow.js outside the engine packages', () => {
    const code = "import '@tensorflow/tfjs-backend-cpu';\n";
    expect(source(code)).toEqual(['packages/fsq/src/thing.ts: only the engine packages know which engine runs']);
    expect(failures({ 'packages/backend-wasm/src/thing.ts': code })).toEqual([]);
  });

  it('keep Node out of the core of training', () => {
    const files = {
      'packages/training/package.json': JSON.stringify(manifest('training', {})),
      'packages/training/src/thing.ts': "import { join } from 'node:path';\n\nexport const thing = join;\n",
    };
    expect(failures(files)).toContain('packages/training/src/thing.ts: the core of training runs in a page too');
  });

  it('meet at public entries', () => {
    const rule = 'packages/fsq/src/thing.ts: packages meet at their public entries';
    expect(source("import { rng } from '@vqkit/core-tensor/src/rng.ts';\n")).toEqual([rule]);
    expect(source("import { rng } from '@vqkit/core-tensor/rng';\n")).toEqual([rule]);
    expect(source("import { rng } from '../../core-tensor/src/rng.ts';\n")).toEqual([
      'packages/fsq/src/thing.ts: a relative import stays in its package',
    ]);
    expect(source("import { rng } from '@vqkit/nowhere';\n")).toEqual([
      'packages/fsq/src/thing.ts: @vqkit/nowhere is a package of the workspace',
    ]);
  });

  it('name source files', () => {
    expect(source("import { a } from './a.js';\n")).toEqual([
      'packages/fsq/src/thing.ts: a relative import names the source file',
    ]);
  });

  it.each([
    ["import { thing } from './thing.ts';\n", 'src', '.ts'],
    ["import type { Thing } from './thing.ts';\n", 'src', '.ts'],
    ["export type { Thing } from './thing.ts';\n", 'src', '.ts'],
    ["type Thing = import('./thing.ts').Thing;\n", 'src', '.ts'],
    ["import { thing } from './thing';\n", 'assembly', ''],
    ["import type { Thing } from './thing.ts';\n", 'test', '.ts'],
  ])('form no circle of files, types included: %j in %s', (back, folder, end) => {
    const [thing, a] = [`packages/fsq/${folder}/thing.ts`, `packages/fsq/${folder}/a.ts`];
    const found = checkLayout(workspace({ [thing]: `import { a } from './a${end}';\n`, [a]: back }));
    expect(found.map(({ rule }) => rule)).toEqual(['files do not import each other in a circle']);
    expect(found[0]?.fix).toMatch(
      /^It goes packages\S+ → packages\S+ → packages\S+\. Move what they share, types too, to one below them\.$/,
    );
    expect(found[0]?.fix).toContain(`${thing} → ${a}`);
    expect(failures({ [thing]: `import { a } from './a${end}';\n` })).toEqual([]);
  });

  it('form no circle of packages', () => {
    expect(
      failures({
        'packages/core-tensor/src/thing.ts': "import { thing } from '@vqkit/fsq';\n",
        'packages/fsq/src/thing.ts': "import { thing } from '@vqkit/core-tensor';\n",
      }),
    ).toEqual([
      'packages/core-tensor/src/thing.ts: imports go down only: contract may import nothing of vqkit',
      'core-tensor: packages do not import each other in a circle',
    ]);
  });

  it('come from packages that stand in a layer', () => {
    const changes = packageFiles('novel', {});
    expect(failures(changes)).toEqual(['packages/novel/package.json: every package stands in a layer']);
  });
});

describe('source files', () => {
  const source = (code: string, file = 'packages/fsq/src/thing.ts'): string[] =>
    failures({ [file]: code }).map((line) => line.replace(`${file}: `, ''));
  // Written in two parts, so that this file keeps the rules too.
  const at = '@';
  const dot = '.';

  it.each([
    [`// ${at}ts-ignore\n`, 'the compiler is not silenced'],
    [`// biome-${'ignore'} lint/suspicious/noExplicitAny: no time\n`, 'biome is not silenced on any and default'],
    ["export * from './a.ts';\n", 'exports are listed by name'],
    [`it${dot}skip('a', () => {});\n`, 'every test runs'],
    [`describe${dot}only('a', () => {});\n`, 'every test runs'],
    [`const x = y${dot}dataSync();\n`, 'tensors are not read synchronously'],
    ["import { add, sum } from '@tensorflow/tfjs-core';\n", 'products, sums and means are kernels of vqkit'],
    [`// ${'TO'}${'DO'}: later\n`, 'no note of unfinished work'],
    ['throw new OptionError(`f: x must be an integer, got 0.5. Round it.`);\n', 'an error is made of its fields'],
    ["throw new Error(\n  'f: x must be an integer.',\n);\n", 'an error is made of its fields'],
  ])('do not contain %j', (code, rule) => {
    expect(source(code)).toEqual([rule]);
  });

  it('may make errors of their fields, and of what is no rule', () => {
    expect(source("throw new OptionError('f', 'x', 'be an integer', x, 'Round it.');\n")).toEqual([]);
    expect(source("throw new Error('the process ended');\n")).toEqual([]);
  });

  it('may skip a test on a condition', () => {
    expect(source("it.skipIf(reason)('a', () => {});\n")).toEqual([]);
  });

  it('have at most 350 lines', () => {
    expect(source('a();\n'.repeat(350))).toEqual([]);
    expect(source('a();\n'.repeat(351))).toEqual(['a file has at most 350 lines']);
  });

  it('only list exports when they are an index', () => {
    const index = 'packages/fsq/src/index.ts';
    const rule = 'index.ts is a list of named exports and nothing else';
    expect(source("export {\n  a,\n  type B,\n} from './a.ts';\n", index)).toEqual([]);
    expect(source('export const a = 1;\n', index)).toEqual([rule]);
    expect(source('export {};\n', index)).toEqual([rule]);
    expect(source("import './effect.ts';\n", index)).toEqual([rule]);
  });

  it('name no registry and no machine', () => {
    const host = `https://${'registry'}.example.org/a.tgz`;
    expect(failures({ 'pnpm-lock.yaml': `tarball: ${host}\n` })).toEqual(['pnpm-lock.yaml: no registry host is named']);
    const rule = ['docs/LOG.md: no path of a machine is named'];
    expect(failures({ 'docs/LOG.md': `see ${'/home'}/me/vqkit\n` })).toEqual(rule);
    expect(failures({ 'docs/LOG.md': `see ${process.cwd()}/packages\n` })).toEqual(rule);
    expect(failures({ 'docs/LOG.md': 'see https://example.org/home/me and packages/tmp/a and src/tmp/b\n' })).toEqual(
      [],
    );
  });
});

it('says what to do about each failure', () => {
  for (const { fix } of checkLayout(workspace({ 'packages/fsq/README.md': undefined })))
    expect(fix).toMatch(/^[A-Z].*\.$/);
});
