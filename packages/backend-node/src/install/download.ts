import { createWriteStream, readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { TfjsNode } from '../native/tfjs-node.ts';
import { InstallError } from './error.ts';

const SILENT_MS = 30_000;
const REDIRECTS = 5;

/**
 * The address from which tfjs-node's own install script would download the C library, with the environment variables that it honours
 * (TFJS_NODE_BASE_URI, TFJS_NODE_CDN_STORAGE, CDN_STORAGE) and its custom-binary.json. The hosts stand in that script.
 */
export function officialAddress({ folder, require }: TfjsNode, env: NodeJS.ProcessEnv = process.env): string {
  const script = readFileSync(join(folder, 'scripts', 'install.js'), 'utf8');
  const constants = require(join(folder, 'scripts', 'deps-constants.js')) as {
    readonly LIBTENSORFLOW_VERSION: string;
    readonly PLATFORM_MAPPING: Readonly<Record<string, string>>;
    readonly ARCH_MAPPING: Readonly<Record<string, string>>;
    readonly PLATFORM_EXTENSION: string;
    readonly customTFLibUri?: string;
  };
  if (constants.customTFLibUri !== undefined) return constants.customTFLibUri;
  const [, ownHost] = /CDN_STORAGE \|\| '(https?:[^']+)'/.exec(script) ?? [];
  const host = env.TFJS_NODE_CDN_STORAGE || env.npm_config_TFJS_NODE_CDN_STORAGE || env.CDN_STORAGE || ownHost;
  if (host === undefined) {
    throw new InstallError(folder, 'name a host to download from', 'none', 'Reinstall @tensorflow/tfjs-node 4.22.0.');
  }
  const { platform, arch } = process;
  if (arch === 'arm64') {
    const [, path] = new RegExp(`BASE_HOST\\}(tf-builds/[^\`]*${platform}_arm64[^\`]*)\``).exec(script) ?? [];
    if (path !== undefined) return `${host}${path}`;
  }
  const [system, processor] = [constants.PLATFORM_MAPPING[platform], constants.ARCH_MAPPING[arch]];
  if (system === undefined || processor === undefined) {
    const rule = 'have an official download';
    throw new InstallError(`${platform} ${arch}`, rule, 'none', 'Name a library with --from.');
  }
  const base =
    env.TFJS_NODE_BASE_URI || env.npm_config_TFJS_NODE_BASE_URI || `${host}tensorflow/libtensorflow/libtensorflow-`;
  return `${base}cpu-${system}-${processor}-${constants.LIBTENSORFLOW_VERSION}.${constants.PLATFORM_EXTENSION}`;
}

/** Downloads a file whole or throws. The proxy of the environment is taken as tfjs-node takes it. */
export async function download(address: string, file: string, tfjsNode: TfjsNode): Promise<void> {
  try {
    const response = await open(address, proxyAgent(tfjsNode), REDIRECTS);
    const expected = Number(response.headers['content-length']);
    let received = 0;
    response.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    await pipeline(response, createWriteStream(file));
    if (Number.isFinite(expected) && received !== expected) {
      throw new Error(`${received} of ${expected} bytes arrived`);
    }
  } catch (error) {
    if (['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    const reason =
      error instanceof Error ? error.message || String((error as NodeJS.ErrnoException).code) : String(error);
    throw new InstallError(
      `the download of ${address}`,
      'succeed',
      reason,
      'Look at the network and HTTPS_PROXY, set TFJS_NODE_BASE_URI to a mirror, or use --method pip or --from.',
    );
  }
}

function open(address: string, agent: https.Agent | undefined, redirects: number): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    const client = address.startsWith('https:') ? https : http;
    const request = client.get(address, agent === undefined ? {} : { agent }, (response) => {
      const { statusCode = 0, headers } = response;
      if (statusCode === 200) {
        resolve(response);
        return;
      }
      response.resume();
      if (statusCode >= 300 && statusCode < 400 && headers.location !== undefined && redirects > 0) {
        resolve(open(new URL(headers.location, address).href, agent, redirects - 1));
      } else {
        reject(new Error(`the server answered ${statusCode}`));
      }
    });
    request.setTimeout(SILENT_MS, () => request.destroy(new Error(`nothing came for ${SILENT_MS / 1000} s`)));
    request.on('error', reject);
  });
}

function proxyAgent({ require }: TfjsNode): https.Agent | undefined {
  const { HTTPS_PROXY, https_proxy, HTTP_PROXY, http_proxy } = process.env;
  const proxy = HTTPS_PROXY || https_proxy || HTTP_PROXY || http_proxy;
  if (!proxy) return undefined;
  const Agent = require('https-proxy-agent') as new (proxy: string) => https.Agent;
  return new Agent(proxy);
}
