import util from 'node:util';
import { backend, findBackendFactory, ready, setBackend } from '@tensorflow/tfjs-core';

/** Why an engine was not taken, in words, and what to do about it. */
export interface Obstacle {
  readonly reason: string;
  readonly fix: string;
}

/** The optional peer. Held in a variable, so that neither TypeScript nor a bundler asks for it. */
const PACKAGE: string = '@tensorflow/tfjs-node';
const NAME = 'tensorflow';
/** As Node and as bundlers say it. */
const NOT_FOUND = /(Cannot find (package|module)|Could not resolve) ['"]@tensorflow\/tfjs-node['"]/;

/** Loads native TensorFlow and makes it the active engine: gives its version, or what stands in the way. */
export async function startNative(): Promise<{ tensorflow: string } | Obstacle> {
  // tfjs-node 4.22.0 calls util.isNullOrUndefined, which Node 23 removed.
  const legacy = util as unknown as { isNullOrUndefined?: (value: unknown) => boolean };
  legacy.isNullOrUndefined ??= (value) => value === null || value === undefined;
  try {
    await import(PACKAGE);
  } catch (error) {
    return explain(error);
  }
  if (findBackendFactory(NAME) === null) {
    return {
      reason: `${PACKAGE} brought its own copy of @tensorflow/tfjs-core, so that its engine is not registered in yours`,
      fix: 'Install exactly version 4.22.0 of @tensorflow/tfjs-core and of @tensorflow/tfjs-node, then remove the second copy (npm dedupe).',
    };
  }
  try {
    if (!(await setBackend(NAME))) throw new Error(`tf.setBackend('${NAME}') gave false`);
    await ready();
  } catch (error) {
    return explain(error);
  }
  const { binding } = backend() as unknown as { binding?: { TF_Version?: string } };
  return { tensorflow: binding?.TF_Version ?? 'unknown' };
}

/** Turns what tfjs-node throws while it loads into a reason and a fix. */
export function explain(error: unknown): Obstacle {
  const message = error instanceof Error ? error.message : String(error);
  if (NOT_FOUND.test(message)) {
    return {
      reason: `the package ${PACKAGE} is not installed`,
      fix: `It is optional. For native TensorFlow: npm install ${PACKAGE}@4.22.0`,
    };
  }
  if (message.includes('tfjs_binding.node')) {
    return {
      reason: `${PACKAGE} is installed without its native addon: its install script was blocked or could not download TensorFlow`,
      fix: `Allow the script and run it: npm rebuild ${PACKAGE} --build-addon-from-source (pnpm: list it under allowBuilds first). It needs a C++ compiler and Python.`,
    };
  }
  if (/libtensorflow|cannot open shared object|GLIBC|invalid ELF/i.test(message)) {
    return {
      reason: `the TensorFlow library of ${PACKAGE} does not load on this system (${firstLine(message)})`,
      fix: 'Use an x64 Linux with glibc (Debian or Ubuntu, not Alpine), macOS or Windows, and install again there.',
    };
  }
  return {
    reason: `${PACKAGE} does not load (${firstLine(message)})`,
    fix: `Try node -e "require('${PACKAGE}')" to see the whole error.`,
  };
}

function firstLine(message: string): string {
  const [line = ''] = message.split('\n');
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}
