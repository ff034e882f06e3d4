import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import {
  conv2d,
  engine,
  getBackend,
  matMul,
  maxPool,
  ones,
  randomNormal,
  removeBackend,
  setBackend,
  sum,
  type Tensor,
  type Tensor4D,
} from '@tensorflow/tfjs-core';
import { kernelReport, OptionError, UnsupportedError } from '@vqkit/core-tensor';
import { gelu } from '@vqkit/nn';
import { expectSame } from '@vqkit/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { init } from '../src/index.ts';

/** tfjs holds one wasm engine at a time. */
function stop(): void {
  if ('wasm' in engine().registry) removeBackend('wasm');
}

describe('init', () => {
  afterEach(stop);

  it('starts the engine, says what it is, and can be called again', async () => {
    const report = await init({ threads: 1 });
    expect(report).toMatchObject({ engine: 'wasm', simd: true, threads: 1, version: '4.22.0' });
    expect(getBackend()).toBe('wasm');
    expect(await init()).toBe(report);
    expect(await init({ threads: 1 })).toBe(report);
    await setBackend('wasm');
    await expectSame(sum(ones([5, 3]), 0), [5, 5, 5]);
  });

  it('starts one engine for calls at the same time', async () => {
    const [first, second] = await Promise.all([init({ threads: 2 }), init()]);
    expect(first).toBe(second);
    expect(first.threads).toBe(2);
  });

  it('takes all cores by default', async () => {
    const { availableParallelism } = await import('node:os');
    expect((await init()).threads).toBe(Math.min(availableParallelism(), 64));
  });

  it('brings kernels of its own back after the engine was removed', async () => {
    for (const threads of [1, 3, 1]) {
      expect((await init({ threads })).threads).toBe(threads);
      await expectSame(sum(ones([5, 3]), 0), [5, 5, 5]);
      // The sum over the last axis is tfjs's own kernel behind ours.
      await expectSame(sum(ones([5, 3]), 1), [3, 3, 3, 3, 3]);
      stop();
    }
  });

  it('runs kernels fused', async () => {
    await init({ threads: 1 });
    gelu(ones([3]));
    expect(kernelReport()).toContainEqual({ name: 'Gelu', runs: 'fused' });
  });

  it('gives the same bits with any number of threads', async () => {
    const results: ArrayLike<number>[][] = [];
    for (const threads of [1, 2, 4]) {
      await init({ threads });
      const x = randomNormal([37, 14, 14, 6], 0, 1, 'float32', 1) as Tensor4D;
      const filter = randomNormal([3, 3, 6, 11], 0, 1, 'float32', 2) as Tensor4D;
      const y = conv2d(x, filter, 1, 'same');
      const slope = (name: string, inputs: Record<string, Tensor>): Tensor =>
        engine().runKernel(name, inputs, {
          strides: [1, 1],
          pad: 'same',
          dataFormat: 'NHWC',
          inputShape: x.shape,
          filterShape: filter.shape,
        }) as Tensor;
      const outputs = [
        y,
        slope('Conv2DBackpropFilter', { x, dy: y }),
        slope('Conv2DBackpropInput', { dy: y, filter }),
        sum(y, [0, 1, 2]),
        gelu(y),
        maxPool(y, 2, 2, 'valid'),
        matMul(randomNormal([33, 4000], 0, 1, 'float32', 3), randomNormal([4000, 21], 0, 1, 'float32', 4)),
      ];
      results.push(await Promise.all(outputs.map((t) => t.data())));
      stop();
    }
    const [one, ...others] = results;
    for (const other of others) {
      for (const [i, values] of other.entries()) await expectSame(values, one?.[i] ?? []);
    }
  });

  it('explains what it cannot do', async () => {
    await expect(init({ threads: 0 })).rejects.toThrow(
      'init: threads must be an integer from 1 to 64, got 0. Use 1 or more.',
    );
    await expect(init({ thread: 1 } as object)).rejects.toThrow(OptionError);
    await expect(init({ wasmPaths: 1 as unknown as string })).rejects.toThrow(
      "init: wasmPaths must be a string ending in '/', got 1. Use for example '/assets/'.",
    );
    await init({ threads: 1 });
    await expect(init({ threads: 2 })).rejects.toThrow(UnsupportedError);
    await expect(init({ threads: 2 })).rejects.toThrow(
      'threads must be 1, with which the wasm engine runs already, got 2',
    );
  });
});

