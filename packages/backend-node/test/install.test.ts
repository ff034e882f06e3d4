import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { OptionError } from '@vqkit/core-tensor';
import { c as createTar } from 'tar';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { compileBinding, nodeHeaderFolders } from '../src/install/binding.ts';
import { officialAddress } from '../src/install/download.ts';
import { InstallError, inWords } from '../src/install/error.ts';
import { requireSpace } from '../src/install/stage.ts';
import { type InstallOptions, installNative, nativeStatus, removeNative } from '../src/install.ts';
import { lockFile } from '../src/lock.ts';
import { installFolder } from '../src/native/cache.ts';
import { findTfjsNode, type TfjsNode } from '../src/native/tfjs-node.ts';
import { copyingCompiler, HOLLOW, hollowLibrary, program, temporaryFolder, wheel, write, zip } from './fakes.ts';

const folder = temporaryFolder();
const cache = join(folder, 'cache');
const hollow = hollowLibrary(join(folder, 'hollow'));
const text = write(join(folder, 'text'), 'not a binding');
const tfjsNode = findTfjsNode() as TfjsNode;

/** What an installation says that must fail; whatever it is, nothing of it stays. */
async function failure(options: InstallOptions): Promise<string> {
  const error = await installNative({ cache, ...options }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(InstallError);
  const { message, where, fix } = error as InstallError;
  expect(where).toBe('installNative');
  expect(fix).not.toBe('');
  expect(fix).not.toBe('');
  if (existsSync(cache)) expect(readdirSync(cache)).toEqual([]);
  return message;
}

describe('a library that is named', () => {
  it('must be there and be a folder or an archive', async () => {
    expect(await failure({ from: join(folder, 'none') })).toMatch(
      /none must be there, got no such file\. Correct the path\.$/,
    );
    expect(await failure({ from: text })).toMatch(
      /must be a folder, a \.tar\.gz, \.tgz, \.zip or \.whl, got another file/,
    );
  });

  it('must hold headers and libraries', async () => {
    const empty = join(folder, 'empty');
    write(join(empty, 'a'), '');
    expect(await failure({ from: empty })).toContain(
      'must hold libtensorflow with include/tensorflow/c/c_api.h, got none',
    );
    write(join(empty, 'include/tensorflow/c/c_api.h'), '');
    expect(await failure({ from: empty })).toContain('must hold libtensorflow, got its headers only');
  });

  it('must be a whole archive', async () => {
    const said = await Promise.resolve(write(join(folder, 'bad.tar.gz'), 'not gzip')).then((from) => failure({ from }));
    expect(said).toMatch(/the archive .*bad\.tar\.gz must be whole, got .*\. Download it again\.$/);
    const whole = zip(HOLLOW);
    const cut = write(join(folder, 'cut.zip'), whole.subarray(0, whole.length - 30));
    expect(await failure({ from: cut })).toContain('cut.zip must be whole');
    const unlisted = write(join(folder, 'unlisted.whl'), whole);
    expect(await failure({ from: unlisted })).toContain('must be whole, got a wheel without RECORD');
  });

  it('must be what the RECORD of its wheel says', async () => {
    const other = { ...HOLLOW, 'lib/libtensorflow.so.2': 'another' };
    const from = wheel(join(folder, 'other.whl'), HOLLOW, other);
    expect(await failure({ from })).toContain('lib/libtensorflow.so.2 is not what its RECORD says. Download it again.');
    const { 'lib/libtensorflow_framework.so.2': _, ...named } = HOLLOW;
    const more = wheel(join(folder, 'more.whl'), HOLLOW, named);
    expect(await failure({ from: more })).toContain('lib/libtensorflow_framework.so.2 is not what its RECORD says.');
  });

  it('must load: the binding is tested in a process of its own', async () => {
    const compiler = copyingCompiler(join(folder, 'copy'), text);
    for (const from of [hollow, wheel(join(folder, 'hollow.whl'), HOLLOW), await tarOf(hollow)]) {
      expect(await failure({ from, compiler })).toMatch(
        /must pass its test, got .*(invalid ELF|too short|not a mach-o)/i,
      );
    }
  });

  const CXX = process.env.CXX || 'c++';
  const cc = spawnSync(CXX, ['--version']).status === 0;
  it.skipIf(!cc)(`must not crash${cc ? '' : ' (skipped: no C++ compiler runs here)'}`, async () => {
    const source = write(
      join(folder, 'crash.cc'),
      '#include <cstdlib>\n__attribute__((constructor)) void f() { abort(); }\n',
    );
    const crash = join(folder, 'crash.node');
    expect(spawnSync(CXX, ['-shared', '-fPIC', '-o', crash, source]).status).toBe(0);
    const compiler = copyingCompiler(join(folder, 'copy-crash'), crash);
    expect(await failure({ from: hollow, compiler })).toContain(
      'it crashed with SIGABRT: library and binding do not fit',
    );
  });

  it.skipIf(!cc)(
    `must be an addon of this Node's ABI${cc ? '' : ' (skipped: no C++ compiler runs here)'}`,
    async () => {
      const source = write(join(folder, 'plain.cc'), 'int nothing() { return 0; }\n');
      const plain = join(folder, 'plain.node');
      expect(spawnSync(CXX, ['-shared', '-fPIC', '-o', plain, source]).status).toBe(0);
      const compiler = copyingCompiler(join(folder, 'copy-plain'), plain);
      expect(await failure({ from: hollow, compiler })).toMatch(/must pass its test, got Module did not self-register/);
    },
  );

  it.skipIf(!cc)(`must have what the binding needs${cc ? '' : ' (skipped: no C++ compiler runs here)'}`, async () => {
    expect(await failure({ from: hollow, compiler: CXX })).toMatch(/must compile the binding, got .*\. The headers of/);
  });
});

async function tarOf(from: string): Promise<string> {
  const file = join(folder, 'hollow.tar.gz');
  await createTar({ gzip: true, file, cwd: from }, ['include', 'lib']);
  return file;
}

describe('the compiler', () => {
  it('must run', async () => {
    expect(await failure({ from: hollow, compiler: join(folder, 'no-compiler') })).toMatch(
      /a C\+\+ compiler must run here, got none of .*no-compiler\. Install one \(Debian and Ubuntu: apt-get install g\+\+/,
    );
  });

  it('says what it could not compile', async () => {
    const script = '[ "$1" = --version ] && exit 0\necho "a.cc:1: error: this is not C++" >&2\nexit 1';
    const compiler = program(join(folder, 'complains'), script);
    expect(await failure({ from: hollow, compiler })).toContain(
      'must compile the binding, got a.cc:1: error: this is not C++',
    );
  });

  it('needs the headers of Node, which are the running one first and a package last', async () => {
    const library = { include: '', files: [] };
    const made = compileBinding(tfjsNode, library, folder, {
      compiler: copyingCompiler(join(folder, 'copy-none'), text),
      headers: [],
    });
    await expect(made).rejects.toThrow(
      "installNative: Node's header node_api.h must be in a folder, got none. Reinstall",
    );
    const folders = nodeHeaderFolders({ npm_config_nodedir: join(folder, 'nodedir') });
    expect(folders[1]).toBe(join(folder, 'nodedir', 'include', 'node'));
    expect(existsSync(join(folders.at(-1) as string, 'node_api.h'))).toBe(true);
  });
});

describe('the official download', () => {
  let server: Server | undefined;
  const before = { ...process.env };
  afterEach(() => {
    server?.close();
    process.env = { ...before };
  });

  /** A server that answers every request in the same way; TFJS_NODE_BASE_URI leads to it. */
  async function serve(answer: Parameters<typeof createServer>[1]): Promise<void> {
    server = createServer(answer as never);
    await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening));
    process.env.TFJS_NODE_BASE_URI = `http://127.0.0.1:${(server.address() as AddressInfo).port}/library-`;
  }

  it('has the address of the install script, or of the variables that it honours', () => {
    const from = (env: NodeJS.ProcessEnv): string => officialAddress(tfjsNode, env);
    expect(from({})).toMatch(/^https:.*libtensorflow/);
    if (process.arch !== 'x64') return;
    expect(from({ TFJS_NODE_BASE_URI: 'http://mirror/l-' })).toMatch(
      /^http:\/\/mirror\/l-cpu-\w+-x86_64-2\.9\.1\.tar\.gz$/,
    );
    expect(from({ CDN_STORAGE: 'http://cdn/' })).toMatch(
      /^http:\/\/cdn\/tensorflow\/libtensorflow\/libtensorflow-cpu-/,
    );
  });

  it.skipIf(process.arch !== 'x64')(
    'names the server that refuses, breaks off or is not there (x64 only)',
    async () => {
      await serve((_, response) => response.writeHead(404).end());
      expect(await failure({ method: 'official' })).toMatch(
        /the download of http:.* must succeed, got the server answered 404\. Look at/,
      );
      server?.close();
      await serve((_, response) => {
        response.writeHead(200, { 'content-length': 1000 }).write('short');
        setTimeout(() => response.destroy(), 50);
      });
      expect(await failure({ method: 'official' })).toMatch(
        /must succeed, got (aborted|socket hang up|Premature close|5 of 1000)/,
      );
      server?.close();
      expect(await failure({ method: 'official' })).toMatch(/must succeed, got .*ECONNREFUSED/);
    },
  );

  it.skipIf(process.arch !== 'x64')('follows where it is sent, and checks what it gets (x64 only)', async () => {
    await serve((request, response) => {
      if (request.url?.startsWith('/library-') === true) response.writeHead(302, { location: '/file' }).end();
      else response.end('not gzip');
    });
    expect(await failure({ method: 'official' })).toMatch(
      /the archive of http:\S+ must be the official one, whose SHA-256 is [0-9a-f]{64}, got 3b8f5bf2[0-9a-f]{56}\. Look at proxies/,
    );
  });

  it.skipIf(process.arch !== 'x64')(
    'runs nothing of an archive that is another, however well made (x64 only)',
    async () => {
      const marker = join(folder, 'ran');
      const made = join(folder, 'other.tar.gz');
      await createTar({ gzip: true, file: made, cwd: hollow }, ['.']);
      await serve((_, response) => response.end(readFileSync(made)));
      const compiler = program(join(folder, 'marks'), `touch '${marker}'`);
      expect(await failure({ method: 'official', compiler })).toContain('must be the official one, whose SHA-256 is');
      expect(existsSync(marker)).toBe(false);
    },
  );

  it('comes first, then pip; when both fail, each says why', async () => {
    process.env.TFJS_NODE_BASE_URI = process.env.CDN_STORAGE = 'http://127.0.0.1:1/';
    const lines: string[] = [];
    const onProgress = (line: string): number => lines.push(line);
    const said = await failure({ python: join(folder, 'no-python'), onProgress });
    expect(said).toMatch(
      /a method must work, got none: official: the download of .* must succeed, got .*; pip: pip must run here/,
    );
    expect(lines.some((line) => line.startsWith('official: '))).toBe(true);
  });
});

