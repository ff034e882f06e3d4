import type { CodeUse } from '@vqkit/training';

/** A line per layer of a residual quantizer: its codes in use, and the error that is left, of the latents' variance where that is known. */
export function layersText({ layers }: CodeUse): string {
  if (layers === undefined) return '';
  const lines = layers.map(({ used, codebookSize, utilization, perplexity, error, errorOfVariance }, j) => {
    const share = `${(100 * utilization).toFixed(1)} %`;
    const rest = errorOfVariance ?? error;
    const left = rest === null ? '' : `   ${rest.toPrecision(3).padStart(9)}`;
    return `${String(j).padStart(5)}   ${`${used} of ${codebookSize}`.padStart(14)}   ${share.padStart(11)}   ${perplexity.toFixed(1).padStart(10)}${left}\n`;
  });
  const hasError = layers.some(({ error }) => error !== null);
  return `layer       codes used   utilization   perplexity${hasError ? '       error' : ''}\n${lines.join('')}`;
}
