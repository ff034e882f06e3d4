import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { root } from '../scripts/setup.mjs';

/**
 * The most bytes that each part may have as a web page loads it: minified and gzipped. What it takes to raise one is a better reason.
 *
 * A quantizer is one `create…` function with all that it alone brings along: its own package, tree-shaken. TensorFlow.js and the other
 * packages of the workspace are left out, because whoever has several quantizers has these once; core-tensor and losses add 5 to 8 kB
 * to the first. A codec is counted with everything that it imports, because it is there for those who want nothing else. WebAssembly
 * modules are counted as they travel: deflated, in base64, in a JavaScript module.
 */
const ceilings: readonly {
  part: string;
  bytes: number;
  reason: string;
  sizes: () => Promise<Record<string, number>>;
}[] = [
  ...['lfq', 'fsq', 'simvq'].map((name) => ({
    part: `@vqkit/${name}`,
    bytes: 6 * 1024,
    reason: 'a quarter of the least that tfjs-core weighs (23 kB); about half of it is checks and their messages',
    sizes: () => quantizerSizes(name),
  })),
  {
    part: '@vqkit/residual',
    bytes: 6.5 * 1024,
    reason: 'the same, and half a kB for groups of stacks of layers',
    sizes: () => quantizerSizes('residual'),
  },
  {
    part: '@vqkit/vq',
    bytes: 8.2 * 1024,
    reason:
      'the same, half a kB for three ways in which codes learn, and 1.5 kB for k-means whose tokens are state, codes that stay on the sphere, scores that an offset costs no digits, and a tenth for two more metrics',
    sizes: () => quantizerSizes('vq'),
  },
  {
    part: '@vqkit/tokenizer',
    bytes: 12.5 * 1024,
    reason:
      'four architectures and what they say of themselves, streams of sound, a file with its checksum (SHA-256 where a page has none that answers at once), and pixels; the quantizers that it may load come on top, 22 kB',
    sizes: async () => ({
      tokenizer: await bundledSize("export * from './packages/tokenizer/dist/index.js'", ['@tensorflow/*', '@vqkit/*']),
    }),
  },
  {
    part: '@vqkit/layers',
    bytes: 4 * 1024,
    reason: 'one layer and its weights; the quantizers that a file may name come on top, 22 kB',
    sizes: async () => ({
      layers: await bundledSize("export * from './packages/layers/dist/index.js'", ['@tensorflow/*', '@vqkit/*']),
    }),
  },
  {
    part: '@vqkit/onnx',
    bytes: 27 * 1024,
    reason: 'six kinds of quantizers and eighteen operations, and with two thirds of it protobuf (@bufbuild/protobuf)',
    sizes: async () => ({
      onnx: await bundledSize("export * from './packages/onnx/dist/index.js'", ['@tensorflow/*', '@vqkit/*']),
    }),
  },
  {
    part: '@vqkit/codecs',
    bytes: 21 * 1024,
    reason: 'files of four formats, nineteen models and their searches, with everything that they import',
    sizes: async () => ({ codecs: await bundledSize("export * from './packages/codecs/dist/index.js'", []) }),
  },
  {
    part: '@vqkit/codecs/models, any one',
    bytes: 8 * 1024,
    reason:
      'one model, safetensors by ranges, and its search; a half is files and what is wrong in them, by name, and a stack of projections or scales takes up to a quarter',
    sizes: async () => {
      const models = Object.entries((await import(urlOf('packages/codecs/dist/models.js'))) as object);
      const sizes = models
        .filter(([, model]) => typeof model === 'object')
        .map(async ([name]) => [
          name,
          await bundledSize(`export { loadModel, ${name} } from './packages/codecs/dist/models.js'`, []),
        ]);
      return Object.fromEntries(await Promise.all(sizes)) as Record<string, number>;
    },
  },
  ...Object.entries({ simvq: 5, vq: 4.9 }).map(([name, kilobytes]) => ({
    part: `@vqkit/${name}/codec`,
    bytes: kilobytes * 1024,
    reason:
      'as the other codecs, the number formats that PyTorch writes, and a search that no far code misleads: of two tokens and four codes at a time, of one feature by halving, of what stays open only among codes within the slack; errors of five fields; for VQ also by direction and by product',
    sizes: async () => ({ codec: await bundledSize(`export * from './packages/${name}/dist/codec.js'`, []) }),
  })),
  {
    part: '@vqkit/lfq/codec',
    bytes: 3.3 * 1024,
    reason:
      'its loops without their checks, for published models, and room to be read in one sitting, not to grow options; checks and their messages, that of a result too large for any array among them, are about 60 %, and errors keep their facts apart',
    sizes: async () => ({ codec: await bundledSize("export * from './packages/lfq/dist/codec.js'", []) }),
  },
  {
    part: '@vqkit/fsq/codec',
    bytes: 3.4 * 1024,
    reason: 'the same, and a fifth of a kB to know five published bounds and which options each of them goes with',
    sizes: async () => ({ codec: await bundledSize("export * from './packages/fsq/dist/codec.js'", []) }),
  },
  ...['simd', 'simd-shared'].map((name) => ({
    part: `the kernels of @vqkit/backend-wasm, ${name}`,
    bytes: 60 * 1024,
    reason: "less than half of tfjs's own WebAssembly module (137 kB), beside which they are loaded",
    sizes: async () => ({ module: moduleSize(name) }),
  })),
  ...['simd', 'threaded-simd'].map((name) => ({
    part: `tfjs's WebAssembly module in @vqkit/backend-wasm, ${name}`,
    bytes: 141 * 1024,
    reason: 'what the .wasm file itself takes when it is gzipped, and a hundredth',
    sizes: async () => ({ module: moduleSize(`tfjs-${name}`) }),
  })),
];

