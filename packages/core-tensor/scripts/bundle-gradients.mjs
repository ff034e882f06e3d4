// In Node, tfjs-core resolves to a CommonJS bundle that registers no gradients, and the module that would register them
// cannot be imported there (extensionless ESM). Bundle that one module, so that `import '@vqkit/core-tensor'` is enough
// for training. Browsers' bundlers take dist/tfjs-gradients.js, a plain import of the same module.
import { writeFileSync } from 'node:fs';
import { build } from 'esbuild';

await build({
  entryPoints: ['@tensorflow/tfjs-core/dist/register_all_gradients.js'],
  outfile: 'dist/tfjs-gradients.node.js',
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'node',
  legalComments: 'eof',
  banner: {
    js: '/* Bundled from @tensorflow/tfjs-core (Apache-2.0, Google LLC): the gradients of its operations, registered in the one engine of the process. */',
  },
});

// Whoever checks JavaScript with TypeScript must not be shown the insides.
writeFileSync('dist/tfjs-gradients.node.d.ts', 'export {};\n');
