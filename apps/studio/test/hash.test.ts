import { describe, expect, it } from 'vitest';
import { addressOf, settingsFrom } from '../src/page/play/hash.ts';
import type { PlayQuantizer } from '../src/page/worker/play/settings.ts';

const quantizers: readonly PlayQuantizer[] = [
  {
    name: 'first',
    title: 'First',
    controls: [
      { option: 'size', title: '', value: 4, min: 1, max: 64, isInteger: true },
      { option: 'weight', title: '', value: 0.5, min: 0, max: 1000, isInteger: false },
      { option: 'on', title: '', value: false, min: 0, max: 1, isInteger: false },
      { option: 'levels', title: '', value: [5, 5], min: 2, max: 16, isInteger: true },
    ],
  },
  { name: 'second', title: 'Second', controls: [] },
];
const from = (text: string): ReturnType<typeof settingsFrom> => settingsFrom(new URLSearchParams(text), quantizers);

describe('settings in an address', () => {
  it('are what was put there', () => {
    const settings = {
      ...from(''),
      options: { size: 8, weight: 1000, on: true, levels: [3, 4] },
      stream: 'spiral',
      norm: 'unit',
      seed: 7,
    } as const;
    expect(settingsFrom(addressOf(settings, quantizers), quantizers)).toEqual(settings);
    expect(String(addressOf(from('quantizer=second'), quantizers))).toBe('quantizer=second');
  });

  it('are at their defaults where they are none', () => {
    const usual = from('');
    expect(usual).toMatchObject({ quantizer: 'first', options: { size: 4, weight: 0.5, on: false, levels: [5, 5] } });
    const wrong = [
      ...[
        'size=65',
        'size=0',
        'size=1.5',
        'size=',
        'size=1e999',
        'weight=-1',
        'weight=NaN',
        'weight=Infinity',
        'weight=%00',
      ],
      ...['on=1', 'on=TRUE', 'levels=5,x', 'levels=', 'levels=5,17', 'stream=__proto__', 'norm=toString', 'seed=-1'],
      ...['learningRate=0', 'learningRate=2', 'quantizer=__proto__', 'options=x', `size=${'0'.repeat(100)}4`],
    ];
    for (const text of wrong) expect([text, from(text)]).toEqual([text, usual]);
  });
});
