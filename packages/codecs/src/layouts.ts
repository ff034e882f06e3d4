export type { DelayOptions } from './layouts/delay.ts';
export { delayPattern, musicgen, parler } from './layouts/delay.ts';
export type { DigitOptions } from './layouts/digits.ts';
export { bitLabels, splitIds } from './layouts/digits.ts';
export type { GroupOptions, SequenceOptions } from './layouts/groups.ts';
export { frameByFrame, groupByGroup, layerByLayer, orpheus, valle } from './layouts/groups.ts';
export type { IdLayout, IdStream, Layers, Padding } from './layouts/layout.ts';
