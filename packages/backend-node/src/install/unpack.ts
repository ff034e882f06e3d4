import { createHash } from 'node:crypto';
import { createWriteStream, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { x as extractTar } from 'tar';
import { type Entry, openPromise, type ZipFile } from 'yauzl';
import { InstallError, inWords } from './error.ts';

const HEADERS = /(^|\/)include\/(tensorflow\/(c|core\/platform)|xla\/tsl|tsl)\/.*\.h$/;
const LIBRARIES = /(^|\/)libtensorflow(_cc|_framework)?(\.so[.\d]*|[.\d]*\.dylib)$/;

/** Unpacks the libraries and the headers of their C interface from an archive: .tar.gz, .tgz, .zip or .whl. */
export async function unpackArchive(archive: string, into: string): Promise<void> {
  mkdirSync(into, { recursive: true });
  try {
    if (/\.(zip|whl)$/.test(archive)) await unpackZip(archive, into);
    else await extractTar({ file: archive, cwd: into, strict: true, filter: isWanted });
  } catch (error) {
    const told = inWords(error, `unpacking ${archive}`);
    if (told instanceof InstallError) throw told;
    throw corrupt(archive, error instanceof Error ? error.message : String(error));
  }
}

function isWanted(path: string): boolean {
  return HEADERS.test(path) || LIBRARIES.test(path);
}

function corrupt(archive: string, detail: string): InstallError {
  return new InstallError(`the archive ${archive}`, 'be whole', detail, 'Download it again.');
}

async function unpackZip(archive: string, into: string): Promise<void> {
  const zip = await openPromise(archive, { autoClose: false });
  try {
    const wanted: Entry[] = [];
    let record: Entry | undefined;
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('.dist-info/RECORD')) record = entry;
      else if (isWanted(entry.fileName)) wanted.push(entry);
    }
    const hashes = record === undefined ? undefined : readRecord(await text(await zip.openReadStreamPromise(record)));
    if (hashes === undefined && archive.endsWith('.whl')) throw corrupt(archive, 'a wheel without RECORD');
    for (const entry of wanted) {
      const { fileName } = entry;
      const sha256 = await writeEntry(zip, entry, join(into, fileName));
      if (hashes !== undefined && hashes.get(fileName) !== sha256) {
        throw corrupt(archive, `${fileName} is not what its RECORD says`);
      }
    }
  } finally {
    zip.close();
  }
}

/** Writes one member and gives its SHA-256, in the base64 of a wheel's RECORD. */
async function writeEntry(zip: ZipFile, entry: Entry, path: string): Promise<string> {
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform(chunk, _, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  mkdirSync(dirname(path), { recursive: true });
  await pipeline(await zip.openReadStreamPromise(entry), hashing, createWriteStream(path));
  return hash.digest('base64url');
}

/** The lines of a RECORD, `path,sha256=…,size`: hashes by path. */
function readRecord(lines: string): Map<string, string> {
  const found = [...lines.matchAll(/^"?(.+?)"?,sha256=([\w-]+),\d+\r?$/gm)];
  return new Map(found.map(([, path = '', hash = '']) => [path, hash]));
}
