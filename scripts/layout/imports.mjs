import { posix } from 'node:path';
import { withoutComments } from './workspace.mjs';

/** @import { Failure, Package } from './workspace.mjs' */

/** What a model is made of, without an engine. */
const model = ['contract', 'blocks', 'networks', 'quantizers', 'compositions', 'umbrella', 'tokenizers'];
const harness = [...model, 'engines', 'sources', 'training', 'harness'];

/**
 * The layers of docs/ARCHITECTURE.md, lowest first. The sources of a package import packages of the layers in `mayImport` only.
 * @type {{ name: string, packages: string[], mayImport: string[] }[]}
 */
const layers = [
  { name: 'contract', packages: ['core-tensor'], mayImport: [] },
  { name: 'blocks', packages: ['losses', 'audio', 'metrics', 'checkpoint', 'schema'], mayImport: ['contract'] },
  { name: 'engines', packages: ['backend-wasm', 'backend-node', 'backend-webgpu'], mayImport: ['contract', 'engines'] },
  { name: 'networks', packages: ['nn'], mayImport: ['contract'] },
  { name: 'quantizers', packages: ['fsq', 'lfq', 'simvq', 'vq'], mayImport: ['contract', 'blocks', 'networks'] },
  { name: 'compositions', packages: ['residual'], mayImport: model.slice(0, 4) },
  { name: 'umbrella', packages: ['quantizers'], mayImport: model.slice(0, 5) },
  { name: 'tokenizers', packages: ['tokenizer'], mayImport: model.slice(0, 6) },
  { name: 'tf.layers', packages: ['layers'], mayImport: model.slice(0, 6) },
  { name: 'exporters', packages: ['onnx'], mayImport: model },
  { name: 'importers', packages: ['codecs'], mayImport: model.slice(0, 5) },
  { name: 'sources', packages: ['rows', 'data', 'tokens'], mayImport: [...model, 'sources'] },
  { name: 'training', packages: ['training'], mayImport: [...model, 'sources'] },
  { name: 'harness', packages: ['train'], mayImport: harness },
  { name: 'queues', packages: ['queue'], mayImport: harness },
  { name: 'benchmarks', packages: ['bench'], mayImport: [...harness, 'importers'] },
  { name: 'command line', packages: ['vqkit'], mayImport: [...harness, 'importers', 'exporters', 'benchmarks'] },
  { name: 'studio', packages: ['studio'], mayImport: harness },
  { name: 'testing', packages: ['testing'], mayImport: ['contract', 'blocks', 'engines'] },
];

/** Layers whose sources may name an engine of TensorFlow.js. */
const enginesKnown = ['engines', 'testing'];

/**
 * One import of one file.
 * @typedef {{ file: string, specifier: string }} Import
 */

/**
 * Which way imports go: down the layers, through public entries, never in a circle, types included.
 * @param {Map<string, string>} files
 * @param {Package[]} packages
 * @returns {Failure[]}
 */
export function checkImports(files, packages) {
  /** @type {Failure[]} */
  const failures = [];
  /** @type {Map<string, Set<string>>} */
  const packageGraph = new Map();
  /** @type {Map<string, Set<string>>} */
  const fileGraph = new Map();
  for (const pkg of packages) {
    const layer = layers.find(({ packages }) => packages.includes(pkg.folder));
    if (layer === undefined) {
      failures.push({
        file: `${pkg.dir}/package.json`,
        rule: 'every package stands in a layer',
        fix: 'Add it to the table in scripts/layout/imports.mjs and to docs/ARCHITECTURE.md.',
      });
      continue;
    }
    for (const found of importsOf(files, pkg)) {
      const { file, specifier } = found;
      const inSource = file.startsWith(`${pkg.dir}/src/`);
      if (specifier.startsWith('.')) {
        const target = posix.normalize(posix.join(posix.dirname(file), specifier));
        failures.push(...checkRelative(pkg, found, target));
        link(fileGraph, file, /\.\w+$/.test(target) ? target : `${target}.ts`);
        continue;
      }
      const [, folder, entry] =
        /^@vqkit\/([^/]+)(\/.+)?$/.exec(specifier) ?? (specifier === 'vqkit' ? ['', 'vqkit'] : []);
      if (folder !== undefined) {
        failures.push(...checkEntry(packages, found, folder, entry));
        if (folder === pkg.folder) continue;
        if (inSource) link(packageGraph, pkg.folder, folder);
        const other = layers.find(({ packages }) => packages.includes(folder));
        if (other === undefined) continue;
        if (!inSource || layer.mayImport.includes(other.name)) {
          failures.push(...checkDeclared(pkg, found, folder));
        } else {
          failures.push({
            file,
            rule: `imports go down only: ${layer.name} may import ${layer.mayImport.join(', ') || 'nothing of vqkit'}`,
            fix: `It imports ${specifier} (${other.name}). Move the shared part down, or the user of it up.`,
          });
        }
      }
      if (inSource && layer.name === 'training' && /^node:|\/node$/.test(specifier)) {
        failures.push({
          file,
          rule: 'the core of training runs in a page too',
          fix: `It imports ${specifier}. Let apps/train do what needs Node, as a listener.`,
        });
      }
      if (inSource && /^@tensorflow\/tfjs-(backend|node)/.test(specifier) && !enginesKnown.includes(layer.name)) {
        failures.push({
          file,
          rule: 'only the engine packages know which engine runs',
          fix: `It imports ${specifier}. Use tfjs-core, and let the caller start an engine.`,
        });
      }
    }
  }
  return [...failures, ...circles(packageGraph, 'packages'), ...circles(fileGraph, 'files')];
}

