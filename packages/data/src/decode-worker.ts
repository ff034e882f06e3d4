import { parentPort, type TransferListItem } from 'node:worker_threads';
import { decodeUnblocked } from './decode-pictures.ts';
import type { DecodeRequest, DecodeResponse } from './decode-pool.ts';

/** A thread that decodes what it is sent; whoever starts it has blocked the other loaders. */
const port = parentPort;
port?.on('message', async ({ id, files, size, channels, fit }: DecodeRequest) => {
  let response: DecodeResponse;
  try {
    response = { id, ...(await decodeUnblocked(files, size, channels, undefined, fit)) };
  } catch (error) {
    response = { id, error };
  }
  const buffers = 'decoded' in response ? response.decoded.map(({ pixels }) => pixels.buffer) : [];
  port.postMessage(response, [...new Set(buffers)] as TransferListItem[]);
});
