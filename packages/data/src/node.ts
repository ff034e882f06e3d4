// Whatever reads files.

export { decodeSound, NO_PACKAGE } from './audio/decode-sound.ts';
export { encodeWav } from './audio/encode-wav.ts';
export type { Clip, Clips } from './audio/read-sounds.ts';
export { readSound, readSounds } from './audio/read-sounds.ts';
export type { Sound } from './audio/sound.ts';
export type { SoundOptions } from './audio/sound-for-model.ts';
export type { SoundName, SoundRead, SoundSource } from './audio/sound-source.ts';
export { keyOfSound, nameSounds, openSounds } from './audio/sound-source.ts';
export type { DataNotes, Dataset, DatasetOptions } from './dataset.ts';
export { DEFAULT_FOLDER_SIZE, dataNotes, loadDataset } from './dataset.ts';
export type { Fit, SkippedImage } from './decode-pictures.ts';
export { countSkipped, decodePictures, FITS, requirePictureChannels, requireReadable } from './decode-pictures.ts';
export { readIdxImages } from './idx.ts';
export { readImageFolder } from './image-folder.ts';
export type { DataName } from './image-kinds.ts';
export { arePictures, DATA_NAMES, isImageData, requireDataPath } from './image-kinds.ts';
export type { ImageSource, SourceOptions } from './image-source.ts';
export { nameImages, openImages, PART_NAMES, sourceOf } from './image-source.ts';
export { holdsSounds, kindOfData } from './kind.ts';
export { isFolder, listPictures } from './list-pictures.ts';
export { readMnist } from './mnist.ts';
export type { OpenDataset, OpenHooks } from './open-dataset.ts';
export { DEFAULT_CACHE_MB, openDataset } from './open-dataset.ts';
export type { VectorBlock, VectorSource } from './vectors.ts';
export { openVectors } from './vectors.ts';
