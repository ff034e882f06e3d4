/** @import { Failure, Manifest, Package } from './workspace.mjs' */

/** Fields that every published package has with exactly this value. */
const sameEverywhere = {
  license: 'MIT',
  type: 'module',
  files: ['dist', '!dist/.tsbuildinfo'],
  engines: { node: '>=20.19' },
};

/** Scripts of every published package; a build may have steps beside `tsc -b`. */
const scripts = { typecheck: 'tsc -p tsconfig.test.json', test: 'vitest run' };

/**
 * The shape of each package and the versions they agree on.
 * @param {Map<string, string>} files
 * @param {Package[]} packages
 * @returns {Failure[]}
 */
export function checkPackages(files, packages) {
  return [
    ...packages.flatMap((pkg) => [
      ...checkFiles(files, pkg),
      ...checkManifest(files, pkg),
      ...checkReferences(files, packages, pkg),
    ]),
    ...checkVersions(files, packages),
  ];
}

/**
 * @param {Map<string, string>} files
 * @param {Package} pkg
 * @returns {Failure[]}
 */
function checkFiles(files, { dir, manifest }) {
  const needed = ['README.md', 'src/index.ts', 'tsconfig.json'];
  if (!manifest.private) needed.push('tsconfig.test.json', 'vitest.config.ts');
  const failures = needed
    .filter((name) => !files.has(`${dir}/${name}`))
    .map((name) => ({
      file: `${dir}/${name}`,
      rule: 'every package has this file',
      fix: 'Copy the form of packages/fsq.',
    }));
  if (files.get('README.md')?.includes(`](${dir})`) === false) {
    failures.push({
      file: 'README.md',
      rule: `the table of packages has ${dir}`,
      fix: 'Add it, with a link to the folder.',
    });
  }
  const tested = [...files.keys()].some((path) => path.startsWith(`${dir}/test/`) && path.endsWith('.test.ts'));
  if (!manifest.private && !tested) {
    failures.push({
      file: `${dir}/test`,
      rule: 'every published package has tests',
      fix: 'Add test/<source file>.test.ts.',
    });
  }
  return failures;
}

/**
 * @param {Map<string, string>} files
 * @param {Package} pkg
 * @returns {Failure[]}
 */
function checkManifest(files, { dir, folder, manifest }) {
  const file = `${dir}/package.json`;
  /** @type {Failure[]} */
  const failures = [];
  /** @type {(holds: boolean, rule: string, fix: string) => void} */
  const expect = (holds, rule, fix) => {
    if (!holds) failures.push({ file, rule, fix });
  };
  const name = folder === 'vqkit' ? 'vqkit' : `@vqkit/${folder}`;
  expect(manifest.name === name, `name is ${name}, after the folder`, `Got ${manifest.name}.`);
  expect(Boolean(manifest.description), 'description says in one sentence what the package is', 'Add it.');
  for (const [field, value] of Object.entries(sameEverywhere)) {
    if (manifest.private && field === 'files') continue;
    const got = JSON.stringify(manifest[/** @type {keyof Manifest} */ (field)]);
    expect(
      got === JSON.stringify(value),
      `${field} is the same in every package`,
      `Write ${JSON.stringify(value)}, not ${got}.`,
    );
  }
  if (manifest.private) return failures;

  expect(
    manifest.sideEffects !== undefined,
    'sideEffects is stated, for bundlers',
    'Write false, or the list of files.',
  );
  expect(
    /\btsc -b\b/.test(manifest.scripts?.build ?? ''),
    'scripts.build runs tsc -b',
    'Write "tsc -b"; a step of its own goes before or after it, as "node scripts/….mjs".',
  );
  for (const [script, command] of Object.entries(scripts)) {
    expect(
      manifest.scripts?.[script] === command,
      `scripts.${script} is the same in every package`,
      `Write "${command}".`,
    );
  }
  expect(manifest.exports?.['.'] !== undefined, 'exports has "."', 'Add { types, default } of ./dist/index.');
  for (const [entry, target] of Object.entries(manifest.exports ?? {})) {
    const module = entry === '.' ? 'index' : entry.replace('./', '');
    const wanted = { types: `./dist/${module}.d.ts`, default: `./dist/${module}.js` };
    expect(
      JSON.stringify(target) === JSON.stringify(wanted),
      `exports["${entry}"] names the types first, then the module`,
      `Write ${JSON.stringify(wanted)}.`,
    );
    expect(
      files.has(`${dir}/src/${module}.ts`),
      `exports["${entry}"] is built from src/${module}.ts`,
      'Add that file.',
    );
  }
  return failures;
}

