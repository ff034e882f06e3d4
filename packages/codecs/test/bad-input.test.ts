import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { encodeSafetensors, type SafeTensor } from '@vqkit/checkpoint';
import { type LoadCodecOptions, loadCodec, type PublishedCodec, urlSource } from '@vqkit/codecs';
import { QuantizerError } from '@vqkit/core-tensor';
import { publishedRuns } from '@vqkit/testing/published-models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

type Tensors = Record<string, SafeTensor>;

const floats = (...shape: number[]): SafeTensor => {
  const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i + 1));
  return { dtype: 'F32', shape, data };
};
const encodec = (...layers: [layer: number, rows: number, columns: number][]): Tensors =>
  Object.fromEntries(
    layers.map(([layer, rows, columns]) => [`q.vq.layers.${layer}._codebook.embed`, floats(rows, columns)]),
  );
const linear = (name: string, rows: number, columns: number): Tensors => ({
  [`${name}.weight`]: floats(rows, columns),
  [`${name}.bias`]: floats(rows),
});
const infinity = (bits: number): Tensors => ({ 'q.lfq.mask': floats(bits) });
const factorized = (layers: number): Tensors =>
  Object.fromEntries(
    Array.from({ length: layers }, (_, i) => `q.quantizers.${i}`).flatMap((at) => [
      [`${at}.codebook.weight`, floats(4, 2)],
      [`${at}.in_proj.parametrizations.weight.original0`, floats(2, 1, 1)],
      [`${at}.in_proj.parametrizations.weight.original1`, floats(2, 3, 1)],
      [`${at}.out_proj.parametrizations.weight.original0`, floats(3, 1, 1)],
      [`${at}.out_proj.parametrizations.weight.original1`, floats(3, 2, 1)],
    ]),
  );

