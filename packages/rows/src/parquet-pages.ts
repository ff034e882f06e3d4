import type { AsyncBuffer, ColumnMetaData, Compressors, PageHeader, SchemaTree } from 'hyparquet';
import { alpDecode } from 'hyparquet/src/alp.js';
import { parquetHeader } from 'hyparquet/src/column.js';
import { convert, DEFAULT_PARSERS } from 'hyparquet/src/convert.js';
import { decompressPage } from 'hyparquet/src/datapage.js';
import { deltaBinaryUnpack } from 'hyparquet/src/delta.js';
import { byteStreamSplit } from 'hyparquet/src/encoding.js';
import { readPlain } from 'hyparquet/src/plain.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel, getTreePath } from 'hyparquet/src/schema.js';
import { decodeRuns, varint } from './parquet-runs.ts';

/** Values of one page, in hyparquet's types: typed arrays of numbers where the file has numbers. */
type Values = ReturnType<typeof readPlain>;

/** One page of a column: as many levels as it has entries, and the values of those that are there. */
export interface Page {
  readonly entries: number;
  readonly values: Values;
  /** 0 where a row begins; none in a column without lists. */
  readonly repetition: Uint8Array | undefined;
  /** Smaller than `present` where a value is missing; none in a column without gaps. */
  readonly definition: Uint8Array | undefined;
  readonly present: number;
  /** A definition level smaller than this is a list that is empty or missing, not a value that is. */
  readonly listed: number;
}

/** Bounds of one page, past those of any writer (DuckDB's reach 100 MB): what a damaged one promises is not allocated. */
const MOST_ENTRIES = 2 ** 25;
const MOST_BYTES = 2 ** 28;
/** Bytes in which a page's header is looked for. Statistics of long texts may need more. */
const HEADER_BYTES = 2 ** 12;

const SIZES: { readonly [type in string]?: number } = { INT32: 4, INT64: 8, INT96: 12, FLOAT: 4, DOUBLE: 8 };

/**
 * The pages of a column of one row group, one after another. hyparquet reads a column at a time and believes what pages say of themselves; here every
 * count and length is checked first, so that a damaged file is an error and a group of any size takes the memory of its largest page.
 *
 * @throws Error for whatever is damaged.
 */
export async function* pagesOf(
  file: AsyncBuffer,
  schema: SchemaTree,
  chunk: ColumnMetaData,
): AsyncGenerator<Page, void, undefined> {
  // On demand: what imports it compiles WebAssembly, which other data need not have.
  const { compressors } = await import('hyparquet-compressors');
  const decode = decoderOf(schema, chunk, compressors);
  const first = Number(chunk.data_page_offset);
  const start = Math.min(first, Number(chunk.dictionary_page_offset || first));
  const end = start + Number(chunk.total_compressed_size);
  if (!(start >= 0 && start <= end && end <= file.byteLength)) throw new Error('a column lies outside of the file');
  let dictionary: Values | undefined;
  for (let at = start, left = Number(chunk.num_values); left > 0 && at < end; ) {
    const { header, length } = await headerAt(file, at, end);
    const size = header.compressed_page_size;
    at += length;
    if (!(size >= 0 && at + size <= end)) throw new Error('a page is longer than its column');
    if (!(header.uncompressed_page_size >= 0 && header.uncompressed_page_size <= MOST_BYTES)) {
      throw new Error(`a page has ${header.uncompressed_page_size} bytes, more than ${MOST_BYTES}`);
    }
    const bytes = new Uint8Array(await file.slice(at, at + size));
    at += size;
    if (header.type === 'DICTIONARY_PAGE') {
      dictionary = decode.dictionary(header, bytes);
    } else if (header.type === 'DATA_PAGE' || header.type === 'DATA_PAGE_V2') {
      const page = decode.page(header, bytes, Math.min(left, MOST_ENTRIES), dictionary);
      left -= page.entries;
      yield page;
    }
  }
}

async function headerAt(file: AsyncBuffer, at: number, end: number): Promise<{ header: PageHeader; length: number }> {
  for (let most = HEADER_BYTES; ; most *= 16) {
    const view = new DataView(await file.slice(at, Math.min(end, at + most)));
    const reader = { view, offset: 0 };
    try {
      const header = parquetHeader(reader);
      return { header, length: reader.offset };
    } catch (error) {
      if (at + most >= end) throw error;
    }
  }
}

