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
  const bytes = new ByteWriter();
  const writer = new ParquetWriter({ writer: bytes, schema: schemaOf(layout) });
  const taken = (): Uint8Array => {
    const part = new Uint8Array(bytes.buffer).slice(0, bytes.index);
    bytes.index = 0;
    return part;
  };
  for await (const { values, keys } of blocks) {
    const lists = Array.from({ length: keys.length }, (_, n) =>
      Array.prototype.slice.call(values, n * width, (n + 1) * width),
    );
    const columnData = [
      { name: KEY_COLUMN, data: [...keys] },
      { name: column, data: lists },
      ...(shape === undefined ? [] : [{ name: SHAPE_COLUMN, data: lists.map(() => [...shape]) }]),
    ];
    await writer.write({ columnData, rowGroupSize: keys.length });
    yield taken();
  }
  await writer.finish();
  yield taken();
}

function schemaOf({ column, dtype, keys, shape }: RowLayout): SchemaElement[] {
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