/** Files that hold a quantizer as no model has it, and what is said of them. */
const FILES: [what: string, tensors: Tensors, options: LoadCodecOptions, message: RegExp][] = [
  ['a layer left out', encodec([0, 8, 2], [2, 8, 2]), {}, /hold a whole 'layers\.1', got 'q\.vq\.layers\.2\._codebook/],
  [
    'a layer without its codes',
    Object.fromEntries(Object.entries(factorized(2)).filter(([key]) => key !== 'q.quantizers.1.codebook.weight')),
    { model: 'snac' },
    /hold a whole 'quantizers\.1', got 'q\.quantizers\.1\.in_proj/,
  ],
  ['layers of other widths', encodec([0, 8, 2], [1, 8, 3]), {}, /layers must be one or more of equal dim, got \[2,3\]/],
  ['no codes', encodec([0, 0, 2]), {}, /embed' of the data must be of shape \[rows, columns\], got shape \[0,2\]/],
  ['codes of no features', encodec([0, 8, 0]), {}, /must be of shape \[rows, columns\], got shape \[8,0\]/],
  [
    '1,025 layers',
    encodec(...Array.from({ length: 1025 }, (_, i): [number, number, number] => [i, 1, 1])),
    {},
    /the number of layers must be an integer from 1 to 1024, got 1025/,
  ],
  [
    'rates of 2^39',
    factorized(40),
    { model: 'snac' },
    /strides\[0\] must be an integer from 1 to 2147483647, got 549755813888/,
  ],
  [
    'a prime number of bits',
    infinity(100_003),
    {},
    /the number of layers must be an integer from 1 to 1024, got 100003/,
  ],
  [
    'ids of 31 bits',
    { 'q.basis': floats(62), 'q.group_basis': floats(31) },
    {},
    /the bits of an id must be an integer from 1 to 30, got 31/,
  ],
  [
    'ids that do not share the bits evenly',
    { 'q.basis': floats(36), 'q.group_basis': floats(7) },
    {},
    /the ids of 36 bits must be an integer >= 1, got 5\.14/,
  ],
  [
    'twenty digits of three levels',
    linear('quantizer._codebook.project_down', 20, 8),
    {},
    /the codes of an id must be an integer from 1 to 2147483647, got 3486784401/,
  ],
  [
    'sixteen digits of four levels',
    { ...linear('quantizer.project_in', 16, 8), ...linear('quantizer.project_out', 8, 16) },
    {},
    /the codes of an id must be an integer from 1 to 2147483647, got 4294967296/,
  ],
  [
    '64 digits of Cosmos',
    { 'quant_conv.weight': floats(64, 2) },
    { model: 'cosmos' },
    /of shape \[6, …\], got shape \[64,2\]/,
  ],
  [
    '31 bits of Open-MAGVIT2',
    { 'encoder.conv_out.weight': floats(31, 2) },
    { model: 'open-magvit2' },
    /of shape \[1 to 30, …\], got shape \[31,2\]/,
  ],
  [
    'two models',
    { ...encodec([0, 8, 2]), ...factorized(1) },
    {},
    /must hold one quantizer, got encodec at 'q\.', dac at 'q\.'|got encodec.*snac/,
  ],
  [
    'a code that is NaN',
    { 'q.vq.layers.0._codebook.embed': { dtype: 'F32', shape: [2, 1], data: Float32Array.of(1, Number.NaN) } },
    {},
    /loadCodec: 'q\.vq\.layers\.0\._codebook\.embed' of the data must be finite, got NaN/,
  ],
  [
    'kernels that are still to be loaded',
    encodec([0, 8, 2]),
    { kernels: Promise.resolve() as never },
    /kernels must be those of loadKernels, got a Promise\. Pass await loadKernels\(\)/,
  ],
  ['no scales', infinity(4), { scales: [] }, /scales must be one or more \[height, width\], got \[\]/],
  ['half a scale', infinity(4), { scales: [0.5] }, /scales\[0\]\[0\] must be an integer from 1 to 4096, got 0\.5/],
  ['a scale without width', infinity(4), { scales: [[2] as never] }, /scales\[0\]\[1\] must be .*, got undefined/],
  ['a scale of a billion', infinity(4), { scales: [1e9] }, /scales\[0\]\[0\] must be .* 4096, got 1000000000/],
  ['scales in words', infinity(4), { scales: 'x' as never }, /scales\[0\]\[0\] must be .*, got "x"/],
  ['null for scales', infinity(4), { scales: null as never }, /scales must be one or more/],
];

describe('loadCodec of a file that no model has', () => {
  it.each(FILES)('refuses %s by name', async (_, tensors, options, message) => {
    const error = await loadCodec(encodeSafetensors(tensors), options).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(QuantizerError);
    expect((error as Error).message).toMatch(message);
  });

  it('refuses what is no file', async () => {
    for (const data of [new Uint8Array(), Uint8Array.of(0x50, 0x4b), 'model.safetensors', null, new ArrayBuffer(8)])
      await expect(loadCodec(data as Uint8Array)).rejects.toThrow(QuantizerError);
  });
});

describe('calls of a codec that cannot be met', () => {
  let codec: PublishedCodec;
  beforeAll(async () => {
    codec = await loadCodec(encodeSafetensors(encodec([0, 8, 2], [1, 8, 2])));
  });
  const two = new Float32Array(4);
  const one = Int32Array.of(1);

  it.each<[what: string, call: (given: PublishedCodec) => unknown, message: RegExp]>([
    ['frames that are not there', (c) => c.encode(two, { frames: 3 }), /latents\.length must be 3 frames of 2, got 4/],
    ['half a layer', (c) => c.encode(two, { layers: 1.5 }), /layers must be an integer from 1 to 2, got 1\.5/],
    ['no layers', (c) => c.encode(two, { layers: 0 }), /layers must be an integer from 1 to 2, got 0/],
    ['three layers', (c) => c.encode(two, { layers: 3 }), /layers must be an integer from 1 to 2, got 3/],
    ['options that are not known', (c) => c.encode(two, { layer: 1 } as never), /have no 'layer', got 1/],
    ['null for options', (c) => c.encode(two, null as never), /options must be an object, got null/],
    ['float64', (c) => c.encode(new Float64Array(2) as never), /latents must be a Float32Array, got a Float64Array/],
    ['NaN', (c) => c.encode(Float32Array.of(1, 2, Number.NaN, 0)), /latents must be finite, got NaN/],
    ['infinity', (c) => c.encode(Float32Array.of(1, Number.POSITIVE_INFINITY)), /latents must be finite, got Infinity/],
    ['no ids', (c) => c.decode(undefined as never), /ids\.length must be an integer from 1 to 2, got undefined/],
    ['three layers of ids', (c) => c.decode([one, one, one]), /ids\.length must be an integer from 1 to 2, got 3/],
    ['ids in a list', (c) => c.decode([[1]] as never), /ids\[0\] must be an Int32Array, got \[1\]/],
    ['padding', (c) => c.decode([Int32Array.of(-1)]), /ids\[0\] must be ids from 0 to 7, got -1 at position 0/],
  ])('refuses %s by name', (_, call, message) => {
    expect(() => call(codec)).toThrow(message);
    expect(() => call(codec)).toThrow(QuantizerError);
  });

  it('takes as many frames as there are, of every model', async () => {
    for (const model of ['dac', 'snac', 'mimi', 'var', 'xcodec2']) {
      const [run] = publishedRuns(model);
      const { encode, dim } = await loadCodec(run?.file as Uint8Array, run?.options);
      const latents = run?.latents as Float32Array;
      expect(encode(latents, { frames: latents.length / dim })).toEqual(run?.ids);
      expect(() => encode(latents, { frames: latents.length / dim + 1 })).toThrow(/latents\.length must be \d+ frames/);
    }
  });
});

describe('a source of ones own', () => {
  it.each([
    ['nothing', null, /^sourceOf: mine must read 8 bytes, got null\. Mend its read\.$/],
    ['too few bytes', new Uint8Array(3), /^sourceOf: mine must read 8 bytes, got a Uint8Array/],
    ['another array', new Float32Array(8), /must read 8 bytes, got a Float32Array/],
  ])('that reads %s is named', async (_, given, message) => {
    const source = { name: 'mine', size: 100, read: async () => given as unknown as Uint8Array };
    await expect(loadCodec(source)).rejects.toThrow(message);
  });

  it('that fails says so itself', async () => {
    const read = () => Promise.reject(new Error('the cable is out'));
    await expect(loadCodec({ name: 'mine', size: 100, read })).rejects.toThrow(/^the cable is out$/);
  });
});

describe('urlSource of a server that does not do its part', () => {
  const answers: Record<string, [status: number, range: string, body: string]> = {
    '/any-size': [206, 'bytes 0-9/*', '0123456789'],
    '/huge': [206, 'bytes 0-9/99999999999999999999', '0123456789'],
    '/empty': [416, '', ''],
  };
  const server = createServer((request, response) => {
    const [status, range, body] = answers[request.url ?? ''] ?? [0, '', ''];
    if (status === 0) return response.socket?.destroy();
    return response.writeHead(status, range === '' ? {} : { 'Content-Range': range }).end(body);
  });
  let base = '';
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  it.each([
    ['/any-size', /must send ranges \(206\), got 206 with bytes 0-9\/\*\. Download/],
    ['/huge', /must send ranges \(206\), got 206 with bytes 0-9\/9{20}/],
    ['/empty', /must send ranges \(206\), got 416/],
    ['/gone', /must answer, got fetch failed\. Check the address/],
  ])('refuses %s by name', async (path, message) => {
    await expect(urlSource(base + path)).rejects.toThrow(message);
  });

  it('names an address that is none', async () => {
    await expect(urlSource('not an address')).rejects.toThrow(
      /urlSource: not an address must answer, got .*not an address/,
    );
  });
});
