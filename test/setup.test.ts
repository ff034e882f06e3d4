import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { forWindows, root } from '../scripts/setup.mjs';

/** What `requireNode` does with a version of Node, in a process of its own. */
function requireNode(version: string): { code: number | null; text: string } {
  const script = `import { requireNode } from './scripts/setup.mjs'; requireNode('${version}'); console.log('goes on');`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: root,
    encoding: 'utf8',
  });
  return { code: status, text: stdout + stderr };
}

describe('a command on Windows', () => {
  it("is started by cmd where it is one of npm's scripts, and as it is where it is a program", () => {
    expect(forWindows('node_modules/.bin/tsc', ['-p', 'a folder'])).toEqual([
      'cmd.exe',
      ['/d', '/s', '/c', '""node_modules\\.bin\\tsc" "-p" "a folder""'],
      { windowsVerbatimArguments: true },
    ]);
    expect(forWindows(process.execPath, ['x.mjs'])).toEqual([process.execPath, ['x.mjs'], {}]);
  });
});

describe('requireNode', () => {
  it.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0', '100.0.0'])('goes on with Node %s', (version) => {
    expect(requireNode(version)).toEqual({ code: 0, text: 'goes on\n' });
  });

  it.each(['20.18.3', '18.20.8', '9.11.2'])('ends with a clear message on Node %s', (version) => {
    const text = `vqkit needs Node 20.19 or newer, this is ${version}. Install a current one from nodejs.org.\n`;
    expect(requireNode(version)).toEqual({ code: 1, text });
  });
});
