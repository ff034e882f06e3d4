import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { requireKnownOptions, requireOneOf } from '@vqkit/core-tensor/check';
import { obstacleOf, show } from '@vqkit/core-tensor/errors';
import { compileBinding } from './install/binding.ts';
import { requireKnownArchive } from './install/digests.ts';
import { download, officialAddress } from './install/download.ts';
import { InstallError } from './install/error.ts';
import { findLibrary, placeLibraries } from './install/library.ts';
import { inStage, requireSpace } from './install/stage.ts';
import { unpackArchive } from './install/unpack.ts';
import { downloadWheel } from './install/wheel.ts';
import {
  BINDING,
  cacheFolder,
  damagedFile,
  installFolder,
  MANIFEST,
  type Manifest,
  QUIET,
  readManifest,
  TFJS_NODE_VERSION,
} from './native/cache.ts';
import { selfTest } from './native/self-test.ts';
import { findTfjsNode, PACKAGE, type TfjsNode } from './native/tfjs-node.ts';

/** Ways to get the TensorFlow library: tfjs-node's own download, a folder or archive that is there already, pip's wheel. */
const METHODS = ['official', 'path', 'pip'] as const;

export type InstallMethod = (typeof METHODS)[number];

export interface InstallOptions {
  /** The way to get the library. Default `path` when `from` is given; else `official`, then `pip`. */
  readonly method?: InstallMethod | undefined;
  /** A folder with include and lib, an archive of one (.tar.gz, .tgz, .zip), or a wheel of tensorflow-cpu. */
  readonly from?: string | undefined;
  /** The folder of installations. Default `VQKIT_NATIVE_CACHE`, else `vqkit/native` in the user's cache folder. */
  readonly cache?: string | undefined;
  /** Installs again what is there already. Default false. */
  readonly force?: boolean | undefined;
  /** The Python whose pip is asked. Default any that runs. */
  readonly python?: string | undefined;
  /** The C++ compiler. Default `CXX`, c++, g++ or clang++. */
  readonly compiler?: string | undefined;
  /** Hears what is being done, line by line. */
  readonly onProgress?: ((line: string) => void) | undefined;
}

/** An installation, and what was tried before it worked. */
export interface Installed {
  /** Whether anything was done: false when a whole installation was there. */
  readonly changed: boolean;
  readonly folder: string;
  readonly manifest: Manifest;
  /** The methods that failed before, in words. */
  readonly failed: readonly { readonly method: InstallMethod; readonly reason: string; readonly fix: string }[];
}

/** Bytes that a method needs in the cache while it works: a wheel of 0.3 GB and libraries of 0.9 GB, or the C library of 2022. */
const SPACE: Record<InstallMethod, number> = { official: 0.9e9, path: 1e8, pip: 1.4e9 };

/**
 * Installs native TensorFlow for the current user: gets the library, compiles tfjs-node's binding against it, tests both in a process
 * of their own, and puts them in the cache folder, where `init()` finds them. Touches nothing else.
 *
 * Work goes on in a temporary folder of the cache that is renamed at the end, so that an interrupted installation leaves none behind;
 * the next one cleans up. Two at once: the second says so.
 *
 * @throws InstallError; OptionError when an option breaks its rule.
 * @example
 * const { changed, folder, manifest } = await installNative({ onProgress: console.log });
 * console.log(changed ? 'installed' : 'was there', manifest.tensorflow, folder);
 */
