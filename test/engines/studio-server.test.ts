import '@tensorflow/tfjs-backend-cpu';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setBackend } from '@tensorflow/tfjs-core';
import { type Studio, serveStudio } from '@vqkit/studio';
import { createImageTokenizer, saveTokenizer } from '@vqkit/tokenizer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

describe("the studio's server", () => {
  const folder = mkdtempSync(join(tmpdir(), 'vqkit-studio-'));
  let studio: Studio;
  let file: Uint8Array;

  beforeAll(async () => {
    await setBackend('cpu');
    const tokenizer = createImageTokenizer({ quantizer: 'fsq', seed: 1 });
    file = await saveTokenizer(tokenizer);
    tokenizer.dispose();
    writeFileSync(join(folder, 'digits.safetensors'), file);
    studio = await serveStudio({ paths: [join(folder, 'digits.safetensors')], port: 0 });
  });

  afterAll(() => {
    studio?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Sends bytes as they are, and gives the status of the answer. */
  const send = (request: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const socket = connect(Number(new URL(studio.address).port), 'localhost', () => socket.end(request, 'latin1'));
      let text = '';
      socket.on('data', (data) => {
        text += data.toString('latin1');
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(Number(/^HTTP\/1\.1 (\d+) /.exec(text)?.[1])));
    });
  const get = (target: string, host = new URL(studio.address).host, method = 'GET'): Promise<number> =>
    send(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);

  it('serves the page and the tokenizer, to GET and to HEAD, with headers that keep others out', async () => {
    const types = {
      '': /html/,
      'index.html?x=1': /html/,
      'style.css': /css/,
      'icon.svg': /svg/,
      'page.js': /javascript/,
      'engine.js': /javascript/,
      'shown.json': /json/,
    };
    for (const [name, type] of Object.entries(types)) {
      const response = await fetch(`${studio.address}/${name}`);
      expect(response.status).toBe(200);
      expect(response.headers.get('Content-Type')).toMatch(type);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cross-origin-resource-policy': 'same-origin',
        'content-security-policy': expect.stringMatching(/^default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; /),
      });
    }
    const whole = await fetch(`${studio.address}/tokenizers/0.safetensors`);
    expect(new Uint8Array(await whole.arrayBuffer())).toEqual(new Uint8Array(file));
    const head = await fetch(`${studio.address}/tokenizers/0.safetensors`, { method: 'HEAD' });
    expect(head.headers.get('Content-Length')).toBe(String(file.length));
    expect((await head.arrayBuffer()).byteLength).toBe(0);
  });

  it('answers 404 or less than that to every other target, and goes on', async () => {
    const odd = [
      ...['//', '///', '//[', '//a:99999/', '/\\[', '/\\', 'http://', 'http://[', 'http://localhost/page.js', '*', 'x'],
      ...['/%', '/%zz', '/%00', '/%c0%af', '/..', '/../serve.ts', '/%2e%2e/serve.ts', '/page/', '/wasm/', '/engine.ts'],
      ...[
        '/page.ts',
        '/__proto__',
        '/constructor',
        '/page.js/',
        '/tokenizers/1.safetensors',
        '/tokenizers/-1.safetensors',
        '/tokenizers/00000000000.safetensors',
        '/tokenizers/0.safetensors/',
        '/tokenizers/',
        '/page.js%00',
        '/é',
        `/${'a'.repeat(10_000)}`,
        '/#',
        '/;?#',
      ],
    ];
    for (const target of odd) expect([target, await get(target)]).toEqual([target, expect.toBeOneOf([400, 404])]);
    for (const target of [`/${'a'.repeat(100_000)}`, '/a\0b', '/a b'])
      expect(await get(target), target.slice(0, 9)).toBeGreaterThanOrEqual(400);
    for (const request of [
      '\0',
      'GET',
      'GET / HTTP/9.9\r\n\r\n',
      '\x16\x03\x01\x02\0',
      'GET / HTTP/1.1\r\nHost\r\n\r\n',
    ])
      await send(request);
    expect(await get('/')).toBe(200);
  });

  it('refuses other methods, and other names of this machine', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])
      expect(await get('/', undefined, method)).toBe(405);
    const { port } = new URL(studio.address);
    for (const host of [`127.0.0.1:${port}`, `[::1]:${port}`]) expect(await get('/', host)).toBe(200);
    for (const host of ['example.org', `example.org:${port}`, 'localhost', `localhost:${port}.example.org`, ''])
      expect(await get('/tokenizers/0.safetensors', host)).toBe(421);
    expect(await send('GET / HTTP/1.0\r\n\r\n')).toBe(421);
  });
});
