import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { root } from '../scripts/setup.mjs';

/** What `requireNode` does with a version of Node, in a process of its own. */
function requireNode(version: string): { code: number | null; text: string } {
  const script = `import { requireNode } from './scripts/setup.mjs'; requireNode('${version}'); console.log('goes on');`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    cwd: root,
    encoding: 'utf8',
  });
  return { code: status, text: stdout + stderr };
}

describe('requireNode', () => {
  it.each(['20.19.0', '20.20.2', '22.0.0', '24.1.0', '100.0.0'])('goes on with Node %s', (version) => {
    expect(requireNode(version)).toEqual({ code: 0, text: 'goes on\n' });
  });

  it.each(['20.18.3', '18.20.8', '9.11.2'])('ends with a clear message on Node %s', (version) => {
    const text = `vqkit needs Node 20.19 or newer, this is ${version}. Install a current one from nodejs.org.\n`;
    expect(requireNode(version)).toEqual({ code: 1, text });
  });
});
