import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readTokenizer } from '@vqkit/train';
import { followRun } from './follow-run.ts';
import type { RunEvent } from './live-events.ts';
import { CONTENT_SECURITY_POLICY } from './policy.ts';
import { findShown, type Shown } from './shown.ts';

export interface StudioOptions {
  /** Run folders, folders of runs, checkpoints and files of `vqkit export`. Default none: the page trains and takes files. */
  readonly paths?: readonly string[];
  /** Default 8080; 0 for any that is free. */
  readonly port?: number;
}

/** A page that is being served. */
export interface Studio {
  readonly address: string;
  /** Ends all connections too. */
  close(): void;
}

/** What every answer says. */
const HEADERS = {
  // With these two a page is cross-origin isolated, and only then may the wasm engine use several threads.
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': `${CONTENT_SECURITY_POLICY}; frame-ancestors 'none'`,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.js': 'text/javascript; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
};

/** The static page, as `npm run studio` builds it: any server may serve this folder. */
export function siteFolder(): string {
  return fileURLToPath(new URL('../dist/site/', import.meta.url));
}

/**
 * Serves the studio on this machine, with the runs and tokenizers that are named.
 *
 * The page is held in memory by its exact addresses, and runs and tokenizers go by their numbers, so that no request names a file. A request for
 * another name of this machine than `localhost` is refused: a page elsewhere whose name was made to lead here could read them.
 *
 * @throws OptionError or CheckpointError when a path is neither; Error when the port is taken.
 * @example
 * const { address, close } = await serveStudio({ port: 0 });
 * close(); // address was http://localhost:…
 */
export async function serveStudio({ paths = [], port = 8080 }: StudioOptions = {}): Promise<Studio> {
  const shown = await findShown(paths);
  const contents = await readSite();
  contents.set('/shown.json', [
    'application/json',
    Buffer.from(JSON.stringify(shown.map(({ path, ...rest }) => rest))),
  ]);
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    const address = url.split('?', 1)[0] ?? '';
    const content = contents.get(address);
    if (!names.includes(headers.host ?? '')) answer(response, 421);
    else if (method !== 'GET' && method !== 'HEAD') answer(response, 405, { Allow: 'GET, HEAD' });
    else if (content !== undefined) answer(response, 200, { 'Content-Type': content[0] }, content[1]);
    else answerShown(shown, address, method, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, 'localhost', resolve);
  });
  const authority = (name: string): string => new URL(`http://${name}:${(server.address() as AddressInfo).port}`).host;
  const names = ['localhost', '127.0.0.1', '[::1]'].map(authority);
  return {
    address: `http://${names[0]}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function readSite(): Promise<Map<string, readonly [type: string, content: Uint8Array]>> {
  const folder = siteFolder();
  const contents = new Map<string, readonly [type: string, content: Uint8Array]>();
  for (const name of await readdir(folder)) {
    contents.set(`/${name}`, [TYPES[extname(name)] ?? 'application/octet-stream', await readFile(`${folder}${name}`)]);
  }
  contents.set('/', contents.get('/index.html') ?? ['', new Uint8Array()]);
  return contents;
}

/** What is read anew for each request, because a run that trains changes it: tokenizers, and what happens to runs. */
function answerShown(shown: readonly Shown[], address: string, method: string, response: ServerResponse): void {
  const [, number] = /^\/tokenizers\/(\d{1,9})\.safetensors$/.exec(address) ?? [];
  const found = shown[Number(number)];
  if (address === '/events') answerEvents(shown, method, response);
  else if (found === undefined) answer(response, 404);
  else {
    readTokenizer(found.path).then(
      (bytes) => answer(response, 200, { 'Content-Type': 'application/octet-stream' }, bytes),
      (error: Error) => answer(response, 404, { 'Content-Type': TYPES['.txt'] }, Buffer.from(error.message)),
    );
  }
}

/** Server-sent events of all runs, one JSON text each, for as long as the page listens: a browser has six connections to a server at most. */
function answerEvents(shown: readonly Shown[], method: string, response: ServerResponse): void {
  response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream' });
  if (method === 'HEAD') {
    response.end();
    return;
  }
  const stop = new AbortController();
  response.on('close', () => stop.abort());
  response.setMaxListeners(0);
  const send = async (told: RunEvent): Promise<void> => {
    if (stop.signal.aborted) return;
    const room = response.write(`data: ${JSON.stringify(told)}\n\n`);
    // Who has gone needs no room.
    if (!room) await once(response, 'drain', { signal: stop.signal }).catch(() => undefined);
  };
  for (const [run, { path, isRun }] of shown.entries()) {
    if (isRun) void followRun(path, (event) => send({ run, event }), stop.signal);
  }
}

/** Answers with a content, or with nothing but a status. A HEAD gets the same without the content, which Node leaves out. */
function answer(
  response: ServerResponse,
  status: number,
  headers: OutgoingHttpHeaders = {},
  content: Uint8Array = new Uint8Array(0),
): void {
  response.writeHead(status, { ...HEADERS, ...headers, 'Content-Length': content.length }).end(content);
}
