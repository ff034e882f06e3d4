import { execFileSync, spawn } from 'node:child_process';
import {
  chmod,
  link as hardlink,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasMkfifo, makeSpecialFile } from '@vqkit/testing/special-file';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointError, type SafeFile } from '../src/index.ts';
import {
  CHECKSUM,
  readSafetensors,
  removePartialFiles,
  requireWritable,
  requireWritableFolder,
  writeFileAtomic,
  writeSafetensors,
} from '../src/node.ts';
import { whileOpenElsewhere } from '../src/write-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vqkit-checkpoint-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a checksum', () => {
  const tensors = {
    w: { dtype: 'F32', shape: [2], data: new Float32Array([1, -2]) },
    flag: { dtype: 'BOOL', shape: [1], data: new Uint8Array([1]) },
  } as const;

  it('is written where its note stands, and finds a flipped bit in any byte', async () => {
    const path = join(folder, 'sum.safetensors');
    await writeSafetensors(path, tensors, { step: '12', [CHECKSUM]: 'whatever' });
    const { metadata } = await readSafetensors(path);
    expect(metadata).toEqual({ step: '12', [CHECKSUM]: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    const bytes = await readFile(path);
    const survivors: number[] = [];
    for (let bit = 0; bit < 8 * bytes.length; bit += 9) {
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
      await writeFile(path, damaged);
      const read = await readSafetensors(path).catch((error: unknown) => error);
      // A note under another name is missing where it must be.
      if (!(read instanceof CheckpointError) && CHECKSUM in (read as SafeFile).metadata) survivors.push(bit);
    }
    expect(survivors).toEqual([]);
  });

  it('is that of the content: what is read and written again has it too, and changed content another', async () => {
    const path = join(folder, 'again.safetensors');
    await writeSafetensors(path, tensors, { [CHECKSUM]: '', step: '12' });
    const first = await readSafetensors(path);
    await writeSafetensors(path, first.tensors, { ...first.metadata, step: '13' });
    const second = await readSafetensors(path);
    expect(second.metadata[CHECKSUM]).not.toBe(first.metadata[CHECKSUM]);
    await writeSafetensors(path, second.tensors, { ...second.metadata, step: '12' });
    expect(await readSafetensors(path)).toEqual(first);
    await writeSafetensors(path, tensors, { step: '12' });
    expect((await readSafetensors(path)).metadata).toEqual({ step: '12' });
  });
});

describe('a file that another program has open on Windows', () => {
  const denied = (code: string): Error => Object.assign(new Error(code), { code });

  it('is waited for', async () => {
    const codes = ['EPERM', 'EBUSY', 'EACCES'];
    const work = async (): Promise<string> => {
      const code = codes.shift();
      if (code !== undefined) throw denied(code);
      return 'done';
    };
    expect(await whileOpenElsewhere(work, true)).toBe('done');
  });

  it('is no reason to wait elsewhere, nor is another error', async () => {
    let calls = 0;
    const work = (code: string) => (): Promise<never> => {
      calls++;
      return Promise.reject(denied(code));
    };
    await expect(whileOpenElsewhere(work('EPERM'), false)).rejects.toThrow('EPERM');
    await expect(whileOpenElsewhere(work('ENOSPC'), true)).rejects.toThrow('ENOSPC');
    expect(calls).toBe(2);
  });
});

describe('writeFileAtomic', () => {
  it('writes text and bytes, replaces what was there and leaves nothing else', async () => {
    const path = join(folder, 'x.json');
    await writeFileAtomic(path, 'old');
    await writeFileAtomic(path, 'ünew');
    expect(await readFile(path, 'utf8')).toBe('ünew');
    await writeFileAtomic(path, new Uint8Array([1, 2, 3]).subarray(1));
    expect([...(await readFile(path))]).toEqual([2, 3]);
    expect(await readdir(folder)).toEqual(['x.json']);
  });

  it('names the path when the folder does not exist', async () => {
    const path = join(folder, 'none', 'x.json');
    await expect(writeFileAtomic(path, '')).rejects.toThrow(CheckpointError);
    await expect(writeFileAtomic(path, '')).rejects.toThrow(`writeFileAtomic: ${path} must be written, got ENOENT`);
  });

  it('removes its temporary file and keeps the target when it fails', async () => {
    const path = join(folder, 'x');
    await mkdir(path);
    await writeFile(join(path, 'kept'), '');
    await expect(writeFileAtomic(path, 'new')).rejects.toThrow(CheckpointError);
    function* broken(): Generator<Uint8Array> {
      yield new Uint8Array(9);
      throw new RangeError('no more');
    }
    await expect(writeFileAtomic(join(path, 'kept'), broken())).rejects.toThrow('no more');
    expect(await readdir(folder)).toEqual(['x']);
    expect(await readdir(path)).toEqual(['kept']);
    expect(await readFile(join(path, 'kept'), 'utf8')).toBe('');
  });

  it('keeps mode and links, and writes into a device', async () => {
    const path = join(folder, 'x');
    await writeFile(path, 'old');
    await chmod(path, 0o640);
    const link = join(folder, 'link');
    await symlink('x', link);
    await writeFileAtomic(link, 'new');
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).mode & 0o777).toBe(0o640);

    await writeFileAtomic('/dev/null', 'gone');
    expect((await lstat('/dev/null')).isCharacterDevice()).toBe(true);

    const dangling = join(folder, 'dangling');
    await symlink('nowhere', dangling);
    await expect(writeFileAtomic(dangling, 'x')).rejects.toThrow(`${dangling} must be written, got ENOENT`);
    expect((await readdir(folder)).sort()).toEqual(['dangling', 'link', 'x']);
  });

  it.skipIf(!hasMkfifo)('writes into a FIFO [needs mkfifo on the PATH]', async () => {
    const fifo = join(folder, 'fifo');
    await makeSpecialFile(fifo);
    const reader = readFile(fifo, 'utf8');
    await writeFileAtomic(fifo, 'through');
    expect(await reader).toBe('through');
    expect((await lstat(fifo)).isFIFO()).toBe(true);
    expect(await readdir(folder)).toEqual(['fifo']);
  });

  it('writes names of as many bytes as a name may have', async () => {
    for (const length of [250, 255]) {
      const path = join(folder, 'n'.repeat(length));
      await writeFileAtomic(path, 'x');
      await writeFileAtomic(path, 'y');
      expect(await readFile(path, 'utf8')).toBe('y');
    }
    await expect(writeFileAtomic(join(folder, 'n'.repeat(256)), 'x')).rejects.toThrow(
      /got ENAMETOOLONG \(a name that is too long\)\. Shorten it\./,
    );
  });

  it('leaves the old file and no part of the new one where there is no space', async () => {
    const path = join(folder, 'x');
    await writeFile(path, 'old');
    const script = `
      import { writeFileAtomic } from ${JSON.stringify(new URL('../dist/node.js', import.meta.url).href)};
      await writeFileAtomic(${JSON.stringify(path)}, 'x'.repeat(1e6)).catch((error) => console.log(error.message));
    `;
    const limited = `ulimit -f 100; exec "${process.execPath}" --input-type=module --eval "$1"`;
    const said = execFileSync('sh', ['-c', limited, 'sh', script], { encoding: 'utf8' });
    expect(said).toContain(`${path} must be written, got EFBIG (larger than files may be here). Raise the limit`);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['x']);
  });

  it('lets many writers of one file each write it whole', async () => {
    const path = join(folder, 'x');
    const contents = Array.from({ length: 20 }, (_, i) => String(i).repeat(10_000));
    await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
    expect(contents).toContain(await readFile(path, 'utf8'));
    expect(await readdir(folder)).toEqual(['x']);
  });

  it('leaves the whole old file or the whole new one when the process is killed', async () => {
    const path = join(folder, 'x');
    const size = 200_000;
    await writeFile(path, '0'.repeat(size));
    const script = `
      import { writeFileAtomic } from ${JSON.stringify(new URL('../dist/node.js', import.meta.url).href)};
      process.stdout.write('go');
      for (let i = 1; ; i++) await writeFileAtomic(${JSON.stringify(path)}, String(i % 10).repeat(${size}));
    `;
    for (const delayMs of [0, 3, 7, 13]) {
      const child = spawn(process.execPath, ['--input-type=module', '--eval', script]);
      await new Promise((resolve) => child.stdout.once('data', resolve));
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
      const content = await readFile(path, 'utf8');
      expect(content).toBe(content.slice(0, 1).repeat(size));
    }
    await removePartialFiles(folder);
    expect(await readdir(folder)).toEqual(['x']);
  });
});

