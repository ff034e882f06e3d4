// Bundles the page into dist/site, a static folder: whatever serves it serves the studio.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { CONTENT_SECURITY_POLICY } from '../dist/policy.js';

const page = fileURLToPath(new URL('../src/page/', import.meta.url));
const site = fileURLToPath(new URL('../dist/site/', import.meta.url));

rmSync(site, { recursive: true, force: true });
mkdirSync(site, { recursive: true });
await build({
  entryPoints: { page: `${page}page.ts`, engine: `${page}worker/worker.ts`, style: `${page}style.css` },
  outdir: site,
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  minify: true,
  legalComments: 'none',
  logLevel: 'error',
});
const html = readFileSync(`${page}index.html`, 'utf8');
writeFileSync(`${site}index.html`, html.replace('CONTENT_SECURITY_POLICY', CONTENT_SECURITY_POLICY));
copyFileSync(`${page}icon.svg`, `${site}icon.svg`);
