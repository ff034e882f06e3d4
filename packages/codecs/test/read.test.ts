import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { deflateRawSync } from 'node:zlib';
import { encodeNpy, encodeSafetensors, type SafeTensor } from '@vqkit/checkpoint';
import { openWeights, type Source, sourceOf, urlSource } from '@vqkit/codecs';
import { fileSource } from '@vqkit/codecs/node';
import { floatsOf, QuantizerError } from '@vqkit/core-tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const fixture = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`fixtures/read/${name}`, import.meta.url))));
const values = (tensor: SafeTensor): number[] => [...floatsOf('test', 'tensor', tensor)];
/** What make_read.py calls w: [3, 4]. */
const W = Array.from({ length: 12 }, (_, i) => i / 4);

/** A zip archive with stored or deflated members. */
function zipOf(members: Record<string, Uint8Array>, deflated = false, announced?: number): Uint8Array {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, bytes] of Object.entries(members)) {
    const packed = deflated ? deflateRawSync(bytes) : Buffer.from(bytes);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    const central = Buffer.alloc(46);
    central.writeUInt32LE(0x02014b50, 0);
    central.writeUInt16LE(deflated ? 8 : 0, 10);
    central.writeUInt32LE(packed.length, 20);
    central.writeUInt32LE(announced ?? bytes.length, 24);
    central.writeUInt16LE(name.length, 28);
    central.writeUInt32LE(offset, 42);
    parts.push(local, Buffer.from(name), packed);
    directory.push(central, Buffer.from(name));
    offset += 30 + name.length + packed.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(members).length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  return new Uint8Array(Buffer.concat([...parts, central, end]));
}

/** An archive of torch.save around a pickle of one's own. */
const torchOf = (pickle: string | Buffer, storage = Buffer.alloc(16)): Uint8Array =>
  zipOf({ 'a/data.pkl': Buffer.from(pickle as string, 'latin1'), 'a/data/0': storage });

/** A pickle of `{'w': tensor}` whose tensor has this size and stride, as pickle instructions. */
const tensorPickle = (size: string, stride: string): string =>
  `\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQK\0${size}${stride}\x89}tRs.`;

/** A source that counts the bytes that are read of it. */
function counting(source: Source): Source & { readonly count: () => number } {
  let bytes = 0;
  const read: Source['read'] = (begin, end) => {
    bytes += end - begin;
    return source.read(begin, end);
  };
  return { name: source.name, size: source.size, read, count: () => bytes };
}

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vqkit-codecs-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('openWeights', () => {
  it('reads every tensor of a checkpoint of PyTorch, whatever it is nested in', async () => {
    const weights = await openWeights(fixture('nested.pt'), 'nested.pt');
    expect(weights.format).toBe('torch');
    const read = async (name: string): Promise<number[]> => values(await weights.read(name));
    expect(await read('state_dict.w')).toEqual(W);
    expect(await read('state_dict.parameter')).toEqual(W);
    expect(await read('state_dict.half')).toEqual(W);
    expect(await read('state_dict.brain')).toEqual(W);
    expect(await read('state_dict.double')).toEqual(W);
    expect(await read('ema.w')).toEqual(W.map((value) => value + 1));
    expect(await read('state_dict.transposed')).toEqual(
      [0, 1, 2, 3].flatMap((c) => [0, 1, 2].map((r) => W[4 * r + c])),
    );
    expect(await read('state_dict.part')).toEqual([W[5], W[6], W[9], W[10]]);
    expect((await weights.read('state_dict.steps')).data).toEqual(BigInt64Array.of(7n));
    expect((await weights.read('state_dict.flags')).data).toEqual(Uint8Array.of(1, 0));
    expect(weights.tensors.get('state_dict.empty')?.shape).toEqual([0, 3]);
    expect(await read('state_dict.empty')).toEqual([]);
  });

  it('reads the parameters of a whole module, by the names of its state_dict', async () => {
    const { tensors } = await openWeights(fixture('module.pt'));
    expect([...tensors.keys()]).toEqual(['0.weight', '0.bias']);
  });

  it.each(['plain.npz', 'packed.npz'])('reads %s of NumPy', async (name) => {
    const weights = await openWeights(fixture(name), name);
    expect(weights.format).toBe('npz');
    expect(values(await weights.read('codebook'))).toEqual(W);
    expect([...weights.tensors.keys()]).toEqual(name === 'plain.npz' ? ['codebook', 'params/b'] : ['codebook', 'ids']);
  });

  it('leaves the other tensors of safetensors where they are', async () => {
    const large = new Float32Array(100_000);
    const bytes = encodeSafetensors({
      decoder: { dtype: 'F32', shape: [100_000], data: large },
      codebook: { dtype: 'F32', shape: [3, 4], data: Float32Array.from(W) },
    });
    const source = counting(sourceOf(bytes, 'model.safetensors'));
    const weights = await openWeights(source);
    expect(values(await weights.read('codebook'))).toEqual(W);
    expect(source.count()).toBeLessThan(1000);
  });

  it('reads a File', async () => {
    const weights = await openWeights(new File([fixture('nested.pt').slice()], 'chosen.pt'));
    expect(weights.name).toBe('chosen.pt');
    expect(values(await weights.read('ema.w'))).toHaveLength(12);
  });

  it('reads the end of a file of more than 2 GiB', async () => {
    const path = join(folder, 'large.safetensors');
    const gap = 2 ** 31 + 2 ** 20;
    const header = JSON.stringify({
      decoder: { dtype: 'U8', shape: [gap], data_offsets: [0, gap] },
      codebook: { dtype: 'F32', shape: [12], data_offsets: [gap, gap + 48] },
    }).padEnd(256);
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(256n);
    writeFileSync(path, Buffer.concat([start, Buffer.from(header)]));
    truncateSync(path, 264 + gap);
    const file = await open(path, 'a');
    await file.write(Buffer.from(Float32Array.from(W).buffer));
    await file.close();
    const weights = await openWeights(await fileSource(path));
    expect(values(await weights.read('codebook'))).toEqual(W);
  });

  it('names a path that is not there', async () => {
    await expect(fileSource(join(folder, 'none.pt'))).rejects.toThrow(
      /fileSource: .*none\.pt must be a readable file, got ENOENT/,
    );
  });
});

