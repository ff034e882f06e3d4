export { loadModel } from './load-model.ts';
export { bigcodec } from './models/bigcodec.ts';
export { dac } from './models/dac.ts';
export { encodec } from './models/encodec.ts';
export {
  bsqVit,
  cosmos,
  ibq,
  llamagen,
  maskgit,
  openMagvit2,
  simvq,
  tamingVqgan,
  titok,
} from './models/images.ts';
export { infinity } from './models/infinity.ts';
export { mimi } from './models/mimi.ts';
export type { CodecModel, ModelExtras } from './models/model.ts';
export { s3tokenizerV1, s3tokenizerV2 } from './models/s3tokenizer.ts';
export { snac } from './models/snac.ts';
export { varModel } from './models/var.ts';
export { xcodec2 } from './models/xcodec2.ts';