/**
 * @param {Map<string, string>} files
 * @param {Package} pkg
 * @returns {Import[]}
 */
function importsOf(files, { dir }) {
  const found = [];
  for (const [file, text] of files) {
    if (!file.startsWith(`${dir}/`) || !/\.(ts|mts|mjs)$/.test(file)) continue;
    const code = withoutComments(text);
    for (const [, specifier] of code.matchAll(/^\s*(?:import|export)\s[^'";]*?\bfrom\s+'([^']+)'/gm)) {
      found.push({ file, specifier: specifier ?? '' });
    }
    for (const [, specifier] of code.matchAll(/\bimport\s*\(?\s*'([^']+)'/g)) {
      found.push({ file, specifier: specifier ?? '' });
    }
  }
  return found;
}

/**
 * @param {Package} pkg
 * @param {Import} found
 * @param {string} target
 * @returns {Failure[]}
 */
function checkRelative({ dir }, { file, specifier }, target) {
  if (target === 'vitest.shared.ts' && file === `${dir}/vitest.config.ts`) return [];
  if (!target.startsWith(`${dir}/`)) {
    return [
      {
        file,
        rule: 'a relative import stays in its package',
        fix: `It imports ${specifier}. Import the package by its name.`,
      },
    ];
  }
  // AssemblyScript (assembly/) has import rules of its own.
  const checked = file.endsWith('.ts') && !file.startsWith(`${dir}/assembly/`);
  if (!checked || /\.(ts|mjs|json)$/.test(specifier)) return [];
  return [{ file, rule: 'a relative import names the source file', fix: `It names ${specifier}. Let it end in .ts.` }];
}

/**
 * @param {Package} pkg
 * @param {Import} found
 * @param {string} folder
 * @returns {Failure[]}
 */
function checkDeclared({ dir, manifest }, { file, specifier }, folder) {
  const name = folder === 'vqkit' ? folder : `@vqkit/${folder}`;
  const declared = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.peerDependencies };
  if (declared[name] !== undefined) return [];
  return [
    {
      file,
      rule: `${dir}/package.json declares what the package imports`,
      fix: `It imports ${specifier}. Add ${name} to dependencies, or to devDependencies when only tests and benchmarks use it.`,
    },
  ];
}

/**
 * @param {Package[]} packages
 * @param {Import} found
 * @param {string} folder
 * @param {string | undefined} entry
 * @returns {Failure[]}
 */
function checkEntry(packages, { file, specifier }, folder, entry) {
  const target = packages.find((pkg) => pkg.folder === folder);
  if (target === undefined) {
    return [{ file, rule: `${specifier} is a package of the workspace`, fix: 'Correct the name.' }];
  }
  if (target.manifest.exports?.[entry === undefined ? '.' : `.${entry}`] !== undefined) return [];
  return [
    {
      file,
      rule: 'packages meet at their public entries',
      fix: `${specifier} is not in the exports of ${target.dir}/package.json. Export it there, or do not use it.`,
    },
  ];
}

/**
 * @param {Map<string, Set<string>>} graph
 * @param {string} from
 * @param {string} to
 */
function link(graph, from, to) {
  graph.set(from, (graph.get(from) ?? new Set()).add(to));
}

/**
 * Every circle of imports, named once.
 * @param {Map<string, Set<string>>} graph
 * @param {string} what
 * @returns {Failure[]}
 */
function circles(graph, what) {
  /** @type {Failure[]} */
  const failures = [];
  const done = new Set();
  /** @type {(node: string, path: string[]) => void} */
  const visit = (node, path) => {
    if (path.includes(node)) {
      const circle = [...path.slice(path.indexOf(node)), node].join(' → ');
      failures.push({
        file: node,
        rule: `${what} do not import each other in a circle`,
        fix: `It goes ${circle}. Move what they share, types too, to one below them.`,
      });
      return;
    }
    if (done.has(node)) return;
    for (const next of graph.get(node) ?? []) visit(next, [...path, node]);
    done.add(node);
  };
  for (const node of graph.keys()) visit(node, []);
  return failures;
}