describe('pip', () => {
  it('must run', async () => {
    expect(await failure({ method: 'pip', python: join(folder, 'no-python') })).toMatch(
      /pip must run here, got none of .*no-python -m pip\. Install one/,
    );
  });

  it('says why it could not download', async () => {
    const script = 'case "$*" in *--version*) exit 0;; esac\necho "ERROR: no route to host" >&2\nexit 1';
    const python = program(join(folder, 'offline'), script);
    expect(await failure({ method: 'pip', python })).toMatch(
      /pip must download tensorflow\S* 2\.21\.0, got ERROR: no route to host\. Look at the network and at pip config/,
    );
  });

  it('takes the wheel of any Python, and unpacks it', async () => {
    const made = wheel(join(folder, 'made.whl'), HOLLOW);
    const python = program(
      join(folder, 'python'),
      `case "$*" in *--version*) exit 0;; *"--python-version 3.11"*) ;; *) echo "ERROR: No matching distribution found" >&2; exit 1;; esac
while [ "$1" != --dest ]; do shift; done
cp '${made}' "$2/tensorflow_cpu.whl"`,
    );
    const compiler = copyingCompiler(join(folder, 'copy-pip'), text);
    expect(await failure({ method: 'pip', python, compiler })).toMatch(
      /made with tensorflow_cpu\.whl must pass its test/,
    );
  });
});

