import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../scripts/setup.mjs';

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '' && !path.startsWith('.changeset/') && existsSync(root + path));

/** What a page says outside of its code. */
const proseOf = (path: string): string =>
  readFileSync(root + path, 'utf8')
    .replace(/^```[\s\S]*?^```$/gm, '')
    .replace(/`[^`\n]*`/g, 'code');

/** The anchors that GitHub and VitePress give to headings; both agree but for punctuation, which is left out. */
const anchorsOf = (path: string): Set<string> =>
  new Set(
    [
      ...readFileSync(root + path, 'utf8')
        .replace(/^```[\s\S]*?^```$/gm, '')
        .matchAll(/^#+ (.+)$/gm),
    ].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\w\s-]/g, '')
        .trim()
        .replace(/\s+/g, '-'),
    ),
  );

describe('links between the pages of the repository', () => {
  it.each(files)('of %s lead somewhere', (path) => {
    const broken: string[] = [];
    for (const [, target = ''] of proseOf(path).matchAll(/\]\(([^()\s]+)\)/g)) {
      if (/^\w+:/.test(target)) continue;
      const [relative = '', anchor] = target.split('#');
      const wanted = relative === '' ? path : posix.normalize(posix.join(posix.dirname(path), relative));
      if (!existsSync(root + wanted)) broken.push(target);
      else if (anchor !== undefined && !anchorsOf(pageAt(wanted)).has(anchor)) broken.push(target);
    }
    expect(broken).toEqual([]);
  });
});

function pageAt(path: string): string {
  return statSync(root + path).isDirectory() ? posix.join(path, 'README.md') : path;
}
