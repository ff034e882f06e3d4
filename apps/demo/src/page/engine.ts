import { init as initWasm } from '@vqkit/backend-wasm';
import { init as initWebgpu } from '@vqkit/backend-webgpu';
import { type ImageTokenizer, imagesFromPixels, loadImageTokenizer, pixelsFromImages } from '@vqkit/tokenizer';

export type EngineName = 'wasm' | 'webgpu';

/** A tokenizer on a running engine. */
export interface Session {
  readonly tokenizer: ImageTokenizer;
  /** What runs, in words. */
  readonly engine: string;
}

/** What one picture gave. */
export interface Result {
  readonly ids: Int32Array;
  /** RGBA, as many pixels as went in. */
  readonly decoded: Uint8ClampedArray<ArrayBuffer>;
  readonly milliseconds: number;
}

/** Starts an engine and loads the tokenizer on it; weights belong to the engine they were made on. */
export async function startSession(name: EngineName, file: ArrayBuffer): Promise<Session> {
  let engine: string;
  if (name === 'wasm') {
    const { threads } = await initWasm();
    engine = `WebAssembly, ${threads} ${threads === 1 ? 'thread' : 'threads'}`;
  } else {
    await initWebgpu();
    engine = 'WebGPU';
  }
  return { tokenizer: loadImageTokenizer(file, 'tokenizer.safetensors'), engine };
}

/** Pixels of one picture → ids → pixels. */
export async function tokenize({ tokenizer }: Session, pixels: Uint8ClampedArray, size: number): Promise<Result> {
  const began = performance.now();
  const to = tokenizer.config.channels === 1 ? 1 : 3;
  const images = imagesFromPixels(pixels, { height: size, width: size, channels: 4, to });
  const ids = tokenizer.encode(images);
  const decoded = tokenizer.decode(ids);
  try {
    const values = (await ids.data()) as Int32Array;
    const rgba = await pixelsFromImages(decoded);
    return { ids: values, decoded: rgba, milliseconds: performance.now() - began };
  } finally {
    for (const each of [images, ids, decoded]) each.dispose();
  }
}
