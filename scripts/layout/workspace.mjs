/**
 * What a rule found wrong: where, what the rule is, and how to mend it.
 * @typedef {{ file: string, rule: string, fix: string }} Failure
 *
 * The fields of package.json that the rules read.
 * @typedef {object} Manifest
 * @property {string} name
 * @property {string} [version]
 * @property {string} [description]
 * @property {boolean} [private]
 * @property {string} [license]
 * @property {string} [type]
 * @property {boolean | string[]} [sideEffects]
 * @property {Record<string, string | { types?: string, default?: string }>} [exports]
 * @property {string[]} [files]
 * @property {{ node?: string }} [engines]
 * @property {Record<string, string>} [scripts]
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [devDependencies]
 * @property {Record<string, string>} [peerDependencies]
 *
 * A workspace package: `dir` is `packages/fsq`, `folder` is `fsq`.
 * @typedef {{ dir: string, folder: string, manifest: Manifest }} Package
 */

/**
 * Every folder of packages/ and apps/ that has a package.json.
 * @param {Map<string, string>} files
 * @returns {Package[]}
 */
export function findPackages(files) {
  const packages = [];
  for (const [path, text] of files) {
    const [, dir, folder] = /^((?:packages|apps)\/([^/]+))\/package\.json$/.exec(path) ?? [];
    if (dir !== undefined && folder !== undefined) packages.push({ dir, folder, manifest: JSON.parse(text) });
  }
  return packages;
}

/**
 * Source text without its comments, so that a rule about code does not trip over prose. Line by line, which is enough for
 * code that biome has formatted.
 * @param {string} text
 */
export function withoutComments(text) {
  return text
    .split('\n')
    .map((line) => (/^\s*(\/\/|\/\*|\*)/.test(line) ? '' : line.replace(/\s\/\/ .*$/, '')))
    .join('\n');
}
