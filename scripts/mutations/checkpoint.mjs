/** @type {import('../mutate.mjs').Mutation[]} */
export const mutations = [
  {
    file: 'packages/checkpoint/src/safetensors.ts',
    fault: 'tensors may overlap in a file',
    from: 'require(begin ===\n      reached,',
    to: 'require(begin <=\n      reached,',
  },
  {
    file: 'packages/checkpoint/src/safetensors.ts',
    fault: 'bytes behind the last tensor are left unread in silence',
    from: 'require(reached ===\n    dataBytes,',
    to: 'require(reached <=\n    dataBytes,',
  },
  {
    file: 'packages/checkpoint/src/safetensors.ts',
    fault: 'booleans other than 0 and 1 are read',
    from: 'require(isWhole(tensor), `$',
    to: 'require(isWhole(tensor) || true, `$',
  },
  {
    file: 'packages/checkpoint/src/safetensors.ts',
    fault: 'the writer pads the header to 4 bytes',
    from: 'const headerBytes = Math.ceil(header.length / 8) * 8;',
    to: 'const headerBytes = Math.ceil(header.length / 4) * 4;',
  },
  {
    file: 'packages/checkpoint/src/json.ts',
    fault: 'a key may stand twice in a nested object',
    from: "open.push(char === '{' ? new Set() : undefined);",
    to: "open.push(char === '{' && open.length === 0 ? new Set() : undefined);",
  },
  {
    file: 'packages/checkpoint/src/json.ts',
    fault: 'JSON is read at any depth',
    from: 'if (open.length === MOST_NESTED) return',
    to: 'if (open.length === 1e9 * MOST_NESTED) return',
  },
  {
    file: 'packages/checkpoint/src/npy.ts',
    fault: 'column-major arrays are read as row-major',
    from: "entry(/'fortran_order' *: *(False)/)",
    to: "entry(/'fortran_order' *: *(False|True)/)",
  },
  {
    file: 'packages/checkpoint/src/npy.ts',
    fault: 'the header of version 2 is read as that of version 1',
    from: 'const prefix = major === 1 ? PREFIX_BYTES : 12;',
    to: 'const prefix = PREFIX_BYTES;',
  },
  {
    file: 'packages/checkpoint/src/write-file.ts',
    fault: 'a file that is replaced loses its mode',
    from: 'await file.chmod(mode & 0o7777);',
    to: 'void mode;',
  },
  {
    file: 'packages/checkpoint/src/write-file.ts',
    fault: 'a failed write leaves its temporary file',
    from: '    await rm(partial, { force: true }).catch(() => undefined);\n    throw error;',
    to: '    throw error;',
  },
  {
    file: 'packages/checkpoint/src/write-file.ts',
    fault: 'a link is replaced by the file',
    from: 'entry.isSymbolicLink() ? await realpath(path) : path',
    to: 'entry.isFile() ? await realpath(path) : path',
  },
  {
    file: 'packages/checkpoint/src/dtypes.ts',
    fault: 'values that are read share the memory of the file',
    from: 'new ARRAYS[dtype](new Uint8Array(bytes).buffer)',
    to: 'new ARRAYS[dtype](bytes.byteOffset === 0 && bytes.length === bytes.buffer.byteLength ? bytes.buffer : new Uint8Array(bytes).buffer)',
    note: 'equal where a file has a header, which every file has',
  },
];
