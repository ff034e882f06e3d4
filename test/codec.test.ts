import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build, type Metafile } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { root } from '../scripts/setup.mjs';

const execute = promisify(execFile);

/** The codecs, as built. */
const codecs = [
  { name: 'fsq', call: '({ levels: [8, 5, 5, 5] })', tokens: 4 },
  { name: 'lfq', call: '({ dim: 4 })', tokens: 4 },
  {
    name: 'simvq',
    call: '({ dim: 1, codebookSize: 2 }, { codebook: { shape: [2, 1], data: [0, 1] } })',
    tokens: 1,
  },
  {
    name: 'vq',
    call: '({ dim: 1, codebookSize: 2 }, { codebook: { shape: [2, 1], data: [0, 1] } })',
    tokens: 1,
  },
];

/** Bundles the built codec and everything it imports, but for TensorFlow.js, whose imports are listed instead. */
async function bundle(name: string): Promise<Metafile> {
  const { metafile } = await build({
    entryPoints: [join(root, `packages/${name}/dist/codec.js`)],
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    external: ['@tensorflow/*'],
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  return metafile;
}

/** A declaration file and all those that it imports, directly or not. */
function declarationsFrom(path: string, reached: Set<string> = new Set()): Set<string> {
  if (reached.has(path)) return reached;
  reached.add(path);
  for (const [, specifier = ''] of readFileSync(path, 'utf8').matchAll(/(?:from|import\()\s*'([^']+)'/g)) {
    declarationsFrom(declarationOf(specifier, path), reached);
  }
  return reached;
}

function declarationOf(specifier: string, from: string): string {
  if (specifier.startsWith('.')) return join(dirname(from), specifier.replace(/\.ts$/, '.d.ts'));
  const [, name = '', entry = ''] = /^@vqkit\/([a-z-]+)(.*)$/.exec(specifier) ?? [];
  expect(name, `${from} imports ${specifier}`).not.toBe('');
  const folder = join(root, 'packages', name);
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return join(folder, exports[`.${entry}`].types);
}

/** A hook of Node's module loader that fails as soon as anything of TensorFlow.js is resolved. */
const refuse = `
export async function resolve(specifier, context, next) {
  const resolved = await next(specifier, context);
  if ((specifier + resolved.url).includes('@tensorflow')) throw new Error('TensorFlow.js is imported: ' + specifier);
  return resolved;
}`;
const dataUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
const register = `import { register } from 'node:module'; register(${JSON.stringify(dataUrl(refuse))});`;

const builtUrl = (name: string, path: string): string =>
  JSON.stringify(pathToFileURL(join(root, 'packages', name, path)).href);

/** Runs a program that must not reach TensorFlow.js in a Node of its own. */
function runWithoutTensorFlow(program: string): Promise<{ stdout: string }> {
  const options = ['--import', dataUrl(register), '--input-type=module', '--eval', program];
  return execute(process.execPath, options, { cwd: root });
}

describe.each(codecs)('@vqkit/$name/codec, as built', ({ name, call, tokens }) => {
  it('imports nothing of TensorFlow.js, directly or not', async () => {
    const metafile = await bundle(name);
    const inputs = Object.keys(metafile.inputs);
    expect(inputs).toContain(`packages/${name}/dist/codec.js`);
    expect(inputs.filter((path) => path.includes('tensorflow'))).toEqual([]);
    expect(Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter(({ external }) => external))).toEqual(
      [],
    );
  });

  it('has types that need none of TensorFlow.js', () => {
    const reached = declarationsFrom(join(root, `packages/${name}/dist/codec.d.ts`));
    expect(reached.size).toBeGreaterThan(3);
    const withTensors = [...reached].filter((path) => readFileSync(path, 'utf8').includes('@tensorflow'));
    expect(withTensors).toEqual([]);
  });

  it('encodes and decodes in a process that cannot load TensorFlow.js', async () => {
    const entry = JSON.parse(readFileSync(join(root, `packages/${name}/package.json`), 'utf8')).exports['./codec']
      .default;
    const url = builtUrl(name, entry);
    const { stdout } = await runWithoutTensorFlow(`
      const [create] = Object.values(await import(${url}));
      const codec = create${call};
      console.log(codec.decode(codec.encode(new Float32Array(${tokens}))).length);
    `);
    expect(stdout).toBe(`${tokens}\n`);
  });

  it('is told apart from the tensors, which do load it', async () => {
    const url = builtUrl(name, 'dist/index.js');
    await expect(runWithoutTensorFlow(`await import(${url});`)).rejects.toThrow('TensorFlow.js is imported');
  });
});

describe.each([
  ['residual', 'codec'],
  ['codecs', 'index'],
])('@vqkit/%s, dist/%s.js as built', (name, entry) => {
  it('loads in a process that cannot load TensorFlow.js', async () => {
    const { stdout } = await runWithoutTensorFlow(`
      const functions = await import(${builtUrl(name, `dist/${entry}.js`)});
      console.log(Object.keys(functions).length > 0);
    `);
    expect(stdout).toBe('true\n');
  });
});

describe('@vqkit/backend-wasm/codec, as built', () => {
  it('encodes with SIMD in a process that cannot load TensorFlow.js', async () => {
    const { stdout } = await runWithoutTensorFlow(`
      const { loadKernels } = await import(${builtUrl('backend-wasm', 'dist/codec.js')});
      const { createFsqCodec } = await import(${builtUrl('fsq', 'dist/codec.js')});
      const codec = createFsqCodec({ levels: [8, 5, 5, 5] }, { kernels: await loadKernels() });
      console.log(codec.encode(new Float32Array([0.3, -2, 5, 0])).join());
    `);
    expect(stdout).toBe('565\n');
  });
});
