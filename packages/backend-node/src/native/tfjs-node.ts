import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import util from 'node:util';

/** The optional peer. Held in a variable, so that no bundler asks for it. */
export const PACKAGE: string = '@tensorflow/tfjs-node';

/** Where @tensorflow/tfjs-node stands. */
export interface TfjsNode {
  readonly folder: string;
  readonly version: string;
  /** Loads what tfjs-node itself would load under that name. */
  readonly require: NodeJS.Require;
}

/** Finds @tensorflow/tfjs-node beside this package, else in the project of the working folder; undefined where it is not installed. */
export function findTfjsNode(
  from: readonly string[] = [import.meta.url, pathToFileURL(join(process.cwd(), 'x.js')).href],
): TfjsNode | undefined {
  for (const place of from) {
    try {
      const manifest = createRequire(place).resolve(`${PACKAGE}/package.json`);
      const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
      return { folder: dirname(manifest), version, require: createRequire(manifest) };
    } catch {}
  }
  return undefined;
}

/** The binding that tfjs-node's own install script makes. */
export function ownBinding({ folder }: TfjsNode): string {
  return join(folder, 'lib', 'napi-v8', 'tfjs_binding.node');
}

/**
 * Loads tfjs-node with the given binding, which registers and starts its engine.
 *
 * tfjs-node asks one function, `find` of @mapbox/node-pre-gyp, where its binding is. While it loads, that module is replaced in
 * Node's cache by one whose `find` gives our file: nothing is written into node_modules, and nothing else of Node is touched.
 *
 * @param quiet an addon that mutes the standard error meanwhile, unless TF_CPP_MIN_LOG_LEVEL says what the user wants to read; children
 * inherit the 1 that is set here.
 * @throws whatever tfjs-node, the binding or TensorFlow throw.
 */
export function loadTfjsNode({ require, folder }: TfjsNode, binding: string, quiet?: string): void {
  restoreRemovedUtil();
  const chosen = process.env.TF_CPP_MIN_LOG_LEVEL ?? '1';
  const { mute, unmute } = quiet === undefined || chosen !== '1' ? {} : (require(quiet) as Quiet);
  // Later messages of TensorFlow about its own build and processor; warnings and errors stay.
  process.env.TF_CPP_MIN_LOG_LEVEL = chosen;
  const finder = require.resolve('@mapbox/node-pre-gyp');
  const before = require.cache[finder];
  require.cache[finder] = {
    id: finder,
    filename: finder,
    loaded: true,
    exports: { find: () => binding },
  } as NodeModule;
  mute?.();
  try {
    require(join(folder, 'dist', 'index.js'));
  } finally {
    unmute?.();
    if (before === undefined) delete require.cache[finder];
    else require.cache[finder] = before;
  }
}

interface Quiet {
  readonly mute?: () => void;
  readonly unmute?: () => void;
}

/** tfjs-node 4.22.0 calls two functions of `util` that Node deprecated and, from 23 on, removes one by one. */
function restoreRemovedUtil(): void {
  const legacy = util as unknown as Record<string, (value: unknown) => boolean>;
  legacy.isNullOrUndefined = (value) => value === null || value === undefined;
  legacy.isArray = Array.isArray;
}
