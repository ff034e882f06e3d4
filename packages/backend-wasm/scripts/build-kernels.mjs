// Compiles assembly/ twice, for plain and for shared memory, and checks what makes the modules safe inside another program's memory: nothing
// of their own lives there. Then it writes them, and tfjs's own modules for SIMD, as base64 in JavaScript modules: that works in Node, in
// browsers and in every bundler, without a file to find at run time.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import asc from 'assemblyscript/asc';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const source = 'assembly/index.ts';
const common = ['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--noExportMemory', '--initialMemory', '1'];
const builds = [
  { name: 'simd', flags: ['--enable', 'simd'] },
  {
    name: 'simd-shared',
    flags: ['--enable', 'simd', '--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536'],
  },
];

mkdirSync(dist, { recursive: true });
for (const { name, flags } of builds) {
  const outFile = `dist/${name}.wasm`;
  const { error, stderr } = await asc.main([source, '-o', outFile, ...common, ...flags], {});
  if (error) throw new Error(`asc: ${error.message}\n${stderr.toString()}`);
  const bytes = readFileSync(`${dist}${name}.wasm`);
  requireStateless(name, bytes);
  embed(name, bytes, 'The kernels of assembly/');
  rmSync(`${dist}${name}.wasm`);
}

const tfjs = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'));
for (const name of ['simd', 'threaded-simd']) {
  const bytes = readFileSync(join(tfjs, `tfjs-backend-wasm-${name}.wasm`));
  embed(
    `tfjs-${name}`,
    bytes,
    `tfjs-backend-wasm-${name}.wasm of @tensorflow/tfjs-backend-wasm (Apache-2.0, Google LLC), unchanged,`,
  );
}

/** Writes a WebAssembly module as a JavaScript module, which src/embedded.ts reads. */
function embed(name, bytes, what) {
  const head = `/*! ${what} as a WebAssembly module, deflated, base64. Made by scripts/build-kernels.mjs. */\n`;
  const base64 = deflateRawSync(bytes, { level: 9 }).toString('base64');
  writeFileSync(`${dist}${name}.js`, `${head}export const base64 =\n  '${base64}';\n`);
  writeFileSync(`${dist}${name}.d.ts`, `${head}export declare const base64: string;\n`);
  console.log(`${name}: ${bytes.length} bytes, ${base64.length} in ${name}.js`);
}

/** No data, tables, globals or memory of its own; the only import is the memory. */
function requireStateless(name, bytes) {
  const module = new WebAssembly.Module(bytes);
  const imports = WebAssembly.Module.imports(module).map(({ module: from, name: what }) => `${from}.${what}`);
  if (imports.join() !== 'env.memory') throw new Error(`${name} imports ${imports}, expected env.memory only`);
  const forbidden = { 4: 'a table', 5: 'a memory', 6: 'globals', 8: 'a start function', 9: 'elements', 11: 'data' };
  for (let at = 8; at < bytes.length; ) {
    const id = bytes[at++];
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      size |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    if (forbidden[id] !== undefined)
      throw new Error(`${name} has ${forbidden[id]}; kernels must be pointers and locals only`);
    at += size;
  }
}
