import { describe, expect, it } from 'vitest';
import { checkNames } from '../scripts/layout/names.mjs';

/** The rules that a file of this code breaks. */
function broken(file: string, code: string): string[] {
  return checkNames(new Map([[file, `${code}\n`]])).map(({ rule }) => rule);
}

const COMPARED = "no file compares a quantizer's name";
const NAMED = 'no file compares the name of an architecture, a modality or a kind of data';

describe('names of quantizers', () => {
  it.each([
    ["if (name === 'lfq') a();", COMPARED],
    ["if (kind !== 'ResidualFSQ') a();", COMPARED],
    ["  case 'SimVQ':\n", COMPARED],
    ["const stack = name.startsWith('residual-');", COMPARED],
    ["const isLfq = name.endsWith('lfq');", COMPARED],
    ["if (arch !== 'resnet') a();", NAMED],
    ["const isPictures = data === 'folder';", NAMED],
    ["  case 'vectors':\n", NAMED],
    ["const ALL = ['lfq', 'fsq'];", 'no file lists the quantizers'],
    ["type Name = 'residual-vq' | 'vq';", 'no file lists the quantizers'],
    ["const T = {\n  lfq: 1,\n  'residual-lfq': 2,\n};", 'no file has a table by quantizer'],
  ])("stand in the registry alone, not in a quantizer's own package either: %s", (code, rule) => {
    expect(broken('packages/tokenizer/src/thing.ts', code)).toEqual([rule]);
    expect(broken('packages/fsq/src/thing.ts', code)).toEqual([rule]);
  });

  it('stand in a table by method where a registry is', () => {
    const table = 'const T = {\n  lfq: 1,\n  fsq: 2,\n};';
    expect(broken('packages/codecs/src/quantizer.ts', table)).toEqual([]);
  });

  it.each([
    'packages/codecs/src/quantizer.ts',
    'packages/testing/src/thing.ts',
    'apps/bench/src/kernels/thing.ts',
    'apps/bench/experiments/thing.ts',
    'scripts/thing.mjs',
  ])('are compared nowhere: %s', (file) => {
    expect(broken(file, "if (work.quantizer === 'fsq') a();")).toEqual([COMPARED]);
  });

  it('may be chosen', () => {
    expect(broken('packages/tokenizer/src/thing.ts', "const DEFAULTS = { quantizer: 'lfq' };")).toEqual([]);
  });
});