export async function installNative(options: InstallOptions = {}): Promise<Installed> {
  const known = ['method', 'from', 'cache', 'force', 'python', 'compiler', 'onProgress'];
  requireKnownOptions('installNative', options, known);
  const { method, from, cache = cacheFolder(), force = false, onProgress = () => undefined } = options;
  if (method !== undefined) requireOneOf('installNative', 'method', method, METHODS);
  if (method !== undefined && (method === 'path') !== (from !== undefined)) {
    throw new InstallError(
      'from',
      `${from === undefined ? 'be' : 'not be'} given with method '${method}'`,
      show(from),
      'Give from, a folder or an archive, with method path or with no method.',
    );
  }
  const folder = installFolder(resolve(cache));
  const present = readManifest(folder);
  if (!force && present !== undefined && damagedFile(folder, present) === undefined) {
    return { changed: false, folder, manifest: present, failed: [] };
  }
  requirePlatform();
  const tfjsNode = requireTfjsNode();
  const methods: readonly InstallMethod[] =
    from !== undefined ? ['path'] : method !== undefined ? [method] : ['official', 'pip'];
  return inStage(resolve(cache), async (stage) => {
    const failed: Installed['failed'][number][] = [];
    for (const chosen of methods) {
      const work = join(stage, chosen);
      mkdirSync(work);
      try {
        const manifest = await build(chosen, work, tfjsNode, options, onProgress);
        replace(join(work, 'out'), folder, stage);
        return { changed: true, folder, manifest, failed };
      } catch (error) {
        if (!(error instanceof InstallError) || methods.length === 1) throw error;
        const { reason, fix } = obstacleOf(error);
        failed.push({ method: chosen, reason, fix });
        onProgress(`${chosen}: ${reason}`);
        rmSync(work, { recursive: true, force: true });
      }
    }
    throw new InstallError(
      'a method',
      'work',
      `none: ${failed.map(({ method, reason }) => `${method}: ${reason}`).join('; ')}`,
      failed.map(({ method, fix }) => `${method}: ${fix}`).join(' '),
    );
  });
}

/** Makes a whole, tested installation in `work/out`. */
async function build(
  method: InstallMethod,
  work: string,
  tfjsNode: TfjsNode,
  { from, python, compiler }: InstallOptions,
  say: (line: string) => void,
): Promise<Manifest> {
  requireSpace(work, SPACE[method]);
  const { raw, source } = await getters[method]({ work, tfjsNode, from, python, say });
  const out = join(work, 'out');
  const found = findLibrary(raw);
  placeLibraries(found, join(out, 'lib'));
  const files = found.files.map(({ name }) => ({ name, path: join(out, 'lib', name) }));
  say('compiling the binding');
  await compileBinding(tfjsNode, { include: found.include, files }, out, { compiler });
  say('testing it in a process of its own');
  const tested = await selfTest(join(out, BINDING));
  if ('reason' in tested) {
    throw new InstallError(
      `the binding made with ${source}`,
      'pass its test',
      tested.reason,
      'Its TensorFlow does not fit this machine or this binding: use another one, of version 2.5 or newer.',
    );
  }
  const paths = [BINDING, QUIET, ...files.map(({ name }) => `lib/${name}`)];
  const described = await Promise.all(paths.map(async (path) => [path, await describeFile(join(out, path))] as const));
  const manifest: Manifest = {
    format: 1,
    tensorflow: tested.tensorflow,
    tfjsNode: TFJS_NODE_VERSION,
    method,
    source,
    createdAt: new Date().toISOString(),
    files: Object.fromEntries(described),
  };
  writeFileSync(join(out, MANIFEST), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return manifest;
}

interface Getting {
  readonly work: string;
  readonly tfjsNode: TfjsNode;
  readonly from: string | undefined;
  readonly python: string | undefined;
  readonly say: (line: string) => void;
}

/** Each gives a folder that holds the library, and names what it came from. */
const getters: Record<InstallMethod, (getting: Getting) => Promise<{ raw: string; source: string }>> = {
  official: async ({ work, tfjsNode, say }) => {
    const address = officialAddress(tfjsNode);
    say(`downloading ${address}`);
    const archive = join(work, basename(new URL(address).pathname));
    await download(address, archive, tfjsNode);
    requireKnownArchive(address, (await describeFile(archive)).sha256);
    return { raw: await unpacked(archive, work, say), source: address };
  },
  path: async ({ work, from, say }) => {
    const path = resolve(from as string);
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) throw new InstallError(path, 'be there', 'no such file', 'Correct the path.');
    if (found.isDirectory()) return { raw: path, source: path };
    if (!/\.(tar\.gz|tgz|zip|whl)$/.test(path)) {
      const rule = 'be a folder, a .tar.gz, .tgz, .zip or .whl';
      throw new InstallError(path, rule, 'another file', 'Name one of these.');
    }
    requireSpace(work, 3.5 * found.size);
    return { raw: await unpacked(path, work, say), source: path };
  },
  pip: async ({ work, python, say }) => {
    say('downloading the wheel of TensorFlow with pip (270 MB)');
    const wheel = await downloadWheel(work, python);
    const raw = await unpacked(wheel, work, say);
    rmSync(wheel);
    return { raw, source: basename(wheel) };
  },
};

