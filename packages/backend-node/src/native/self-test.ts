import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';

/** What a binding said in its test, or why it did not get that far. */
export type SelfTest = { readonly tensorflow: string } | { readonly reason: string };

/** Loads a binding, multiplies two matrices and compares with plain JavaScript. Runs in a process of its own, which may crash. */
const PROGRAM = `
const tf = require(process.argv[1]);
const n = 48;
const a = Float32Array.from({ length: n * n }, (_, i) => ((i * 7) % 13) - 6);
const b = Float32Array.from({ length: n * n }, (_, i) => ((i * 5) % 11) - 5);
const [x, y] = [a, b].map((values) => tf.createTensor([n, n], tf.TF_FLOAT, values));
const no = (name) => ({ name, type: tf.TF_ATTR_BOOL, value: false });
const T = { name: 'T', type: tf.TF_ATTR_TYPE, value: tf.TF_FLOAT };
const [product] = tf.executeOp('MatMul', [no('transpose_a'), no('transpose_b'), T], [x, y], 1);
const got = tf.tensorDataSync(product.id);
for (let i = 0; i < n; i++) {
  for (let j = 0; j < n; j++) {
    let sum = 0;
    for (let k = 0; k < n; k++) sum += a[i * n + k] * b[k * n + j];
    if (got[i * n + j] !== sum) throw new Error('MatMul gave ' + got[i * n + j] + ' instead of ' + sum);
  }
}
process.stdout.write('\\nTF=' + tf.TF_Version + '\\n');
`;

/** Runs the test of a binding in a process of its own. */
export function selfTest(binding: string): Promise<SelfTest> {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2', NODE_OPTIONS: '' };
  return new Promise((resolve) => {
    execFile(process.execPath, ['-e', PROGRAM, binding], { env, timeout: 120_000 }, (error, stdout, stderr) => {
      const [, tensorflow] = /^TF=(.+)$/m.exec(stdout) ?? [];
      if (error === null && tensorflow !== undefined) resolve({ tensorflow });
      else if (error?.killed === true) resolve({ reason: 'it did not finish within two minutes' });
      else if (error?.signal) resolve({ reason: `it crashed with ${error.signal}${hint(error.signal)}` });
      else resolve({ reason: messageIn(stderr) ?? `it ended with exit code ${error?.code ?? 0}` });
    });
  });
}

function hint(signal: string): string {
  if (signal === 'SIGILL') return ': this TensorFlow needs instructions that the processor lacks';
  return signal === 'SIGABRT' || signal === 'SIGSEGV' ? ': library and binding do not fit together' : '';
}

/** The message of the error in what Node prints about it. */
function messageIn(stderr: string): string | undefined {
  const line = stderr.split('\n').find((text) => /^(\w*Error: |FATAL)|cannot open shared object/.test(text));
  return line?.replace(/^Error: /, '').slice(0, 300);
}

const TESTED = 'tested.json';

/** What an installation was tested on: another processor, system or Node may not run it. */
function machine(): string {
  return [cpus()[0]?.model ?? process.arch, process.platform, release(), `Node ${process.versions.node}`].join(', ');
}

/** Whether the installation in a folder passed its test on this machine; unlike a look at files, it takes a process the first time. */
export async function testedHere(folder: string, binding: string): Promise<SelfTest> {
  const path = join(folder, TESTED);
  const known = readTested(path);
  const tensorflow = known[machine()];
  if (tensorflow !== undefined) return { tensorflow };
  const result = await selfTest(binding);
  if ('tensorflow' in result) {
    try {
      writeFileSync(path, `${JSON.stringify({ ...known, [machine()]: result.tensorflow }, undefined, 2)}\n`);
    } catch {
      // A cache that cannot be written to is tested again the next time.
    }
  }
  return result;
}

function readTested(path: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return {};
  }
}