const urlOf = (path: string): string => pathToFileURL(join(root, path)).href;

/** Every `create…` function of a package by name, with its size. */
async function quantizerSizes(name: string): Promise<Record<string, number>> {
  const external = ['@tensorflow/*', '@vqkit/*'];
  const sizes = (await createsOf(name)).map(async (create) => [
    create,
    await bundledSize(`export { ${create} } from './packages/${name}/dist/index.js'`, external),
  ]);
  return Object.fromEntries(await Promise.all(sizes)) as Record<string, number>;
}

async function createsOf(name: string): Promise<string[]> {
  const exported = (await import(urlOf(`packages/${name}/dist/index.js`))) as object;
  return Object.keys(exported).filter((key) => key.startsWith('create'));
}

async function bundledSize(contents: string, external: string[]): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    external,
    write: false,
    logLevel: 'silent',
  });
  return gzipped(outputFiles[0]?.contents ?? new Uint8Array());
}

function moduleSize(name: string): number {
  return gzipped(readFileSync(join(root, `packages/backend-wasm/dist/${name}.js`)));
}

function gzipped(bytes: Uint8Array): number {
  return gzipSync(bytes, { level: 9 }).length;
}

describe('sizes of what is built', () => {
  it.each(['lfq', 'fsq', 'simvq', 'vq'])(
    'a quantizer weighs the same from @vqkit/quantizers as from @vqkit/%s',
    async (name) => {
      for (const create of await createsOf(name)) {
        const from = (folder: string): Promise<number> =>
          bundledSize(`export { ${create} } from './packages/${folder}/dist/index.js'`, ['@tensorflow/*']);
        const [own, all] = [await from(name), await from('quantizers')];
        expect(all, create).toBeGreaterThan(500);
        expect(Math.abs(all - own), create).toBeLessThan(own / 100);
      }
    },
  );

  for (const { part, bytes, reason, sizes } of ceilings) {
    it(`${part} has at most ${bytes} bytes: ${reason}`, async () => {
      const found = Object.entries(await sizes());
      expect(found.length).toBeGreaterThan(0);
      for (const [name, size] of found) {
        expect(size, name).toBeGreaterThan(500);
        expect(size, name).toBeLessThanOrEqual(bytes);
      }
    });
  }

  it.each(ceilings.filter(({ part }) => part.endsWith('/codec')))('$part says its own in its README', (codec) => {
    const folder = codec.part.replace('@vqkit/', '').replace('/codec', '');
    const readme = readFileSync(join(root, `packages/${folder}/README.md`), 'utf8');
    expect(readme.match(/(\d[\d.]*) kB minified/g)).toEqual([`${codec.bytes / 1024} kB minified`]);
  });
});
