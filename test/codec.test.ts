import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build, type Metafile } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { root } from '../scripts/setup.mjs';

const execute = promisify(execFile);

/** The codecs, as built, with the most bytes that each may have when minified and gzipped, all it imports included. */
const codecs = [
  // Checks and error messages are about 60 % of each; that leaves a codec room to be read in one sitting, not to grow options.
  { name: 'fsq', bytes: 3000, call: '({ levels: [8, 5, 5, 5] })', tokens: 4 },
  { name: 'lfq', bytes: 3000, call: '({ dim: 4 })', tokens: 4 },
  {
    name: 'simvq',
    bytes: 3000,
    call: '({ dim: 1, codebookSize: 2 }, { codebook: { shape: [2, 1], data: [0, 1] } })',
    tokens: 1,
  },
];

/** Bundles the built codec and everything it imports, but for TensorFlow.js, whose imports are listed instead. */
async function bundle(name: string): Promise<{ code: Uint8Array; metafile: Metafile }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(root, `packages/${name}/dist/codec.js`)],
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format: 'esm',
    external: ['@tensorflow/*'],
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  return { code: outputFiles[0]?.contents ?? new Uint8Array(), metafile };
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

describe.each(codecs)('@vqkit/$name/codec, as built', ({ name, bytes, call, tokens }) => {
  it('imports nothing of TensorFlow.js, directly or not', async () => {
    const { metafile } = await bundle(name);
    const inputs = Object.keys(metafile.inputs);
    expect(inputs).toContain(`packages/${name}/dist/codec.js`);
    expect(inputs.filter((path) => path.includes('tensorflow'))).toEqual([]);
    expect(Object.values(metafile.inputs).flatMap(({ imports }) => imports.filter(({ external }) => external))).toEqual(
      [],
    );
  });

  it(`has at most ${bytes} bytes, minified and gzipped`, async () => {
    const { code } = await bundle(name);
    expect(gzipSync(code, { level: 9 }).length).toBeLessThanOrEqual(bytes);
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
