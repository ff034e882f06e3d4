import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer';
import { KEY_COLUMN, type RowBlock, type RowLayout } from './rows.ts';

/** The bytes of a parquet file with the columns `key` and `column`, a row group per block. */
export async function* parquetBlocks(layout: RowLayout, blocks: AsyncIterable<RowBlock>): AsyncGenerator<Uint8Array> {
  const { column, width } = layout;
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
    ];
    await writer.write({ columnData, rowGroupSize: keys.length });
    yield taken();
  }
  await writer.finish();
  yield taken();
}

function schemaOf({ column, dtype, keys }: RowLayout): SchemaElement[] {
  const key: SchemaElement =
    keys === 'texts'
      ? { name: KEY_COLUMN, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' }
      : { name: KEY_COLUMN, type: 'INT64', repetition_type: 'REQUIRED' };
  return [
    { name: 'root', num_children: 2 },
    key,
    { name: column, num_children: 1, converted_type: 'LIST', repetition_type: 'REQUIRED' },
    { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
    { name: 'element', type: dtype === 'F32' ? 'FLOAT' : 'INT32', repetition_type: 'REQUIRED' },
  ];
}
