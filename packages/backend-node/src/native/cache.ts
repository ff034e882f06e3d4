import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** Version of @tensorflow/tfjs-node whose sources the binding is made of. */
export const TFJS_NODE_VERSION = '4.22.0';
/** The N-API version the binding asks for; Node keeps it stable, so that one binding serves Node 20 and all that follow. */
export const NAPI_VERSION = 8;

export const MANIFEST = 'manifest.json';
export const BINDING = 'tfjs_binding.node';
/** An addon of our own that keeps what TensorFlow says about itself while it loads off the standard error. */
export const QUIET = 'quiet.node';

/** What one installation holds and where it comes from; stands in its folder as manifest.json. */
export interface Manifest {
  readonly format: 1;
  /** Version of the TensorFlow library, as it says itself. */
  readonly tensorflow: string;
  readonly tfjsNode: string;
  readonly method: 'official' | 'path' | 'pip';
  /** What it was made from, such as the name of a wheel. */
  readonly source: string;
  readonly createdAt: string;
  /** Every file, by its path in the folder. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}

/** The folder of all installations: `VQKIT_NATIVE_CACHE`, else `vqkit/native` in the user's cache folder. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.VQKIT_NATIVE_CACHE) return resolve(env.VQKIT_NATIVE_CACHE);
  const caches = process.platform === 'darwin' ? join(homedir(), 'Library', 'Caches') : join(homedir(), '.cache');
  return join(env.XDG_CACHE_HOME ? resolve(env.XDG_CACHE_HOME) : caches, 'vqkit', 'native');
}

/** The folder of the installation for this machine: a binding runs on one platform, with one version of tfjs-node. */
export function installFolder(cache: string = cacheFolder()): string {
  return join(cache, `${TFJS_NODE_VERSION}-${process.platform}-${process.arch}-napi${NAPI_VERSION}`);
}

/** The manifest of an installation; undefined where there is none or it cannot be read. */
export function readManifest(folder: string): Manifest | undefined {
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(readFileSync(join(folder, MANIFEST), 'utf8'));
  } catch {
    return undefined;
  }
  const whole = manifest.format === 1 && typeof manifest.files === 'object' && BINDING in manifest.files;
  return whole ? (manifest as Manifest) : undefined;
}

/** The first file that is missing or has another size than the manifest says: a check that costs nothing. */
export function damagedFile(folder: string, { files }: Manifest): string | undefined {
  return Object.entries(files).find(([path, { bytes }]) => {
    const found = statSync(join(folder, path), { throwIfNoEntry: false });
    return found?.size !== bytes;
  })?.[0];
}
