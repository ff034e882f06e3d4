import { requireInteger, requireKnownOptions, requireOption } from '@vqkit/core-tensor/check';
import { DataError, ShapeError } from '@vqkit/core-tensor/errors';

/**
 * How a language model reads the ids of a codec: a bijection between layers of ids and one array of tokens. `restore(arrange(ids))` is `ids`, and
 * each token is checked on the way back, because a language model may say anything.
 */
export interface IdLayout {
  /** Tokens that stand side by side: layers of a delay pattern, bits of a label; 1 where all follow one another. */
  readonly width: number;
  /** Tokens that may occur, from 0: what the model's vocabulary must hold. */
  readonly vocabularySize: number;
  /** One Int32Array per layer → tokens [steps, width], row by row. */
  arrange(ids: readonly Int32Array[]): Int32Array;
  /** The same backwards. */
  restore(tokens: Int32Array): Int32Array[];
  /** For ids that come bit by bit: together, what `push` and `end` give is what `arrange` gives. */
  stream(): IdStream;
}

/** The tokens of ids as they come. */
export interface IdStream {
  /** The ids of one or more frames, one array per layer → the tokens that are certain now. */
  push(ids: readonly Int32Array[]): Int32Array;
  /** The tokens that had to wait for the last frame. */
  end(): Int32Array;
}

/** The layers of a codec; a codec is one. */
export interface Layers {
  /** Number of codes of each layer. */
  readonly codebookSizes: readonly number[];
  /** Frames per id of each layer. Default: 1. */
  readonly strides?: readonly number[];
}

/** Fills the end, so that lengths agree. */
export interface Padding {
  /** A token that stands for nothing else. */
  readonly token: number;
  /** The number of tokens becomes a multiple of this. */
  readonly multiple: number;
}

/** A digit of an id: the token is `offset + ⌊id / place⌋ mod size`. The whole id where `place` is 1 and `size` that of its codebook. */
export interface Digit {
  readonly layer: number;
  /** Which of the layer's ids. */
  readonly at: number;
  readonly offset: number;
  readonly place: number;
  readonly size: number;
}

/** What stands at one place: a digit of an id, or a special token. */
export type Cell = Digit | number;

/** Where everything stands. Tokens are `head`, `step(0)`, `step(1)`, … and `tail`: so a stream gives them as frames come. */
export interface Order {
  readonly where: string;
  readonly layers: Layers;
  readonly width: number;
  readonly head: readonly Cell[];
  /** The cells that are certain once frame `t` is there. */
  step(t: number): readonly Cell[];
  tail(frames: number): readonly Cell[];
  readonly padding?: Padding | undefined;
}

/** The checks of layers: ids of each per frame, where a frame is one id of the slowest. */
export function idsPerFrame(where: string, { codebookSizes, strides = codebookSizes.map(() => 1) }: Layers): number[] {
  const fix = 'Pass a codec, or { codebookSizes }.';
  requireOption(codebookSizes?.length > 0, where, 'codebookSizes', 'one or more sizes', codebookSizes, fix);
  for (const [i, size] of codebookSizes.entries()) requireInteger(where, `codebookSizes[${i}]`, size, 1);
  requireOption(strides.length === codebookSizes.length, where, 'strides', 'one for each layer', strides, fix);
  for (const [i, stride] of strides.entries()) requireInteger(where, `strides[${i}]`, stride, 1);
  const slowest = Math.max(...strides);
  return strides.map((stride) => {
    const ids = slowest / stride;
    requireOption(Number.isInteger(ids), where, 'strides', 'divisors of the largest', strides, 'Pass others.');
    return ids;
  });
}

/** The checks of layers that have one id per frame each; `fix` says what others can do. */
export function requireOneRate(where: string, layers: Layers, fix: string): void {
  const same = idsPerFrame(where, layers).every((rate) => rate === 1);
  requireOption(same, where, 'strides', 'the same for all layers', layers.strides, fix);
}

/** The checks of special tokens that stand before and after everything. */
export function specialTokens(where: string, argument: string, tokens: readonly number[] = []): readonly number[] {
  requireOption(Array.isArray(tokens), where, argument, 'a list of tokens', tokens, 'Pass for example [1].');
  for (const [i, token] of tokens.entries()) requireInteger(where, `${argument}[${i}]`, token, 0);
  return tokens;
}

