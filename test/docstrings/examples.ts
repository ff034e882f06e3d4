import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from '../../scripts/setup.mjs';
import { packages } from '../user-project.ts';

/** What a docstring shows under `@example`. */
export interface Example {
  /** The file, and what is documented: `packages/fsq/src/fsq.ts: createFsq`. */
  readonly title: string;
  /** The package, such as `@vqkit/fsq`. */
  readonly from: string;
  readonly documented: string;
  readonly code: string;
}

interface Entry {
  /** What a user imports: `@vqkit/fsq/codec`. */
  readonly specifier: string;
  /** Functions, classes and constants. */
  readonly values: ReadonlySet<string>;
  readonly types: ReadonlySet<string>;
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, unknown>>;
}

/** What each public package exports, entry by entry, as its sources say. */
const published = packages
  .map((path) => ({ path, manifest: JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as Manifest }))
  .filter(({ manifest }) => manifest.private !== true)
  .map(({ path, manifest }) => ({ path, name: manifest.name, entries: entriesOf(path, manifest) }));

function entriesOf(path: string, { name, exports = {} }: Manifest): Entry[] {
  return Object.keys(exports).flatMap((subpath) => {
    const file = join(root, path, 'src', subpath === '.' ? 'index.ts' : `${subpath.slice(2)}.ts`);
    if (!existsSync(file)) return [];
    const source = readFileSync(file, 'utf8');
    const [values, types] = [new Set<string>(), new Set<string>()];
    for (const [, type, list = ''] of source.matchAll(/^export (type )?\{([^}]*)\}/gm)) {
      for (const exported of list.split(',')) {
        const [, isType, own] = /^\s*(type )?(?:\w+ as )?(\w+)\s*$/.exec(exported) ?? [];
        if (own !== undefined) (type === undefined && isType === undefined ? values : types).add(own);
      }
    }
    for (const [, kind, own = ''] of source.matchAll(
      /^export (?:async )?(function|const|class|interface|type) (\w+)/gm,
    )) {
      (kind === 'interface' || kind === 'type' ? types : values).add(own);
    }
    return [{ specifier: subpath === '.' ? name : `${name}/${subpath.slice(2)}`, values, types }];
  });
}

const DOCSTRING = /\/\*\*((?:(?!\*\/)[\s\S])*?)@example((?:(?!\*\/)[\s\S])*?)\*\/\s*(.*)/g;
const DECLARATION = /^export (?:async )?(?:function\*?|const|class|interface|type) (\w+)/;

/** Every example of a docstring in the public packages, of what they export. */
export function docstringExamples(): Example[] {
  return published.flatMap(({ path, name, entries }) => {
    const isPublic = (own: string): boolean => entries.some(({ values, types }) => values.has(own) || types.has(own));
    return sourcesOf(join(root, path, 'src')).flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(DOCSTRING)].flatMap(([, , text = '', next = '']) => {
        const documented = DECLARATION.exec(next)?.[1] ?? next.trim();
        // What is no declaration is a member of one.
        if (DECLARATION.test(next) && !isPublic(documented)) return [];
        const code = text.replace(/^\s*\* ?/gm, '').trim();
        return [{ title: `${relative(root, file)}: ${documented}`, from: name, documented, code }];
      }),
    );
  });
}

function sourcesOf(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true }) as string[];
  return names
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => join(folder, name));
}

/**
 * What examples take as given, as a reader does; made only where an example uses the name and does not declare it. Later ones may
 * use earlier ones.
 */
const GIVENS: Readonly<Record<string, string>> = {
  x: 'const x = tf.randomNormal([16, 4]) as Tensor2D;',
  z: 'const z = tf.randomNormal([16, 4]) as Tensor2D;',
  q: 'const q = tf.randomNormal([16, 4]) as Tensor2D;',
  codes: 'const codes = tf.randomNormal([16, 4]) as Tensor2D;',
  codebook: 'const codebook = tf.randomNormal([32, 4]) as Tensor2D;',
  quantized: 'const quantized = tf.sign(z);',
  logits: 'const logits = tf.randomNormal([16, 4]) as Tensor2D;',
  mask: 'const mask = tf.ones([16]) as Tensor1D;',
  taskLoss: 'const taskLoss = tf.scalar(1);',
  distances: 'const distances = tf.randomUniform([16, 32]);',
  tokens: 'const tokens = tf.randomNormal([16, 4]) as Tensor2D;',
  K: 'const K = 16;',
  dim: 'const dim = 4;',
  rng: 'const rng = createRng(0);',
  levels: 'const levels = [8, 5, 5];',
  rotates: 'const rotates = false;',
  parameter: 'const parameter = tf.ones([3]);',
  gradient: 'const gradient = tf.ones([3]);',
  m: 'const m = tf.zeros([3]);',
  v: 'const v = tf.zeros([3]);',
  w: 'const w = tf.variable(tf.ones([3]));',
  runFsq: 'const runFsq = (..._given: unknown[]): never => { throw new Error(); };',
  fsq: 'const fsq = createFsq({ levels: [8, 5, 5, 5] });',
  lfq: 'const lfq = createLfq({ codebookSize: 16 });',
  simvq: 'const simvq = createSimVq({ dim: 4, codebookSize: 16 });',
  rlfq: 'const rlfq = createResidualLfq({ codebookSize: 16, numQuantizers: 2 });',
  sha256: "const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');",
  bytes: 'const bytes = await exportedLfq();',
  tensors: "const tensors = { w: { dtype: 'F32', shape: [1], data: new Float32Array(1) } } as const;",
  text: "const text = '{}';",
  config: 'const config = {};',
  url: "const url = 'digits.safetensors';",
  tokenizer: "const tokenizer = createImageTokenizer({ quantizer: 'fsq' });",
  ids: 'const ids = tokenizer.encode(tf.zeros([1, 28, 28, 1]));',
  indices: 'const indices = tf.zeros([16], "int32");',
  latents: 'const latents = new Float32Array(64);',
  tracker: 'const tracker = createTracker({ codebookSize: 16 });',
  pixels: 'const pixels = new Float32Array(784);',
  reconstruction: 'const reconstruction = new Float32Array(784);',
  folder: "const folder = '.';",
  flag: 'const flag = tf.scalar(1);',
  fetch: 'const fetch = async (path: string): Promise<Response> => new Response(new Uint8Array(await readFile(path)));',
  canvas:
    "const canvas = { getContext: (_kind: '2d') => ({ getImageData: (_x: number, _y: number, width: number, height: number) => ({ data: new Uint8ClampedArray(4 * width * height), width, height }) }) };",
  ImageData:
    'const ImageData = class { constructor(readonly data: Uint8ClampedArray, readonly width: number, readonly height: number) {} };',
  context: 'const context = { putImageData: (_image: unknown, _x: number, _y: number) => undefined };',
};