describe('requireWritable and requireWritableFolder', () => {
  it('let pass what can be written, and leave nothing', async () => {
    await requireWritable('test', join(folder, 'x'));
    await requireWritable('test', '/dev/null');
    await requireWritableFolder('test', join(folder, 'a', 'b'));
    await writeFile(join(folder, 'x'), 'kept');
    await requireWritable('test', join(folder, 'x'));
    expect(await readFile(join(folder, 'x'), 'utf8')).toBe('kept');
    expect(await readdir(folder)).toEqual(['x']);
  });

  it.each([
    ['in a folder that is not there', () => join(folder, 'none', 'x'), 'ENOENT (no such file or folder)'],
    ['that is a folder', () => folder, 'EISDIR (a folder). Name a file'],
    ['below a file', () => join(folder, 'file', 'x'), 'ENOTDIR (a file where a folder should be)'],
    ['on a disk that cannot be written', () => '/proc/x', '/proc/x must be written, got '],
    ['with a name that is too long', () => join(folder, 'n'.repeat(300)), 'ENAMETOOLONG'],
  ])('refuse a file %s', async (_, path, message) => {
    await writeFile(join(folder, 'file'), '');
    await expect(requireWritable('test', path())).rejects.toThrow(CheckpointError);
    await expect(requireWritable('test', path())).rejects.toThrow(message);
  });

  it('refuse a file that the work reads, by any of its names', async () => {
    const [input, link, twin] = ['input', 'link', 'twin'].map((name) => join(folder, name)) as [string, string, string];
    await writeFile(input, 'kept');
    await symlink(input, link);
    await hardlink(input, twin);
    for (const path of [input, join(folder, '.', 'input'), link, twin]) {
      await expect(requireWritable('test', path, [join(folder, 'none'), input])).rejects.toThrow(
        `test: ${path} must not be what it is made of or what a run needs, got ${input}. Write to another file.`,
      );
    }
    await writeFile(join(folder, 'other'), '');
    await requireWritable('test', join(folder, 'other'), [join(input, 'below'), input]);
    await requireWritable('test', '/dev/null', ['/dev/null']);
  });

  it('refuse a folder that cannot be made', async () => {
    await writeFile(join(folder, 'file'), '');
    for (const path of [join(folder, 'file'), join(folder, 'file', 'a', 'b'), '/proc/a/b']) {
      await expect(requireWritableFolder('test', path)).rejects.toThrow(CheckpointError);
      await expect(requireWritableFolder('test', path)).rejects.toThrow(
        `test: ${path} must be a folder that can be written into, got E`,
      );
    }
  });
});

