// The process of vqkit: reads a quantizer, latents and ids, then encodes once for every line that it is given, and prints what that took. Its argument is
// the file that peers/dac_quantizer.py has written.
import { createInterface } from 'node:readline';
import { loadKernels } from '@vqkit/backend-wasm/codec';
import { loadCodec, openWeights } from '@vqkit/codecs';
import { fileSource } from '@vqkit/codecs/node';
import { floatsOf, integersOf } from '@vqkit/core-tensor';

const source = await fileSource(process.argv[2] ?? '');
const weights = await openWeights(source);
const latents = floatsOf('codecs', 'latents', await weights.read('golden.latents'));
const expected = integersOf('codecs', 'ids', await weights.read('golden.ids'));
const codec = await loadCodec(source, { model: 'dac', kernels: await loadKernels() });
const ids = codec.encode(latents);
const [frames, layers] = [ids[0]?.length ?? 0, ids.length];
const differ = expected.reduce((sum, id, i) => sum + Number(id !== ids[Math.floor(i / frames)]?.[i % frames]), 0);
process.stdout.write(`${JSON.stringify({ differ, ids: frames * layers })}\n`);
for await (const _ of createInterface({ input: process.stdin })) {
  const [started, before] = [performance.now(), process.cpuUsage()];
  codec.encode(latents);
  const { user, system } = process.cpuUsage(before);
  const spent = { wall: performance.now() - started, processor: (user + system) / 1000 };
  process.stdout.write(`${JSON.stringify(spent)}\n`);
}
