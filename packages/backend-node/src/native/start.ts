import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { backend, findBackendFactory, ready, setBackend } from '@tensorflow/tfjs-core';
import { provideKernels } from '../kernels/index.ts';
import { BINDING, cacheFolder, damagedFile, installFolder, QUIET, readManifest, TFJS_NODE_VERSION } from './cache.ts';
import { testedHere } from './self-test.ts';
import { findTfjsNode, loadTfjsNode, ownBinding, PACKAGE, type TfjsNode } from './tfjs-node.ts';

/** Why an engine was not taken, in words, and what to do about it. */
export interface Obstacle {
  readonly reason: string;
  readonly fix: string;
}

const NAME = 'tensorflow';
/** TensorFlow reads it once, when it makes its threads. */
const THREADS = 'TF_NUM_INTRAOP_THREADS';
const INSTALL = 'Run: npx vqkit native install';

/** What {@link startNative} would load: the package and a binding for it. */
interface Found {
  readonly tfjsNode: TfjsNode;
  readonly binding: string;
  /** The folder of the installation, when `vqkit native install` made the binding. */
  readonly folder?: string;
}

/** Looks for native TensorFlow without loading it: what would be loaded, or what is missing. Reads a few files' sizes. */
export function findNative(cache: string = cacheFolder()): Found | Obstacle {
  const tfjsNode = findTfjsNode();
  if (tfjsNode?.version !== TFJS_NODE_VERSION) return packageObstacle(tfjsNode?.version);
  const folder = installFolder(cache);
  const manifest = readManifest(folder);
  const damaged = manifest === undefined ? undefined : damagedFile(folder, manifest);
  if (manifest !== undefined && damaged === undefined) return { tfjsNode, binding: join(folder, BINDING), folder };
  if (existsSync(ownBinding(tfjsNode))) return { tfjsNode, binding: ownBinding(tfjsNode) };
  if (damaged !== undefined) {
    return { reason: `the file ${damaged} of the installation in ${folder} is missing or damaged`, fix: INSTALL };
  }
  return {
    reason: `${PACKAGE} is installed without its native addon, and there is no installation of vqkit's in ${cache}`,
    fix: INSTALL,
  };
}

/** What to do when @tensorflow/tfjs-node is missing, or has another version than the binding is for. */
export function packageObstacle(version: string | undefined): Obstacle {
  const install = `npm install --ignore-scripts ${PACKAGE}@${TFJS_NODE_VERSION}`;
  if (version !== undefined) {
    return { reason: `${PACKAGE} ${version} is installed, not ${TFJS_NODE_VERSION}`, fix: `Run: ${install}` };
  }
  return {
    reason: `the package ${PACKAGE} is not installed`,
    fix: `It is optional. For native TensorFlow: ${install}, then npx vqkit native install`,
  };
}

/** Native TensorFlow as it runs. */
export interface NativeEngine {
  /** Version of the library. */
  readonly tensorflow: string;
  /** Threads that share one operation. */
  readonly threads: number;
}

/**
 * Loads native TensorFlow, gives it vqkit's kernels and makes it the active engine: gives its version, or what stands in the way.
 *
 * @param threads that share one operation. Default `TF_NUM_INTRAOP_THREADS`, else all cores. Fixed once TensorFlow is loaded.
 */
export async function startNative(threads?: number): Promise<NativeEngine | Obstacle> {
  if (findBackendFactory(NAME) === null) {
    const found = findNative();
    if ('reason' in found) return found;
    const { tfjsNode, binding, folder } = found;
    if (folder !== undefined) {
      const tested = await testedHere(folder, binding);
      if ('reason' in tested) {
        return {
          reason: `the installation in ${folder} does not pass its test here: ${tested.reason}`,
          fix: `${INSTALL} --force`,
        };
      }
    }
    if (threads !== undefined) process.env[THREADS] = String(threads);
    try {
      loadTfjsNode(tfjsNode, binding, folder === undefined ? undefined : join(folder, QUIET));
    } catch (error) {
      return explain(error);
    }
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
  const running = Number(process.env[THREADS]) || availableParallelism();
  if (threads !== undefined && threads !== running) {
    return {
      reason: `native TensorFlow already runs with threads = ${running}, got ${threads}`,
      fix: 'Ask for them before the first use of native TensorFlow.',
    };
  }
  await provideKernels();
  const { binding } = backend() as unknown as { binding?: { TF_Version?: string } };
  return { tensorflow: binding?.TF_Version ?? 'unknown', threads: running };
}

/** Turns what tfjs-node throws while it loads into a reason and a fix. */
export function explain(error: unknown): Obstacle {
  const message = error instanceof Error ? error.message : String(error);
  if (
    /NODE_MODULE_VERSION|different Node\.js version|did not self-register|wrong ELF class|architecture/i.test(message)
  ) {
    return {
      reason: `the native addon of ${PACKAGE} was built for another Node or processor (${firstLine(message)})`,
      fix: `${INSTALL}, which builds one for this processor and every Node from 20 on`,
    };
  }
  if (/libtensorflow|cannot open shared object|GLIBC|invalid ELF|undefined symbol/i.test(message)) {
    return {
      reason: `the TensorFlow library of ${PACKAGE} does not load on this system (${firstLine(message)})`,
      fix: `${INSTALL} --force. It needs Linux with glibc (Debian or Ubuntu, not Alpine) or macOS.`,
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
