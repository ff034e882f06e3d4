import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { fullRun } from '@vqkit/testing';
import { describe, expect, it } from 'vitest';

/**
 * Runs a program, with 16 tensors beside it that must keep their numbers, in a process of its own: what is left of gigabytes goes with it.
 * The program may print; an error that it throws is printed as its name and message.
 */
function run(threads: number, ...lines: string[]): string {
  const code = [
    "import * as tf from '@tensorflow/tfjs-core';",
    "import { init } from '../backend-wasm/dist/index.js';",
    "import { matMul } from '@vqkit/core-tensor';",
    "import { convSame } from '@vqkit/nn';",
    "import { createFsq } from '@vqkit/fsq';",
    "import { createLfq } from '@vqkit/lfq';",
    "import { createVq } from '@vqkit/vq';",
    `await init({ threads: ${threads} });`,
    'const guards = Array.from({ length: 16 }, (_, i) => tf.add(tf.zeros([64]), i));',
    'const buffers = () => tf.memory().numDataBuffers;',
    'const report = ({ name, message }) => console.log(name, message);',
    ...lines,
    'let changed = 0;',
    'for (const [i, guard] of guards.entries()) changed += Number((await guard.data()).some((x) => x !== i));',
    "console.log(changed, 'guards changed');",
  ].join('\n');
  const { stdout, stderr, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    encoding: 'utf8',
    timeout: 110_000,
  });
  return `${stdout}${stderr}${signal ?? ''}`;
}

const refused = (kernel: string): RegExp =>
  new RegExp(
    String.raw`^UnsupportedError ${kernel}: the wasm engine's memory \(at most 4 GB\) must have room for another \d+ bytes, got none\. Use smaller batches, or dispose tensors\.
0 buffers left behind
0 guards changed
$`,
  );

/** Lines that make a call that must throw, and leave nothing behind. */
const attempt = (...call: string[]): string[] => [
  'const before = buffers();',
  'try {',
  ...call,
  "  console.log('no error');",
  '} catch (error) {',
  '  report(error);',
  '}',
  "console.log(buffers() - before, 'buffers left behind');",
];

/** A line that takes memory and touches none of it, so that it takes no room in the machine and no time. */
const occupied = (blocks: number, bytes: number): string =>
  `for (let i = 0; i < ${blocks}; i++) tf.backend().wasm._malloc(${bytes});`;

const title = `four gigabytes${fullRun ? '' : ' [left to the full run: bash .ci/run]'}`;

describe.skipIf(!fullRun)(title, () => {
  for (const threads of [1, 2]) {
    it(`VQ's codes of 196,608 ids, kept until they fill the memory of ${threads === 1 ? 'one thread' : 'two threads'}, leave all else as it was`, () => {
      const output = run(
        threads,
        'const vq = createVq({ dim: 512, codebookSize: 4 });',
        'const codes = () => vq.decode(tf.tensor1d([0, 1, 2, 3], "int32"));',
        'const [first, ids] = [(await codes().data()).slice(), tf.zeros([1, 196608], "int32")];',
        // In place of five that were kept before.
        occupied(5, 402_653_184),
        'const kept = [];',
        'let most = 0;',
        'const before = buffers();',
        'try {',
        '  while (kept.length < 10) kept.push(vq.decode(ids));',
        '} catch (error) {',
        '  report(error);',
        '}',
        "console.log(buffers() - before - kept.length, 'buffers left behind');",
        // What was kept is whole, and the first of it can make room for another.
        'for (const one of kept) for (const token of [0, 98304, 196607]) {',
        '  const row = tf.slice(one, [0, token, 0], [1, 1, 512]);',
        '  if ((await row.data()).some((x, i) => x !== first[i])) console.log("a code is wrong");',
        '  row.dispose();',
        '}',
        'tf.dispose(kept.splice(0, 2));',
        'vq.decode(ids).dispose();',
        'if ((await codes().data()).some((x, i) => x !== first[i])) console.log("the codebook is wrong");',
      );
      expect(output).toMatch(refused(String.raw`\w+`));
    });
  }

  it('convSame to exactly 2^32 bytes', () => {
    const inputs = 'const [x, filter, bias] = [tf.zeros([1, 4096, 4096, 1]), tf.ones([1, 1, 1, 64]), tf.zeros([64])];';
    expect(run(2, inputs, ...attempt('  convSame(x, filter, bias);'))).toMatch(refused('ConvSame'));
  });

  for (const [name, make] of [
    ['LFQ', 'createLfq({ codebookSize: 65536 })'],
    ['FSQ', 'createFsq({ levels: Array(16).fill(3) })'],
  ] as const) {
    it(`${name}'s decode of 2^26 + 2^17 ids to 2^32 + 2^23 bytes`, () => {
      const lines = [`const q = ${make};`, 'const ids = tf.zeros([2 ** 26 + 2 ** 17], "int32");', occupied(3, 2 ** 30)];
      expect(run(2, ...lines, ...attempt('  q.decode(ids);'))).toMatch(refused(String.raw`\w+`));
    });
  }

  it("VQ's decode of 2^21 ids to 2^32 bytes", () => {
    const lines = [
      'const q = createVq({ dim: 512, codebookSize: 4 });',
      'const ids = tf.zeros([2 ** 21], "int32");',
      occupied(3, 2 ** 30),
    ];
    expect(run(2, ...lines, ...attempt('  q.decode(ids);'))).toMatch(refused(String.raw`\w+`));
  });

  it('matMul of inner size 2^27, whose copy of B would take 2^32 bytes, is computed', () => {
    const product = 'console.log((await matMul(tf.ones([1, 2 ** 27]), tf.ones([2 ** 27, 1])).data())[0]);';
    expect(run(2, product)).toBe(`${2 ** 27}\n0 guards changed\n`);
  });

  it('decode works in pieces where all at once would not fit', () => {
    const output = run(
      2,
      'const vq = createVq({ dim: 512, codebookSize: 4 });',
      'const tokens = 700_000;',
      'const ids = tf.tensor1d(Int32Array.from({ length: tokens }, (_, i) => (i % 5) - 1), "int32");',
      'const book = (await vq.decode(tf.tensor1d([0, 1, 2, 3], "int32")).data()).slice();',
      'const codes = vq.decode(ids);',
      // Around the border of the first two pieces of 2^24 elements, and the end.
      'for (const token of [0, 1, 32767, 32768, 65535, 65536, tokens - 1]) {',
      '  const row = tf.slice(codes, [token, 0], [1, 512]);',
      '  const id = (token % 5) - 1;',
      '  if ((await row.data()).some((x, i) => x !== (id < 0 ? 0 : book[512 * id + i]))) console.log(token, "is wrong");',
      '}',
      'console.log(codes.shape.join());',
    );
    expect(output).toBe('700000,512\n0 guards changed\n');
  });
});
