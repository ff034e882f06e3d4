#!/usr/bin/env node
// `npm run release`: raises the versions by what .changeset says, writes the CHANGELOGs, checks the packed packages, and publishes them. It wants a clean tree, a login at npm
// and afterwards a commit. `npm run release -- --dry-run` does all of it to the end in a clone and uploads nothing; the clone stays in the folder that `--in` names.
// `--repository https://github.com/owner/name` is what the packages say of themselves.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { publishedPackages } from './pack.mjs';
import { ensureBuilt, ensureInstalled, pnpm, requireNode, root, run } from './setup.mjs';

const { values } = parseArgs({
  options: {
    'dry-run': { type: 'boolean' },
    repository: { type: 'string' },
    in: { type: 'string' },
    'in-clone': { type: 'boolean' },
  },
});

/** What has changed since the last commit. */
function changes() {
  return spawnSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' }).stdout;
}

/**
 * npm shows the provenance of packages that say truly which repository they come from.
 * @param {string | undefined} repository its address
 */
function nameRepository(repository) {
  if (repository === undefined) return;
  for (const { folder } of publishedPackages()) {
    const path = join(root, folder, 'package.json');
    const manifest = JSON.parse(readFileSync(path, 'utf8'));
    manifest.repository = { type: 'git', url: `git+${repository}.git`, directory: folder };
    writeFileSync(path, `${JSON.stringify(manifest, undefined, 2)}\n`);
  }
}

/** Everything before the upload: the tarballs lie in packed/. */
async function prepare() {
  ensureInstalled();
  pnpm(['exec', 'changeset', 'version']);
  nameRepository(values.repository);
  const folder = join(root, 'packed');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  // Not before: in a clone nothing is installed at first.
  const { checkPacked } = await import('./check-packed.mjs');
  return checkPacked(folder);
}

/** A clone of the last commit, with what is built here: versions do not change what is built. */
function rehearse() {
  ensureInstalled();
  ensureBuilt();
  const clone = values.in ?? join(mkdtempSync(join(tmpdir(), 'vqkit-release-')), 'vqkit');
  run('git', ['clone', '--quiet', root, clone]);
  for (const { folder } of publishedPackages()) {
    if (existsSync(join(clone, folder)))
      cpSync(join(root, folder, 'dist'), join(clone, folder, 'dist'), { recursive: true });
  }
  const named = values.repository === undefined ? [] : ['--repository', values.repository];
  try {
    run(process.execPath, [join(clone, 'scripts/release.mjs'), '--dry-run', '--in-clone', ...named]);
  } finally {
    if (values.in === undefined) rmSync(join(clone, '..'), { recursive: true });
  }
}

requireNode();
if (values['dry-run'] && !values['in-clone']) rehearse();
else if (values['dry-run']) {
  for (const tarball of await prepare()) {
    run('npm', ['publish', tarball, '--access', 'public', '--dry-run', '--loglevel', 'error']);
  }
} else {
  if (changes() !== '') throw new Error('release: files have changed since the last commit. Commit or stash them.');
  ensureInstalled();
  ensureBuilt();
  await prepare();
  // Of those that are not at npm yet; with NPM_CONFIG_PROVENANCE=true, in a hosted workflow, npm shows what made them.
  pnpm(['exec', 'changeset', 'publish']);
}
