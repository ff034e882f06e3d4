import { bigcodec } from './bigcodec.ts';
import { dac } from './dac.ts';
import { encodec } from './encodec.ts';
import { bsqVit, cosmos, ibq, llamagen, maskgit, openMagvit2, simvq, tamingVqgan, titok } from './images.ts';
import { infinity } from './infinity.ts';
import { mimi } from './mimi.ts';
import type { CodecModel } from './model.ts';
import { s3tokenizerV1, s3tokenizerV2 } from './s3tokenizer.ts';
import { snac } from './snac.ts';
import { varModel } from './var.ts';
import { xcodec2 } from './xcodec2.ts';

/** Every model that `loadCodec` knows. */
export const MODELS: readonly CodecModel[] = [
  encodec,
  dac,
  snac,
  mimi,
  bigcodec,
  xcodec2,
  s3tokenizerV1,
  s3tokenizerV2,
  llamagen,
  tamingVqgan,
  maskgit,
  titok,
  ibq,
  varModel,
  infinity,
  openMagvit2,
  cosmos,
  simvq,
  bsqVit,
];
