import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../scripts/setup.mjs';

const execute = promisify(execFile);

/** One ```ts block of a README: a program that a user may copy. */
export interface Program {
  /** Such as `fsq-1`: the folder and the position in the README. */
  readonly name: string;
  readonly code: string;
  /** What the block says it prints: the comment after each `console.log(…);` of one line. */
  readonly promised: readonly string[];
}

/** The programs of a README, or of a page of the site. */
export function readmePrograms(path: string): Program[] {
  const folder = path.endsWith('README.md') ? (path.split('/').at(-2) ?? 'root') : `page-${basename(path, '.md')}`;
  const blocks = [...readFileSync(join(root, path), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)];
  return blocks.map(([, code = ''], i) => ({
    name: `${folder}-${i + 1}`,
    code,
    promised: [...code.matchAll(/^console\.log\(.*\); \/\/ (.+)$/gm)].map(([, text = '']) => text),
  }));
}

/** Compiles programs with `tsc`, strictly, as a user's project with `"type": "module"` does, and leaves the JavaScript beside them. */
export async function compile(folder: string, programs: readonly Program[]): Promise<void> {
  for (const { name, code } of programs) writeFileSync(join(folder, `${name}.ts`), code);
  const compilerOptions = { target: 'ES2022', module: 'NodeNext', strict: true, skipLibCheck: true, types: ['node'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
  const tsc = join(root, 'node_modules/.bin/tsc');
  await execute(tsc, ['-p', folder]).catch(({ stdout }: { stdout: string }) => {
    throw new Error(`a README's example does not compile:\n${stdout}`);
  });
}

/** Runs a compiled program with plain Node and returns the lines that it printed. */
export async function runProgram(folder: string, { name }: Program): Promise<string[]> {
  const { stdout } = await execute(process.execPath, [`${name}.js`], { cwd: folder });
  return stdout.split('\n');
}
