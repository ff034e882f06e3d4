import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fullRun, titleIf } from '@vqkit/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { publishedPackages } from '../scripts/pack.mjs';
import { root } from '../scripts/setup.mjs';

describe.skipIf(!fullRun)(titleIf(fullRun, 'a release, to its end but for the upload'), () => {
  const folder = mkdtempSync(join(tmpdir(), 'vqkit-release-'));
  const clone = join(folder, 'vqkit');
  let printed = '';

  beforeAll(() => {
    const args = ['scripts/release.mjs', '--dry-run', '--in', clone, '--repository', 'https://github.com/owner/vqkit'];
    printed = execFileSync(process.execPath, args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }, 600_000);

  afterAll(() => rmSync(folder, { recursive: true }));

  it('makes 0.1.0 of every package, and would publish each once', () => {
    const published = [...printed.matchAll(/^\+ (\S+)@(\S+)$/gm)].map(([, name, version]) => `${name} ${version}`);
    expect(published.sort()).toEqual(
      publishedPackages()
        .map(({ name }) => `${name} 0.1.0`)
        .sort(),
    );
  });

  it.each(publishedPackages())(
    '$name: has its changes, its repository and the versions of its siblings',
    ({ name, folder: own }) => {
      expect(readFileSync(join(clone, own, 'CHANGELOG.md'), 'utf8')).toContain('## 0.1.0');
      const tarball = join(clone, 'packed', `${name.replace('@', '').replace('/', '-')}-0.1.0.tgz`);
      const manifest = JSON.parse(
        execFileSync('tar', ['-xzOf', tarball, 'package/package.json'], { encoding: 'utf8' }),
      );
      expect(manifest.repository).toEqual({
        type: 'git',
        url: 'git+https://github.com/owner/vqkit.git',
        directory: own,
      });
      for (const [sibling, range] of Object.entries({ ...manifest.dependencies, ...manifest.peerDependencies })) {
        if (/^(@vqkit\/|vqkit$)/.test(sibling)) expect(range).toBe('^0.1.0');
        expect(range).not.toMatch(/^(workspace|catalog):/);
      }
    },
  );

  it('uses up the changesets', () => {
    expect(
      readdirSync(join(clone, '.changeset')).filter((name) => name.endsWith('.md') && name !== 'README.md'),
    ).toEqual([]);
    expect(existsSync(join(root, 'packed/vqkit-0.1.0.tgz'))).toBe(false);
  });
});
