import { counted } from '@vqkit/schema';
import {
  type DecodeOptions,
  type DecodeVectorOptions,
  decodeJsonSchema,
  decodeSounds,
  decodeTokens,
  decodeVectors,
  encodeVectorsJsonSchema,
  isAudioTokenizer,
  isVectorTokenizer,
  readTokenizer,
} from '@vqkit/train';
import { Command } from 'commander';
import { addFlags, givenOf, runOnImages } from '../token-run.ts';
import { runOnVectors } from '../vector-run.ts';

const EXAMPLES = `
  vqkit decode runs/mnist-fsq-1234 test.safetensors --limit 100 --out decoded
  vqkit decode runs/items ids.parquet --out vectors.npy
  vqkit decode runs/speech speech.safetensors --out decoded
  vqkit decode photos.safetensors ids --from 2000 --limit 100
  vqkit decode speech.safetensors speech-ids --limit 10

The tokens may be your own, of a language model: an .npy file of integers, or a
safetensors file with the tensor 'ids', of the shape that vqkit encode writes.
`;

export function command(finish: (code: number) => void): Command {
  const made = new Command('decode')
    .description('Turns a file of token ids into pictures, one PNG each, into sounds, one WAV each, or into vectors.')
    .argument('<tokenizer>', 'a run folder, one of its checkpoints, or a file of `vqkit export`: what encoded them')
    .argument('<tokens>', 'the file, .safetensors or .npy, of rows .parquet too; a folder of shards, or one of them')
    .addHelpText('after', EXAMPLES);
  const { column, keyColumn } = encodeVectorsJsonSchema().properties ?? {};
  const flags = addFlags(made, { properties: { column, keyColumn, ...decodeJsonSchema().properties } });
  return made.action(async (path: string, tokens: string, given: Record<string, unknown>) => {
    const tokenizer = { path, bytes: await readTokenizer(path) };
    if (isVectorTokenizer(tokenizer.bytes)) {
      const options = givenOf(flags, given) as DecodeVectorOptions;
      const result = await runOnVectors((hooks) => decodeVectors(tokenizer, tokens, options, hooks));
      if (typeof result === 'number') finish(result);
      else process.stdout.write(`${counted(result.rows, 'row')}\n${result.out}\n`);
      return;
    }
    const options = givenOf(flags, given) as DecodeOptions;
    if (isAudioTokenizer(tokenizer.bytes)) {
      const result = await runOnImages((hooks) => decodeSounds(tokenizer, tokens, options, hooks), 'sound');
      if (typeof result === 'number') finish(result);
      else process.stdout.write(`${counted(result.images, 'sound')}\n${result.out}\n`);
      return;
    }
    const result = await runOnImages((hooks) => decodeTokens(tokenizer, tokens, options, hooks));
    if (typeof result === 'number') finish(result);
    else process.stdout.write(`${counted(result.images, 'picture')}\n${result.out}\n`);
  });
}
