import { readFile, writeFile } from 'node:fs/promises';
import { io, tensor4d, tidy, train } from '@tensorflow/tfjs-core';
import { layers, loadLayersModel, sequential } from '@tensorflow/tfjs-layers';
import { init } from '@vqkit/backend-wasm';
import { quantizerLayer } from '@vqkit/layers';
import { createVq } from '@vqkit/quantizers';

await init(); // TensorFlow.js on WebAssembly

// 8 × 8 pictures to 2 × 2 tokens of 32 codes and back.
const encoder = sequential({
  layers: [
    layers.conv2d({
      inputShape: [8, 8, 1],
      filters: 16,
      kernelSize: 3,
      strides: 2,
      padding: 'same',
      activation: 'relu',
    }),
    layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same' }),
  ],
});
const codes = quantizerLayer(createVq({ dim: 4, codebookSize: 32, kmeansInit: true, thresholdEmaDeadCode: 1 }), {
  name: 'codes',
});
const decoder = sequential({
  layers: [
    layers.conv2dTranspose({
      inputShape: [2, 2, 4],
      filters: 16,
      kernelSize: 3,
      strides: 2,
      padding: 'same',
      activation: 'relu',
    }),
    layers.conv2dTranspose({ filters: 1, kernelSize: 3, strides: 2, padding: 'same' }),
  ],
});
const model = sequential({ layers: [encoder, codes, decoder] });
model.compile({ optimizer: train.adam(0.005), loss: 'meanSquaredError' });

// Stripes of many directions and widths.
const count = 256;
const pixels = Float32Array.from({ length: count * 64 }, (_, i) => {
  const [picture, row, column] = [Math.floor(i / 64), Math.floor(i / 8) % 8, i % 8];
  return Math.sin((row * (picture % 16) + column * Math.floor(picture / 16)) / 5);
});
const pictures = tensor4d(pixels, [count, 8, 8, 1]);

// The loss has the quantizer's, too.
const { history } = await model.fit(pictures, pictures, { epochs: 30, batchSize: 32, verbose: 0 });
console.log(`loss ${history.loss[0].toFixed(3)} at first, ${history.loss.at(-1).toFixed(3)} at last`);

const idsOf = (layer) => tidy(() => layer.encode(encoder.predict(pictures)));
const ids = await idsOf(codes).data();
console.log(`${new Set(ids).size} of 32 codes in use`);

// Files; in a page model.save('downloads://model') does without these lines.
await model.save(
  io.withSaveHandler(async ({ weightData, ...rest }) => {
    await writeFile('weights.bin', new Uint8Array(weightData));
    await writeFile('model.json', JSON.stringify(rest));
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
  }),
);
const weightData = new Uint8Array(await readFile('weights.bin')).buffer;
const loaded = await loadLayersModel(
  io.fromMemory({ ...JSON.parse(await readFile('model.json', 'utf8')), weightData }),
);
const again = await idsOf(loaded.getLayer('codes')).data();
console.log(`the same ids from the files: ${again.every((id, i) => id === ids[i])}`);
process.exit(0); // The engine's threads would wait for more.