describe('the cache folder', () => {
  it('must be writable and have room', async () => {
    const file = write(join(folder, 'file'), '');
    await expect(installNative({ cache: join(file, 'cache'), from: hollow })).rejects.toThrow(
      /the cache folder must be writable while making it, got ENOTDIR .*\. Pass a folder of your own with --cache/,
    );
    expect(() => requireSpace(folder, 1e18)).toThrow(
      /must have 1000000000000 MB left, got \d+ MB\. Free some, or pass/,
    );
    const full = Object.assign(new Error('write'), { code: 'ENOSPC' });
    expect(inWords(full, 'unpacking')).toMatchObject({ rule: 'have space while unpacking', value: 'ENOSPC' });
  });

  it('has one installer at a time, and forgets one that is no more', async () => {
    write(join(cache, 'lock'), '');
    const lock = await lockFile('test', join(cache, 'lock'));
    await expect(installNative({ cache, from: hollow })).rejects.toThrow(
      `the cache folder ${cache} must be free, got another installation (process ${process.pid} on ${hostname()}, since 2`,
    );
    if ('release' in lock) lock.release();
    writeFileSync(join(cache, 'lock'), `${process.pid} ${hostname()}`);
    await failure({ from: hollow, compiler: copyingCompiler(join(folder, 'copy-lock'), text) });
  });

  it('is cleaned of what a killed installer left', async () => {
    const compiler = program(join(folder, 'sleeps'), '[ "$1" = --version ] && exit 0\nsleep 60');
    const script = `import { installNative } from ${JSON.stringify(new URL('../dist/install.js', import.meta.url).href)};
installNative(${JSON.stringify({ cache, from: hollow, compiler })});`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { detached: true, stdio: 'ignore' });
    const compiles = (): boolean =>
      existsSync(cache) && readdirSync(cache).some((name) => existsSync(join(cache, name, 'path', 'out', 'lib')));
    for (let i = 0; i < 400 && !compiles(); i++) await new Promise((later) => setTimeout(later, 50));
    expect(compiles()).toBe(true);
    process.kill(-(child.pid as number), 'SIGKILL');
    await new Promise((ended) => child.on('close', ended));
    expect(readdirSync(cache)).toContain('lock');
    expect(existsSync(installFolder(cache))).toBe(false);
    // What was killed with it may hold the lock for a moment more.
    const after = { from: hollow, compiler: copyingCompiler(join(folder, 'copy-after'), text) };
    await vi.waitFor(() => failure(after), { timeout: 10_000, interval: 100 });
  });
});

it('explains bad options', async () => {
  await expect(installNative({ method: 'apt' as 'pip' })).rejects.toThrow(OptionError);
  await expect(installNative({ folder: 'x' } as object)).rejects.toThrow(
    /^installNative: options must have no 'folder'/,
  );
  expect(await failure({ method: 'path' })).toContain(
    "from must be given with method 'path', got undefined. Give from, a folder or an archive",
  );
  expect(await failure({ method: 'pip', from: hollow })).toContain("from must not be given with method 'pip'");
});

it('has nothing to say or to remove where nothing is installed', async () => {
  expect(await nativeStatus(cache)).toEqual({ folder: installFolder(cache), damaged: [] });
  expect(await removeNative(cache)).toBe(false);
});
