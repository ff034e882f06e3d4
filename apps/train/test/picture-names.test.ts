import { DataError } from '@vqkit/core-tensor';
import type { Tokens } from '@vqkit/tokens';
import { describe, expect, it } from 'vitest';
import { pictureNames } from '../src/tokens/picture-names.ts';

const tokensOf = (images?: readonly string[], count = images?.length ?? 3): Tokens => ({
  ids: new Int32Array(0),
  shape: [count, 1, 1],
  notes: { tokenizer: '', codebookSize: 2, numCodebooks: 1, imageShape: [4, 4, 1], images },
});
const namesOf = (images: readonly string[]): string[] => {
  const nameOf = pictureNames(tokensOf(images));
  return images.map((_, i) => nameOf(i));
};

describe('pictureNames on Windows', () => {
  it.each([
    '..\\a.png',
    'b\\..\\..\\a.png',
    'C:\\a.png',
    'C:a.png',
    '\\\\host\\share\\a.png',
    '\\a.png',
    'a.png:stream',
  ])('refuses %s, which leads elsewhere there', (name) => {
    expect(() => pictureNames(tokensOf([name]), true)).toThrow(DataError);
  });

  it('takes both slashes', () => {
    const nameOf = pictureNames(tokensOf(['b\\a.png', 'b/a.png']), true);
    expect([nameOf(0), nameOf(1)]).toEqual(['b/a.png', 'b/a.png.png']);
  });
});

describe('pictureNames', () => {
  it('counts where there are no names', () => {
    expect(pictureNames(tokensOf())(2)).toBe('000002.png');
    expect(pictureNames(tokensOf(undefined, 12_345_678))(2)).toBe('00000002.png');
  });

  it('keeps two pictures two, whatever they are called', () => {
    expect(namesOf(['a.jpg', 'a.jpg.png', 'b/a.jpg', 'c.PNG'])).toEqual([
      'a.jpg~2.png',
      'a.jpg.png',
      'b/a.jpg.png',
      'c.PNG',
    ]);
    expect(namesOf(['a.png', 'a.png', 'A.PNG', 'a.jpg', 'a.JPG'])).toEqual([
      'a.png',
      'a.png.png',
      'A.PNG~2.png',
      'a.jpg.png',
      'a.JPG~2.png',
    ]);
    // A folder has the name.
    expect(namesOf(['x.jpg', 'x.jpg.png/y.png'])).toEqual(['x.jpg~2.png', 'x.jpg.png/y.png']);
    const same = namesOf(Array(5000).fill('same.jpg'));
    expect(new Set(same).size).toBe(5000);
  });

  it('fits names of any length', () => {
    const long = `b/${'é'.repeat(125)}.jpg`;
    const names = namesOf([long, `${long}.png`, `b/${'n'.repeat(251)}.png`, `${'n'.repeat(252)}.jpg`]);
    for (const name of names) expect(Buffer.byteLength(name.split('/').at(-1) ?? '')).toBeLessThanOrEqual(255);
    expect(new Set(names).size).toBe(4);
    expect(names[2]).toBe(`b/${'n'.repeat(251)}.png`);
  });

  it.each(['/etc/a.png', '../a.png', 'b/../../a.png', '..', '', 'b/', 'a\0.png'])('does not believe %j', (name) => {
    expect(() => namesOf(['ok.png', name])).toThrow(DataError);
    expect(() => namesOf(['ok.png', name])).toThrow('decodeTokens: image 1 must have a name below its folder, got ');
  });
});
