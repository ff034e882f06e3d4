export { counted } from './counted.ts';
export { nearestName } from './nearest.ts';
export { checkOptions, count, field, inGroup, problemOf } from './option-schema.ts';