/** Where an example's own shapes are others. */
const OWN_GIVENS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  createLinear: { x: 'const x = tf.randomNormal([16, 8]) as Tensor2D;' },
  tokenLayout: { z: 'const z = tf.randomNormal([2, 4, 7, 7]);' },
  layoutOf: { codes: 'const codes = tf.randomNormal([98, 4]) as Tensor2D;' },
  assertLayerIndices: { indices: 'const indices = tf.zeros([16, 2], "int32");' },
  decodeInPieces: {
    indices: 'const indices = tf.zeros([16, 1], "int32") as Tensor2D;',
    table: 'const table = tf.randomNormal([16, 64]) as Tensor2D;',
  },
  comparesLatents: { latents: 'const latents = (await z.data()) as Float32Array;' },
  codeSearch: { codes: 'const codes = tf.variable(tf.randomNormal([64]));' },
};

/** Imports that any example may use. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  'node:fs/promises': ['readdir', 'readFile', 'writeFile'],
  'node:crypto': ['createHash'],
  './harness.js': ['exportedLfq'],
  '@tensorflow/tfjs-layers': ['layers', 'sequential'],
};
const TENSOR_TYPES = ['Tensor', 'Tensor1D', 'Tensor2D', 'Tensor4D'];

/** The example as a module: its imports, what it takes as given, its lines, and what its comments promise as checks. */
export function programOf({ from, documented, code }: Example): string {
  const body = code.split('\n').map(checked).join('\n');
  const given: string[] = [];
  // From the last on, because a given may need an earlier one.
  for (const [name, text] of Object.entries(GIVENS).reverse()) {
    if (!uses(`${body}\n${given.join('\n')}`, name) || declares(body, name)) continue;
    given.unshift(OWN_GIVENS[documented]?.[name] ?? text);
  }
  const whole = `${given.join('\n')}\n${body}`;
  return `${importsOf(whole, from).join('\n')}\n${whole}\nexport {};\n`;
}

const uses = (code: string, name: string): boolean =>
  new RegExp(`(?<![\\w.'"/])${name}\\b(?!['":])`).test(code.replace(/\/\/.*$/gm, ''));
const declares = (code: string, name: string): boolean =>
  new RegExp(`\\b(?:const|let|class|function) (?:${name}\\b|[{[][^=]*\\b${name}\\b[^=]*[}\\]] =)`).test(code);

function importsOf(code: string, from: string): string[] {
  const own = published.filter(({ name }) => name === from);
  const entries = [...own, ...published.filter(({ name }) => name !== from && name !== 'vqkit')].flatMap(
    (p) => p.entries,
  );
  const taken = new Set<string>();
  const lines = ["import * as tf from '@tensorflow/tfjs-core';", "import { verify } from './harness.js';"];
  const take = (specifier: string, names: Iterable<string>, keyword = ''): void => {
    const used = [...names].filter((name) => !taken.has(name) && uses(code, name) && !declares(code, name));
    for (const name of used) taken.add(name);
    if (used.length > 0) lines.push(`import ${keyword}{ ${used.join(', ')} } from '${specifier}';`);
  };
  take('@tensorflow/tfjs-core', TENSOR_TYPES, 'type ');
  for (const [specifier, names] of Object.entries(LIBRARIES)) take(specifier, names);
  for (const { specifier, values } of entries) take(specifier, values);
  return lines;
}

/** `expression; // value` checks the value; `const name = expression; // value` the constant. Prose promises nothing. */
function checked(line: string): string {
  const [, statement = '', comment = ''] = /^(\S.*;)\s*\/\/ (.+)$/.exec(line) ?? [];
  if (statement === '' || statement.includes('await ')) return line;
  const promise = JSON.stringify(comment);
  const [, constant] = /^const (\w+) = /.exec(statement) ?? [];
  if (constant !== undefined) return `${line}\nawait verify(() => ${constant}, ${promise});`;
  return /^(const|let|for|if|\})/.test(statement) ? line : `await verify(() => ${statement.slice(0, -1)}, ${promise});`;
}
