import { OptionError, phrase, UnsupportedError } from '@vqkit/core-tensor';
import { Redis } from 'ioredis';

/** Time that a server has to answer the first time. */
const PATIENCE_MS = 10_000;

/** The queue says when a shard is tried again by the clocks of its workers: so much may lie between them and the server. */
const MOST_SKEW_MS = 60_000;

/** An address without its password, for messages. */
function shownAddress(address: string): string {
  return address.replace(/\/\/[^@/]*@/, '//…@');
}

/**
 * A connection to a server that has answered. One that goes away later is waited for.
 *
 * @param address such as `redis://:password@host:6379/0`.
 * @throws OptionError for another address, or a password that is refused; UnsupportedError when nothing answers, or the clocks differ by more than a minute.
 */
export async function connect(where: string, address: string): Promise<Redis> {
  if (!/^rediss?:\/\//.test(address)) {
    throw new OptionError(
      where,
      'redis',
      'be an address such as redis://host:6379',
      shownAddress(address),
      'Write redis:// before it.',
    );
  }
  const first = new Redis(address, {
    lazyConnect: true,
    connectTimeout: PATIENCE_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  let cause: Error | undefined;
  let ahead = 0;
  first.on('error', (error: Error) => {
    cause ??= error;
  });
  try {
    await first.connect();
    await first.ping();
    ahead = Date.now() - 1000 * Number((await first.time())[0]);
  } catch (error) {
    throw refusal(where, address, cause ?? (error as Error));
  } finally {
    first.disconnect();
  }
  if (Math.abs(ahead) > MOST_SKEW_MS) {
    const rule = `be within ${MOST_SKEW_MS / 1000} seconds of that of ${shownAddress(address)}`;
    const got = phrase(`${Math.round(Math.abs(ahead) / 1000)} seconds ${ahead > 0 ? 'ahead' : 'behind'}`, ahead);
    throw new UnsupportedError(where, "this machine's clock", rule, got, 'Set it, for example by NTP: timedatectl.');
  }
  // BullMQ asks for it: what a server does not answer while it starts anew is asked again.
  const redis = new Redis(address, { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  return redis;
}

function refusal(where: string, address: string, cause: Error): Error {
  const shown = shownAddress(address);
  if (/WRONGPASS|NOAUTH|AUTH|NOPERM/.test(cause.message)) {
    const fix = 'Put it into the address: redis://:password@host:6379.';
    return new OptionError(where, 'redis', 'have the password of the server', shown, fix, { cause });
  }
  const fix = `Start redis-server there, or correct the address (${cause.message || 'no answer'}).`;
  return new UnsupportedError(where, shown, 'be a Redis server that answers', phrase('none'), fix, { cause });
}
