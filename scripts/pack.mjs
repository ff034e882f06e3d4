import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pnpm } from './setup.mjs';

/**
 * Packs packages into an empty folder, as `pnpm publish` would.
 * @param {string[]} filters which packages, as pnpm's --filter names them
 * @param {string} destination
 * @returns {string[]} the paths of the tarballs
 */
export function pack(filters, destination) {
  const only = filters.map((filter) => `--filter=${filter}`);
  pnpm([...only, 'pack', '--silent', '--pack-destination', destination]);
  return readdirSync(destination).map((name) => join(destination, name));
}
