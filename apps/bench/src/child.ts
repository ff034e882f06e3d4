import { type ChildProcess, spawn } from 'node:child_process';

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
// Being ended by a signal is no exit of its own accord, and would leave the children behind.
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.once(signal, () => process.exit(code));
}

/** Has a process die with this one. */
export function tieToThisProcess(child: ChildProcess): void {
  running.add(child);
  child.once('close', () => running.delete(child));
}

/**
 * Runs a program to its end and gives what it wrote.
 * @throws Error with what it complained about when it fails.
 */
export function runToEnd(command: string, args: readonly string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  tieToThisProcess(child);
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors = `${errors}${chunk.toString()}`.slice(-4000);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`its process ended with ${signal ?? `exit code ${code}`}${complaint(errors)}`));
    });
  });
}

/** The line of an error output that names the error, `: ` before it; empty for an empty output. */
export function complaint(errors: string): string {
  const lines = errors.trim().split('\n');
  const line = lines.find((candidate) => /^\w*Error\b/.test(candidate)) ?? lines.at(-1) ?? '';
  return line === '' ? '' : `: ${line}`;
}
