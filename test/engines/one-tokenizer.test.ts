import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fullRun, PYTHON, PYTHON_ENV, pythonMissing, titleIf } from '@vqkit/testing';
import { stripes } from '@vqkit/testing/pictures';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeUserProject } from '../user-project.ts';
import { executablePath, launch, required, serve } from './chromium.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/site/guides/run-anywhere.md'), 'utf8');

/** The program of the page whose first line names it. */
function programOf(name: string): string {
  for (const [, block = ''] of page.matchAll(/^```\w+\n(.*?)^```$/gms)) {
    if (new RegExp(`^(#|//) ${name.replaceAll('.', '\\.')}\n`).test(block)) return block;
  }
  throw new Error(`the page has no ${name}`);
}

const skipped = (reason: string | undefined): string => (reason === undefined ? '' : `: skipped, ${reason}`);

const title = 'one tokenizer, by the programs of docs/site/guides/run-anywhere.md';

describe.skipIf(!fullRun)(titleIf(fullRun, title), () => {
  let folder = '';
  let expected: number[] = [];
  const at = (name: string): string => join(folder, name);
  const run = (command: string, name: string): string[] => {
    writeFileSync(at(name), programOf(name));
    return execFileSync(command, [name], { cwd: folder, env: PYTHON_ENV, encoding: 'utf8' }).split('\n');
  };

  beforeAll(async () => {
    folder = makeUserProject('anywhere');
    const cli = join(root, 'packages/vqkit/dist/cli.js');
    const vqkit = (...args: string[]): unknown =>
      execFileSync(process.execPath, [cli, ...args], { cwd: folder, stdio: 'pipe' });
    vqkit(
      'train',
      '--preset',
      'start',
      '--quantizer',
      'fsq',
      '--steps',
      '40',
      '--batch-size',
      '32',
      '--engine',
      'wasm',
      '--out-dir',
      'runs/digits',
    );
    vqkit('export', 'runs/digits', '--out', 'digits.safetensors');
    vqkit('export', 'runs/digits', '--out', 'onnx', '--format', 'onnx');
    await stripes(28, 28).greyscale().png().toFile(at('digit.png'));
    for (const [owner, name] of [
      ['packages/onnx', 'onnxruntime-node'],
      ['apps/train', 'sharp'],
    ] as const) {
      symlinkSync(join(root, owner, 'node_modules', name), join(folder, 'node_modules', name));
    }
    expected = JSON.parse(run(process.execPath, 'encode.vqkit.js').at(-2) ?? '');
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  it('gives some ids in vqkit', () => {
    expect(expected).toHaveLength(49);
    expect(new Set(expected).size).toBeGreaterThan(3);
  });

  it('gives the same in Node', () => {
    expect(JSON.parse(run(process.execPath, 'encode.node.js')[0] ?? '')).toEqual(expected);
  });

  const noRuntime = pythonMissing('onnxruntime', 'PIL');
  it.skipIf(noRuntime !== undefined)(`gives the same in Python${skipped(noRuntime)}`, () => {
    expect(JSON.parse(run(PYTHON, 'encode.py')[0] ?? '')).toEqual(expected);
  });

  const noTorch = pythonMissing('torch', 'safetensors', 'PIL');
  it.skipIf(noTorch !== undefined)(`gives the same in PyTorch${skipped(noTorch)}`, () => {
    const [ids = '', shape] = run(PYTHON, 'encode_torch.py');
    expect(JSON.parse(ids)).toEqual(expected);
    expect(shape).toBe('torch.Size([1, 1, 28, 28])');
  });

  const noBrowser = executablePath === undefined ? 'no Chromium is installed' : undefined;
  it.skipIf(noBrowser !== undefined && !required)(`gives the same in a browser${skipped(noBrowser)}`, async () => {
    const { outputFiles } = await build({
      stdin: { contents: programOf('encode.browser.js'), resolveDir: join(root, 'test/engines') },
      bundle: true,
      write: false,
      format: 'esm',
      platform: 'browser',
      target: 'es2022',
      logLevel: 'error',
    });
    const runtime = createRequire(import.meta.url).resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm');
    const site = await serve(outputFiles[0]?.text ?? '', [
      ['/digit.png', at('digit.png')],
      ['/onnx/encoder.onnx', at('onnx/encoder.onnx')],
      ['/page/ort-wasm-simd-threaded.wasm', runtime],
    ]);
    const browser = await launch();
    try {
      const tab = await browser.newPage();
      const failed = new Promise<never>((_, reject) => tab.on('pageerror', reject));
      const printed = tab.waitForEvent('console', { predicate: (message) => message.type() === 'log' });
      await tab.goto(`${site.address}/plain`);
      expect(JSON.parse((await Promise.race([printed, failed])).text())).toEqual(expected);
    } finally {
      await browser.close();
      site.close();
    }
  });
});
