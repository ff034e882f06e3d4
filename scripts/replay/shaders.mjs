// Loaded before the command line (node --import): appends the text of every shader that WebGPU compiles to the file REPLAY_SHADERS.
import { appendFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const { REPLAY_SHADERS: file, REPLAY_CHECKOUT: checkout } = process.env;
if (file !== undefined && checkout !== undefined) {
  const path = createRequire(`${checkout}/packages/backend-webgpu/package.json`).resolve('webgpu');
  const { globals } = await import(pathToFileURL(path).href);
  const device = globals.GPUDevice.prototype;
  const compile = device.createShaderModule;
  /** @param {{ code: string }} description */
  device.createShaderModule = function (description) {
    appendFileSync(file, `${JSON.stringify(description.code)}\n`);
    return compile.call(this, description);
  };
}
