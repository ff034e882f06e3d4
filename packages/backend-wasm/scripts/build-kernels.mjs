// Compiles assembly/ twice, for plain and for shared memory, and writes each module as base64 in a JavaScript module: that works
// in Node, in browsers and in every bundler, without a file to find at run time. Then it checks what makes the modules safe inside
// another program's memory: nothing of their own lives there.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
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
  const head = `/** The kernels of assembly/ as a WebAssembly module, base64. Made by scripts/build-kernels.mjs. */\n`;
  writeFileSync(`${dist}${name}.js`, `${head}export const base64 =\n  '${bytes.toString('base64')}';\n`);
  writeFileSync(`${dist}${name}.d.ts`, `${head}export declare const base64: string;\n`);
  rmSync(`${dist}${name}.wasm`);
  console.log(`${name}: ${bytes.length} bytes`);
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
