export type { RotateToOptions } from './rotate-to.ts';
export { ROTATION_MAX_SCALE, rotateTo } from './rotate-to.ts';
