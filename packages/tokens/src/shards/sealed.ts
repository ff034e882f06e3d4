import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import { CheckpointError, parseJson } from '@vqkit/checkpoint';
import { phrase, shorten } from '@vqkit/core-tensor';
import { problemOf } from '@vqkit/schema';
import { z } from 'zod';

/** SHA-256 in hexadecimal. */
export const digest: z.ZodString = z.string().regex(/^[0-9a-f]{64}$/, 'SHA-256 in hexadecimal');

/** SHA-256 of what comes in parts, in hexadecimal. */
export function createDigest(): { add(bytes: Uint8Array | string): void; hex(): string } {
  const hash = sha256.create();
  return {
    add: (bytes) => hash.update(typeof bytes === 'string' ? utf8ToBytes(bytes) : bytes),
    hex: () => bytesToHex(hash.digest()),
  };
}

export function digestOf(bytes: Uint8Array | string): string {
  const hash = createDigest();
  hash.add(bytes);
  return hash.hex();
}

/** The JSON of a value with its own checksum as the last field, `sha256`: that of the JSON without it. */
export function seal(value: object): { readonly text: string; readonly sha256: string } {
  const own = digestOf(JSON.stringify(value));
  return { text: `${JSON.stringify({ ...value, sha256: own }, null, 1)}\n`, sha256: own };
}

/**
 * What {@link seal} wrote.
 * @param where the caller and the file, for errors; `fix` what to do about another file.
 * @throws CheckpointError for what is no JSON, does not follow the schema, or was changed by hand.
 */
export function unseal<T>(where: string, fix: string, bytes: Uint8Array, schema: z.ZodType<T>): T & { sha256: string } {
  const fail = (rule: string, found: unknown, argument = 'the file'): CheckpointError =>
    new CheckpointError(where, argument, rule, found, fix);
  const read = parseJson(bytes, (rule, found) => fail(`be ${rule}`, phrase(shorten(found))));
  const isObject = typeof read === 'object' && read !== null && !Array.isArray(read);
  if (!isObject) throw fail('hold an object', read);
  const { sha256: own, ...value } = read as { sha256?: unknown };
  const checked = schema.safeParse(value);
  if (!checked.success) {
    const { path, rule, value: found } = problemOf(checked.error, value);
    throw fail(rule, found, path || undefined);
  }
  const actual = digestOf(JSON.stringify(value));
  if (own !== actual) {
    const rule = `be as it was written, with the checksum ${actual.slice(0, 12)}…`;
    throw fail(rule, phrase(`${shorten(String(own)).slice(0, 14)}…: it was edited or damaged`, own));
  }
  return { ...checked.data, sha256: actual };
}
