import { counted } from '@vqkit/schema';
import {
  type EncodeOptions,
  type EncodeSoundOptions,
  type EncodeVectorOptions,
  encodeImages,
  encodeJsonSchema,
  encodeShardsJsonSchema,
  encodeSounds,
  encodeVectors,
  encodeVectorsJsonSchema,
  isAudioTokenizer,
  isRowFile,
  isShardFolder,
  layersText,
  readTokenizer,
  type ShardOptions,
} from '@vqkit/train';
import { Command } from 'commander';
import { runOnShards } from '../shard-run.ts';
import { addFlags, givenOf, runOnImages } from '../token-run.ts';
import { runOnVectors } from '../vector-run.ts';

const EXAMPLES = `
  vqkit encode photos.safetensors cat.jpg
  vqkit encode photos.safetensors cat.jpg dog.png holidays --out photos.npy
  vqkit encode runs/mnist-fsq-1234 --part test --out test.safetensors

  vqkit encode runs/items items.parquet --out ids.parquet --unique
  vqkit encode runs/speech recordings --out speech.safetensors

  vqkit encode photos.safetensors photos --out ids --shards 100 --workers auto
  vqkit encode speech.safetensors recordings --out ids --shards 100 --format tar

In Python: safetensors.numpy.load_file('test.safetensors')['ids'],
or numpy.load('photos.npy').
`;

/** Any of them asks for shards. */
const SHARD_FLAGS = ['shards', 'shard', 'format', 'pack', 'plan', 'workers'];

export function command(finish: (code: number) => void): Command {
  const made = new Command('encode')
    .description(
      'Turns images, vectors or sounds into a file of token ids. Ids of images are int32 [images, rows, columns], with a last axis for the codebooks of a stack. A corpus of any kind can also go into a folder of shards, which resumes after a crash.',
    )
    .argument('<tokenizer>', 'a run folder, one of its checkpoints, or a file of `vqkit export`')
    .argument(
      '[paths...]',
      'pictures or sounds, folders of them, with --shards tars of sounds, one file or folder of IDX data, or one file of vectors',
    )
    .addHelpText('after', EXAMPLES);
  const both = {
    ...encodeShardsJsonSchema().properties,
    ...encodeVectorsJsonSchema().properties,
    ...encodeJsonSchema().properties,
  };
  const flags = addFlags(made, { properties: both });
  return made.action(async (tokenizer: string, paths: string[], given: Record<string, unknown>) => {
    if (SHARD_FLAGS.some((name) => given[name] !== undefined) || (await isShardFolder(given.out))) {
      const own = { ...givenOf(flags, given), ...(paths.length === 0 ? {} : { paths }) } as ShardOptions;
      finish(await runOnShards(tokenizer, own));
      return;
    }
    const bytes = await readTokenizer(tokenizer);
    if (isAudioTokenizer(bytes)) {
      const own = { ...givenOf(flags, given), paths } as EncodeSoundOptions;
      const result = await runOnImages((hooks) => encodeSounds({ path: tokenizer, bytes }, own, hooks), 'sound');
      if (typeof result === 'number') finish(result);
      else {
        const left = result.skipped === 0 ? '' : `, ${result.skipped} skipped`;
        process.stdout.write(
          `${counted(result.images, 'sound')}${left}: ${result.seconds.toFixed(1)} s, ${result.bitsPerSecond.toFixed(0)} bits a second\n${result.out}\n`,
        );
      }
      return;
    }
    const [path] = paths;
    if (path !== undefined && paths.length === 1 && isRowFile(path)) {
      const options = givenOf(flags, given) as EncodeVectorOptions;
      const result = await runOnVectors((hooks) => encodeVectors(tokenizer, path, options, hooks));
      if (typeof result === 'number') finish(result);
      else process.stdout.write(`${result.report.text}\n${layersText(result.report.codes)}${result.out}\n`);
      return;
    }
    const options: EncodeOptions = { ...givenOf(flags, given), ...(paths.length === 0 ? {} : { paths }) };
    const result = await runOnImages((hooks) => encodeImages(tokenizer, options, hooks));
    if (typeof result === 'number') {
      finish(result);
      return;
    }
    const { images, skipped, tokenShape, tokensPerImage, bitsPerToken, out } = result;
    const left = skipped === 0 ? '' : `, ${skipped} skipped`;
    process.stdout.write(
      `${counted(images, 'image')}${left}: ${counted(tokensPerImage, 'token')} each (ids ${tokenShape.join(' × ')}) of ${bitsPerToken.toFixed(2)} bits\n${out}\n`,
    );
  });
}
