import { io, randomUniform, type Tensor, type Tensor4D } from '@tensorflow/tfjs-core';
import {
  initializers,
  type LayersModel,
  layers,
  loadLayersModel,
  type Sequential,
  sequential,
} from '@tensorflow/tfjs-layers';
import type { Quantizer } from '@vqkit/core-tensor';
import { type QuantizerLayer, quantizerLayer } from '../src/index.ts';

/** 8 × 8 images of one channel to 4 × 4 tokens and back. */
export function autoencoder(quantizer: Quantizer): { model: Sequential; layer: QuantizerLayer } {
  const layer = quantizerLayer(quantizer);
  return { model: around([layer], quantizer.dim), layer };
}

/** The same without what stands in the middle. */
export function around(middle: readonly QuantizerLayer[], dim: number): Sequential {
  const start = (seed: number): { kernelInitializer: ReturnType<typeof initializers.glorotNormal> } => ({
    kernelInitializer: initializers.glorotNormal({ seed }),
  });
  return sequential({
    layers: [
      layers.conv2d({ inputShape: [8, 8, 1], filters: 6, kernelSize: 3, strides: 2, padding: 'same', ...start(1) }),
      layers.reLU(),
      layers.conv2d({ filters: dim, kernelSize: 1, ...start(2) }),
      ...middle,
      layers.conv2dTranspose({ filters: 1, kernelSize: 3, strides: 2, padding: 'same', ...start(3) }),
    ],
  });
}

export function images(count: number, seed: number): Tensor4D {
  return randomUniform([count, 8, 8, 1], 0, 1, 'float32', seed) as Tensor4D;
}

/** The model as another process would have it: through the files of `model.save`. */
export async function saved(model: LayersModel): Promise<LayersModel> {
  let artifacts: io.ModelArtifacts | undefined;
  const handler = io.withSaveHandler(async (given) => {
    artifacts = given;
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
  });
  await model.save(handler, { includeOptimizer: true });
  const { modelTopology, ...rest } = artifacts as io.ModelArtifacts;
  return loadLayersModel(io.fromMemory({ ...rest, modelTopology: JSON.parse(JSON.stringify(modelTopology)) }));
}

export function quantizerOf(model: LayersModel): QuantizerLayer {
  return model.layers.find((layer) => layer.getClassName() === 'VqkitQuantizer') as QuantizerLayer;
}

/** What the quantizer is given for these images. */
export function latentsOf(model: LayersModel, x: Tensor): Tensor {
  let latents = x;
  for (const layer of model.layers) {
    if (layer === quantizerOf(model)) break;
    latents = layer.apply(latents) as Tensor;
  }
  return latents;
}
