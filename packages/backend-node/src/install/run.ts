import { spawn } from 'node:child_process';

export interface Outcome {
  /** Exit code; undefined when the program could not be started. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program without a shell and collects what it says. */
export function runProgram(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.on('error', (error) => resolve({ code: undefined, stdout, stderr: error.message }));
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
}

/** The first of several programs that starts and answers with exit code 0. */
export async function firstThatRuns(
  commands: readonly (readonly string[])[],
  args: readonly string[],
): Promise<readonly string[] | undefined> {
  for (const [command = '', ...before] of commands) {
    if ((await runProgram(command, [...before, ...args])).code === 0) return [command, ...before];
  }
  return undefined;
}
