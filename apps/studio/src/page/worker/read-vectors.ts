import { decodeNpy, parseJson } from '@vqkit/checkpoint';
import { DataError, floatsOf, phrase } from '@vqkit/core-tensor';

/** Numbers that the page takes at most. */
const MOST = 2 ** 24;

/**
 * Rows of numbers from a .npy, .json or text file, one row after the other.
 * @throws DataError when it holds none, or rows of another width; CheckpointError when a .npy is damaged.
 */
export function readVectors(name: string, bytes: Uint8Array, features: number): Float32Array {
  const values = parse(name, bytes);
  const whole = values.length > 0 && values.length % features === 0;
  if (!whole) refuse(name, `hold rows of ${features} numbers`, `${values.length} numbers`);
  if (values.length > MOST) refuse(name, `hold at most ${MOST} numbers`, `${values.length}`);
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) refuse(name, 'hold finite numbers', `${values[bad]} at row ${Math.floor(bad / features) + 1}`);
  return values;
}

function parse(name: string, bytes: Uint8Array): Float32Array {
  if (name.endsWith('.npy')) return Float32Array.from(floatsOf('readVectors', name, decodeNpy(bytes, name)));
  if (!name.endsWith('.json')) {
    const words = new TextDecoder().decode(bytes).split(/[\s,;]+/);
    return Float32Array.from(
      words.filter((word) => word !== ''),
      Number,
    );
  }
  const rows = parseJson(bytes, (rule, found) => new DataError('readVectors', name, `be ${rule}`, phrase(found), FIX));
  if (!Array.isArray(rows)) return refuse(name, 'hold a list of rows', 'something else');
  return Float32Array.from(rows.flat() as unknown[], (value) => (typeof value === 'number' ? value : Number.NaN));
}

const FIX = 'Choose another file.';

function refuse(name: string, rule: string, found: string): never {
  throw new DataError('readVectors', name, rule, phrase(found), FIX);
}
