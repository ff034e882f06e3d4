import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fullRun } from '@vqkit/testing';
import { build, type Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Packages whose tests on engines run in the page. */
const PACKAGES = ['core-tensor', 'losses', 'nn', 'fsq', 'lfq', 'simvq', 'vq', 'residual', 'tokenizer'];

/** The test files that run on every engine and need nothing of Node: paths from the root of the workspace. */
export const testFiles: readonly string[] = PACKAGES.flatMap((name) => filesIn(`packages/${name}/test`)).filter(
  (path) => {
    const text = readFileSync(join(root, path), 'utf8');
    return /\b(eachEngine|describeQuantizer)(<\w+>)?\(/.test(text) && !/from 'node:|backend-wasm\/codec/.test(text);
  },
);

function filesIn(folder: string): string[] {
  const entries = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' });
  return entries
    .filter((path) => path.endsWith('.test.ts'))
    .sort()
    .map((path) => `${folder}/${path}`);
}

/** The tests as one module for a page, on the sources of the workspace, so that each module exists once. */
export async function bundleSuite(): Promise<string> {
  const loaders = testFiles.map((path) => `${JSON.stringify(path)}: () => import(${JSON.stringify(`./${path}`)})`);
  const contents = `import { runFile } from ${JSON.stringify(here('vitest.ts'))};
import { chooseEngine } from ${JSON.stringify(here('engines.ts'))};
const files = { ${loaders.join(',\n')} };
globalThis.suite = { run: (engine, path) => { chooseEngine(engine); return runFile(files[path]); } };`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
    define: { FULL_RUN: String(fullRun) },
    plugins: [inPage],
  });
  return outputFiles[0]?.text ?? '';
}

const inPage: Plugin = {
  name: 'in a page',
  setup({ onResolve }) {
    onResolve({ filter: /^vitest$/ }, () => ({ path: here('vitest.ts') }));
    onResolve({ filter: /^node:fs$/ }, () => ({ path: here('fs.ts') }));
    onResolve({ filter: /\/engines\.ts$/ }, ({ importer }) =>
      importer.includes('/packages/testing/') ? { path: here('engines.ts') } : undefined,
    );
    onResolve({ filter: /^@vqkit\// }, ({ path }) => {
      const [, name, entry = 'index'] = path.split('/');
      return { path: join(root, 'packages', name as string, 'src', `${entry}.ts`) };
    });
  },
};
