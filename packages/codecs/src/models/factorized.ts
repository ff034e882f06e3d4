import type { CodecExtras } from '@vqkit/core-tensor/codec';
import { createProjectedCodec, type StackCodec } from '@vqkit/residual/codec';
import { directionLayer } from '../layers.ts';
import { hasProjection, layersOf, matrixOf, projectionOf, type View } from '../view.ts';

/** Layers of in_proj, codes and out_proj. */
export async function factorizedLayers(
  view: View,
  name: string,
  key: string,
  extras: CodecExtras,
): Promise<StackCodec[]> {
  const layers = layersOf(view, name, (layer) => layer.has(key) && hasProjection(layer.at('in_proj.')));
  return Promise.all(
    layers.map(async (layer) => {
      const codebook = await matrixOf(layer, key);
      const into = await projectionOf(layer.at('in_proj.'), codebook.columns);
      const out = await projectionOf(layer.at('out_proj.'), into.columns, into.rows);
      return createProjectedCodec(directionLayer(codebook, extras), into, out, extras);
    }),
  );
}