describe('urlSource', () => {
  const bytes = encodeSafetensors({
    decoder: { dtype: 'F32', shape: [500_000], data: new Float32Array(500_000) },
    codebook: { dtype: 'F64', shape: [3, 4], data: Float64Array.from(W) },
  });
  let sent = 0;
  let base = '';
  const server = createServer((request, response) => {
    const [, from = '', to = ''] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
    if (request.url === '/missing') return response.writeHead(404).end();
    if (request.url === '/whole') return response.writeHead(200).end(bytes);
    const part = bytes.subarray(Number(from), Number(to) + 1);
    sent += part.length;
    const size = request.url === '/changing' ? bytes.length + sent : bytes.length;
    const range = `bytes ${from}-${Number(from) + part.length - 1}/${size}`;
    response.writeHead(206, { 'Content-Range': range }).end(request.url === '/more' ? bytes : part);
  });
  beforeAll(async () => {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => server.close());

  it('asks for the ranges that it needs and no more', async () => {
    sent = 0;
    const weights = await openWeights(await urlSource(`${base}/model.safetensors`));
    expect(values(await weights.read('codebook'))).toEqual(W);
    expect(weights.tensors.get('decoder')?.shape).toEqual([500_000]);
    await weights.read('decoder');
    expect(sent).toBeGreaterThan(2_000_000);
    sent = 0;
    await weights.read('codebook');
    expect(sent).toBeLessThan(1000);
  });

  it('refuses by name a server that sends no ranges, nothing, or more than was asked for', async () => {
    await expect(urlSource(`${base}/whole`)).rejects.toThrow(
      /urlSource: http.*whole must send ranges \(206\), got 200\. Download/,
    );
    await expect(urlSource(`${base}/missing`)).rejects.toThrow(/got 404/);
    await expect(urlSource(`${base}/more`)).rejects.toThrow(/must send at most the 65536 bytes asked for, got more/);
    const changing = await urlSource(`${base}/changing`);
    await expect(changing.read(100_000, 200_000)).rejects.toThrow(/must keep its \d+ bytes/);
  });
});

describe('openWeights of what is hostile or damaged', () => {
  const refusal = async (bytes: Uint8Array): Promise<string> => {
    try {
      const weights = await openWeights(bytes, 'file');
      for (const name of weights.tensors.keys()) await weights.read(name);
      return 'read';
    } catch (error) {
      if (error instanceof QuantizerError) return error.message;
      throw error;
    }
  };

  it('refuses every cut of a checkpoint', async () => {
    for (const name of ['nested.pt', 'packed.npz']) {
      const whole = fixture(name);
      for (let length = 0; length < whole.length; length += 7) {
        expect(await refusal(whole.subarray(0, length))).toMatch(/must .*got .*\./);
      }
    }
  });

  it('reads the pickle that its own tests write', async () => {
    expect(await refusal(torchOf(tensorPickle('K\x04\x85', 'K\x01\x85')))).toBe('read');
  });

  it('runs nothing that a pickle calls', async () => {
    expect(await refusal(torchOf('\x80\x02cos\nsystem\nX\x04\0\0\0exit\x85R.'))).toBe('read');
  });

  it('refuses shapes beyond the storage, by size or by repeating values', async () => {
    expect(await refusal(torchOf(tensorPickle('K\x05\x85', 'K\x01\x85')))).toMatch(
      /must hold the \[5\] values of tensor 'w', got 4/,
    );
    expect(await refusal(torchOf(tensorPickle('J\xff\xff\xff\x7f\x85', 'K\0\x85')))).toMatch(
      /must hold the \[2147483647\] values/,
    );
    expect(await refusal(torchOf(tensorPickle('J\xff\xff\xff\xff\x85', 'K\x01\x85')))).toMatch(
      /shape of integers >= 0/,
    );
  });

  it('refuses instructions that it does not know, and takes that set no mark or find nothing', async () => {
    expect(await refusal(torchOf('\x80\x02\xfe.'))).toMatch(
      /must hold instructions that checkpoints have, got 254 at 2/,
    );
    expect(await refusal(torchOf('\x80\x02u.'))).toMatch(/must set a mark before it goes back to one/);
    expect(await refusal(torchOf('\x80\x02s.'))).toMatch(/must take no more than it puts/);
    expect(await refusal(torchOf('\x80\x02h\x05.'))).toMatch(/must repeat what it has put by, got place 5/);
    expect(await refusal(torchOf('\x80\x02X\xff\xff\xff\x7fab.'))).toMatch(/must have 2147483647 bytes more/);
  });

  it.each([
    ['dictionaries', '}'],
    ['lists', ']'],
    ['views of no bytes', 'C\0'],
    ['classes', 'ca\nb\n'],
    ['places put by', '\x94'],
  ])('refuses a pickle of three million %s, which would take many times its bytes', async (_, one) => {
    expect(await refusal(torchOf(`\x80\x02](N${one.repeat(3_000_000)}e.`))).toMatch(
      /the pickle of file must describe no more than \d+ bytes of memory, got more at \d+ of \d+/,
    );
  });

  it('reads three million numbers in lists of a thousand, as Python writes them', async () => {
    const batch = `(${'G?\xf0\0\0\0\0\0\0'.repeat(1000)}e`;
    expect(await refusal(torchOf(`\x80\x02]${batch.repeat(3000)}.`))).toBe('read');
  });

  it.each([
    ['a writable array of protocol 5', '\x96\x03\0\0\0\0\0\0\0abc'],
    ['an integer of 300 bytes', `\x8b\x2c\x01\0\0${'\x7f'.repeat(300)}`],
    ['an object made with arguments by name', 'ca\nB\n)}\x92'],
  ])('reads past %s', async (_, value) => {
    const weights = await openWeights(torchOf(`\x80\x05${value}0${tensorPickle('K\x04\x85', 'K\x01\x85').slice(2)}`));
    expect([...weights.tensors.keys()]).toEqual(['w']);
  });

  it('leaves complex tensors out, and refuses integers of 128 kB', async () => {
    const complex = tensorPickle('K\x02\x85', 'K\x01\x85').replace('FloatS', 'ComplexFloatS');
    expect([...(await openWeights(torchOf(complex))).tensors.keys()]).toEqual([]);
    expect(await refusal(torchOf('\x80\x05\x8b\0\0\x02\0.'))).toMatch(/must have integers of at most 65536 bytes/);
  });

  it('walks once through a dictionary that holds itself, and through lists that double a hundred times', async () => {
    expect(await refusal(torchOf('\x80\x02}q\0X\x01\0\0\0ah\0s.'))).toBe('read');
    let doubling = '\x80\x02]q\0';
    for (let i = 1; i <= 60; i++)
      doubling += `](h${String.fromCharCode(i - 1)}h${String.fromCharCode(i - 1)}eq${String.fromCharCode(i)}`;
    expect(await refusal(torchOf(`${doubling}.`))).toBe('read');
  });

  it('refuses what nests too deep', async () => {
    expect(await refusal(torchOf(`\x80\x02${'('.repeat(500)}N${'l'.repeat(500)}.`))).toMatch(
      /must nest at most 64 deep/,
    );
  });

  it('refuses a compressed member that grows like a bomb, before it grows', async () => {
    const zeros = new Uint8Array(200_000_000);
    zeros.set(encodeNpy(new Int32Array(0), [0]));
    const npy = Buffer.from(zeros.buffer);
    const shape = `(${(zeros.length - 128) / 4},)`;
    npy.write(`{'descr': '<i4', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117), 10);
    expect(await refusal(zipOf({ 'codebook.npy': npy }, true))).toMatch(
      /must hold at most \d+ bytes in 'codebook.npy', 16 times/,
    );
  });

  it('refuses a member that is shorter than it says, two of one name or place, and one that is encrypted', async () => {
    const npy = encodeNpy(Int32Array.of(1, 2), [2]);
    expect(await refusal(zipOf({ 'a.npy': npy }, true, npy.length + 8))).toMatch(/must (have|hold) \d+ bytes/);
    const twice = zipOf({ 'a.npy': npy, 'b.npy': npy });
    const renamed = Buffer.from(twice);
    renamed.write('a.npy', renamed.lastIndexOf('b.npy'));
    expect(await refusal(renamed)).toMatch(/must hold every member once, got 'a.npy' twice/);
    const overlapping = Buffer.from(twice);
    overlapping.writeUInt32LE(0, overlapping.lastIndexOf('b.npy') - 4);
    expect(await refusal(overlapping)).toMatch(/must hold '[ab].npy' apart from other members/);
    const encrypted = Buffer.from(zipOf({ 'a.npy': npy }));
    encrypted.writeUInt16LE(1, encrypted.lastIndexOf('a.npy') - 38);
    expect(await refusal(encrypted)).toMatch(/without encryption/);
  });

  it('says what to do with a pickle without an archive', async () => {
    expect(await refusal(Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20))).toMatch(
      /got a bare pickle\. Load it in PyTorch/,
    );
  });
});
