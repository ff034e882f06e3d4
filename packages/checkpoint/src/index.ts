export type { SafeDtype, SafeTensor } from './dtypes.ts';
export { CheckpointError } from './errors.ts';
export { parseJson } from './json.ts';
export { decodeNpy, encodeNpy } from './npy.ts';
export type { SafeFile } from './safetensors.ts';
export { decodeSafetensors, encodeSafetensors } from './safetensors.ts';
