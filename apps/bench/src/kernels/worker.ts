// The process of one contender: does its work as often as it is asked to and says how long each time took. The protocol is that of
// peers/kernels.py, one line of JSON there and back; the first argument names the contender.
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { measureFloor } from './floors.ts';
import { measureLimits } from './limits.ts';
import { loopOf, type Prepared, type Request } from './protocol.ts';
import type { Work } from './work.ts';
import { prepareChain } from './worker-chain.ts';
import { prepareCodec } from './worker-codec.ts';
import { prepareOnnx } from './worker-onnx.ts';
import { prepareTfjs } from './worker-tfjs.ts';

const [, , contender = ''] = process.argv;

async function prepare(work: Work, threads: number): Promise<Prepared> {
  switch (contender) {
    case 'vqkit':
      return prepareTfjs(work, { threads, engine: 'wasm' });
    case 'composed':
    case 'native':
    case 'webgpu':
      return prepareTfjs(work, { threads, engine: contender });
    case 'chain':
      return prepareChain(work);
    case 'codec':
      return prepareCodec(work);
    case 'onnx':
      return prepareOnnx(work, threads);
    case 'jax':
      // Loaded where it is wanted, so that it is in no other contender's memory.
      return (await import('./worker-jax.ts')).prepareJax(work);
    default:
      throw new Error(`no contender is called ${contender}`);
  }
}

let prepared: Prepared | undefined;

async function answer(request: Request): Promise<unknown> {
  switch (request.do) {
    case 'prepare':
      prepared = await prepare(request.work, request.threads);
      return { ready: true, note: prepared.note, untimed: prepared.untimed };
    case 'measure':
      return { timesMs: await (prepared?.measure ?? loopOf(() => undefined))(request.count) };
    case 'indices': {
      const ids = await prepared?.indices?.();
      if (ids !== undefined) await writeFile(request.path, new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
      return { written: ids !== undefined };
    }
    case 'limits':
      return measureLimits();
    case 'floor':
      return measureFloor(request.steps, request.n);
    case 'memory':
      return { peakMiB: process.resourceUsage().maxRSS / 1024 };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  let reply: unknown;
  try {
    reply = await answer(JSON.parse(line) as Request);
  } catch (error) {
    reply = { failed: error instanceof Error ? error.message : String(error) };
  }
  process.stdout.write(`@bench ${JSON.stringify(reply)}\n`);
}
// Threads of an engine would keep the process.
process.exit(0);
