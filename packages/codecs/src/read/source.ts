import { CheckpointError } from '@vqkit/checkpoint';
import { phrase, reason, shorten } from '@vqkit/core-tensor/errors';

/** A file that is read in ranges of bytes, wherever it lies. */
export interface Source {
  /** What to call it in errors, such as its path. */
  readonly name: string;
  /** Its number of bytes. */
  readonly size: number;
  /** The bytes from `begin` to before `end`, exactly so many: 0 <= begin <= end <= size. */
  read(begin: number, end: number): Promise<Uint8Array>;
}

/** What a reader takes: the bytes of a file, a File or Blob of a page, or a {@link Source}. */
export type SourceLike = Uint8Array | Blob | Source;

const FIX = 'Download it, and pass its bytes.';
/** The most that one request asks for ahead: the headers of most files fit, and their tensors need no second one. */
const AHEAD_BYTES = 64 * 1024;

/**
 * The source of a file that is in memory or that the user of a page chose; a {@link Source} as it is.
 *
 * @param name what to call it in errors. Default: the name of a File, else "the data".
 * @throws CheckpointError for anything else.
 * @example
 * const start = await sourceOf(bytes, 'model.safetensors').read(0, 8);
 */
export function sourceOf(data: SourceLike, name?: string): Source {
  if (data instanceof Uint8Array) {
    return { name: name ?? 'the data', size: data.length, read: async (begin, end) => data.subarray(begin, end) };
  }
  if (typeof Blob !== 'undefined' && data instanceof Blob) {
    const read = async (begin: number, end: number): Promise<Uint8Array> =>
      new Uint8Array(await data.slice(begin, end).arrayBuffer());
    return { name: name ?? (data as Partial<File>).name ?? 'the data', size: data.size, read };
  }
  const source = data as Source;
  if (Number.isSafeInteger(source?.size) && typeof source.read === 'function') {
    return { name: name ?? source.name, size: source.size, read: (begin, end) => readWhole(source, begin, end) };
  }
  throw new CheckpointError(
    'sourceOf',
    'data',
    'be a Uint8Array, a Blob or a source',
    data,
    'Pass fileSource(path) or urlSource(address).',
  );
}

/** What somebody's own source gives, if it is what was asked for. */
async function readWhole(source: Source, begin: number, end: number): Promise<Uint8Array> {
  const given: unknown = await source.read(begin, end);
  if (given instanceof Uint8Array && given.length === end - begin) return given;
  throw new CheckpointError('sourceOf', source.name, `read ${end - begin} bytes`, given, 'Mend its read.');
}

/**
 * The source of a file on the network, by `fetch` and Range: only the ranges that are read leave the server.
 *
 * @param options `fetch` in place of the global one, for headers of one's own, for example.
 * @throws CheckpointError when the server does not answer, or does not send ranges.
 * @example
 * const weights = await openWeights(await urlSource('https://example.org/model.safetensors'));
 */
export async function urlSource(url: string | URL, options: { fetch?: typeof fetch } = {}): Promise<Source> {
  const name = String(url);
  const request = options.fetch ?? fetch;
  const first = await fetchRange(request, name, 0, AHEAD_BYTES);
  return {
    name,
    size: first.size,
    async read(begin, end) {
      if (end <= first.bytes.length) return first.bytes.subarray(begin, end);
      if (begin === end) return new Uint8Array();
      const { bytes, size } = await fetchRange(request, name, begin, end);
      requireUrl(size === first.size, name, `keep its ${first.size} bytes while it is read`, `${size}`);
      requireUrl(bytes.length === end - begin, name, `send the ${end - begin} bytes asked for`, `${bytes.length}`);
      return bytes;
    },
  };
}

async function fetchRange(
  request: typeof fetch,
  name: string,
  begin: number,
  end: number,
): Promise<{ bytes: Uint8Array; size: number }> {
  const response = await answerOf(name, () => request(name, { headers: { Range: `bytes=${begin}-${end - 1}` } }));
  const range = response.headers.get('Content-Range') ?? '';
  const [, from, size] = /^bytes (\d+)-\d+\/(\d{1,15})$/.exec(range) ?? [];
  const sendsRange = response.status === 206 && Number(from) === begin;
  if (!sendsRange) await response.body?.cancel();
  requireUrl(sendsRange, name, 'send ranges (206)', `${response.status}${range && ` with ${shorten(range)}`}`);
  return { bytes: await answerOf(name, () => readAtMost(response, name, end - begin)), size: Number(size) };
}

/** What a server answers; where it does not, the error names its address. */
async function answerOf<T>(name: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    throw new CheckpointError('urlSource', name, 'answer', reason(error), 'Check the address.', { cause: error });
  }
}

/** The bytes of a response, no more of them than were asked for. */
async function readAtMost({ body }: Response, name: string, most: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(most);
  let length = 0;
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    requireUrl(length + chunk.length <= most, name, `send at most the ${most} bytes asked for`, 'more');
    bytes.set(chunk, length);
    length += chunk.length;
  }
  return bytes.subarray(0, length);
}

function requireUrl(holds: boolean, name: string, rule: string, found: string): void {
  if (holds) return;
  throw new CheckpointError('urlSource', name, rule, phrase(found), FIX);
}
