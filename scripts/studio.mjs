#!/usr/bin/env node
// `npm run studio`: builds the studio as a static folder, for any server of files. `vqkit studio` serves the same page with runs on this machine.
import { ensureBuilt, ensureInstalled, requireNode, root } from './setup.mjs';

requireNode();
ensureInstalled('studio');
ensureBuilt('@vqkit/studio');
console.log(`\nThe page: ${root}apps/studio/dist/site. Serve it with Cross-Origin-Opener-Policy: same-origin and
Cross-Origin-Embedder-Policy: require-corp, and WebAssembly has threads there; without them it has one.`);