describe('wasmPaths', () => {
  afterEach(stop);

  const wasmOut = fileURLToPath(new URL('../node_modules/@tensorflow/tfjs-backend-wasm/wasm-out', import.meta.url));

  /** Serves while `use` runs with the server's address. */
  const serve = async (answer: RequestListener, use: (address: string) => Promise<void>): Promise<void> => {
    const server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
    try {
      await use(`http://localhost:${(server.address() as AddressInfo).port}/`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };

  it('takes the files from where they are served', async () => {
    const asked: (string | undefined)[] = [];
    await serve(
      ({ url }, response) => {
        asked.push(url);
        response.end(readFileSync(`${wasmOut}${url}`));
      },
      async (wasmPaths) => {
        for (const threads of [1, 2]) {
          expect((await init({ threads, wasmPaths })).threads).toBe(threads);
          await expectSame(sum(ones([5, 3]), 1), [3, 3, 3, 3, 3]);
          stop();
        }
      },
    );
    expect(asked).toEqual(['/tfjs-backend-wasm-simd.wasm', '/tfjs-backend-wasm-threaded-simd.wasm']);
  });

  it('names the address, what came from there, and the fix', async () => {
    const begin = 'init: wasmPaths must lead to the WebAssembly of @tensorflow/tfjs-backend-wasm 4.22.0, got from ';
    const page: RequestListener = (_, response) => {
      response.setHeader('Content-Type', 'text/html').end('<!doctype html>\n<title>An application</title>');
    };
    await serve(page, async (wasmPaths) => {
      await expect(init({ threads: 1, wasmPaths })).rejects.toThrow(
        `${begin}${wasmPaths}tfjs-backend-wasm-simd.wasm: status 200, text/html, 45 bytes that begin with "<!doctype html> <title>An application</t". Leave wasmPaths out, since this package brings those files along, or serve tfjs-backend-wasm-simd.wasm at that address.`,
      );
      await expect(init({ threads: 2, wasmPaths })).rejects.toThrow(
        `${begin}${wasmPaths}tfjs-backend-wasm-threaded-simd.wasm: status 200, text/html`,
      );
    });
    const cut: RequestListener = (_, response) => {
      response.writeHead(500).end(Uint8Array.of(0, 97, 115, 109));
    };
    await serve(cut, (wasmPaths) =>
      expect(init({ threads: 1, wasmPaths })).rejects.toThrow('status 500, no content type, 4 bytes that begin with'),
    );
    await expect(init({ threads: 1, wasmPaths: 'assets/' })).rejects.toThrow(
      `${begin}assets/tfjs-backend-wasm-simd.wasm: TypeError: Invalid URL. Leave wasmPaths out`,
    );
    // And none of that stands in the way of a start without it.
    expect((await init({ threads: 1 })).threads).toBe(1);
  });
});

describe('a process of its own', () => {
  const run = (...lines: string[]): { status: number | null; output: string } => {
    const code = [
      "import tf from '@tensorflow/tfjs-core';",
      "import { init } from './dist/index.js';",
      "const print = (...values) => console.log(values.join(' '));",
      ...lines,
    ].join('\n');
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: fileURLToPath(new URL('..', import.meta.url)),
      encoding: 'utf8',
      timeout: 60_000,
    });
    return { status, output: `${stdout}${stderr}` };
  };
  const threads = 'print((await init({ threads: 3 })).threads);';

  it('ends by itself', () => {
    expect(run(threads)).toEqual({ status: 0, output: '3\n' });
  });

  it('ends when it is told to', () => {
    expect(run(threads, 'process.exit(4);').status).toBe(4);
  });

  it('reports errors as Node does', () => {
    const { status, output } = run(threads, "throw new Error('mine');");
    expect(status).toBe(1);
    expect(output).toContain('Error: mine');
    expect(output.length).toBeLessThan(2000);
  });

  it('keeps the tensors of a wasm backend that runs already, on one thread', () => {
    const { status, output } = run(
      "await tf.setBackend('wasm');",
      'const x = tf.tensor1d([1, 2, 3]);',
      'await init({ threads: 2 }).catch((error) => print(error.message));',
      'print((await init()).threads, await tf.add(x, x).data());',
    );
    expect(output).toBe(
      'init: threads must be 1 when the wasm backend of tfjs runs already, got 2. Call init() before the first use of it.\n1 2,4,6\n',
    );
    expect(status).toBe(0);
  });
});
