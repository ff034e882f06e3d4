import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { withoutComments } from '../scripts/layout/workspace.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(`${root}/${file}`, 'utf8');
const tracked = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' }).split(
  '\n',
);

/** Packages whose prose names options and functions of ours; the engines' prose is of WGSL and AssemblyScript too. */
const sources = tracked.filter((file) => /^(packages|apps)\/(?!backend-)[^/]+\/src\/.*\.ts$/.test(file));
const readmes = tracked.filter((file) => /README\.md$/.test(file));

const STRINGS = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g;
const COMMENTS = /\/\*[\s\S]*?\*\/|\/\/.*$/gm;
const WORD = /[A-Za-z_$][\w$]*/g;
/** A name of code in prose: lower case first, and a capital later; no part of a path or an address. */
const NAME = /(?<![\w./-])[a-z][a-z0-9]*[A-Z][A-Za-z0-9]*\b(?![-/])/g;

/** Units, products, what an example calls its own things, methods of tf.layers, and fields of Kubernetes. */
const NOT_OURS =
  'kHz kB sRGB rFID macOS arXiv oneDNN myEncoder decodeFile createBitCodec runFsq oneBit createOneBit taskLoss bitwiseAnd stridedSlice createScale anyTokenizer loadLayersModel trainOnBatch inMemory twoRows inFolder completionMode'.split(
    ' ',
  );

/** Every identifier of the code, and every string that is one word: names of choices such as 'channelsLast'. */
function knownNames(): Set<string> {
  const known = new Set(NOT_OURS);
  const code = tracked.filter(
    (file) => /^(packages|apps|scripts)\/.*\.(ts|mjs)$/.test(file) && !file.includes('/test/'),
  );
  for (const file of code) {
    const text = withoutComments(read(file));
    for (const [string] of text.matchAll(STRINGS)) if (/^.[\w$]+.$/.test(string)) known.add(string.slice(1, -1));
    const inTemplates = [...text.matchAll(/\$\{([^}]*)\}/g)].map(([, inner]) => inner).join(' ');
    for (const [word] of `${text.replace(STRINGS, '')} ${inTemplates}`.matchAll(WORD)) known.add(word);
  }
  return known;
}

const unescaped = (text: string): string => text.replace(/\\[nrt]/g, ' ');
const namesIn = (text: string): string[] => [...unescaped(text).matchAll(NAME)].map(([name]) => name);
/** Sentences: strings of more than one word. */
const sentences = (text: string): string[] =>
  [...withoutComments(text).matchAll(STRINGS)].map(([string]) => string).filter((string) => string.includes(' '));

describe('names in prose', () => {
  const known = knownNames();

  it('exist: docstrings, comments, errors, remedies and descriptions of options', () => {
    const unknown = sources.flatMap((file) => {
      const text = read(file);
      const prose = [...(text.match(COMMENTS) ?? []), ...sentences(text)];
      return prose.flatMap(namesIn).flatMap((name) => (known.has(name) ? [] : [`${file}: ${name}`]));
    });
    expect([...new Set(unknown)]).toEqual([]);
  });

  it('exist in READMEs', () => {
    const unknown = readmes.flatMap((file) => {
      const quoted = read(file).match(/`[^`\n]+`/g) ?? [];
      return quoted.flatMap(namesIn).flatMap((name) => (known.has(name) ? [] : [`${file}: ${name}`]));
    });
    expect([...new Set(unknown)]).toEqual([]);
  });

  it('are options of a quantizer or of the diagnosis where a diagnosis says what to change', () => {
    const options = tracked
      .filter((file) => /^packages\/(lfq|fsq|simvq|vq|residual|metrics)\/src\/.*\.ts$/.test(file))
      .flatMap((file) => [...read(file).matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, name]) => name));
    const named = sentences(read('packages/metrics/src/diagnose.ts')).map((text) => text.replace(/\$\{[^}]*\}/g, ''));
    const names = named.flatMap(namesIn);
    expect(names).toContain('invTemperature');
    expect(names.filter((name) => !options.includes(name))).toEqual([]);
  });
});
