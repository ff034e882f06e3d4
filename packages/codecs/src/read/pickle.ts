import { CheckpointError } from '@vqkit/checkpoint';
import { phrase, show } from '@vqkit/core-tensor/errors';

/** A name that a pickle refers to: a class or a function, which is never looked up. */
export class PickledName {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/** What a pickle would make by a call: the name that it calls, with what, and the state that it would set. Nothing is called. */
export class PickledCall {
  readonly callee: unknown;
  readonly args: readonly unknown[];
  state: unknown = undefined;
  constructor(callee: unknown, args: readonly unknown[]) {
    this.callee = callee;
    this.args = args;
  }
}

/** A persistent id: in files of PyTorch, a storage. */
export class PickledId {
  readonly id: unknown;
  constructor(id: unknown) {
    this.id = id;
  }
}

const MARK = Symbol('mark');
/** Bytes of memory that any pickle may take: tensors of a few values take 2 kB to describe, and 60,000 of them are read. */
const ROOM = 128 * 2 ** 20;
/** Those for each byte of the pickle, beside its file's: a number of 9 bytes in a list takes 32, an entry of a log of losses some 15 times its bytes. */
const ROOM_PER_BYTE = 8;
/** More than any integer of a checkpoint has. */
const LONGEST_INTEGER = 2 ** 16;
/** Bytes of memory, as V8 takes them at most: a place on the stack or in a list while it grows, an object, an entry of a map, a view of bytes. */
const SLOT = 16;
const OBJECT = 48;
const ENTRY = 64;
const MAP = 256;
const VIEW = 160;
/** Dictionaries of Python, which hold what is set in them. */
const DICTIONARIES = new Set([
  'collections.OrderedDict',
  'collections.defaultdict',
  'builtins.dict',
  '__builtin__.dict',
]);
const FIX = 'The file is damaged or is no checkpoint; save its state_dict() again.';
const latin1 = new TextDecoder('latin1');
const utf8 = new TextDecoder();

/**
 * What a pickle (protocols 2 to 5) describes: null, booleans, numbers, bigints, strings, bytes, arrays for lists, tuples and sets, maps for
 * dictionaries, and for everything else the {@link PickledName}, {@link PickledCall} or {@link PickledId} that stands in it.
 *
 * Nothing is imported, called or executed, and memory is counted before it is taken: containers that a pickle repeats are one container, so what
 * comes back may be shared and even contain itself.
 *
 * @param name what to call the file in errors.
 * @param fileSize bytes of the file that the pickle stands in: what it describes takes no more than those, 8 for each byte of the pickle and 128 MiB. Default: those of the pickle.
 * @throws CheckpointError for an instruction that is not known, or a pickle that ends early, takes from an empty stack, or describes more than its file holds.
 * @example
 * readPickle(Uint8Array.of(0x80, 2, 0x4b, 7, 0x2e), 'seven'); // 7
 */
export function readPickle(bytes: Uint8Array, name: string, fileSize: number = bytes.length): unknown {
  const fail = (rule: string, found: string): never => {
    throw new CheckpointError('openWeights', `the pickle of ${name}`, rule, phrase(found), FIX);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: unknown[] = [];
  const marks: number[] = [];
  const memo = new Map<number, unknown>();
  let at = 0;

  /** The place of the next `length` bytes. */
  const take = (length: number): number => {
    if (length > bytes.length - at) fail(`have ${length} bytes more at ${at}`, `${bytes.length - at}`);
    at += length;
    return at - length;
  };
  const u8 = (): number => view.getUint8(take(1));
  const u16 = (): number => view.getUint16(take(2), true);
  const u32 = (): number => view.getUint32(take(4), true);
  const u64 = (): number => Number(view.getBigUint64(take(8), true));
  const block = (length: number): Uint8Array => {
    const start = take(length);
    return bytes.subarray(start, start + length);
  };
  const line = (): string => {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) fail('end its lines', 'none');
    const text = utf8.decode(bytes.subarray(at, end));
    at = end + 1;
    return text;
  };
  const integer = (length: number): number | bigint => {
    let digits = '';
    for (const byte of block(length)) digits = byte.toString(16).padStart(2, '0') + digits;
    const signed = BigInt.asIntN(8 * length, BigInt(`0x${digits || 0}`));
    return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
  };
  const most = ROOM + fileSize + ROOM_PER_BYTE * bytes.length;
  let room = most;
  const charge = (cost: number): void => {
    room -= cost;
    if (room < 0) fail(`describe no more than ${most} bytes of memory`, `more at ${at} of ${bytes.length}`);
  };
  let height = 0;
  /** Puts a value on the stack, whose memory is counted; `cost` is that beside its place, which is counted once however often it is taken. */
  const put = (value: unknown, cost = 0): void => {
    if (stack.length === height) {
      height++;
      charge(SLOT);
    }
    charge(cost);
    stack.push(value);
  };
  const text = (decoder: TextDecoder, length: number): void => {
    const encoded = block(length);
    charge(OBJECT + 2 * length);
    put(decoder.decode(encoded));
  };
  const hold = (values: unknown[]): void => put(values, OBJECT + SLOT * values.length);
  const keep = (place: number): void => {
    charge(ENTRY);
    memo.set(place, top());
  };
  const pop = (): unknown => {
    if (stack.length === 0 || stack.at(-1) === MARK) fail('take no more than it puts', `an empty stack at ${at}`);
    return stack.pop();
  };
  const top = (): unknown => {
    const value = pop();
    stack.push(value);
    return value;
  };
  const popToMark = (): unknown[] => {
    const mark = marks.pop();
    if (mark === undefined) return fail('set a mark before it goes back to one', `none at ${at}`);
    const values = stack.splice(mark + 1);
    stack.pop();
    return values;
  };
  const remembered = (place: number): unknown => {
    if (!memo.has(place)) fail('repeat what it has put by', `place ${place}, which is empty`);
    return memo.get(place);
  };
  const setItems = (pairs: readonly unknown[]): void => {
    const target = stack.at(-1);
    if (pairs.length % 2 > 0) fail('set pairs of key and value', `${pairs.length} values`);
    if (!(target instanceof Map)) return; // An object of a class that is not known keeps its items to itself.
    charge((ENTRY * pairs.length) / 2);
    for (let i = 0; i < pairs.length; i += 2) target.set(pairs[i], pairs[i + 1]);
  };
  const append = (values: readonly unknown[]): void => {
    const target = stack.at(-1);
    if (!Array.isArray(target)) return;
    charge(SLOT * values.length);
    for (const value of values) target.push(value);
  };
  const reduce = (): void => {
    const args = pop();
    const callee = pop();
    const isDictionary = callee instanceof PickledName && DICTIONARIES.has(callee.name);
    if (isDictionary) put(new Map(), MAP);
    else put(new PickledCall(callee, Array.isArray(args) ? args : []), OBJECT);
  };
  const newObjectEx = (): void => {
    pop(); // Arguments by name, which nothing here looks at.
    reduce();
  };
  const long = (length: number): void => {
    if (length > LONGEST_INTEGER) fail(`have integers of at most ${LONGEST_INTEGER} bytes`, `${length} at ${at}`);
    put(integer(length), OBJECT + length);
  };
  const nameOf = (module: string, own: string): void =>
    put(new PickledName(`${module}.${own}`), 2 * OBJECT + 2 * (module.length + own.length));
  const stackGlobal = (): void => {
    const own = pop();
    const module = pop();
    const areNames = typeof own === 'string' && typeof module === 'string';
    if (!areNames) fail('name classes by strings', show(own));
    nameOf(`${module}`, `${own}`);
  };
  const build = (state: unknown): void => {
    const target = stack.at(-1);
    if (target instanceof PickledCall) target.state = state;
  };

  const instructions: { readonly [opcode in number]?: () => unknown } = {
    128: u8, // PROTO
    149: u64, // FRAME
    40: () => {
      put(MARK, SLOT);
      marks.push(stack.length - 1);
    },
    48: pop, // POP
    49: popToMark, // POP_MARK
    50: () => put(top()), // DUP
    78: () => put(null),
    136: () => put(true),
    137: () => put(false),
    75: () => put(u8()), // BININT1
    77: () => put(u16()), // BININT2
    74: () => put(view.getInt32(take(4), true), SLOT), // BININT
    138: () => long(u8()), // LONG1
    139: () => long(u32()), // LONG4
    71: () => put(view.getFloat64(take(8)), SLOT), // BINFLOAT
    88: () => text(utf8, u32()), // BINUNICODE
    140: () => text(utf8, u8()), // SHORT_BINUNICODE
    141: () => text(utf8, u64()), // BINUNICODE8
    84: () => text(latin1, u32()), // BINSTRING
    85: () => text(latin1, u8()), // SHORT_BINSTRING
    66: () => put(block(u32()), VIEW), // BINBYTES
    67: () => put(block(u8()), VIEW), // SHORT_BINBYTES
    142: () => put(block(u64()), VIEW), // BINBYTES8
    150: () => put(block(u64()), VIEW), // BYTEARRAY8
    93: () => hold([]), // EMPTY_LIST
    41: () => hold([]), // EMPTY_TUPLE
    143: () => hold([]), // EMPTY_SET
    125: () => put(new Map(), MAP), // EMPTY_DICT
    108: () => hold(popToMark()), // LIST
    116: () => hold(popToMark()), // TUPLE
    145: () => hold(popToMark()), // FROZENSET
    133: () => hold([pop()]), // TUPLE1
    134: () => hold([pop(), pop()].reverse()), // TUPLE2
    135: () => hold([pop(), pop(), pop()].reverse()), // TUPLE3
    97: () => append([pop()]), // APPEND
    101: () => append(popToMark()), // APPENDS
    144: () => append(popToMark()), // ADDITEMS
    115: () => setItems([pop(), pop()].reverse()), // SETITEM
    117: () => setItems(popToMark()), // SETITEMS
    113: () => keep(u8()), // BINPUT
    114: () => keep(u32()), // LONG_BINPUT
    148: () => keep(memo.size), // MEMOIZE
    104: () => put(remembered(u8())), // BINGET
    106: () => put(remembered(u32())), // LONG_BINGET
    99: () => nameOf(line(), line()), // GLOBAL
    147: stackGlobal, // STACK_GLOBAL
    82: reduce, // REDUCE
    129: reduce, // NEWOBJ
    146: newObjectEx, // NEWOBJ_EX
    98: () => build(pop()), // BUILD
    81: () => put(new PickledId(pop()), OBJECT), // BINPERSID
  };

  for (;;) {
    const opcode = u8();
    if (opcode === 46) return pop();
    const run = instructions[opcode];
    if (run === undefined) fail('hold instructions that checkpoints have', `${show(opcode)} at ${at - 1}`);
    run?.();
  }
}
