import { resolve } from 'node:path';
import { encodeSafetensors } from '@vqkit/checkpoint';
import { requireWritable, writeFileAtomic } from '@vqkit/checkpoint/node';
import { extractCodec } from '@vqkit/codecs';
import { codecJson } from '@vqkit/codecs/node';
import { OptionError, phrase } from '@vqkit/core-tensor';
import { Command } from 'commander';
import { describeCodec, scalesOf, sourceFrom } from '../published.ts';

const EXAMPLES = `
  vqkit import model.safetensors --out quantizer.safetensors
  vqkit import vqgan.ckpt --model taming-vqgan
  vqkit import snac.bin --json --out snac-quantizer.json

The file is all that loadCodec of @vqkit/codecs needs, in Node and in a browser:
the tensors of the quantizer, by the names that they had. JSON says how they
are put together: codebooks, projections (weight norm is folded) and strides.
`;

interface ImportOptions {
  readonly out?: string;
  readonly json?: boolean;
  readonly model?: string;
  readonly prefix?: string;
  readonly scales?: number[];
}

export function command(): Command {
  return new Command('import')
    .description('Writes the quantizer of a published model into a file of its own.')
    .argument('<file>', 'a path, or an address whose server sends ranges')
    .option('--out <file>', 'where to write it (default: quantizer.safetensors, or quantizer.json)')
    .option('--model <name>', 'insist on a model, where keys alone do not tell')
    .option('--scales <list>', 'sides of the scales of var or infinity, such as 1,2,3,4', scalesOf)
    .option('--json', 'write its parts as JSON instead, for pages that read it by themselves')
    .option('--prefix <keys>', 'which of several, by what its keys begin with')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, { out: given, json = false, ...options }: ImportOptions) => {
      const out = given ?? (json ? 'quantizer.json' : 'quantizer.safetensors');
      if (resolve(file) === resolve(out)) {
        throw new OptionError(
          'import',
          'out',
          'be another file than the one that is read',
          phrase(out),
          'Choose another name.',
        );
      }
      await requireWritable('import', out);
      const { codec, tensors } = await extractCodec(await sourceFrom(file), options);
      const bytes = json
        ? new TextEncoder().encode(codecJson(codec))
        : encodeSafetensors(tensors, { model: codec.model });
      await writeFileAtomic(out, bytes);
      process.stdout.write(`${describeCodec(codec)}, ${(bytes.length / 1000).toFixed(1)} kB\n${out}\n`);
    });
}