/**
 * `tsc -b` builds what tsconfig.json refers to, turbo what package.json depends on: they must name the same packages.
 * @param {Map<string, string>} files
 * @param {Package[]} packages
 * @param {Package} pkg
 * @returns {Failure[]}
 */
function checkReferences(files, packages, { dir, manifest }) {
  const file = `${dir}/tsconfig.json`;
  const text = files.get(file);
  if (manifest.private || text === undefined) return [];
  /** @type {{ references?: { path: string }[] }} */
  const { references = [] } = JSON.parse(text);
  const referred = references.map(({ path }) => path.split('/').at(-1) ?? '').sort();
  const depended = packages
    .filter((other) => manifest.dependencies?.[other.manifest.name] !== undefined)
    .map(({ folder }) => folder)
    .sort();
  if (referred.join() === depended.join()) return [];
  return [
    {
      file,
      rule: 'references name the workspace dependencies of package.json',
      fix: `They name [${referred.join(', ')}], package.json [${depended.join(', ')}].`,
    },
  ];
}

/**
 * One version for all packages, one exact version of TensorFlow.js, `workspace:^` between packages.
 * @param {Map<string, string>} files
 * @param {Package[]} packages
 * @returns {Failure[]}
 */
function checkVersions(files, packages) {
  const failures = [];
  const [, listed = ''] = (files.get('pnpm-workspace.yaml') ?? '').split(/^catalog:$/m);
  const catalog = new Map([...listed.matchAll(/^ {2}"([^"]+)": (\S+)$/gm)].map(([, name, version]) => [name, version]));
  const tfjs = catalog.get('@tensorflow/tfjs-core');
  if (
    tfjs === undefined ||
    !/^\d+\.\d+\.\d+$/.test(tfjs) ||
    [...catalog.values()].some((version) => version !== tfjs)
  ) {
    failures.push({
      file: 'pnpm-workspace.yaml',
      rule: 'the catalog pins every @tensorflow package to one exact version',
      fix: 'Write that version for each, without ^ or ~.',
    });
  }
  const names = new Set(packages.map(({ manifest }) => manifest.name));
  const release = packages[0]?.manifest.version;
  // For training alone packages find what builds them in the root (scripts/setup.mjs).
  /** @type {Manifest['dependencies']} */
  const building = JSON.parse(files.get('package.json') ?? '{}').dependencies;
  for (const { dir, manifest } of packages) {
    const file = `${dir}/package.json`;
    if (manifest.version !== release) {
      failures.push({
        file,
        rule: 'all packages share one version',
        fix: `Write ${release}, not ${manifest.version}.`,
      });
    }
    for (const section of /** @type {const} */ (['dependencies', 'devDependencies', 'peerDependencies'])) {
      for (const [name, range] of Object.entries(manifest[section] ?? {})) {
        if (name.startsWith('@tensorflow/') && range !== 'catalog:' && range !== tfjs) {
          failures.push({
            file,
            rule: `${section}["${name}"] is the one exact version of the catalog`,
            fix: `Write "catalog:", or "${tfjs}" for a peer, not "${range}": two copies of tfjs-core do not share classes.`,
          });
        }
        const inRoot = building?.[name];
        if (section !== 'peerDependencies' && inRoot !== undefined && range !== inRoot) {
          failures.push({
            file,
            rule: `${section}["${name}"] is that of the root`,
            fix: `Write "${inRoot}", not "${range}".`,
          });
        }
        if (names.has(name) && range !== 'workspace:^') {
          failures.push({ file, rule: `${section}["${name}"] is workspace:^`, fix: `Got "${range}".` });
        }
      }
    }
  }
  return failures;
}
