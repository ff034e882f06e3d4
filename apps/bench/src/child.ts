import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

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
 * @param environment variables beside those of this process.
 * @throws Error with what it complained about when it fails.
 */
export function runToEnd(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
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

/** Runs a program to its end as {@link runToEnd} does, and gives what it wrote as JSON in its last line. */
export async function resultOf(...call: Parameters<typeof runToEnd>): Promise<unknown> {
  const output = await runToEnd(...call);
  return JSON.parse(output.trim().split('\n').at(-1) ?? '');
}

/** A process that answers lines by lines of JSON. */
export interface Answering {
  /** Its next line. */
  next(): Promise<unknown>;
  /** What it answers to a line; without words an empty one. */
  ask(line?: string): Promise<unknown>;
  stop(): void;
}

/**
 * Starts a process that answers each line by one. What it complains about goes to this process's own error output.
 * @throws Error, from `next` and `ask`, when it ends before it answers.
 */
export function startAnswering(command: string, args: readonly string[]): Answering {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  tieToThisProcess(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${command} ${args[0]} ended before it answered`);
    return JSON.parse(value);
  };
  return {
    next,
    ask(line = '') {
      child.stdin.write(`${line}\n`);
      return next();
    },
    stop: () => child.stdin.end(),
  };
}

/** The line of an error output that names the error, `: ` before it; empty for an empty output. */
export function complaint(errors: string): string {
  const lines = errors.trim().split('\n');
  const line = lines.find((candidate) => /^\w*Error\b/.test(candidate)) ?? lines.at(-1) ?? '';
  return line === '' ? '' : `: ${line}`;
}