/** What makes values of the pages of one column. */
function decoderOf(
  schema: SchemaTree,
  chunk: ColumnMetaData,
  compressors: Compressors,
): {
  dictionary(header: PageHeader, bytes: Uint8Array): Values;
  page(header: PageHeader, bytes: Uint8Array, most: number, dictionary: Values | undefined): Page;
} {
  const { type, codec, path_in_schema: pathInSchema } = chunk;
  const schemaPath = getTreePath(schema, pathInSchema);
  const { element } = schemaPath.at(-1) as SchemaTree;
  const column = { pathInSchema, type, codec, element, schemaPath, parsers: DEFAULT_PARSERS };
  if (element.type !== type) throw new Error(`a column of ${type} stands in the schema as ${element.type}`);
  const lists = getMaxRepetitionLevel(schemaPath);
  const present = getMaxDefinitionLevel(schemaPath);
  const repeated = schemaPath.findIndex((node) => node.element.repetition_type === 'REPEATED');
  const listed = getMaxDefinitionLevel(schemaPath.slice(0, repeated + 1));

  /** Whole numbers, texts and so on, of which `bytes` must hold as many as are wanted. */
  const plain = (bytes: Uint8Array, count: number): Values => {
    const least = type === 'BYTE_ARRAY' ? 4 : type === 'FIXED_LEN_BYTE_ARRAY' ? element.type_length : SIZES[type];
    if (!(least !== undefined && least > 0 && count >= 0 && count * least <= bytes.length)) {
      throw new Error(`a page of ${bytes.length} bytes promises ${count} values`);
    }
    return convert(readPlain(readerOf(bytes), type, count, element.type_length), column);
  };

  /** Texts: how long each is, then their bytes; those of DELTA_BYTE_ARRAY begin as the one before. */
  const texts = (bytes: Uint8Array, count: number, prefixed: boolean): Values => {
    const reader = readerOf(bytes);
    const lengths = (): Int32Array => {
      requireDeltas(bytes.subarray(reader.offset));
      const out = new Int32Array(count);
      deltaBinaryUnpack(reader, count, out);
      return out;
    };
    const shared = prefixed ? lengths() : new Int32Array(count);
    const own = lengths();
    let total = 0;
    let before = new Uint8Array();
    const values = Array.from(own, (length, i) => {
      const same = shared[i] as number;
      total += same + length;
      if (
        length < 0 ||
        same < 0 ||
        same > before.length ||
        reader.offset + length > bytes.length ||
        total > MOST_BYTES
      ) {
        throw new Error('texts are longer than their page');
      }
      const text = new Uint8Array(same + length);
      text.set(before.subarray(0, same));
      text.set(bytes.subarray(reader.offset, reader.offset + length), same);
      reader.offset += length;
      before = text;
      return text;
    });
    return convert(values, column);
  };

  const indexed = (bytes: Uint8Array, count: number, dictionary: Values | undefined): Values => {
    const [bits] = bytes;
    if (dictionary === undefined || bits === undefined) throw new Error('a page needs a dictionary that is not there');
    const indices = new Uint32Array(count);
    decodeRuns(bytes.subarray(1), bits, indices);
    const values = Array.isArray(dictionary)
      ? new Array(count)
      : new (dictionary.constructor as Float32ArrayConstructor)(count);
    for (let i = 0; i < count; i++) {
      const index = indices[i] as number;
      if (index >= dictionary.length)
        throw new Error(`a page asks for entry ${index} of a dictionary of ${dictionary.length}`);
      values[i] = dictionary[index];
    }
    return values;
  };

  const valuesOf = (encoding: string, bytes: Uint8Array, count: number, dictionary: Values | undefined): Values => {
    if (count === 0) return [];
    switch (encoding) {
      case 'PLAIN':
        return plain(bytes, count);
      case 'PLAIN_DICTIONARY':
      case 'RLE_DICTIONARY':
        return indexed(bytes, count, dictionary);
      case 'BYTE_STREAM_SPLIT':
        if (count * (SIZES[type] ?? element.type_length ?? Number.NaN) === bytes.length) {
          return convert(byteStreamSplit(readerOf(bytes), count, type, element.type_length), column);
        }
        throw new Error(`a page of ${bytes.length} bytes promises ${count} values`);
      case 'ALP':
        return alpDecode(readerOf(bytes), count, type);
      case 'DELTA_BINARY_PACKED': {
        requireDeltas(bytes);
        const values = type === 'INT32' ? new Int32Array(count) : new BigInt64Array(count);
        deltaBinaryUnpack(readerOf(bytes), count, values);
        return convert(values, column);
      }
      case 'DELTA_LENGTH_BYTE_ARRAY':
      case 'DELTA_BYTE_ARRAY':
        return texts(bytes, count, encoding === 'DELTA_BYTE_ARRAY');
      default:
        throw new Error(`encoding ${encoding} is not supported`);
    }
  };

  const levelsOf = (most: number, bytes: Uint8Array, entries: number): Uint8Array => {
    const levels = new Uint8Array(entries);
    decodeRuns(bytes, 32 - Math.clz32(most), levels);
    return levels;
  };

  return {
    dictionary(header, bytes) {
      const page = decompressPage(bytes, header.uncompressed_page_size, codec, compressors);
      return plain(page, header.dictionary_page_header?.num_values ?? -1);
    },
    page(header, bytes, most, dictionary) {
      const { data_page_header: v1, data_page_header_v2: v2 } = header;
      const { num_values: entries, encoding } = v1 ?? v2 ?? { num_values: -1, encoding: 'none' };
      if (!(entries >= 0 && entries <= most))
        throw new Error(`a page promises ${entries} values where ${most} are left`);
      let repetition: Uint8Array | undefined;
      let definition: Uint8Array | undefined;
      let rest: Uint8Array;
      if (v1 !== undefined) {
        rest = decompressPage(bytes, header.uncompressed_page_size, codec, compressors);
        const levels = (highest: number, how: string): Uint8Array | undefined => {
          if (highest === 0) return undefined;
          if (how !== 'RLE') throw new Error(`levels in encoding ${how} are not supported`);
          const length = rest.length < 4 ? Number.NaN : readerOf(rest).view.getUint32(0, true);
          const own = taken(rest, 4, length);
          rest = rest.subarray(4 + length);
          return levelsOf(highest, own, entries);
        };
        repetition = levels(lists, v1.repetition_level_encoding);
        definition = levels(present, v1.definition_level_encoding);
      } else {
        const { repetition_levels_byte_length: a = 0, definition_levels_byte_length: b = 0, is_compressed } = v2 ?? {};
        repetition = lists === 0 ? undefined : levelsOf(lists, taken(bytes, 0, a), entries);
        definition = present === 0 ? undefined : levelsOf(present, taken(bytes, a, b), entries);
        const size = header.uncompressed_page_size - a - b;
        const body = taken(bytes, a + b, bytes.length - a - b);
        if (size < 0) throw new Error('levels are longer than their page');
        rest = is_compressed === false || size === 0 ? body : decompressPage(body, size, codec, compressors);
      }
      let there = entries;
      for (const level of definition ?? []) if (level !== present) there--;
      return { entries, values: valuesOf(encoding, rest, there, dictionary), repetition, definition, present, listed };
    },
  };
}

/** A copy, so that hyparquet, which goes by the buffer, ends where the page ends. */
function readerOf(bytes: Uint8Array): { view: DataView; offset: number } {
  const own = bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
  return { view: new DataView(own.buffer), offset: 0 };
}

function taken(bytes: Uint8Array, from: number, length: number): Uint8Array {
  if (!(length >= 0 && from >= 0 && from + length <= bytes.length))
    throw new Error('levels are longer than their page');
  return bytes.subarray(from, from + length);
}

/** The head of DELTA_BINARY_PACKED: hyparquet goes round for ever where a block has no values. */
function requireDeltas(bytes: Uint8Array): void {
  const { value: block, end } = varint(bytes, 0);
  const { value: parts } = varint(bytes, end);
  if (block % 128 === 0 && block > 0 && block <= 2 ** 20 && parts > 0 && block % (32 * parts) === 0) return;
  throw new Error(`blocks of ${block} values in ${parts} parts are none of parquet's`);
}