/** A bijection from an order. */
export function createLayout(order: Order): IdLayout {
  const { where, layers, width, head, padding } = order;
  const rates = idsPerFrame(where, layers);
  if (padding !== undefined) {
    requireKnownOptions(where, padding, ['token', 'multiple']);
    requireInteger(where, 'padding.token', padding.token, 0);
    requireInteger(where, 'padding.multiple', padding.multiple, width);
    const rule = `a multiple of ${width}`;
    requireOption(padding.multiple % width === 0, where, 'padding.multiple', rule, padding.multiple, 'Pass another.');
  }
  const fill = (length: number): number[] =>
    padding === undefined
      ? []
      : Array<number>((padding.multiple - (length % padding.multiple)) % padding.multiple).fill(padding.token);
  const lengthOf = (frames: number): number =>
    head.length +
    order.tail(frames).length +
    Array.from({ length: frames }, (_, t) => order.step(t).length).reduce((a, b) => a + b, 0);
  const empty = lengthOf(0);
  const perFrame = lengthOf(1) - empty;
  const known = [...head, ...order.step(0), ...order.tail(1), ...order.tail(0)];
  const vocabularySize =
    Math.max(
      padding?.token ?? 0,
      ...known.map((cell) => (typeof cell === 'number' ? cell : cell.offset + cell.size - 1)),
    ) + 1;
  requireInteger(where, 'vocabularySize', vocabularySize, 1);

  const framesOf = (call: string, ids: readonly Int32Array[]): number => {
    requireOption(ids?.length === rates.length, call, 'ids', `${rates.length} layers`, ids?.length, 'Pass all layers.');
    const frames = (ids[0]?.length ?? 0) / (rates[0] as number);
    for (const [layer, own] of ids.entries()) {
      const argument = `ids[${layer}]`;
      requireOption(
        own instanceof Int32Array,
        call,
        argument,
        'an Int32Array',
        own,
        'Make one with Int32Array.from(…).',
      );
      if (own.length !== frames * (rates[layer] as number) || !Number.isInteger(frames)) {
        const rule = Number.isInteger(frames)
          ? `${frames * (rates[layer] as number)}`
          : `a multiple of ${rates[layer]}`;
        throw new ShapeError(
          call,
          `${argument}.length`,
          `be ${rule}`,
          own.length,
          'Pass whole frames, as many of each layer.',
        );
      }
      const size = layers.codebookSizes[layer] as number;
      const wrong = own.findIndex((id) => id < 0 || id >= size);
      if (wrong >= 0)
        throw new DataError(
          call,
          `${argument}[${wrong}]`,
          `be an id from 0 to ${size - 1}`,
          own[wrong],
          'Pass the ids of this codec.',
        );
    }
    return frames;
  };

  const stream = (call: string): IdStream => {
    /** Of each layer, the ids from `since` on: those that no step waits for are kept for the tail alone. */
    const kept: number[][] = rates.map(() => []);
    let frames = 0;
    let count = 0;
    const write = (cells: readonly Cell[], tokens: number[]): void => {
      for (const cell of cells)
        tokens.push(typeof cell === 'number' ? cell : tokenOf(cell, kept[cell.layer]?.[cell.at] as number));
    };
    const begin = (tokens: number[]): void => {
      if (count === 0) write(head, tokens);
    };
    const done = (tokens: number[]): Int32Array => {
      count += tokens.length;
      return Int32Array.from(tokens);
    };
    return {
      push(ids) {
        const more = framesOf(call, ids);
        const tokens: number[] = [];
        begin(tokens);
        for (const [layer, own] of ids.entries()) for (const id of own) kept[layer]?.push(id);
        for (const last = frames + more; frames < last; frames++) write(order.step(frames), tokens);
        return done(tokens);
      },
      end() {
        const tokens: number[] = [];
        begin(tokens);
        write(order.tail(frames), tokens);
        tokens.push(...fill(count + tokens.length));
        return done(tokens);
      },
    };
  };

  return {
    width,
    vocabularySize,
    arrange(ids) {
      const whole = stream(`${where}().arrange`);
      const [first, rest] = [whole.push(ids), whole.end()];
      const tokens = new Int32Array(first.length + rest.length);
      tokens.set(first);
      tokens.set(rest, first.length);
      return tokens;
    },
    restore(tokens) {
      const call = `${where}().restore`;
      requireOption(
        tokens instanceof Int32Array,
        call,
        'tokens',
        'an Int32Array',
        tokens,
        'Make one with Int32Array.from(…).',
      );
      let { length } = tokens;
      while (padding !== undefined && length > 0 && tokens[length - 1] === padding.token) length--;
      const frames = (length - empty) / perFrame;
      const padded = padding === undefined ? tokens.length : length + fill(length).length;
      if (!Number.isInteger(frames) || frames < 0 || padded !== tokens.length) {
        const before = empty > 0 ? `${empty} and ` : '';
        const filled = padding === undefined ? '' : `, padded to a multiple of ${padding.multiple}`;
        throw new ShapeError(
          call,
          'tokens.length',
          `be ${before}a multiple of ${perFrame}${filled}`,
          tokens.length,
          'Pass whole frames.',
        );
      }
      const ids = rates.map((rate) => new Int32Array(frames * rate));
      let position = 0;
      const read = (cells: readonly Cell[]): void => {
        for (const cell of cells) {
          const token = tokens[position] as number;
          const [least, most] = typeof cell === 'number' ? [cell, cell] : [cell.offset, cell.offset + cell.size - 1];
          if (token < least || token > most) {
            const rule = least === most ? `${least}` : `from ${least} to ${most}`;
            throw new DataError(
              call,
              `tokens[${position}]`,
              `be ${rule}`,
              token,
              'Cut off what is not of this layout.',
            );
          }
          position++;
          const own = typeof cell === 'number' ? undefined : ids[cell.layer];
          if (own !== undefined && typeof cell === 'object')
            own[cell.at] = (own[cell.at] as number) + (token - cell.offset) * cell.place;
        }
      };
      read(head);
      for (let t = 0; t < frames; t++) read(order.step(t));
      read(order.tail(frames));
      return ids;
    },
    stream: () => stream(`${where}().stream().push`),
  };
}

function tokenOf({ offset, place, size }: Digit, id: number): number {
  return offset + (Math.floor(id / place) % size);
}
