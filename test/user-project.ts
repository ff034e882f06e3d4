import { existsSync, mkdirSync, mkdtempSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../scripts/setup.mjs';

/** The folders of all packages, from the root. One that moved leaves its node_modules in an old clone. */
export const packages: readonly string[] = ['packages', 'apps'].flatMap((group) =>
  readdirSync(join(root, group))
    .map((name) => `${group}/${name}`)
    .filter((path) => existsSync(join(root, path, 'package.json'))),
);

/** A user's project in which every package is installed, built as it is now. Remove it at the end. */
export function makeUserProject(name: string): string {
  mkdirSync(join(root, 'test-results'), { recursive: true });
  const folder = mkdtempSync(join(root, `test-results/${name}-`));
  mkdirSync(join(folder, 'node_modules/@vqkit'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  for (const path of packages) {
    const own = path.split('/').at(-1) ?? '';
    symlinkSync(join(root, path), join(folder, 'node_modules', own === 'vqkit' ? own : `@vqkit/${own}`));
  }
  mkdirSync(join(folder, 'node_modules/@tensorflow'));
  for (const path of ['testing', 'layers'].map((own) => join(root, `packages/${own}/node_modules/@tensorflow`))) {
    for (const name of readdirSync(path)) {
      const linked = join(folder, 'node_modules/@tensorflow', name);
      if (!existsSync(linked)) symlinkSync(join(path, name), linked);
    }
  }
  // Whoever describes options by @vqkit/schema has zod beside it.
  symlinkSync(join(root, 'packages/schema/node_modules/zod'), join(folder, 'node_modules/zod'));
  return folder;
}
