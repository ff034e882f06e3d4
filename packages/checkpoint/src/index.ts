export type { Sha256 } from './checksum.ts';
export { CHECKSUM, checksumOf, requireChecksum } from './checksum.ts';
export type { SafeDtype, SafeTensor } from './dtypes.ts';
export { bytesPerValue, count, isCounts } from './dtypes.ts';
export { CheckpointError } from './errors.ts';
export { parseJson } from './json.ts';
export type { NpyHeader } from './npy.ts';
export { decodeNpy, decodeNpyHeader, encodeNpy, encodeNpyHeader, NPY_HEADER_BYTES } from './npy.ts';
export type { SafeFile, SafeHeader, SafePlace } from './safetensors.ts';
export {
  decodeSafetensors,
  decodeSafetensorsHeader,
  encodeSafetensors,
  encodeSafetensorsHeader,
  readSafetensorsHeader,
  safetensorOf,
} from './safetensors.ts';
