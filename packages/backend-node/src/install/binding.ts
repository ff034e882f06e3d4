import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { BINDING, NAPI_VERSION, QUIET } from '../native/cache.ts';
import type { TfjsNode } from '../native/tfjs-node.ts';
import { firstLines, InstallError } from './error.ts';
import type { Library } from './library.ts';
import { QUIET_SOURCE } from './quiet.ts';
import { firstThatRuns, runProgram } from './run.ts';

/**
 * Compiles tfjs-node's binding from the sources in its package, and the addon that keeps TensorFlow quiet while it loads.
 *
 * @param library as it stands in the installation; the binding looks for it in `lib` beside itself.
 * @param into the folder of the installation.
 */
export async function compileBinding(
  tfjsNode: TfjsNode,
  library: Library,
  into: string,
  { compiler, headers = nodeHeaderFolders() }: { compiler?: string | undefined; headers?: readonly string[] } = {},
): Promise<void> {
  const command = await findCompiler(compiler);
  const include = headers.find((folder) => existsSync(join(folder, 'node_api.h')));
  if (include === undefined) {
    throw new InstallError(
      "Node's header node_api.h",
      `be in ${headers.join(', ') || 'a folder'}`,
      'none',
      'Reinstall @vqkit/backend-node, which brings the package node-api-headers.',
    );
  }
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(tfjsNode.folder, 'binding', name));
  const missing = sources.find((source) => !existsSync(source));
  if (missing !== undefined) {
    throw new InstallError(`the source ${missing}`, 'be there', 'none', 'Reinstall @tensorflow/tfjs-node 4.22.0.');
  }
  const darwin = process.platform === 'darwin';
  const shared = darwin ? ['-bundle', '-undefined', 'dynamic_lookup'] : ['-shared'];
  const common = ['-std=c++17', '-O2', '-fPIC', '-w', `-DNAPI_VERSION=${NAPI_VERSION}`, ...shared, `-I${include}`];
  const args = [
    ...[tfjsNode.folder, library.include].map((folder) => `-I${folder}`),
    ...sources,
    ...library.files.map(({ path }) => path),
    `-Wl,-rpath,${darwin ? '@loader_path' : '$ORIGIN'}/lib`,
  ];
  const quiet = join(into, 'quiet.cc');
  writeFileSync(quiet, QUIET_SOURCE);
  await compile(command, [...common, quiet, '-o', join(into, QUIET)]);
  rmSync(quiet);
  await compile(command, [...common, ...args, '-o', join(into, BINDING)]);
}

async function compile(command: string, args: readonly string[]): Promise<void> {
  const { code, stderr } = await runProgram(command, args);
  if (code === 0) return;
  const complaint = stderr.split('\n').filter((line) => /error|cannot|undefined/i.test(line));
  throw new InstallError(
    command,
    'compile the binding',
    firstLines(complaint.join('\n') || stderr, 2),
    /No such file/.test(stderr)
      ? 'The headers of the TensorFlow library or of C++ are incomplete: name another library, or install g++ with its headers.'
      : 'It needs a compiler for C++17, such as g++ 9 or clang 10, and a TensorFlow 2.5 or newer.',
  );
}

async function findCompiler(named: string | undefined): Promise<string> {
  const candidates = named === undefined ? [process.env.CXX, 'c++', 'g++', 'clang++'] : [named];
  const commands = candidates.filter((name) => name !== undefined && name !== '').map((name) => [name as string]);
  const [found] = (await firstThatRuns(commands, ['--version'])) ?? [];
  if (found !== undefined) return found;
  throw new InstallError(
    'a C++ compiler',
    'run here',
    `none of ${commands.join(', ')}`,
    'Install one (Debian and Ubuntu: apt-get install g++; macOS: xcode-select --install), or name it with --compiler.',
  );
}

/**
 * Where the headers of Node's C interface may stand, the running Node's own first. That interface is stable, so that headers of
 * another version serve; the package node-api-headers, a dependency, always has them.
 */
export function nodeHeaderFolders(env: NodeJS.ProcessEnv = process.env): string[] {
  const node = (prefix: string): string => join(prefix, 'include', 'node');
  const caches = process.platform === 'darwin' ? join(homedir(), 'Library', 'Caches') : join(homedir(), '.cache');
  const gyp = join(env.XDG_CACHE_HOME || caches, 'node-gyp');
  return [
    node(resolve(dirname(process.execPath), '..')),
    ...(env.npm_config_nodedir ? [node(env.npm_config_nodedir)] : []),
    node('/usr'),
    ...(existsSync(gyp) ? readdirSync(gyp).map((version) => node(join(gyp, version))) : []),
    ...packagedHeaders(),
  ];
}

function packagedHeaders(): string[] {
  try {
    return [join(dirname(createRequire(import.meta.url).resolve('node-api-headers/package.json')), 'include')];
  } catch {
    return [];
  }
}
