import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QUANTIZERS, quantizerNames } from '@vqkit/quantizers';
import { fullRun, startEngine, titleIf } from '@vqkit/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { root } from '../scripts/setup.mjs';

const folder = mkdtempSync(join(tmpdir(), 'vqkit-registry-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A program that puts one more quantizer into the registry and then runs the command line. */
function withDummy(...args: string[]): string {
  const program = `
    import { createFsq, QUANTIZERS } from '@vqkit/quantizers';
    QUANTIZERS.dummy = {
      ...QUANTIZERS.fsq,
      name: 'dummy',
      title: 'Dummy',
      create: (options) => createFsq(options),
      recipe: () => ({ levels: [3, 3] }),
      flags: { levels: 'levels', rotation: 'orthogonalRotation' },
      normGroups: 2,
      remedies: { collapse: 'Take another dummy.' },
      nextRuns: { collapse: { name: 'another', flags: '--levels 7,7' } },
    };
    const { runCli } = await import('./packages/vqkit/dist/index.js');
    process.exitCode = await runCli(${JSON.stringify(args)});`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', program], { cwd: root, encoding: 'utf8' });
}

describe('a quantizer that stands in the registry', () => {
  const run = join(folder, 'run');

  it('has its flags in the command line', () => {
    const help = withDummy('train', '--help').replace(/\s+/g, ' ');
    expect(help).toMatch(/--quantizer <name> The quantizer to train. One of .*residual-vq, dummy\. /);
    expect(help).toContain('Levels of each feature of a code, such as 8,6,5. Only fsq, dummy.');
    expect(help).toContain('instead of straight-through. Only simvq, vq, dummy.');
    expect(help).toContain('Default 4 for lfq and residual-lfq, 2 for dummy, 0 for the others.');
  });

  it.skipIf(!fullRun)(titleIf(fullRun, 'trains, is diagnosed and reported by its title, and encodes'), () => {
    const small = [
      '--steps',
      '2',
      '--batch-size',
      '32',
      '--validation-size',
      '0',
      '--levels',
      '8,8,8',
      '--rotation',
      '--norm-groups',
      '0',
    ];
    withDummy('train', '--quantizer', 'dummy', ...small, '--engine', 'wasm', '--out-dir', run);
    const config = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8')) as object;
    expect(config).toMatchObject({ quantizer: 'dummy', quantizerOptions: { orthogonalRotation: true } });
    const report = JSON.parse(readFileSync(join(run, 'report-data.json'), 'utf8')) as { diagnosis: object[] };
    expect(report.diagnosis).toContainEqual(
      expect.objectContaining({
        name: 'collapse',
        remedy: expect.stringContaining('Take another dummy.'),
        command: expect.stringContaining('--levels 7,7'),
      }),
    );
    expect(readFileSync(join(run, 'report.html'), 'utf8')).toContain('Dummy');
    const file = join(folder, 'dummy.safetensors');
    withDummy('export', run, '--out', file);
    withDummy('encode', file, '--part', 'test', '--limit', '8', '--out', join(folder, 'ids.npy'));
    expect(readFileSync(join(folder, 'ids.npy')).length).toBeGreaterThan(8 * 49 * 4);
  });
});

/** Tests may use any quantizer. */
const withoutTests = (text: string): string => text.replace(/"devDependencies": \{[^}]*\}/, '');

describe('the registry', () => {
  it('names every quantizer as its key and its kind say', async () => {
    await startEngine('cpu');
    for (const name of quantizerNames()) {
      const { layer, kind, name: own, create, recipe } = QUANTIZERS[name];
      expect(own).toBe(name);
      expect(layer === undefined || quantizerNames().some((other) => other === layer)).toBe(true);
      const quantizer = create(recipe(32));
      expect(quantizer.kind).toBe(kind);
      quantizer.dispose();
    }
  });

  /** What a new quantizer asks for beside its own package, its stack and the documentation. */
  it('is where the sources know of a quantizer', () => {
    const tracked = execFileSync(
      'git',
      ['ls-files', '-co', '--exclude-standard', 'packages', 'apps/train', 'apps/studio'],
      {
        cwd: root,
        encoding: 'utf8',
      },
    );
    const mentions = tracked
      .split('\n')
      .filter((file) => /\/(src\/.*\.ts|package\.json|tsconfig\.json)$/.test(file))
      .filter((file) => !/^packages\/(simvq|residual|codecs|testing)\/|\/first-checkpoints\.ts$/.test(file))
      .filter((file) =>
        /'(residual-)?simvq'|@vqkit\/simvq|\.\.\/simvq/.test(withoutTests(readFileSync(join(root, file), 'utf8'))),
      );
    expect(mentions.sort()).toEqual([
      // The preset of the article's own case.
      'apps/train/src/presets/speech.ts',
      'packages/quantizers/package.json',
      'packages/quantizers/src/entries.ts',
      'packages/quantizers/src/entries/simvq.ts',
      'packages/quantizers/src/index.ts',
      'packages/quantizers/tsconfig.json',
    ]);
  });
});
