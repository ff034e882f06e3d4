// A process of `startWorkerProcess`: encodes the shards that it is sent, one after the other.
import { QuantizerError } from '@vqkit/core-tensor';
import { Interrupted } from '@vqkit/data';
import { folderStore } from '@vqkit/tokens';
import { openShardEncoder, type ShardEncoder } from './shard-encoder.ts';
import type { Fields, FromWorker, ToWorker } from './worker-process.ts';

const stop = new AbortController();
const send = (message: FromWorker): void => {
  process.send?.(message);
};

let encoder: ShardEncoder | undefined;
let work: Promise<void> = Promise.resolve();

async function answer(message: Exclude<ToWorker, { kind: 'stop' }>): Promise<void> {
  try {
    if (message.kind === 'open') {
      encoder = await openShardEncoder('encodeShards', folderStore(message.folder), message.options);
      send({ kind: 'opened', engine: encoder.engine });
      return;
    }
    const { record, wasThere } = await (encoder as ShardEncoder).encode(message.shard, {
      onExamples: (done) => send({ kind: 'examples', done }),
      onWarning: (text) => send({ kind: 'warning', text }),
      signal: stop.signal,
    });
    send({ kind: 'finished', examples: record.to - record.from, wasThere });
  } catch (error) {
    if (error instanceof Interrupted) return send({ kind: 'interrupted' });
    const { name, message: reason } = error as Error;
    const fields = error instanceof QuantizerError ? fieldsOf(error) : undefined;
    send({ kind: 'failed', name, reason, fields });
  }
}

function fieldsOf({ where, argument, rule, got, fix }: QuantizerError): Fields {
  return { where, argument, rule, got, fix };
}

process.on('message', (message: ToWorker) => {
  if (message.kind === 'stop') stop.abort();
  else work = work.then(() => answer(message));
});
// Ctrl-C goes to every process of the terminal: this one ends when it is told to, or when nobody is left to tell it.
process.on('SIGINT', () => undefined);
process.on('disconnect', () => process.exit(0));
