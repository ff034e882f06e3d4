import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import { KEY_COLUMN, type RowBlock, type RowLayout } from './rows.ts';

const SHAPE_COLUMN = 'shape';

/**
 * The bytes of a parquet file with the columns `key` and `column`, and `shape` where the layout has one, a row group per block.
 * @example
 * const two = { column: 'ids', dtype: 'I32', count: 1, width: 2, keys: 'texts', shape: [1, 2] } as const;
 * await writeFileAtomic('pen.parquet', parquetBlocks(two, [{ values: Int32Array.of(7, 8), keys: ['pen'] }]));
 */
export async function* parquetBlocks(
  layout: RowLayout,
  blocks: AsyncIterable<RowBlock> | Iterable<RowBlock>,
): AsyncGenerator<Uint8Array> {
  const { column, width, shape } = layout;
  yield* written(schemaOf(layout), blocks, ({ values, keys }) => {
    const lists = Array.from({ length: keys.length }, (_, n) =>
      Array.prototype.slice.call(values, n * width, (n + 1) * width),
    );
    return [
      { name: KEY_COLUMN, data: [...keys] },
      { name: column, data: lists },
      ...(shape === undefined ? [] : [{ name: SHAPE_COLUMN, data: lists.map(() => [...shape]) }]),
    ];
  });
}

/** What rows of lists of any length are to be. */
export interface ListLayout {
  /** Of the lists of INT32. */
  readonly column: string;
  readonly keys: RowLayout['keys'];
  /** Values of an entry: a row's list is [entries, width], which the column `shape` says. */
  readonly width: number;
  /** A further column, of INT64. */
  readonly counts: string;
}

/** Rows of lists, end to end. */
export interface ListBlock extends RowBlock {
  /** Of each row. */
  readonly entries: readonly number[];
  /** Of each row, for the further column. */
  readonly counts: readonly number[];
}

/**
 * {@link parquetBlocks} of lists that have lengths of their own: the columns `key`, `column`, `shape` and `counts`.
 * @example
 * const sounds = { column: 'ids', keys: 'texts', width: 1, counts: 'samples' } as const;
 * const block = { values: Int32Array.of(7, 8, 9), keys: ['a', 'b'], entries: [2, 1], counts: [640, 100] };
 * await writeFileAtomic('sounds.parquet', parquetListBlocks(sounds, [block]));
 */
export async function* parquetListBlocks(
  { column, keys: kind, width, counts }: ListLayout,
  blocks: AsyncIterable<ListBlock> | Iterable<ListBlock>,
): AsyncGenerator<Uint8Array> {
  const schema = [
    ...schemaOf({ column, dtype: 'I32', keys: kind, shape: [] }),
    { name: counts, type: 'INT64', repetition_type: 'REQUIRED' } as const,
  ];
  yield* written(withChildren(schema, 4), blocks, ({ values, keys, entries, counts: own }) => {
    let at = 0;
    const lists = entries.map((length) => {
      const from = at;
      at += length * width;
      return Array.prototype.slice.call(values, from, at);
    });
    return [
      { name: KEY_COLUMN, data: [...keys] },
      { name: column, data: lists },
      { name: SHAPE_COLUMN, data: entries.map((length) => [length, width]) },
      { name: counts, data: own.map(BigInt) },
    ];
  });
}

type ColumnData = Parameters<ParquetWriter['write']>[0]['columnData'];

async function* written<Block extends RowBlock>(
  schema: SchemaElement[],
  blocks: AsyncIterable<Block> | Iterable<Block>,
  columnsOf: (block: Block) => ColumnData,
): AsyncGenerator<Uint8Array> {
  const bytes = new ByteWriter();
  const writer = new ParquetWriter({ writer: bytes, schema });
  const taken = (): Uint8Array => {
    const part = new Uint8Array(bytes.buffer).slice(0, bytes.index);
    bytes.index = 0;
    return part;
  };
  for await (const block of blocks) {
    await writer.write({ columnData: columnsOf(block), rowGroupSize: block.keys.length });
    yield taken();
  }
  await writer.finish();
  yield taken();
}

function withChildren([root, ...columns]: SchemaElement[], count: number): SchemaElement[] {
  return [{ ...(root as SchemaElement), num_children: count }, ...columns];
}

function schemaOf({
  column,
  dtype,
  keys,
  shape,
}: Pick<RowLayout, 'column' | 'dtype' | 'keys' | 'shape'>): SchemaElement[] {
  const key: SchemaElement =
    keys === 'texts'
      ? { name: KEY_COLUMN, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' }
      : { name: KEY_COLUMN, type: 'INT64', repetition_type: 'REQUIRED' };
  const lists = [
    ...columnOfLists(column, dtype === 'F32' ? 'FLOAT' : 'INT32'),
    ...(shape === undefined ? [] : columnOfLists(SHAPE_COLUMN, 'INT32')),
  ];
  return [{ name: 'root', num_children: shape === undefined ? 2 : 3 }, key, ...lists];
}

/** A column of lists, in the three levels that parquet has them in. */
function columnOfLists(name: string, type: 'FLOAT' | 'INT32'): SchemaElement[] {
  return [
    { name, num_children: 1, converted_type: 'LIST', repetition_type: 'REQUIRED' },
    { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
    { name: 'element', type, repetition_type: 'REQUIRED' },
  ];
}
