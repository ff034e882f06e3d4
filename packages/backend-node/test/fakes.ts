import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { afterAll } from 'vitest';

/** A folder that is removed after the tests of the file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'vqkit-native-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a file and the folders above it, and gives its path. */
export function write(path: string, content: string | Uint8Array): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** A program that plays a compiler or a Python. */
export function program(path: string, script: string): string {
  write(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A compiler that copies a file to where the binding should go. */
export function copyingCompiler(path: string, file: string): string {
  return program(path, `[ "$1" = --version ] && exit 0\nfor last in "$@"; do :; done\ncp '${file}' "$last"`);
}

/** The files of a TensorFlow library without any code in them, by path. */
export const HOLLOW = {
  'include/tensorflow/c/c_api.h': '',
  'lib/libtensorflow.so.2': 'no library',
  'lib/libtensorflow_framework.so.2': 'no library',
};

export function hollowLibrary(folder: string): string {
  for (const [path, content] of Object.entries(HOLLOW)) write(join(folder, path), content);
  return folder;
}

/** A wheel that holds files, with a RECORD of them, or of others. */
export function wheel(path: string, files: Readonly<Record<string, string>>, record = files): string {
  const lines = Object.entries(record).map(([name, content]) => {
    const hash = createHash('sha256').update(content).digest('base64url');
    return `${name},sha256=${hash},${content.length}\n`;
  });
  write(path, zip({ ...files, 'tensorflow_cpu-2.dist-info/RECORD': lines.join('') }));
  return path;
}

/** A zip archive with its members stored as they are. */
export function zip(files: Readonly<Record<string, string>>): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const [path, data] = [Buffer.from(name), Buffer.from(content)];
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, path, data]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, place, path]));
    locals.push(local);
    offset += local.length;
  }
  const entries = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(entries.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, entries, end]);
}
