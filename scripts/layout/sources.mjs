import { homedir } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withoutComments } from './workspace.mjs';

/** @import { Failure } from './workspace.mjs' */

const MAX_LINES = 350;

/**
 * Files that are longer for a reason.
 * @type {Record<string, string>}
 */
const longFiles = {
  'packages/onnx/src/onnx_pb.ts': 'generated from proto/onnx.proto',
  'apps/train/src/tensorboard/event_pb.ts': 'generated from proto/event.proto',
};

/**
 * What no source file contains, beside what biome refuses (`any`, default exports). `code` is matched without comments, in the `files` only.
 * @type {{ code?: RegExp, text?: RegExp, files?: RegExp, rule: string, fix: string }[]}
 */
const forbidden = [
  { text: /@ts-(?:ignore|nocheck|expect-error)/, rule: 'the compiler is not silenced', fix: 'Mend the type.' },
  {
    text: /biome-ignore.*no(?:ExplicitAny|DefaultExport)/,
    rule: 'biome is not silenced on any and default',
    fix: 'Mend it.',
  },
  { code: /^export \*/m, rule: 'exports are listed by name', fix: 'Write export { … } from.' },
  {
    code: /\b(?:describe|it|test|suite)\.(?:skip|only|todo)\b/,
    rule: 'every test runs',
    fix: 'Delete it, mend it, or state its condition with skipIf and a reason in its name.',
  },
  {
    code: /\.(?:dataSync|arraySync)\(/,
    rule: 'tensors are not read synchronously',
    fix: 'Write await tensor.data(): WebGPU has nothing else in Node.',
  },
  {
    files: /^(?:packages|apps)\/(?!testing\/)[^/]+\/(?:src|experiments)\//,
    code: /new (?!InvalidArgumentError)\w*Error\(\s*(?:`[^`]*|'[^'\n]*|"[^"\n]*)\bmust\b/,
    rule: 'an error is made of its fields',
    fix: "Write new OptionError(where, 'dim', 'be an integer', dim, 'Round it.'), or requireOption; the class writes the text.",
  },
  {
    files: /^packages\/(?!backend-|testing\/)[^/]+\/src\//,
    code: /^import \{[^}]*\b(?:matMul|sum|mean)\b(?! as\b)[^}]*\} from '@tensorflow\/tfjs-core'/m,
    rule: 'products, sums and means are kernels of vqkit',
    fix: "Import matMul, sum and mean from @vqkit/core-tensor: an engine speeds those up and leaves tfjs's own as they are.",
  },
  { text: /\b(?:TO[D]O|FIX[M]E|XX[X])\b/, rule: 'no note of unfinished work', fix: 'Finish it or open an issue.' },
];

/**
 * What each file may contain.
 * @param {Map<string, string>} files
 * @returns {Failure[]}
 */
export function checkSources(files) {
  const failures = [];
  for (const [file, text] of files) {
    failures.push(...checkAddresses(file, text));
    if (!/\.(ts|mts|mjs)$/.test(file)) continue;
    failures.push(...checkText(file, text), ...checkLength(file, text));
    if (/^(packages|apps)\/[^/]+\/src\/index\.ts$/.test(file)) failures.push(...checkIndex(file, text));
  }
  for (const file of Object.keys(longFiles)) {
    // Of the packages that are there.
    if (!files.has(file) && files.has(`${file.split('/src/')[0]}/package.json`))
      failures.push({ file, rule: 'the list of long files names files', fix: 'Strike it off that list.' });
  }
  return failures;
}

/**
 * @param {string} file
 * @param {string} text
 * @returns {Failure[]}
 */
function checkText(file, text) {
  const code = withoutComments(text);
  return forbidden
    .filter(({ files }) => files?.test(file) ?? true)
    .filter(({ code: inCode, text: inText }) => (inCode?.test(code) ?? false) || (inText?.test(text) ?? false))
    .map(({ rule, fix }) => ({ file, rule, fix }));
}

/**
 * @param {string} file
 * @param {string} text
 * @returns {Failure[]}
 */
function checkLength(file, text) {
  const lines = text.split('\n').length - 1;
  const explained = longFiles[file] !== undefined;
  if (lines > MAX_LINES === explained) return [];
  return [
    lines > MAX_LINES
      ? {
          file,
          rule: `a file has at most ${MAX_LINES} lines`,
          fix: `It has ${lines}. Split it, or give the reason in longFiles (scripts/layout/sources.mjs).`,
        }
      : {
          file,
          rule: 'the list of long files names long files',
          fix: `It has ${lines} lines. Strike it off that list.`,
        },
  ];
}

/**
 * @param {string} file
 * @param {string} text
 * @returns {Failure[]}
 */
function checkIndex(file, text) {
  const code = withoutComments(text).trim();
  const rest = code.replaceAll(/export (?:type )?\{[^}]+\} from '[^']+';/g, '').trim();
  if (rest === '' && code !== '') return [];
  return [
    {
      file,
      rule: 'index.ts is a list of named exports and nothing else',
      fix: code === '' ? 'Export something.' : `Move this to a file of its own: ${rest.split('\n')[0]}`,
    },
  ];
}

/** Where this clone stands. One right under / or /usr says nothing about its machine. */
const parent = dirname(fileURLToPath(new URL('../..', import.meta.url)));
const machineFolders = ['/home', '/Users', '/root', '/tmp', homedir(), parent].filter(
  (path) => !['/', '/usr'].includes(path),
);

/** The beginning of an absolute path into one of them. */
const machinePath = new RegExp(
  `(?<![\\w.:-])(?:${machineFolders.map((path) => path.replace(/\W/g, '\\$&')).join('|')})/[\\w.-]+`,
);

/**
 * No registry host and no path of somebody's machine, in any file, the lockfile included.
 * @param {string} file
 * @param {string} text
 * @returns {Failure[]}
 */
function checkAddresses(file, text) {
  const [host] = /https?:\/\/[^\s"'<>)]*(?:registr[y]|npmmirror|artifactory|\/simple\/)/.exec(text) ?? [];
  const [path] = machinePath.exec(text) ?? [];
  const failures = [];
  if (host !== undefined) {
    failures.push({ file, rule: 'no registry host is named', fix: `It names ${host}. Leave it to the reader's npm.` });
  }
  if (path !== undefined) {
    failures.push({
      file,
      rule: 'no path of a machine is named',
      fix: `It names ${path}. Write it relative to the repository.`,
    });
  }
  return failures;
}
