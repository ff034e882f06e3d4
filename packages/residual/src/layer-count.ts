import { requireInteger, requireOption } from '@vqkit/core-tensor';

/** Layers of a stack: far more than any has, and few enough to be made from what a damaged file says. */
const MOST_LAYERS = 1024;

/** @throws OptionError unless a stack may have so many layers. */
export function requireLayers(where: string, numQuantizers: unknown): asserts numQuantizers is number {
  requireInteger(where, 'numQuantizers', numQuantizers, 1);
  const rule = `at most ${MOST_LAYERS}`;
  requireOption(
    (numQuantizers as number) <= MOST_LAYERS,
    where,
    'numQuantizers',
    rule,
    numQuantizers,
    'Use fewer layers.',
  );
}
