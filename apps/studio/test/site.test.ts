import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { CONTENT_SECURITY_POLICY } from '../src/policy.ts';
import { siteFolder } from '../src/serve.ts';

const LIMIT = 600_000;
/** WebAssembly stands in the engine's JavaScript, deflated and in base64. */
const WASM = /(["'`])[A-Za-z0-9+/=]{2000,}\1/g;

describe('the built page', () => {
  const files = readdirSync(siteFolder());
  const texts = files.map((name) => readFileSync(join(siteFolder(), name), 'utf8'));

  it(`is at most ${LIMIT} bytes, each file gzipped, without the engine's WebAssembly`, () => {
    const size = (all: readonly string[]): number =>
      all.reduce((sum, text) => sum + gzipSync(text, { level: 9 }).length, 0);
    const without = texts.map((text) => text.replaceAll(WASM, '""'));
    expect(size(without)).toBeLessThan(size(texts) - 50_000);
    expect(size(without)).toBeLessThan(LIMIT);
  });

  it('is the files that any server can serve, with the policy', () => {
    expect([...files].sort()).toEqual(['engine.js', 'icon.svg', 'index.html', 'page.js', 'style.css']);
    const html = texts[files.indexOf('index.html')] ?? '';
    expect(html).toContain(`content="${CONTENT_SECURITY_POLICY}"`);
    expect(html).not.toMatch(/https?:|<script>|style=/);
  });
});