describe('removePartialFiles', () => {
  it('removes what interrupted writes left and nothing else', async () => {
    const left = '.x.json.0123456789ab.partial';
    for (const name of [left, 'x.json', 'notes.partial', '.hidden']) await writeFile(join(folder, name), '');
    expect(await removePartialFiles(folder)).toEqual([left]);
    expect((await readdir(folder)).sort()).toEqual(['.hidden', 'notes.partial', 'x.json']);
  });
});

describe('readSafetensors', () => {
  it('reads what writeSafetensors wrote', async () => {
    const path = join(folder, 'w.safetensors');
    const w = { dtype: 'F32', shape: [2, 1], data: new Float32Array([1.5, -0]) } as const;
    await writeSafetensors(path, { w }, { step: '7' });
    expect(await readSafetensors(path)).toEqual({ tensors: { w }, metadata: { step: '7' } });
    expect(await readdir(folder)).toEqual(['w.safetensors']);
  });

  it('names the path of a missing, unreadable or damaged file', async () => {
    const missing = join(folder, 'none.safetensors');
    await expect(readSafetensors(missing)).rejects.toThrow(CheckpointError);
    await expect(readSafetensors(missing)).rejects.toThrow(`${missing} must be a readable file, got ENOENT`);
    await expect(readSafetensors(folder)).rejects.toThrow(/must be a readable file, got EISDIR/);
    const damaged = join(folder, 'w.safetensors');
    await writeFile(damaged, 'not one');
    await expect(readSafetensors(damaged)).rejects.toThrow(`${damaged} must have at least 8 bytes, got 7`);
  });
});