async function unpacked(archive: string, work: string, say: (line: string) => void): Promise<string> {
  say(`unpacking ${basename(archive)}`);
  const raw = join(work, 'raw');
  await unpackArchive(archive, raw);
  const [only, ...others] = readdirSync(raw);
  // Some archives hold everything in one folder.
  const inside =
    only !== undefined && others.length === 0 && only !== 'tensorflow' && existsSync(join(raw, only, 'include'));
  return inside ? join(raw, only) : raw;
}

/** Puts a new installation in the place of an old one. */
function replace(made: string, folder: string, stage: string): void {
  if (existsSync(folder)) renameSync(folder, join(stage, 'replaced'));
  renameSync(made, folder);
}

function requirePlatform(): void {
  const { platform } = process;
  if (platform !== 'linux' && platform !== 'darwin') {
    throw new InstallError(
      'this system',
      'be Linux or macOS',
      platform,
      `Run: npm rebuild ${PACKAGE}, which downloads TensorFlow and its addon.`,
    );
  }
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  if (platform === 'linux' && header.glibcVersionRuntime === undefined) {
    const rule = 'have glibc, which TensorFlow needs';
    throw new InstallError('this Linux', rule, 'none', 'Use Debian or Ubuntu instead of Alpine.');
  }
}

function requireTfjsNode(): TfjsNode {
  const found = findTfjsNode();
  if (found?.version === TFJS_NODE_VERSION) return found;
  throw new InstallError(
    `the package ${PACKAGE}`,
    `be installed, in version ${TFJS_NODE_VERSION}`,
    found?.version ?? 'none',
    `Run: npm install --ignore-scripts ${PACKAGE}@${TFJS_NODE_VERSION}`,
  );
}

async function describeFile(path: string): Promise<Manifest['files'][string]> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return { bytes: statSync(path).size, sha256: hash.digest('hex') };
}

/** What stands in the cache, and whether it is whole. */
export interface NativeStatus {
  readonly folder: string;
  /** Undefined when nothing is installed. */
  readonly manifest?: Manifest;
  /** Files that are missing or do not have the SHA-256 of the manifest. */
  readonly damaged: readonly string[];
  /** Why the installation does not pass its test here; undefined when it does. */
  readonly fails?: string;
}

/** Reads every file of the installation and compares it with the manifest, then tests the binding in a process of its own. */
export async function nativeStatus(cache: string = cacheFolder()): Promise<NativeStatus> {
  const folder = installFolder(resolve(cache));
  const manifest = readManifest(folder);
  if (manifest === undefined) return { folder, damaged: [] };
  const damaged: string[] = [];
  for (const [path, { sha256 }] of Object.entries(manifest.files)) {
    const file = join(folder, path);
    if (!existsSync(file) || (await describeFile(file)).sha256 !== sha256) damaged.push(path);
  }
  if (damaged.length > 0) return { folder, manifest, damaged };
  const tested = await selfTest(join(folder, BINDING));
  return 'reason' in tested ? { folder, manifest, damaged, fails: tested.reason } : { folder, manifest, damaged };
}

/** Removes the installation; false when there was none. */
export async function removeNative(cache: string = cacheFolder()): Promise<boolean> {
  const folder = installFolder(resolve(cache));
  if (!existsSync(folder)) return false;
  await inStage(resolve(cache), async (stage) => {
    renameSync(folder, join(stage, 'removed'));
  });
  return true;
}
